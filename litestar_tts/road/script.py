"""How far an engine has come in the text of a piece, so that it can be taken up there again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from litestar_tts.models import WordBoundary
from litestar_tts.text.segment import PieceLimits, split

__all__ = ("Meeting", "Script", "TakeUp")

_TAIL: Final = 0.1
"""Seconds of sound that may still belong to a word behind its reported end."""
_NEAR: Final = 0.03
"""Seconds in which the beginning of a word cannot be heard."""
_LEAD: Final = 0.1
"""Seconds of silence that voices put in front."""


class TakeUp(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on after a break."""

    start: int
    """Position in the piece's text of the sentence to speak again, or next."""
    heard: float | None
    """Seconds of the piece that have been heard, some of them of this sentence; None: nothing was heard of it."""
    pause: float = 0.0
    """Seconds to be silent before a new sentence."""


class Script:
    """The text of one piece, and the words of it that the engine has reported.

    Args:
        text: Of the piece.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._words: list[WordBoundary] = []
        self._until = 0

    def new(self, word: WordBoundary) -> bool:
        """Take note of a word, on the clock of the piece; False: it was known, from before a break."""
        if word.offset is None:
            return True
        if word.offset < self._until:
            return False
        self._words.append(word)
        self._until = word.offset + max(1, len(word.text))
        return True

    def known(self, offset: int) -> float | None:
        """When the word at this position begins; None: no word was reported there."""
        return next((word.time for word in self._words if word.offset == offset), None)

    def begun(self, heard: float) -> WordBoundary | None:
        """The last word of which something can be heard in the first ``heard`` seconds."""
        return next((word for word in reversed(self._words) if word.time < heard - _NEAR), None)

    def is_said(self, heard: float) -> bool:
        """Whether the first ``heard`` seconds hold every word of the text."""
        word = self.begun(heard)
        done = word is not None and heard >= word.time + word.duration + _TAIL
        return done and word is not None and self._nothing_between(word, len(self.text))

    def take_up(self, heard: float) -> TakeUp:
        """Where to go on after ``heard`` seconds: with the sentence in which the engine broke off, or the next one."""
        word = self.begun(heard)
        if word is None or word.offset is None:
            return TakeUp(start=0, heard=heard)
        sentences = list(_sentences(self.text))
        index = max((i for i, (start, _) in enumerate(sentences) if start <= word.offset), default=0)
        following = sentences[index + 1] if index + 1 < len(sentences) else None
        done = heard >= word.time + word.duration + _TAIL
        # A word of the next sentence that was reported ahead has its time, which only the old sentence can keep.
        if following is not None and done and self._nothing_between(word, following[0]) and self._until <= following[0]:
            return TakeUp(start=following[0], heard=None, pause=sentences[index][1])
        return TakeUp(start=sentences[index][0], heard=heard)

    def lead(self, start: int) -> float:
        """When the sentence that begins at this position began to sound, as far as that is known."""
        words = [word.time for word in self._words if word.offset is not None and word.offset >= start]
        return words[0] if words else _LEAD

    def _nothing_between(self, word: WordBoundary, end: int) -> bool:
        """Whether nothing is to be said between a word and a position behind it."""
        assert word.offset is not None  # noqa: S101
        return not any(char.isalnum() for char in self.text[word.offset + len(word.text) : end])


class Meeting:
    """Finds where a new rendering of a sentence meets the old one.

    Args:
        script: Of the old one.
        there: Where the new one begins.
    """

    def __init__(self, script: Script, there: TakeUp) -> None:
        last = script.begun(there.heard or 0.0)
        self.found = last is None or last.offset is None
        """Nothing that comes later can say it better."""
        self.shift = 0.0
        """Seconds by which the new rendering's times have to be moved, to be on the clock of the old one."""
        self._script = script
        self._start = there.start
        self._last = (last.offset if last is not None else None) or 0
        self._met = self.found

    def look(self, word: WordBoundary) -> None:
        """A word of the new rendering, as the engine reported it."""
        if self.found or word.offset is None:
            return
        offset = word.offset + self._start
        time = self._script.known(offset)
        if time is not None and (offset <= self._last or not self._met):
            self.shift, self._met = time - word.time, True
        elif not self._met:
            # No word in common yet: both begin with the sentence.
            self.shift, self._met = self._script.lead(self._start) - word.time, True
        self.found = offset >= self._last


def _sentences(text: str) -> Sequence[tuple[int, float]]:
    """Where each sentence begins, and how long a reader is silent behind it."""
    limits = PieceLimits(one_sentence=True, first_chars=0, max_chars=max(1, len(text)))
    return [(piece.offset, piece.pause) for piece in split(text, limits)]
