"""How many sockets the read-aloud service may be asked for at a time, and whose turn it is to have one.

A service that says "too many" means it: asking it as often as before makes it refuse for longer. So the number of
sockets halves when a handshake is refused with 429 or 503, and comes back one by one, with success and with time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from litestar_tts.exceptions import EngineBusyError
from litestar_tts.fairness import FairPlaces, LineFullError

__all__ = ("EdgeGate", "Seldom")

logger = logging.getLogger("litestar_tts.engines.edge")

MAX_WAITING: Final = 2_000
"""Utterances that may wait for a socket."""
BURST: Final = 1.0
"""Seconds in which all refusals are one sign: those sockets were asked for before the first of them was refused."""
NOISE: Final = 0.15
"""Share of refusals up to which a service is taken for moody, and not for too busy."""
MEMORY: Final = 0.05
"""Weight of the latest answer in that share."""
STEP: Final = 10.0
"""Seconds without a refusal after which one more socket is allowed."""


class EdgeGate:
    """Places for sockets, fair among clients; their number follows what the service bears.

    Args:
        connections: Sockets at most.
        step: Seconds without a refusal that bring one socket back.
        clock: Monotonic seconds.
    """

    def __init__(self, connections: int, *, step: float = STEP, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = connections
        self._step = step
        self._clock = clock
        self._places = FairPlaces(connections, max_waiting=MAX_WAITING)
        self._halved_at = float("-inf")
        self._good = 0
        self._refused = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def allowed(self) -> int:
        """Sockets that may be open just now; after a refusal more of them may still be, for a while."""
        return self._places.places

    @property
    def busy(self) -> bool:
        """Whether one more would have to wait."""
        return self._places.taken >= self._places.places

    async def enter(self, client: str, *, patience: float) -> None:
        """Wait for leave to open a socket; :meth:`leave` is called once that is closed.

        Raises:
            EngineBusyError: None came free in time, or too many wait.
        """
        try:
            await self._places.take(client, patience=patience)
        except (TimeoutError, LineFullError):
            detail = "All connections to the Edge speech service are in use."
            raise EngineBusyError(detail, retry_after=patience) from None

    def leave(self, client: str) -> None:
        """The socket is closed."""
        self._places.leave(client)

    def throttled(self) -> None:
        """A handshake was refused because the service has too much to do."""
        now = self._clock()
        self._good = 0
        self._refused += MEMORY * (1 - self._refused)
        if now - self._halved_at >= BURST and self.allowed > 1:
            self._halved_at = now
            self._places.resize(self.allowed // 2)
            logger.warning("Edge speech service: too busy; %d of %d sockets from now on", self.allowed, self._most)
        if self.allowed < self._most:
            self._wait_for_better()

    def succeeded(self) -> None:
        """A speech was had from the service, to its end."""
        self._refused -= MEMORY * self._refused
        if self.allowed == self._most:
            return
        # A good speech is worth one more; where many are refused, as many as there are sockets are.
        self._good += 1
        if self._refused < NOISE or self._good >= self.allowed:
            self._grow()

    def close(self, error: Callable[[], Exception]) -> None:
        """Whoever waits for a place gets this error."""
        self._stop_waiting()
        self._places.fail(error)

    def _grow(self) -> None:
        self._good = 0
        self._places.resize(self.allowed + 1)
        if self.allowed < self._most:
            self._wait_for_better()
            return
        self._stop_waiting()
        logger.info("Edge speech service: all %d sockets may be used again", self._most)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wait_for_better(self) -> None:
        self._stop_waiting()
        self._timer = asyncio.get_running_loop().call_later(self._step, self._grow)


class Seldom:
    """Says yes once in so many seconds; for log lines that every request would write.

    Args:
        seconds: That lie between two at least.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = float("-inf")

    def __call__(self) -> bool:
        """Whether it is time again."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
