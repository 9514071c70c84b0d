"""Keeps requests away from an engine or a voice that is known to fail, and lets them back in once it has recovered."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from litestar_tts.exceptions import EngineError, EngineRejectedError, NoAudioError
from litestar_tts.models import Voice

__all__ = ("Breaker", "Breakers", "Ticket")

FAILURES_TO_OPEN: Final = 5
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 30.0
"""Seconds; with the probe itself, and the next request, an engine that has recovered speaks again within a minute."""
MAX_VOICES: Final = 256
"""Voices whose failures are remembered; only those that are failing are."""


class Breaker:
    """One breaker: ``closed`` (healthy), ``open`` (not asked), ``half-open`` (one probe is on its way).

    It opens after five failures in a row, or at once on a failure that is known to last. While it is open one probe at
    a time may be made, after a pause that doubles up to 30 s.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.failures = 0
        """In a row."""
        self.spoke_at = -math.inf
        """When there was audio, on the breaker's clock."""
        self._pause = 0.0
        self._retry_at = 0.0
        self._probing = False

    @property
    def has_spoken(self) -> bool:
        """Whether there ever was audio."""
        return self.spoke_at > -math.inf

    @property
    def closed(self) -> bool:
        """Whether requests may pass."""
        return not self._pause

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """What the breaker does with the next request."""
        if self.closed:
            return "closed"
        return "half-open" if self._probing else "open"

    @property
    def retry_after(self) -> float:
        """Seconds until the next probe may go; 0 when one may go now."""
        return 0.0 if self.closed else max(0.0, self._retry_at - self._clock())

    def begin_probe(self, *, early: bool = False) -> bool:
        """Take the place of the one probe, if the breaker is open, its pause is over (or ``early``) and nobody has it.

        Who gets True reports the outcome, or says that it was abandoned.
        """
        if self.closed or self._probing or (self.retry_after and not early):
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """There was audio."""
        self.spoke_at = self._clock()
        self.failures = 0
        self._pause = 0.0
        self._probing = False

    def failed(self, *, lasting: bool = False, probe: bool = False) -> None:
        """There was none.

        Args:
            lasting: Waiting a moment will not help.
            probe: It was the probe that failed. Of the others, those that were asked before it opened say nothing new.
        """
        self.failures += 1
        if probe or (self.closed and (lasting or self.failures >= FAILURES_TO_OPEN)):
            self._pause = min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
            self._retry_at = self._clock() + self._pause
            self._probing = False

    def abandoned(self) -> None:
        """The probe went away before anything could be seen."""
        self._probing = False


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to try a voice; who has one reports the outcome to :class:`Breakers`, once."""

    voice: Voice
    asked: float
    """When, on the breakers' clock."""
    probes_engine: bool = False
    probes_voice: bool = False


class Breakers:
    """The breaker of one engine, and one for each of its voices that gives no audio.

    A voice that the service has withdrawn, or a text that a voice cannot say, looks like an engine that fails. So an
    engine whose failures were all those of one voice is asked at once when somebody wants another voice; if that
    speaks, only the first voice stays shut out.

    Args:
        on_open: Called when the engine's breaker opens, and when a request is turned away by it.
        clock: Monotonic seconds.
    """

    def __init__(
        self, on_open: Callable[[], None] = lambda: None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine = Breaker(clock)
        self.last: Voice | None = None
        """The voice that failed last."""
        self._on_open = on_open
        self._clock = clock
        self._voices: dict[str, Breaker] = {}
        self._suspect: str | None = None
        """The only voice that has failed since the engine spoke."""

    @property
    def failing_voices(self) -> list[str]:
        """Voices that are shut out by breakers of their own."""
        return sorted(name for name, breaker in self._voices.items() if not breaker.closed)

    def is_suspect(self, voice: Voice) -> bool:
        """Whether all that is known against the engine is known of this voice alone."""
        return self._suspect == voice.id

    def retry_after(self, voice: Voice) -> float:
        """Seconds until it makes sense to ask for this voice again."""
        own = self._voices.get(voice.id)
        return max(self.engine.retry_after, own.retry_after if own is not None else 0.0)

    def late(self, ticket: Ticket) -> float:
        """Seconds since the ticket was given out."""
        return self._clock() - ticket.asked

    def admit(self, voice: Voice) -> Ticket | None:
        """Leave to try a voice; None: it, or its engine, is given a pause."""
        probes_engine = False
        if not self.engine.closed:
            other = self._suspect is not None and self._suspect != voice.id and voice.id not in self._voices
            probes_engine = other and self.engine.begin_probe(early=True)
            if not probes_engine:
                self._on_open()
                return None
        own = self._voices.get(voice.id)
        probes_voice = own is not None and not own.closed and own.begin_probe()
        if own is not None and not own.closed and not probes_voice:
            return None
        return Ticket(voice=voice, asked=self._clock(), probes_engine=probes_engine, probes_voice=probes_voice)

    def probe(self, voice: Voice) -> Ticket:
        """The ticket of who has taken the place of the engine's one probe."""
        return Ticket(voice=voice, asked=self._clock(), probes_engine=True)

    def succeeded(self, ticket: Ticket) -> None:
        """The engine spoke with this voice."""
        self.engine.succeeded()
        self._suspect = None
        self._voices.pop(ticket.voice.id, None)

    def failed(self, ticket: Ticket, error: EngineError) -> None:
        """The engine gave no audio for this voice."""
        voice = self.last = ticket.voice
        if isinstance(error, NoAudioError):
            alone = not self.engine.failures or self._suspect == voice.id
            self._suspect = voice.id if alone else None
            self._remember(voice.id).failed(probe=ticket.probes_voice)
        else:
            self._suspect = None
            self._abandon_voice(ticket)
        self._engine_failed(lasting=isinstance(error, EngineRejectedError), probe=ticket.probes_engine)

    def out_of_reach(self) -> None:
        """The engine was found unable to speak before anybody wanted it to."""
        self._suspect = None
        self._engine_failed(lasting=True, probe=False)

    def broke_off(self) -> None:
        """The engine fell silent in mid-speech, for good."""
        self._suspect = None
        self._engine_failed(lasting=False, probe=False)

    def overtaken(self, ticket: Ticket) -> None:
        """Another engine spoke before this one had made a sound.

        That is a failure, unless it spoke for somebody else meanwhile: then it is well, and has much to do.
        """
        if self.engine.spoke_at > ticket.asked:
            self.abandoned(ticket)
            return
        self.last, self._suspect = ticket.voice, None
        self._abandon_voice(ticket)
        self._engine_failed(lasting=False, probe=ticket.probes_engine)

    def abandoned(self, ticket: Ticket) -> None:
        """The request went away before the engine could show anything."""
        self._abandon_voice(ticket)
        if ticket.probes_engine:
            self.engine.abandoned()

    def _abandon_voice(self, ticket: Ticket) -> None:
        own = self._voices.get(ticket.voice.id)
        if ticket.probes_voice and own is not None:
            own.abandoned()

    def _engine_failed(self, *, lasting: bool, probe: bool) -> None:
        self.engine.failed(lasting=lasting, probe=probe)
        if not self.engine.closed:
            self._on_open()

    def _remember(self, name: str) -> Breaker:
        own = self._voices.pop(name, None) or Breaker(self._clock)
        while len(self._voices) >= MAX_VOICES:
            del self._voices[next(iter(self._voices))]
        self._voices[name] = own
        return own
