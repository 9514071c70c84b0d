"""Who speaks: the first of several candidates that has audio.

Candidates are tried in order. One that depends on a network is asked again when it fails in a way that a moment can
mend; when it is late it is asked a second time beside the first, and a little later the next candidate gets its chance
too. One that fails hands over to the next. Whoever has audio first speaks, and all others are stopped. All of it
happens before the listener has heard a byte, so voices never change in mid-speech.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from litestar_tts.engines.base import Engine
from litestar_tts.engines.breaker import Ticket
from litestar_tts.engines.registry import EngineSlot
from litestar_tts.exceptions import (
    EngineBusyError,
    EngineError,
    MissingExtraError,
    NoAudioError,
    NoEngineError,
    TTSError,
    UnspeakableTextError,
)
from litestar_tts.models import AudioChunk, Voice

__all__ = ("Candidate", "Performance", "first_to_speak", "pause_before_retry")

logger = logging.getLogger("litestar_tts")

NEXT_ENGINE: Final = 1.5
"""A late engine is asked a second time after ``hedge_after``, and the next one after this many times that."""
UNPROVEN: Final = 0.9
"""Seconds after which an engine that has never spoken gets company: it may be out of reach for good."""
LONGEST_ADVICE: Final = 1.0
"""Seconds; a service that wants to be left alone for longer is not asked again within the same request."""

EventT = TypeVar("EventT")


class Candidate(msgspec.Struct, frozen=True):
    """An engine and the voice it would speak with."""

    slot: EngineSlot
    voice: Voice

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.slot.engine

    def is_well(self) -> bool:
        """Whether the engine speaks, as far as is known."""
        return self.slot.breakers.engine.closed


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
    retries: int,
    strict: bool,
) -> Performance[EventT]:
    """Start candidates until one has audio.

    Args:
        candidates: In order of preference, at least one.
        perform: Makes a candidate's events; the first audio among them decides. May be called several times for one.
        hedge_after: Seconds without audio after which one that depends on a network is asked a second time, and after
            half as much again the next candidate starts beside it; None: only after a failure.
        retries: How often one that depends on a network is asked again after a failure.
        strict: True: the client wants this engine or its error. False: it wants speech, whoever speaks.

    Raises:
        EngineError: The only candidate's own error when ``strict``, else :class:`NoEngineError`.
    """
    race = _Race(perform, hedge_after, retries)
    waiting = deque(candidates)
    try:
        while waiting or race.running:
            if not race.running:
                race.start(waiting.popleft())
                continue
            winner = await race.wait(more=bool(waiting))
            if winner is not None:
                return winner
            if waiting and race.wants_company:
                race.start(waiting.popleft())
    finally:
        await race.close()
    raise _verdict(race.failures, strict=strict)


def pause_before_retry(tries: int) -> float:
    """Seconds to wait when something has failed so many times; never the same for two, or they would meet again."""
    return random.uniform(0.2, 0.4) * (1 << (tries - 1))  # noqa: S311  # nobody's secret


def _verdict(failures: list[tuple[Candidate, TTSError]], *, strict: bool) -> TTSError:
    first = failures[0][1]
    if strict or not isinstance(first, EngineError):
        return first
    if all(isinstance(error, UnspeakableTextError) for _, error in failures):
        return first
    waits = [error.retry_after or candidate.slot.breakers.retry_after(candidate.voice) for candidate, error in failures]
    names = ", ".join(candidate.slot.name for candidate, _ in failures)
    return NoEngineError(
        f"No speech engine could answer (tried: {names}); try again later.", retry_after=max(1.0, min(waits))
    )


class _Race(Generic[EventT]):
    """Candidates that are trying at the same time; each attempt runs in a task of its own until it has audio."""

    def __init__(
        self, perform: Callable[[Candidate], AsyncGenerator[EventT, None]], hedge_after: float | None, retries: int
    ) -> None:
        self._perform = perform
        self._hedge_after = hedge_after
        self._retries = retries
        self.running: dict[asyncio.Task[Performance[EventT]], Candidate] = {}
        self.failures: list[tuple[Candidate, TTSError]] = []
        self.wants_company = False
        """Whether the next candidate should start now."""
        self._tickets: dict[Candidate, Ticket] = {}
        self._doubled = False

    def start(self, candidate: Candidate) -> None:
        """Let a candidate try, unless its breaker is open."""
        breakers = candidate.slot.breakers
        ticket = breakers.admit(candidate.voice)
        if ticket is None:
            wait = breakers.retry_after(candidate.voice)
            detail = f"The {candidate.slot.name} engine has failed and is given a pause."
            self.failures.append((candidate, EngineError(detail, retry_after=max(1.0, wait))))
            return
        self._tickets[candidate] = ticket
        self._doubled, self.wants_company = False, False
        # A probe is one try.
        once = ticket.probes_engine or ticket.probes_voice or not candidate.engine.capabilities.network
        self._attempt(candidate, 0 if once else self._retries)

    def _attempt(self, candidate: Candidate, retries: int) -> None:
        self.running[asyncio.create_task(_try(candidate, self._perform, retries))] = candidate

    async def wait(self, *, more: bool) -> Performance[EventT] | None:
        """Wait until a candidate has audio (it wins), or until something else is to be done.

        Args:
            more: Whether there is another candidate that could start.
        """
        patience = self._patience(more=more)
        done, _ = await asyncio.wait(self.running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            self._grow_impatient(more=more)
            return None
        winner = None
        for task in sorted(done, key=list(self.running).index):
            candidate = self.running.pop(task)
            error = task.exception()
            if error is not None:
                self._failed(candidate, error)
            elif winner is None:
                candidate.slot.breakers.succeeded(self._tickets[candidate])
                self._count_the_late(candidate)
                winner = task.result()
            else:
                await task.result().events.aclose()
        return winner

    def _patience(self, *, more: bool) -> float | None:
        """Seconds until a late engine gets company; None: it gets none."""
        if self._hedge_after is None or not all(one.engine.capabilities.network for one in self.running.values()):
            return None
        latest, ticket = list(self._tickets.items())[-1]
        late = latest.slot.breakers.late(ticket)
        if more and not _is_proven(latest, ticket):
            return max(0.0, min(self._hedge_after, UNPROVEN) - late)
        if not self._doubled:
            return max(0.0, self._hedge_after - late)
        return max(0.0, self._hedge_after * NEXT_ENGINE - late) if more else None

    def _grow_impatient(self, *, more: bool) -> None:
        candidate, ticket = list(self._tickets.items())[-1]
        if self._doubled or (more and not _is_proven(candidate, ticket)):
            self.wants_company = True
            return
        self._doubled = True
        if candidate in self.running.values() and not candidate.engine.busy:
            # Where the engine is busy, the second would only stand in the same queue.
            self._attempt(candidate, 0)

    def _count_the_late(self, winner: Candidate) -> None:
        """Whoever was started before the winner and still has no audio may be ill."""
        started = list(self._tickets)
        for candidate in set(self.running.values()):
            if started.index(candidate) < started.index(winner):
                candidate.slot.breakers.overtaken(self._tickets.pop(candidate))

    def _failed(self, candidate: Candidate, error: BaseException) -> None:
        breakers = candidate.slot.breakers
        ill = isinstance(error, EngineError) and not isinstance(error, EngineBusyError | UnspeakableTextError)
        if isinstance(error, EngineError | MissingExtraError):
            logger.warning("engine %s could not speak: %s", candidate.slot.name, error.detail)
        if ill and candidate in self.running.values():
            return  # its other attempt may still speak
        ticket = self._tickets.get(candidate)
        if ticket is not None and isinstance(error, EngineError) and ill:
            breakers.failed(ticket, error)
        elif ticket is not None:
            breakers.abandoned(ticket)
        if not isinstance(error, EngineError | MissingExtraError):
            raise error  # a mistake of ours, or the request's own fault: nobody else would do better
        # Who was given company has been replaced already.
        self.wants_company = candidate is list(self._tickets)[-1]
        self.failures.append((candidate, error))

    async def close(self) -> None:
        """Stop everybody who is still trying."""
        for task, candidate in self.running.items():
            task.cancel()
            if candidate in self._tickets:
                candidate.slot.breakers.abandoned(self._tickets[candidate])
        attempts = list(self.running)
        self.running.clear()
        # Not awaited themselves: a cancellation of who closes must not be taken for theirs.
        if attempts:
            await asyncio.wait(attempts)
        for task in attempts:
            if not task.cancelled() and task.exception() is None:
                await task.result().events.aclose()


def _is_proven(candidate: Candidate, ticket: Ticket) -> bool:
    """Whether there is reason to believe that this engine, with this voice, will speak in the end."""
    return candidate.slot.breakers.engine.has_spoken and not (ticket.probes_engine or ticket.probes_voice)


async def _try(
    candidate: Candidate, perform: Callable[[Candidate], AsyncGenerator[EventT, None]], retries: int
) -> Performance[EventT]:
    """Read up to the first audio, again after a failure that a moment can mend."""
    tries = 0
    while True:
        events = perform(candidate)
        try:
            return Performance(candidate, await _prime(events), events)
        except EngineError as error:
            tries += 1
            known = candidate.slot.breakers.engine.closed
            if not known or tries > min(retries, error.retries) or (error.retry_after or 0.0) > LONGEST_ADVICE:
                raise
            logger.info("engine %s is asked again: %s", candidate.slot.name, error.detail)
        await asyncio.sleep(pause_before_retry(tries))


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
    raise NoAudioError("The engine made no sound for this text.")
