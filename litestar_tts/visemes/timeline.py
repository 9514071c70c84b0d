"""From what was planned and what the engine reports to one contiguous timeline of phones, while the audio streams."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from msgspec import structs

from litestar_tts.models import PhonedWord, PhoneSpan, VisemeSet, WordBoundary
from litestar_tts.visemes.align import WordMatcher
from litestar_tts.visemes.piece import Piece
from litestar_tts.visemes.sets import count
from litestar_tts.visemes.timing import allot, predict, weigh
from litestar_tts.visemes.track import LONGEST_WAIT, Track, milliseconds

__all__ = ("TimelineBuilder", "estimate", "planned_count", "without_inner_pauses")

UNPLANNED_WAIT: Final = 300
"""Milliseconds that silence may wait where nothing is planned to come."""

# Silences of an estimate, in milliseconds: what voices leave before, behind and between pieces.
_EDGE_IN: Final = 50
_EDGE_OUT: Final = 100
_JOINT: Final = 300


class TimelineBuilder:
    """Builds the timeline of one utterance. All times are seconds on the utterance's clock.

    Whatever the engine reports, the spans that :meth:`take` hands out are sorted and contiguous to the millisecond,
    each lasts at least one, the first and the last are silence, and the last ends with the audio.

    Args:
        words: The engine reports words.
        phones: The engine reports phones, exactly; they go before words. A piece for which none come is made as if the
            engine did not.
        language: BCP 47 tag; decides how phones share a word's time.
    """

    def __init__(self, *, words: bool, phones: bool, language: str) -> None:
        self._words = words
        self._phones = phones
        self._language = language
        self._track = Track()
        self._piece: Piece | None = None
        self._heard = 0
        self._finished = False

    def begin_piece(self, start: float, planned: Sequence[PhonedWord], text: str = "") -> None:
        """A piece of the text begins.

        Args:
            start: When its audio begins.
            planned: Its words.
            text: The text in which the planned words count their positions; only needed for engines that report words
                without saying where they stand. Without it such words are taken one after the other.
        """
        begin = milliseconds(start)
        begin = self._track.edge if begin is None else begin
        self._close_piece(begin)
        matcher = WordMatcher(planned, text)
        self._piece = Piece(self._track, begin, matcher, self._language, words=self._words, phones=self._phones)

    def add_word(self, word: WordBoundary) -> None:
        """The engine reported a word; ``offset`` counts in the piece's text."""
        if self._piece is not None and self._words:
            self._piece.word(word)
            self._release()

    def add_phone(self, span: PhoneSpan) -> None:
        """The engine reported a phone with its exact time."""
        if self._piece is not None and self._phones:
            self._piece.phone(span)
            self._release()

    def heard(self, until: float) -> None:
        """Audio up to here has come."""
        self._heard = max(self._heard, milliseconds(until) or 0)
        if self._piece is not None:
            self._piece.heard(self._heard)
        self._release()

    def end_piece(self, end: float) -> None:
        """The piece's sound ends here; what follows is a pause."""
        finish = milliseconds(end)
        self._close_piece(self._heard if finish is None else finish)
        self._release()

    def finish(self, end: float) -> None:
        """All audio ends here, not before what was :meth:`heard`."""
        if self._finished:
            return
        finish = milliseconds(end)
        finish = self._heard if finish is None else finish
        self._close_piece(finish)
        self._track.finish(finish)
        self._finished = True

    def take(self) -> list[PhoneSpan]:
        """The spans that have become final since the last call; silence is the empty phone."""
        return self._track.take()

    @property
    def final_until(self) -> float:
        """Every span that starts before this time has become final; infinite when all have."""
        return math.inf if self._finished else self._track.released / 1000

    def _close_piece(self, end: int) -> None:
        if self._piece is not None:
            self._piece.close(end)
            self._piece = None

    def _release(self) -> None:
        if not self._finished:
            waits = self._piece is None or self._piece.planned
            self._track.release(self._heard, LONGEST_WAIT if waits else UNPLANNED_WAIT)


def planned_count(planned: Iterable[Sequence[PhonedWord]], viseme_set: VisemeSet, *, breaks: bool = False) -> int:
    """Number of visemes that the timeline will have if the voice makes the planned pauses and no others.

    Args:
        planned: The words of each piece of the text.
        viseme_set: The set; phones become different numbers of visemes in different sets.
        breaks: The voice makes eSpeak NG's small silences too.
    """
    total = 0
    paused = True
    for piece in planned:
        for word in piece:
            if word.phones:
                total += paused + sum(count(phone.ipa, viseme_set) for phone in word.phones)
                paused = False
                if breaks and word.breaks:
                    total += word.breaks - 1
                    paused = True
            paused = paused or word.pause > 0
        # Pieces end where sentences do, and their joint is a pause.
        paused = True
    return total + 1


def without_inner_pauses(words: Sequence[PhonedWord], text: str) -> list[PhonedWord]:
    """The words without pauses inside of what an engine reports as one word, such as ``me@example.com``.

    Args:
        words: The words of a piece.
        text: The piece's text.
    """
    return [
        structs.replace(word, pause=0.0) if _is_inside_token(text[word.end : following.start]) else word
        for word, following in pairwise(words)
    ] + list(words[-1:])


def _is_inside_token(gap: str) -> bool:
    # The signs of scripts without spaces end clauses; those of ASCII do so only in front of a space.
    return gap.isascii() and not any(char.isspace() for char in gap)


def estimate(
    pieces: Iterable[Sequence[PhonedWord]],
    *,
    speed: float = 1.0,
    language: str = "en",
    texts: Sequence[str] = (),
    offsets: Sequence[int] = (),
) -> tuple[list[PhoneSpan], list[WordBoundary], float]:
    """A timeline from the text alone, at the pace that a voice usually has.

    Args:
        pieces: The words of each piece of the text.
        speed: 2.0 halves the duration.
        language: BCP 47 tag.
        texts: The text of each piece, so that words can be named.
        offsets: Where each piece begins in the source text; words then count their positions there.

    Returns:
        Spans as :class:`TimelineBuilder` gives them, words, and the duration in seconds.
    """
    track = Track()
    words: list[WordBoundary] = []
    track.silence(round(_EDGE_IN / speed))
    pause = 0
    for number, piece in enumerate(pieces):
        text = texts[number] if number < len(texts) else ""
        offset = offsets[number] if number < len(offsets) else 0
        start = track.edge + pause
        for word, begin, until in predict(piece, speed=speed, language=language):
            first, last = start + round(begin * 1000), start + round(until * 1000)
            weights = weigh(word.phones, language, pause=word.pause > 0)
            for place, phone_start, phone_end in allot(weights, first, last):
                track.put(word.phones[place].ipa, phone_start, phone_end)
            if last > first:
                _name(words, text[word.start : word.end], word.start + offset, first, last)
        pause = round((piece[-1].pause * 1000 or _JOINT) / speed) if piece else pause
    track.silence(track.edge + round(_EDGE_OUT / speed))
    end = track.edge
    track.finish(end)
    return track.take(), words, end / 1000


def _name(words: list[WordBoundary], text: str, offset: int, start: int, end: int) -> None:
    """Add a word, or lengthen the last one where one word of the text is read as several."""
    if words and words[-1].offset == offset:
        start = round(words[-1].time * 1000)
        words.pop()
    words.append(WordBoundary(text=text, time=start / 1000, duration=(end - start) / 1000, offset=offset))
