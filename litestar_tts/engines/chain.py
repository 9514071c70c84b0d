"""Who speaks: the first of several candidates that has audio.

Candidates are tried in order. One that fails hands over to the next; one that depends on a network and is late gets
the next as company, and whoever has audio first speaks. All of it happens before the listener has heard a byte, so
voices never change in mid-speech.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import msgspec

from litestar_tts.engines.base import Engine
from litestar_tts.engines.registry import EngineSlot
from litestar_tts.exceptions import (
    EngineBusyError,
    EngineError,
    EngineRejectedError,
    MissingExtraError,
    NoEngineError,
    TTSError,
    UnspeakableTextError,
)
from litestar_tts.models import AudioChunk, Voice

__all__ = ("Candidate", "Performance", "first_to_speak")

logger = logging.getLogger("litestar_tts")

EventT = TypeVar("EventT")


class Candidate(msgspec.Struct, frozen=True):
    """An engine and the voice it would speak with."""

    slot: EngineSlot
    voice: Voice

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.slot.engine


class Performance(msgspec.Struct, Generic[EventT]):
    """A candidate that has begun to speak."""

    candidate: Candidate
    primed: list[EventT]
    """Everything up to and including the first audio."""
    events: AsyncGenerator[EventT, None]
    """The rest; the owner closes it."""


async def first_to_speak(
    candidates: Sequence[Candidate],
    perform: Callable[[Candidate], AsyncGenerator[EventT, None]],
    *,
    hedge_after: float | None,
    strict: bool,
) -> Performance[EventT]:
    """Start candidates until one has audio.

    Args:
        candidates: In order of preference, at least one.
        perform: Makes a candidate's events; the first audio among them decides.
        hedge_after: Seconds without audio after which the next candidate starts beside one that depends on a network;
            None: only after a failure.
        strict: True: the client wants this engine or its error. False: it wants speech, whoever speaks.

    Raises:
        EngineError: The only candidate's own error when ``strict``, else :class:`NoEngineError`.
    """
    race = _Race(perform)
    waiting = list(candidates)
    try:
        while waiting or race.running:
            if waiting and not race.running:
                race.start(waiting.pop(0))
                continue
            winner = await race.wait(hedge_after if waiting and race.may_be_ill else None)
            if winner is not None:
                return winner
            if waiting:
                race.start(waiting.pop(0))
    finally:
        await race.close()
    raise _verdict(race.failures, strict=strict)


def _verdict(failures: list[tuple[Candidate, TTSError]], *, strict: bool) -> TTSError:
    first = failures[0][1]
    if strict or not isinstance(first, EngineError):
        return first
    if all(isinstance(error, UnspeakableTextError) for _, error in failures):
        return first
    waits = [error.retry_after or candidate.slot.breaker.retry_after for candidate, error in failures]
    names = ", ".join(candidate.slot.name for candidate, _ in failures)
    return NoEngineError(
        f"No speech engine could answer (tried: {names}); try again later.", retry_after=max(1.0, min(waits))
    )


class _Race(Generic[EventT]):
    """Candidates that are trying at the same time; each runs in a task of its own until it has audio."""

    def __init__(self, perform: Callable[[Candidate], AsyncGenerator[EventT, None]]) -> None:
        self._perform = perform
        self.running: dict[asyncio.Task[list[EventT]], tuple[Candidate, AsyncGenerator[EventT, None]]] = {}
        self.failures: list[tuple[Candidate, TTSError]] = []
        self._started: dict[Candidate, float] = {}

    @property
    def may_be_ill(self) -> bool:
        """Whether nobody is trying but engines that a network can keep waiting."""
        return all(candidate.engine.capabilities.network for candidate, _ in self.running.values())

    def start(self, candidate: Candidate) -> None:
        """Let a candidate try, unless its breaker is open."""
        breaker = candidate.slot.breaker
        if not breaker.admit():
            detail = f"The {candidate.slot.name} engine has failed and is given a pause."
            self.failures.append((candidate, EngineError(detail, retry_after=breaker.retry_after)))
            return
        self._started[candidate] = breaker.now
        events = self._perform(candidate)
        self.running[asyncio.create_task(_prime(events))] = (candidate, events)

    async def wait(self, timeout: float | None) -> Performance[EventT] | None:  # noqa: ASYNC109
        """Wait until a candidate has audio (it wins), until one fails, or until the time is over (None)."""
        if not self.running:
            return None
        done, _ = await asyncio.wait(self.running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        winner = None
        for task in sorted(done, key=list(self.running).index):
            candidate, events = self.running[task]
            error = task.exception()
            if error is None and winner is None:
                del self.running[task]
                candidate.slot.breaker.succeeded()
                self._count_the_late(candidate)
                winner = Performance(candidate, task.result(), events)
            elif error is not None:
                del self.running[task]
                if not isinstance(error, TTSError):
                    candidate.slot.breaker.abandoned()
                    raise error
                if isinstance(error, EngineBusyError | UnspeakableTextError) or not isinstance(error, EngineError):
                    candidate.slot.breaker.abandoned()
                else:
                    candidate.slot.breaker.failed(lasting=isinstance(error, EngineRejectedError))
                if not isinstance(error, EngineError | MissingExtraError):
                    raise error  # the request's own fault: nobody else would do better
                self._failed(candidate, error)
        return winner

    def _count_the_late(self, winner: Candidate) -> None:
        """Whoever was started before the winner and still has no audio may be ill."""
        started = list(self._started)
        for candidate, _ in self.running.values():
            if started.index(candidate) < started.index(winner):
                candidate.slot.breaker.overtaken(self._started[candidate])

    def _failed(self, candidate: Candidate, error: TTSError) -> None:
        self.failures.append((candidate, error))
        logger.warning("engine %s could not speak: %s", candidate.slot.name, error.detail)

    async def close(self) -> None:
        """Stop everybody who is still trying."""
        for task, (candidate, _) in self.running.items():
            task.cancel()
            candidate.slot.breaker.abandoned()
        for task, (_, events) in self.running.items():
            with suppress(asyncio.CancelledError, Exception):
                await task
            await events.aclose()
        self.running.clear()


async def _prime(events: AsyncGenerator[EventT, None]) -> list[EventT]:
    """Read up to the first audio; a stream that cannot get there is closed."""
    primed: list[EventT] = []
    try:
        async for event in events:
            primed.append(event)
            if isinstance(event, AudioChunk):
                return primed
    except BaseException:
        await events.aclose()
        raise
    raise EngineError("The engine made no sound for this text.")
