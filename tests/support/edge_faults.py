"""What can go wrong with the loopback read-aloud service, and when it does."""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

HANDSHAKE_FAULTS: Final = frozenset(
    {"403", "403_no_date", "429", "503", "wrong_clock", "handshake_reset", "handshake_hang"}
)
"""These strike a connection, before there is a WebSocket. ``wrong_clock`` refuses tokens of our hour, as a service does
whose clock, or whose client's clock, is an hour off."""
AT_ONCE: Final = frozenset({"close_before", "abort_before", "hang_before", "refuse", "no_audio"})
"""These strike a request for speech before there is any answer, or instead of the speech."""
AMID: Final = frozenset(
    {
        "close_mid", "abort_mid", "hang_mid", "stall", "slow", "chatter",
        "garbage_frame", "garbage_path", "garbage_type", "garbage_metadata", "garbage_json", "empty_audio",
    }
)  # fmt: skip
"""These strike amid the audio, or in front of it. ``stall`` pauses for ``stall_seconds`` and goes on, ``slow`` pauses
for ``slow_seconds`` before each further frame, ``chatter`` goes on for ever, but without audio."""
AT_THE_END: Final = frozenset({"no_turn_end", "no_turn_end_close", "no_turn_end_abort", "no_close_ack"})
"""These strike when all audio was sent."""
REQUEST_FAULTS: Final = AT_ONCE | AMID | AT_THE_END
VOICES_FAULTS: Final = frozenset({"403", "503", "hang", "garbage", "empty"})

PASSING: Final = (
    "403", "429", "503", "handshake_reset", "close_before", "abort_before", "no_audio",
    "close_mid", "abort_mid", "garbage_frame", "empty_audio", "no_turn_end_close",
)  # fmt: skip
"""What a service in trouble does now and then, between calls that go well."""
SILENT: Final = ("handshake_hang", "hang_before", "hang_mid", "no_turn_end")
"""What only a timer of the client ends."""


class Strike(NamedTuple):
    """A fault that is going to happen."""

    fault: str
    at: float = 0.5
    """Share of the audio that is sent before a fault that strikes amid it."""


class Faults:
    """What goes wrong next. Safe to use from several threads."""

    def __init__(self) -> None:
        self.at = 0.5
        self.by_chance: Callable[[], Strike | None] | None = None
        self.struck: Counter[str] = Counter()
        """How often each fault has happened."""
        self._lock = threading.RLock()
        self._queues: dict[str, deque[str | None]] = {"handshake": deque(), "request": deque()}
        self._always: dict[str, str | None] = {"handshake": None, "request": None}

    def plan(self, fault: str, times: int | None, after: int) -> None:
        """Let ``times`` connections or requests fail behind ``after`` good ones; None: all that come."""
        kind = "handshake" if fault in HANDSHAKE_FAULTS else "request"
        if kind == "request" and fault not in REQUEST_FAULTS:
            raise ValueError(f"unknown fault {fault!r}")
        with self._lock:
            self._queues[kind].extend([None] * after + [fault] * (times or 0))
            if times is None:
                self._always[kind] = fault

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            for kind, queue in self._queues.items():
                queue.clear()
                self._always[kind] = None
            self.by_chance = None
            self.at = 0.5

    def next_for_connection(self) -> Strike | None:
        """The fault of a new connection; one that is none of the handshake strikes the request that follows."""
        strike = self.by_chance() if self.by_chance is not None else None
        return strike or self._next("handshake")

    def next_for_request(self) -> Strike | None:
        """The fault of a request."""
        return self._next("request")

    def happened(self, strike: Strike) -> None:
        """Count it."""
        with self._lock:
            self.struck[strike.fault] += 1

    def _next(self, kind: str) -> Strike | None:
        with self._lock:
            queue = self._queues[kind]
            fault = queue.popleft() if queue else self._always[kind]
        return Strike(fault, self.at) if fault is not None else None


class RandomFaults:
    """Faults by chance, for each connection anew.

    Args:
        fail: Share of connections that fail, in one of ``kinds``.
        stall: Share of connections that fall silent for as long as ``stall`` of the service takes.
        kinds: Which faults may happen.
        seed: The same seed gives the same sequence.
    """

    def __init__(self, *, fail: float, stall: float = 0.0, kinds: Sequence[str] = PASSING, seed: int = 1) -> None:
        self._fail = fail
        self._stall = stall
        self._kinds = tuple(kinds)
        self._random = random.Random(seed)  # noqa: S311

    def __call__(self) -> Strike | None:
        luck = self._random.random()
        kind, at = self._random.choice(self._kinds), self._random.choice((0.0, 0.2, 0.5, 0.9))
        if luck < self._fail:
            return Strike(kind, at)
        return Strike("stall", at) if luck < self._fail + self._stall else None
