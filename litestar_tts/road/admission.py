"""How many utterances one process speaks at a time, and how many may wait for their turn."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque

import msgspec

from litestar_tts.exceptions import OverloadedError

__all__ = ("Admission", "QueueState")


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """What ``/health`` says about the queue."""

    active: int
    waiting: int
    max_streams: int
    max_queue: int


class Admission:
    """A first-come-first-served queue in front of a fixed number of places.

    Args:
        max_streams: Places.
        max_queue: How many may wait; the next one is refused.
        timeout: Seconds that one may wait.
    """

    def __init__(self, max_streams: int, max_queue: int, timeout: float) -> None:
        self._max_streams = max_streams
        self._max_queue = max_queue
        self._timeout = timeout
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._pace = 1.0

    @property
    def state(self) -> QueueState:
        """A snapshot."""
        return QueueState(
            active=self._active, waiting=len(self._waiting), max_streams=self._max_streams, max_queue=self._max_queue
        )

    async def enter(self) -> Place:
        """Wait for a place.

        Raises:
            OverloadedError: The queue is full, or no place came free in time.
        """
        if self._active < self._max_streams:
            self._active += 1
            return Place(self)
        if len(self._waiting) >= self._max_queue:
            raise self._overloaded("The server speaks as much as it can and its queue is full; try again later.")
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._timeout):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._hand_over()  # the place came in the moment we left
            else:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._overloaded("The server is busy and no place came free in time; try again later.") from None
            raise
        return Place(self)

    def leave(self, seconds: float) -> None:
        """Give a place back after ``seconds`` of use."""
        self._pace += 0.1 * (seconds - self._pace)
        self._hand_over()

    def _hand_over(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._active -= 1

    def _overloaded(self, detail: str) -> OverloadedError:
        wait = self._pace * (len(self._waiting) + 1) / self._max_streams
        return OverloadedError(detail, retry_after=float(min(60, max(1, math.ceil(wait)))))


class Place:
    """One taken place; :meth:`leave` gives it back, once."""

    def __init__(self, admission: Admission) -> None:
        self._admission: Admission | None = admission
        self._since = time.monotonic()

    def leave(self) -> None:
        """Give the place back."""
        if self._admission is not None:
            self._admission.leave(time.monotonic() - self._since)
            self._admission = None
