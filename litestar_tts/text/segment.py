"""Cuts text into pieces that engines can speak.

Whole sentences where they fit; a sentence that is too long is cut at a clause, then at a space, then between two
characters. The work grows linearly with the text, whatever the text is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import aclosing, nullcontext
from typing import Any, Final

import msgspec

from litestar_tts.text.graphemes import cluster_start
from litestar_tts.text.sentences import PARAGRAPH_PAUSE, PHRASE_PAUSE, SENTENCE_PAUSE, Border, next_border, skip_space

__all__ = ("Piece", "PieceLimits", "Splitter", "pieces", "split")

CUT_PAUSE: Final = 0.05
"""Seconds behind a cut that no reader would make."""

_VERY_SHORT: Final = 16
"""A first sentence of fewer characters takes the next one along: its sound alone would be over too soon."""
_SLICE: Final = 8192
_WORST_BYTES: Final = 5
"""Of one character: ``&`` becomes ``&amp;``."""

# Time that slow voices take for a character, at normal speed.
_DIGIT: Final = re.compile(r"\d")
_DIGIT_SECONDS: Final = 0.35
_WIDE: Final = re.compile(r"[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]")
_WIDE_SECONDS: Final = 0.25
_LETTER_SECONDS: Final = 0.09
_SPEAKABLE: Final = re.compile(r"[^\W_]")
_CLAUSE: Final = re.compile(
    r"[,;:.!?…)\]}»”–—\u0387](?=\s)|[，、；：）」』】》،؛၊፣፤፥፦、·՝]|[\u2013\u2014]{1,2}(?=\w)|\s[-–—](?=\s)"
)


class PieceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How the text is cut before the engine sees it; cuts lie at sentence borders, elsewhere only where they must."""

    first_chars: int = 200
    """The first piece is the first sentence, with the next one if it is very short and both have no more characters
    than this, so that the first sound does not wait for the rest."""
    one_sentence: bool = False
    """True: every piece is a single sentence, for engines that pause too little between the sentences of a piece."""
    join_seconds: float | None = None
    """Seconds that sentences which share a piece may take together, likewise reckoned (None: as for one)."""
    max_chars: int = 400
    """Characters a piece may have; only a longer sentence is cut inside."""
    max_bytes: int | None = None
    """UTF-8 bytes, after XML escaping, that a piece may have (None: no such limit)."""
    max_seconds: float | None = None
    """Seconds that a slow reader may take for a piece at normal speed (None: no such limit)."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine gets to say in one go."""

    text: str
    """Without white space at its ends; holds at least one letter or digit."""
    offset: int
    """Position of its first character in the whole text."""
    pause: float
    """Seconds that a reader is silent behind it."""


class Splitter:
    """Cuts a text that arrives in parts.

    Each call gives the pieces that are certain by then. Sentences that are there together share a piece; one that
    stands alone does not wait for the next. Characters that nobody can speak may be lost where no neighbour has room
    for them.
    """

    def __init__(self, limits: PieceLimits) -> None:
        self._limits = limits
        self._text = ""
        self._base = 0
        self._start = 0
        self._scan = 0
        self._fresh = True
        self._first = True
        self._ended = False
        self._pending: tuple[int, int, float] | None = None
        self._carry: int | None = None

    def feed(self, text: str) -> list[Piece]:
        """Add text; give the pieces that are whole."""
        return self._feed(text, eager=True)

    def finish(self) -> list[Piece]:
        """Give what is left; the text is over."""
        out: list[Piece] = []
        self._run(out, final=True, eager=False)
        self._flush(out)
        self._ended = True
        self._text = ""
        return out

    def _feed(self, text: str, *, eager: bool) -> list[Piece]:
        if self._ended:
            raise RuntimeError("the text was finished; use a new Splitter for the next one")
        out: list[Piece] = []
        self._text += text
        self._run(out, final=False, eager=eager)
        if eager:
            self._flush(out)
        self._forget()
        return out

    def _run(self, out: list[Piece], *, final: bool, eager: bool) -> None:
        while True:
            start = skip_space(self._text, self._start)
            if self._text.count("\n", self._start, start) > 1:
                self._fresh = True
            self._start, self._scan = start, max(self._scan, start)
            if start == len(self._text):
                return
            found = next_border(self._text, start, self._scan, fresh=self._fresh, final=final, eager=eager)
            if isinstance(found, Border):
                self._add(out, self._trimmed(start, found.end), found.pause)
                self._start = self._scan = found.end
                self._fresh = found.pause >= PARAGRAPH_PAUSE
                continue
            self._scan = found.scan
            if final:
                self._add(out, self._trimmed(start, len(self._text)), SENTENCE_PAUSE)
                self._start = len(self._text)
            else:
                self._shorten(out)
            return

    def _shorten(self, out: list[Piece]) -> None:
        """Cut an unfinished sentence that is already too long."""
        while not self._fits(self._start, len(self._text)):
            if self._pending is not None:
                self._flush(out)
                continue
            self._cut(out, len(self._text))

    def _add(self, out: list[Piece], end: int, pause: float) -> None:
        while self._start < end:
            if self._pending is not None:
                begin, until, _ = self._pending
                if self._joins(begin, until, end) and self._fits(begin, end):
                    self._pending = (begin, end, pause)
                    return
                self._flush(out)
            elif self._fits(begin := self._start if self._carry is None else self._carry, end):
                self._pending, self._carry = (begin, end, pause), None
                return
            elif self._carry is not None and self._fits(self._start, end):
                self._carry = None
            else:
                self._cut(out, end)

    def _joins(self, begin: int, until: int, end: int) -> bool:
        if not (self._first or self._limits.one_sentence):
            most = self._limits.join_seconds
            if most is None or self._seconds(begin, end) <= most:
                return True
            return not (self._speakable(self._start, end) and self._speakable(begin, until))
        if self._first and until - begin < _VERY_SHORT and end - begin <= self._limits.first_chars:
            return True
        return not (self._speakable(self._start, end) and self._speakable(begin, until))

    def _cut(self, out: list[Piece], end: int) -> None:
        begin = self._start if self._carry is None else self._carry
        self._carry = None
        cut, pause = self._cut_at(begin, end)
        until = self._trimmed(begin, cut)
        if self._speakable(begin, until):
            self._emit(out, begin, until, pause)
        self._start = max(self._start, skip_space(self._text, cut))
        self._scan = max(self._scan, self._start)
        self._fresh = False

    def _cut_at(self, begin: int, end: int) -> tuple[int, float]:
        text, limit = self._text, self._room(begin, end)
        least = begin + (limit - begin) // 4
        last = 0
        for match in _CLAUSE.finditer(text, least, min(limit + 1, len(text))):
            if match.end() <= limit:
                last = match.end()
        if last > least:
            return last, PHRASE_PAUSE
        at = limit
        while at > begin and not (at < len(text) and text[at].isspace()):
            at -= 1
        return (at if at > begin else cluster_start(text, limit, begin)), CUT_PAUSE

    def _room(self, begin: int, end: int) -> int:
        """One past the last character that fits into a piece from ``begin`` on; at least one does."""
        low, high = begin + 1, min(end, begin + max(1, self._limits.max_chars))
        if self._fits(begin, high):
            return high
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(begin, middle) else (low, middle - 1)
        return low

    def _fits(self, begin: int, end: int) -> bool:
        length, limits = end - begin, self._limits
        if length <= 1:
            return True
        if length > limits.max_chars:
            return False
        bytes_left, seconds_left = limits.max_bytes, limits.max_seconds
        return (
            bytes_left is None or length * _WORST_BYTES <= bytes_left or self._bytes(begin, end) <= bytes_left
        ) and (
            seconds_left is None or length * _DIGIT_SECONDS <= seconds_left or self._seconds(begin, end) <= seconds_left
        )

    def _seconds(self, begin: int, end: int) -> float:
        digits = len(_DIGIT.findall(self._text, begin, end))
        wide = len(_WIDE.findall(self._text, begin, end))
        return digits * _DIGIT_SECONDS + wide * _WIDE_SECONDS + (end - begin - digits - wide) * _LETTER_SECONDS

    def _bytes(self, begin: int, end: int) -> int:
        part = self._text[begin:end]
        size = len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
        return size + 4 * part.count("&") + 3 * (part.count("<") + part.count(">"))

    def _speakable(self, begin: int, end: int) -> bool:
        return _SPEAKABLE.search(self._text, begin, end) is not None

    def _trimmed(self, begin: int, end: int) -> int:
        while end > begin and self._text[end - 1].isspace():
            end -= 1
        return end

    def _flush(self, out: list[Piece]) -> None:
        if self._pending is None:
            return
        (begin, end, pause), self._pending = self._pending, None
        if self._speakable(begin, end):
            self._emit(out, begin, end, pause)
        else:
            self._carry = begin

    def _emit(self, out: list[Piece], begin: int, end: int, pause: float) -> None:
        out.append(Piece(text=self._text[begin:end], offset=self._base + begin, pause=pause))
        self._first = False

    def _forget(self) -> None:
        """Let go of text that is spoken."""
        if self._carry is not None and self._start - self._carry > self._limits.max_chars:
            self._carry = None
        keep = self._start if self._carry is None else self._carry
        if self._pending is not None:
            keep = min(keep, self._pending[0])
            self._pending = (self._pending[0] - keep, self._pending[1] - keep, self._pending[2])
        if self._carry is not None:
            self._carry -= keep
        self._text = self._text[keep:]
        self._base += keep
        self._start -= keep
        self._scan = max(0, self._scan - keep)


async def pieces(source: str | AsyncIterable[str], limits: PieceLimits) -> AsyncGenerator[Piece, None]:
    """Cut a text, whole or still being written, into pieces; each comes as soon as it is certain.

    An async generator that is given as ``source`` is closed with this one.
    """
    if isinstance(source, str):
        for piece in split(source, limits):
            yield piece
        return
    splitter = Splitter(limits)
    owned: Any = aclosing(source) if isinstance(source, AsyncGenerator) else nullcontext(source)
    async with owned:
        async for part in source:
            for piece in splitter.feed(part):
                yield piece
    for piece in splitter.finish():
        yield piece


def split(text: str, limits: PieceLimits) -> Iterator[Piece]:
    """Cut a whole text into pieces, one after the other as they are asked for."""
    splitter = Splitter(limits)
    for at in range(0, len(text), _SLICE):
        yield from splitter._feed(text[at : at + _SLICE], eager=False)  # noqa: SLF001
    yield from splitter.finish()
