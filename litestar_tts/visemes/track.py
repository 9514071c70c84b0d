"""A timeline in whole milliseconds that cannot be wrong: sorted, contiguous, silent at both ends."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import msgspec

from litestar_tts.models import PhoneSpan
from litestar_tts.visemes.phones import SILENCE

__all__ = ("Track", "milliseconds")

EDGE_SILENCE: Final = 20
"""Milliseconds of closed mouth that are squeezed in where speech begins or ends with the audio."""

LONGEST_WAIT: Final = 3_000
"""Milliseconds of silence that may be held back in the hope of learning where it ends."""

_LATEST: Final = 10**9


def milliseconds(seconds: float) -> int | None:
    """Whole milliseconds from 0 on; None for what is not a number."""
    if math.isnan(seconds):
        return None
    return round(min(max(seconds, 0.0), _LATEST / 1000) * 1000)


class _Span(msgspec.Struct):
    phone: str
    start: int
    end: int


class Track:
    """Spans are put in at the end, wait while they may still change, and are released once their audio has come.

    Nothing is released that ends later than a millisecond before the audio heard so far, so that there is always room
    for the closing silence, wherever the audio ends.
    """

    def __init__(self) -> None:
        self.edge = 0
        """End of the last span."""
        self.released = 0
        """End of the last released span."""
        self._waiting: deque[_Span] = deque()
        self._out: list[PhoneSpan] = []

    def put(self, phone: str, start: int, end: int) -> None:
        """Add a phone (or silence); what lies before the edge is cut off, a gap becomes silence."""
        start = max(start, self.edge)
        if end <= start:
            return
        if phone == SILENCE:
            self.silence(end)
            return
        if start == 0:
            start = min(EDGE_SILENCE, end // 2)
            if start == 0:
                self.silence(end)
                return
        self.silence(start)
        self._waiting.append(_Span(phone, start, end))
        self.edge = end

    def silence(self, until: int) -> None:
        """Closed mouth from the edge on."""
        if until <= self.edge:
            return
        if self._waiting and self._waiting[-1].phone == SILENCE:
            self._waiting[-1].end = until
        else:
            self._waiting.append(_Span(SILENCE, self.edge, until))
        self.edge = until

    def cut(self, at: int) -> None:
        """Take back what lies behind a time, as far as it has not been released."""
        at = max(at, self.released)
        while self._waiting and self._waiting[-1].start >= at:
            self._waiting.pop()
        if self._waiting:
            self._waiting[-1].end = min(self._waiting[-1].end, at)
        self.edge = self._waiting[-1].end if self._waiting else self.released

    def release(self, heard: int, patience: int = LONGEST_WAIT) -> None:
        """Hand out what can no longer change, given that audio up to ``heard`` has come.

        Args:
            heard: Milliseconds.
            patience: Milliseconds of trailing silence that may wait to learn where it ends.
        """
        while self._waiting:
            span = self._waiting[0]
            if len(self._waiting) == 1 and span.phone == SILENCE:
                if heard - 1 - span.start <= patience:
                    return
                self._emit(span.phone, span.start, min(span.end, heard - 1))
                if span.end < heard:
                    self._waiting.popleft()
                else:
                    span.start = heard - 1
                return
            if span.end > heard - 1:
                return
            self._emit(span.phone, span.start, span.end)
            self._waiting.popleft()

    def finish(self, end: int) -> None:
        """The audio ends here: close the mouth and hand out everything."""
        if self.released:
            end = max(end, self.released + 1)
        self.cut(end)
        self.silence(end)
        if self._waiting and self._waiting[-1].phone != SILENCE:
            self._close_mouth(end)
        for span in self._waiting:
            self._emit(span.phone, span.start, span.end)
        self._waiting.clear()

    def _close_mouth(self, end: int) -> None:
        last = self._waiting[-1]
        tail = min(EDGE_SILENCE, (end - last.start) // 2)
        if tail:
            last.end = self.edge = end - tail
        else:
            self._waiting.pop()
            self.edge = last.start
        self.silence(end)

    def _emit(self, phone: str, start: int, end: int) -> None:
        self._out.append(PhoneSpan(phone=phone, time=start / 1000, duration=(end - start) / 1000))
        self.released = end

    def take(self) -> list[PhoneSpan]:
        """What has been released since the last call."""
        taken, self._out = self._out, []
        return taken
