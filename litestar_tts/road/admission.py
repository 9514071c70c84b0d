"""How many utterances one process speaks at a time, how many may wait for their turn, and whose turn it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import msgspec

from litestar_tts.exceptions import OverloadedError
from litestar_tts.fairness import FairPlaces, LineFullError

__all__ = ("Admission", "Place", "QueueState")

LEAST_SHARE = 100
"""Places that one client may have of any number, unless something else is said: few places are for whoever comes."""

LONGEST_WAIT = 60
"""Seconds that a refused client is told to wait at most."""


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """What ``/health`` says about the queue."""

    active: int
    waiting: int
    max_streams: int
    max_queue: int


class Admission:
    """A queue in front of a fixed number of places, fair among clients.

    Args:
        max_streams: Places.
        max_queue: How many may wait; the next one is refused, unless its client waits with fewer than another, whose
            latest request is refused then.
        timeout: Seconds that one may wait.
        per_client: Places that one client may have; None: half of them, and at least 100. Requests of nobody in
            particular (``""``) may have all.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        max_streams: int,
        max_queue: int,
        timeout: float,
        *,
        per_client: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_queue = max_queue
        self._timeout = timeout
        self._cap = min(max_streams, per_client or max(LEAST_SHARE, max_streams // 2))
        self._places = FairPlaces(max_streams, max_waiting=max_queue, cap=self._cap)
        self._clock = clock
        self._pace: float | None = None
        # When the places that are taken were taken, added up.
        self._since = 0.0

    @property
    def state(self) -> QueueState:
        """A snapshot."""
        return QueueState(
            active=self._places.taken,
            waiting=len(self._places.line),
            max_streams=self._places.places,
            max_queue=self._max_queue,
        )

    async def enter(self, client: str = "") -> Place:
        """Wait for a place.

        Raises:
            OverloadedError: The queue is full, or no place came free in time.
        """
        try:
            await self._places.take(client, patience=self._timeout)
        except LineFullError:
            detail = "The server speaks as much as it can and its queue is full; try again later."
            raise self._overloaded(client, detail) from None
        except TimeoutError:
            detail = "The server is busy and no place came free in time; try again later."
            raise self._overloaded(client, detail) from None
        place = Place(self, client, self._clock())
        self._since += place.since
        return place

    def leave(self, place: Place) -> None:
        """Take a place back."""
        held = self._clock() - place.since
        self._pace = held if self._pace is None else self._pace + 0.1 * (held - self._pace)
        self._since -= place.since
        self._places.leave(place.client)

    def _overloaded(self, client: str, detail: str) -> OverloadedError:
        return OverloadedError(detail, retry_after=float(min(LONGEST_WAIT, max(1, math.ceil(self._wait_of(client))))))

    def _wait_of(self, client: str) -> float:
        """Seconds until a request of this client would have its turn, as things go just now."""
        line, taken = self._places.line, self._places.taken
        # Places that are held for longer than those before them were are slow already, though not given back yet.
        age = self._clock() - self._since / taken if taken else 0.0
        pace = max(self._pace or 0.0, age)
        rounds = (line.ahead(client) + 1) / self._places.places
        if client:
            rounds = max(rounds, (line.waiting(client) + 1) / self._cap)
        return pace * rounds


class Place:
    """One taken place; :meth:`leave` gives it back, once."""

    def __init__(self, admission: Admission, client: str, since: float) -> None:
        self._admission: Admission | None = admission
        self.client = client
        self.since = since
        """When it was taken."""

    def leave(self) -> None:
        """Give the place back."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.leave(self)
