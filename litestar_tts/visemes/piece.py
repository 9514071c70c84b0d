"""One piece of the text on its way from plan and reports to the track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from litestar_tts.models import Phone, PhonedWord, PhoneSpan, WordBoundary
from litestar_tts.visemes.align import WordMatcher
from litestar_tts.visemes.timing import allot, predict, seconds, weigh
from litestar_tts.visemes.track import LONGEST_WAIT, Track, milliseconds

__all__ = ("Piece",)

SHORTEST_GAP: Final = 60
"""Milliseconds between two words from which the mouth closes; below, they share their border."""

CLOSED: Final = 40
"""Milliseconds for which the mouth closes at least where a pause is planned."""

LONGEST_PIECE: Final = 30_000
"""Milliseconds of one piece that an engine without times may keep waiting."""

FASTEST_PHONE: Final = 10
"""Milliseconds that a phone takes at the very least; a word that is shorter was not timed."""

ENOUGH_ROOM: Final = 0.4
"""Share of their usual length from which skipped words are put into a gap."""


class _Group:
    """Planned words that sound in one interval."""

    def __init__(self, words: Sequence[PhonedWord], start: int, end: int) -> None:
        self.words = list(words)
        self.start = start
        self.end = end

    @property
    def pause(self) -> bool:
        """Whether the plan has a pause behind the last word."""
        return bool(self.words) and self.words[-1].pause > 0

    @property
    def shortest(self) -> int:
        """Milliseconds below which the phones have no place."""
        return max(1, sum(len(word.phones) for word in self.words))


class Piece:
    """What is known about one piece; writes to the track what can no longer change.

    Args:
        track: Where the phones go.
        start: Milliseconds at which the piece's audio begins.
        matcher: Holds the planned words.
        language: BCP 47 tag.
        words: The engine reports words.
        phones: The engine reports phones; they go before words.
    """

    def __init__(
        self, track: Track, start: int, matcher: WordMatcher, language: str, *, words: bool, phones: bool
    ) -> None:
        self._track = track
        self._start = start
        self._matcher = matcher
        self._language = language
        self._timed = words
        self._exact = phones
        self._last: _Group | None = None
        self._unknown: tuple[int, int] | None = None
        self._kept: list[WordBoundary] = []
        self._phones = 0
        self._real = self._usual = 0.0

    @property
    def planned(self) -> bool:
        """Whether planned words have yet to come."""
        return self._matcher.next < len(self._matcher.planned)

    # --- exact phones -------------------------------------------------------------------------------------------------

    def phone(self, span: PhoneSpan) -> None:
        """Take a phone as it is."""
        start, end = milliseconds(span.time), milliseconds(span.time + span.duration)
        if self._exact and start is not None and end is not None:
            self._phones += 1
            self._track.put(span.phone, max(start, self._start), end)

    def _give_up_phones(self) -> None:
        self._exact = False
        kept, self._kept = self._kept, []
        for word in kept:
            self.word(word)

    # --- words --------------------------------------------------------------------------------------------------------

    def word(self, word: WordBoundary) -> None:
        """Take a word with its time."""
        if self._exact:
            if not self._phones:
                self._kept.append(word)
            return
        start = milliseconds(word.time)
        if start is None or not any(character.isalnum() for character in word.text):
            return
        end = max(start, milliseconds(word.time + word.duration) or 0)
        start = max(start, self._start, self._track.released)
        end = max(start, end)
        before = self._matcher.next
        found = self._matcher.match(word)
        if found is None:
            known = self._unknown or (start, end)
            self._unknown = (min(known[0], start), max(known[1], end))
            return
        first, last = found
        words = self._matcher.planned[first:last]
        if end - start >= SHORTEST_GAP:
            self._real += end - start
            self._usual += self._usual_length(words)
        self._place(self._matcher.planned[before:first], _Group(words, start, end))

    def _place(self, skipped: Sequence[PhonedWord], group: _Group) -> None:
        """Put a matched group behind the last one, and the planned words between the two where they best fit."""
        last = self._last
        if last is not None and group.start < last.start + last.shortest:
            last.words += [*skipped, *group.words]
            last.end = max(last.end, group.end)
            return
        if self._unknown is not None:
            start, end = self._unknown
            self._unknown = None
            if skipped:
                self._push(_Group(skipped, start, min(end, group.start)))
            elif last is not None and group.start > start >= last.start:
                last.end = max(last.end, min(end, group.start))
        elif skipped:
            usual = self._usual_length(skipped)
            gap_start = last.end if last is not None else max(self._start, self._track.edge)
            if group.start - gap_start >= ENOUGH_ROOM * usual > 0:
                length = min(round(usual), group.start - gap_start)
                begin = gap_start if last is not None else group.start - length
                self._push(_Group(skipped, begin, begin + length))
            elif last is not None:
                last.words += skipped
            else:
                group.words = [*skipped, *group.words]
        self._push(group)

    def _push(self, group: _Group) -> None:
        last = self._last
        if last is not None:
            if group.start < last.start + last.shortest:
                last.words += group.words
                last.end = max(last.end, group.end)
                return
            group.start = self._settle(last, group.start)
        self._last = group

    def _settle(self, group: _Group, limit: int, *, border: bool = True) -> int:
        """Write a group to the track, now that it is known where the next one begins.

        Args:
            group: What to write.
            limit: Where the next group or the end of the piece is.
            border: Whether a small gap before ``limit`` is shared with the next group.

        Returns:
            Where the next group begins.
        """
        end = group.end
        if end - group.start < FASTEST_PHONE * group.shortest:
            # Some engines say only when a word begins.
            end = group.start + max(group.shortest, round(self._usual_length(group.words)))
        end = min(end, limit)
        if group.pause and limit - end < CLOSED:
            end = limit - self._counted_pause(group, limit)
        gap = limit - end
        paused = gap >= SHORTEST_GAP or (group.pause and gap >= 1)
        if border and gap and not paused:
            end = limit = end + gap // 2
        self._write(group.words, max(group.start, self._track.edge), end, pause=paused)
        return limit

    def _counted_pause(self, group: _Group, limit: int) -> int:
        """Milliseconds of a planned pause that the engine counted to the word before it: what the word has too much."""
        length = limit - group.start
        excess = round(length - self._usual_length(group.words))
        return max(0, min(max(CLOSED, excess), round(length * 0.7), length - group.shortest))

    def _write(self, words: Sequence[PhonedWord], start: int, end: int, *, pause: bool) -> None:
        phones: list[Phone] = []
        weights: list[float] = []
        for position, word in enumerate(words):
            phones += word.phones
            last = position == len(words) - 1
            weights += weigh(word.phones, self._language, pause=pause and last)
        for place, begin, until in allot(weights, start, end):
            self._track.put(phones[place].ipa, begin, until)

    def _usual_length(self, words: Sequence[PhonedWord]) -> float:
        """Milliseconds that words take at the pace of this piece so far."""
        pace = self._real / self._usual if self._usual >= 300 else 1.0
        usual = sum(seconds(word, speed=1.0, language=self._language) for word in words) * 1000
        return usual * min(max(pace, 0.4), 2.5)

    # --- waiting and closing ------------------------------------------------------------------------------------------

    def heard(self, until: int) -> None:
        """Go on without the engine's word when it has been missing for too long."""
        patience = LONGEST_WAIT if self._timed or self._exact else LONGEST_PIECE
        if self._exact:
            if self._phones or until - self._start <= patience:
                return
            self._give_up_phones()
        if until - self._known() <= patience:
            return
        self._resolve_unknown()
        while self.planned and until - self._known() > 0:
            self._predict_next()
        if not self.planned:
            if self._last is not None and until - self._last.end > patience:
                self._settle(self._last, until, border=False)
                self._last = None
            if self._last is None:
                self._track.silence(until)

    def _known(self) -> int:
        """Up to where something is known about this piece."""
        known = max(self._start, self._track.edge, self._last.end if self._last is not None else 0)
        return max(known, self._unknown[1] if self._unknown is not None else 0)

    def _resolve_unknown(self) -> None:
        if self._unknown is None:
            return
        start, end = self._unknown
        self._unknown = None
        if self._last is not None and start >= self._last.start:
            self._last.end = max(self._last.end, end)

    def _predict_next(self) -> None:
        word = self._matcher.planned[self._matcher.next]
        self._matcher.next += 1
        pause = round(self._last.words[-1].pause * 1000) if self._last is not None and self._last.words else 0
        start = self._known() + pause
        self._push(_Group([word], start, start + max(len(word.phones), round(self._usual_length([word])))))

    def close(self, end: int) -> None:
        """The piece's sound ends here: write what is left and take back what lies behind."""
        end = max(end, self._start)
        if self._exact and not self._phones:
            self._give_up_phones()
        if not self._exact:
            rest = self._matcher.planned[self._matcher.next :]
            self._matcher.next = len(self._matcher.planned)
            if rest and self._last is None and self._unknown is None:
                self._scale(rest, max(self._start, self._track.edge), end)
            else:
                self._close_words(rest, end)
        self._track.cut(end)
        self._track.silence(end)

    def _close_words(self, rest: Sequence[PhonedWord], end: int) -> None:
        last = self._last
        if self._unknown is not None and rest:
            start, until = self._unknown
            self._push(_Group(rest, start, min(until, end)))
        elif rest and last is not None:
            usual = self._usual_length(rest)
            begin = last.end + round(last.words[-1].pause * 1000 if last.words else 0)
            if end - begin >= ENOUGH_ROOM * usual > 0:
                self._push(_Group(rest, begin, min(begin + round(usual), end)))
            else:
                last.words += rest
                last.end = max(last.end, min(end, last.end + round(usual)))
        else:
            self._resolve_unknown()
        if self._last is not None:
            self._settle(self._last, end, border=False)
            self._last = None

    def _scale(self, words: Sequence[PhonedWord], start: int, end: int) -> None:
        """Words of which nothing is known: their usual times, stretched over the whole piece."""
        times = predict(words, language=self._language)
        total = times[-1][2]
        if total <= 0 or end <= start:
            return
        factor = (end - start) / total
        for word, begin, until in times:
            self._write([word], start + round(begin * factor), start + round(until * factor), pause=word.pause > 0)
