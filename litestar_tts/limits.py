"""How often one client may ask for speech: a moving window, exact under concurrency, shared where a store is given.

One :class:`RateLimiter` holds one budget per client, whatever route, socket or worker the client uses. Every accepted
request counts until it is older than the window, so there is no edge at which two windows' worth passes.

The arithmetic is that of the ``limits`` package, but not its bookkeeping in memory: that starts a task on every hit
which visits all clients, each with a hop to the event loop's default executor. Name look-ups of engines wait for that
executor, and the task can outlive the loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import logging
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.limits import RateLimitItemPerSecond

from litestar_tts.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar_tts.config import RateLimit

__all__ = ("SHARE_WARNING", "Decision", "RateLimiter")

logger = logging.getLogger(__name__)

MAX_CLIENTS: Final = 65_536
"""Clients that the memory of one process keeps apart; beyond, the one that was quiet for longest starts afresh."""

STORE_TIMEOUT: Final = 0.3
"""Seconds that the store may take to connect, and to answer a command."""

STORE_DEADLINE: Final = 0.8
"""Seconds that one decision may wait for the store altogether, with a second try."""

COOL_DOWN: Final = 3.0
"""Seconds for which a store that failed is left alone."""

MAX_CONNECTIONS: Final = 32
"""Sockets to the store that one process may have open."""

SHARE_WARNING: Final = (
    "%d workers without a shared store: each allows its share, %d requests per %d s and client. "
    "Set TTS_STORE_URL (or store_url) to valkey://host:port so that they share one exact budget."
)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the limiter says about one request of one client."""

    allowed: bool
    limit: int
    """Requests per window."""
    window: int
    """Seconds."""
    remaining: int
    """Requests that would be allowed right now, after this one."""
    reset: float
    """Seconds until the oldest counted request leaves the window; 0.0 when none is counted."""

    @property
    def retry_after(self) -> float:
        """Seconds until a request can be allowed; 0.0 when one is allowed now."""
        return 0.0 if self.remaining else self.reset


class RateLimiter:
    """One budget per client. Construction does no I/O; a store is connected to on first use.

    Args:
        limit: Requests per window.
        store_url: ``valkey://…`` or ``redis://…`` (``valkeys`` for TLS, ``valkey+unix`` for a socket); None: this
            process's memory.
        workers: Processes that serve the application. Without a store, and while the store is away, each allows its
            share of the budget (rounded down, at least 1).
        namespace: Prefix of the store's keys; limiters with equal namespace and limit share their budgets.
        clock: Seconds that only grow; for tests of the in-memory window.

    Raises:
        MissingExtraError: ``store_url`` is given and the client package is not installed.
    """

    def __init__(
        self,
        limit: RateLimit,
        *,
        store_url: str | None = None,
        workers: int = 1,
        namespace: str = "litestar-tts",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        share = max(1, limit.requests // workers)
        self._local = _Window(_MemoryStorage(clock), share, limit.window, clock)
        self._shared: _SharedWindow | None = None
        if store_url is not None:
            self._shared = _SharedWindow(store_url, limit, namespace)
        elif workers > 1:
            logger.warning(SHARE_WARNING, workers, share, limit.window)

    async def spend(self, client: str) -> Decision:
        """Count one request of ``client`` if its budget allows it."""
        key = _key(client)
        if self._shared is not None:
            decision = await self._shared.ask(key, cost=1)
            if decision is not None:
                if decision.allowed:
                    # Kept in memory too, so that a store that goes away does not hand out a second budget.
                    await self._local.spend(key)
                return decision
        return await self._local.spend(key)

    async def peek(self, client: str) -> Decision:
        """What the next request of ``client`` would be told, counting nothing."""
        key = _key(client)
        if self._shared is not None:
            decision = await self._shared.ask(key, cost=0)
            if decision is not None:
                return decision
        return await self._local.peek(key)

    def __deepcopy__(self, memo: dict[int, Any]) -> RateLimiter:
        # A framework that copies its handlers with all they hold must not hand out a second budget.
        return self

    async def aclose(self) -> None:
        """Close the sockets to the store. The limiter can be used again afterwards."""
        if self._shared is not None:
            await self._shared.aclose()


def _key(client: str) -> str:
    # Hashed: the store must not learn API keys or addresses, and a name of any length makes a short key.
    return hashlib.blake2b(client.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class _Window:
    """A moving window over one storage."""

    def __init__(self, storage: Storage, requests: int, window: int, clock: Callable[[], float]) -> None:
        self._strategy = MovingWindowRateLimiter(storage)
        self._item = RateLimitItemPerSecond(requests, window, namespace="rate")
        self._requests, self._seconds, self._clock = requests, window, clock

    async def spend(self, key: str) -> Decision:
        return await self._decide(key, allowed=await self._strategy.hit(self._item, key))

    async def peek(self, key: str) -> Decision:
        return await self._decide(key, allowed=None)

    async def _decide(self, key: str, *, allowed: bool | None) -> Decision:
        stats = await self._strategy.get_window_stats(self._item, key)
        # A refusal stands, even if a place became free between the two questions.
        remaining = 0 if allowed is False else max(0, stats.remaining)
        reset = min(float(self._seconds), max(0.0, stats.reset_time - self._clock()))
        return Decision(
            allowed=remaining > 0 if allowed is None else allowed,
            limit=self._requests,
            window=self._seconds,
            remaining=remaining,
            reset=0.0 if remaining == self._requests else reset,
        )


class _SharedWindow:
    """The window in a Valkey or Redis server, which may go away and come back."""

    def __init__(self, url: str, limit: RateLimit, namespace: str) -> None:
        try:
            client: Any = importlib.import_module("valkey.asyncio")
        except ImportError:
            raise MissingExtraError("The Valkey client", "valkey") from None
        scheme, rest = url.split("://", 1)
        # One client library for both servers, since they speak one protocol.
        scheme = scheme.replace("redis", "valkey").replace("valkey+unix", "unix")
        self._pool: Any = client.BlockingConnectionPool.from_url(
            f"{scheme}://{rest}",
            max_connections=MAX_CONNECTIONS,
            timeout=STORE_DEADLINE,
            socket_timeout=STORE_TIMEOUT,
            socket_connect_timeout=STORE_TIMEOUT,
        )
        parts = urlsplit(url)
        self._name = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
        options: dict[str, Any] = {"connection_pool": self._pool}
        storage = RedisStorage("async+valkey://", implementation="valkey", key_prefix=namespace, **options)
        self._window = _Window(storage, limit.requests, limit.window, time.time)
        self._failures = (client.ValkeyError, OSError, TimeoutError)
        self._away_until = 0.0
        self._away = False

    async def ask(self, key: str, *, cost: int) -> Decision | None:
        """The store's decision; None while it is away."""
        if self._away:
            if time.monotonic() < self._away_until:
                return None
            # This request asks; the others stay in memory until it knows.
            self._away_until = time.monotonic() + COOL_DOWN
        try:
            async with asyncio.timeout(STORE_DEADLINE):
                try:
                    decision = await self._decide(key, cost)
                except self._failures:
                    # Twice, since a pause of this process looks like one of the store. If both tries count, the client
                    # loses a place; nobody gains one.
                    decision = await self._decide(key, cost)
        except self._failures as error:
            self._away_until = time.monotonic() + COOL_DOWN
            if not self._away:
                self._away = True
                reason = type(error).__name__
                logger.warning("Rate limit store %s: %s; counting in memory until it is back", self._name, reason)
            return None
        if self._away:
            self._away = False
            logger.info("Rate limit store %s is back", self._name)
        return decision

    async def _decide(self, key: str, cost: int) -> Decision:
        return await (self._window.spend(key) if cost else self._window.peek(key))

    async def aclose(self) -> None:
        await self._pool.disconnect()


class _MemoryStorage(MemoryStorage):
    """Accepted requests in this process's memory.

    Nothing awaits between reading and writing, so decisions are exact on one event loop without any lock.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        # Times of accepted requests, oldest first. The client that was accepted last is the last.
        self._hits: OrderedDict[str, array[float]] = OrderedDict()

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = self._clock()
        oldest = now - expiry
        self._forget_quiet(oldest)
        hits = self._hits.get(key) or array("d")
        del hits[: bisect_left(hits, oldest)]
        if len(hits) + amount > limit:
            return False
        if key not in self._hits and len(self._hits) >= MAX_CLIENTS:
            self._hits.popitem(last=False)
        hits.extend([now] * amount)
        self._hits[key] = hits
        self._hits.move_to_end(key)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002
        now = self._clock()
        hits = self._hits.get(key, ())
        first = bisect_left(hits, now - expiry)
        return (hits[first], len(hits) - first) if first < len(hits) else (now, 0)

    def _forget_quiet(self, oldest: float) -> None:
        # Each client is forgotten once for each time that it came, so this is constant on average.
        while self._hits:
            key, hits = next(iter(self._hits.items()))
            if hits[-1] >= oldest:
                return
            del self._hits[key]
