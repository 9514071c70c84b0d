"""Finds the planned words that an engine's word is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from litestar_tts.models import PhonedWord, WordBoundary

__all__ = ("WordMatcher",)

MOST_SKIPPED: Final = 8
"""Planned words that a search may jump over; a hit further on is another occurrence of the word."""


class WordMatcher:
    """Goes through the planned words of one piece, forwards only.

    Args:
        planned: The words, in order; several may share one stretch of text ("24" is read as two).
        text: The text that their positions count in, for engines that do not say where their words stand.
    """

    def __init__(self, planned: Sequence[PhonedWord], text: str = "") -> None:
        self.planned = tuple(planned)
        self.next = 0
        """The first planned word that has not been matched."""
        self._text = text.casefold()
        if len(self._text) != len(text):
            # Case folding has moved the positions ("ß"); lower case keeps them for all but a few letters.
            self._text = text
        self._searched = 0

    def match(self, word: WordBoundary) -> tuple[int, int] | None:
        """The planned words [first, end) that the engine's word covers; None if it is none of the coming ones.

        What is returned has been matched: the next search goes on behind it.
        """
        if word.offset is None and not self._text:
            found = (self.next, self.next + 1) if self.next < len(self.planned) else None
        else:
            position = word.offset if word.offset is not None else self._search(word.text)
            found = None if position is None else self._covering(position, position + max(len(word.text), 1))
        if found is not None:
            self.next = found[1]
        return found

    def _covering(self, start: int, end: int) -> tuple[int, int] | None:
        first = self.next
        while first < len(self.planned) and self.planned[first].end <= start:
            first += 1
        last = first
        while last < len(self.planned) and self.planned[last].start < end:
            last += 1
        return (first, last) if last > first else None

    def _search(self, token: str) -> int | None:
        """Position of the next whole word that reads like the token."""
        folded = token.casefold()
        wanted = folded if folded in self._text else token
        if not wanted:
            return None
        limit = self.next + MOST_SKIPPED
        until = self.planned[limit].end if limit < len(self.planned) else len(self._text)
        position = self._text.find(wanted, self._searched, until)
        while position >= 0 and self._inside_word(position, position + len(wanted)):
            position = self._text.find(wanted, position + 1, until)
        if position < 0:
            return None
        self._searched = position + len(wanted)
        return position

    def _inside_word(self, start: int, end: int) -> bool:
        """Whether a stretch is part of a longer word (in scripts that put spaces between words)."""

        def joined(left: int) -> bool:
            pair = self._text[left : left + 2]
            return len(pair) == 2 and left >= 0 and pair.isalnum() and max(pair) < "\u0e00"

        return (start > 0 and joined(start - 1)) or joined(end - 1)
