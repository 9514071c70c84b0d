"""Keeps requests away from an engine that is known to fail, and lets it back in once it has recovered."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Literal

__all__ = ("Breaker",)

FAILURES_TO_OPEN = 5
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 30.0


class Breaker:
    """State of one engine: ``closed`` (healthy), ``open`` (not asked), ``half-open`` (one probe is on its way).

    It opens after five failures in a row, or at once on a failure that is known to last. While it is open one request
    at a time may probe, after a pause that doubles up to 30 s, so an engine that has recovered speaks again well within
    a minute.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = 0.0
        self._retry_at = 0.0
        self._probing = False
        self._spoke_at = -math.inf

    @property
    def now(self) -> float:
        """The breaker's clock."""
        return self._clock()

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """What the breaker does with the next request."""
        if not self._pause:
            return "closed"
        return "half-open" if self._probing else "open"

    @property
    def retry_after(self) -> float:
        """Seconds until the next probe may go; 0 when one may go now."""
        return max(0.0, self._retry_at - self._clock()) if self._pause else 0.0

    def admit(self) -> bool:
        """Whether a request may try the engine. Who gets True reports the outcome by one of the methods below."""
        if not self._pause:
            return True
        if self._probing or self.retry_after:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The engine spoke."""
        self._spoke_at = self._clock()
        self._failures = 0
        self._pause = 0.0
        self._probing = False

    def failed(self, *, lasting: bool = False) -> None:
        """The engine failed; ``lasting``: waiting a moment will not help."""
        self._failures += 1
        if self._probing or lasting or self._failures >= FAILURES_TO_OPEN:
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._retry_at = self._clock() + self._pause
            self._probing = False

    def overtaken(self, since: float) -> None:
        """Another engine spoke before this one, which was asked at ``since``, had made a sound.

        That is a failure, unless it spoke for somebody else meanwhile: then it is well, and has much to do.
        """
        if self._spoke_at < since:
            self.failed()
        else:
            self.abandoned()

    def abandoned(self) -> None:
        """The request went away before the engine could show anything."""
        self._probing = False
