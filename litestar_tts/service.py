"""The one way in which speech is made; every door is a thin layer over it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from typing import Any, Final, Literal

from litestar_tts.__metadata__ import __version__
from litestar_tts.audio import executor
from litestar_tts.audio.pyav import available, load
from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Engine
from litestar_tts.engines.chain import Candidate
from litestar_tts.engines.registry import EngineSlot, build_slots
from litestar_tts.exceptions import EngineError, InvalidRequestError, TextTooLongError, TTSError
from litestar_tts.metrics import Metrics
from litestar_tts.models import (
    DEFAULT_SAMPLE_RATE,
    SAMPLE_RATES,
    AudioFormat,
    Prosody,
    SpeechRequest,
    VisemeSet,
    Voice,
)
from litestar_tts.reports import EngineHealth, HealthReport
from litestar_tts.road.admission import Admission
from litestar_tts.road.casting import Casting, CastingDirector
from litestar_tts.road.manuscript import Manuscript, clean_text
from litestar_tts.road.planning import Plan, count_visemes, make_plan
from litestar_tts.road.recital import Recital
from litestar_tts.road.roster import Roster
from litestar_tts.road.speech import Speech
from litestar_tts.visemes.phonemes import Phonemizer

__all__ = ("SpeechService",)

logger = logging.getLogger("litestar_tts")

HEALTH_PATIENCE: Final = 2.0

COUNTING_PATIENCE: Final = 0.1
"""Seconds that a report waits for an engine's list of voices."""


class SpeechService:
    """Text in, speech out. Holds the engines, which open when they are first needed.

    Args:
        config: Options; those of the web part are not looked at.
    """

    def __init__(self, config: TTSConfig | None = None) -> None:
        self.config = config or TTSConfig()
        self._slots: tuple[EngineSlot, ...] = build_slots(self.config)
        self._director = CastingDirector(self._slots, self.config)
        self._phonemizer = Phonemizer()
        self._voice_counts: dict[str, int] = {}
        self._admission = self._new_admission()
        self._roster = Roster()
        self._closing: asyncio.Task[None] | None = None
        self.metrics = Metrics()
        """What this service measures about itself."""
        self.metrics.breakers.update((slot.name, slot.breaker_state) for slot in self._slots)

    def _new_admission(self) -> Admission:
        config = self.config
        return Admission(
            config.max_streams, config.max_queue, config.queue_timeout, per_client=config.max_streams_per_client
        )

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The engines in order of preference."""
        return tuple(slot.engine for slot in self._slots)

    def engine_of(self, voice: Voice) -> Engine:
        """The engine that a voice of this service belongs to."""
        return next(engine for engine in self.engines if engine.name == voice.engine)

    async def open(self) -> None:
        """Open every engine that can be opened; without it each opens on first use."""
        await asyncio.gather(*(self._try_open(slot) for slot in self._slots))

    async def warm_up(self) -> None:
        """Load what the first request would otherwise wait for, and find out which engines are in reach.

        Meant to run beside the first requests; an engine that cannot speak is passed over until it can.
        """
        await asyncio.gather(self._warm_up_parts(), *(self._warm_up_engine(slot) for slot in self._slots))

    async def _warm_up_parts(self) -> None:
        with suppress(TTSError):
            if available():
                await executor.run(load)
            if self._phonemizer.available():
                await self._phonemizer.phonemize("Ready.", "en-US")

    async def _warm_up_engine(self, slot: EngineSlot) -> None:
        try:
            await (await slot.ready()).warm_up()
        except EngineError as error:
            logger.warning("engine %s cannot speak just now: %s", slot.name, error.detail)
            slot.breakers.out_of_reach()
        except TTSError as error:
            logger.warning("engine %s is not installed: %s", slot.name, error.detail)

    async def _try_open(self, slot: EngineSlot) -> TTSError | None:
        try:
            async with asyncio.timeout(HEALTH_PATIENCE):
                await slot.ready()
        except TTSError as error:
            return error
        except TimeoutError:
            return EngineError(f"The {slot.name} engine does not open in time.")
        return None

    def begin_closing(self) -> None:
        """Let no speech begin any more, and cut what is not over after ``shutdown_grace`` seconds.

        For whoever knows of a shutdown before :meth:`close` is called, which then waits for the same moment. Call it on
        the event loop. New speech is refused with :class:`OverloadedError`, also what waits for its turn.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._roster.drain(self.config.shutdown_grace))

    async def close(self) -> None:
        """Let speech in progress end, at most for ``shutdown_grace`` seconds, then free everything.

        The service opens again when it is needed.
        """
        try:
            await self._roster.drain(self.config.shutdown_grace)
        finally:
            for slot in self._slots:
                await slot.close()
            await self._phonemizer.close()
            self._admission = self._new_admission()
            self._closing = None
            self._roster.reopen()

    async def __aenter__(self) -> SpeechService:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- requests -----------------------------------------------------------------------------------------------------

    def request(
        self,
        *,
        voice: str | None = None,
        format: AudioFormat | str | None = None,  # noqa: A002
        speed: float = 1.0,
        pitch: float = 0.0,
        volume: float = 0.0,
        visemes: VisemeSet | str | None = VisemeSet.DEFAULT,
        timeline: bool = True,
        phonemes: bool = False,
        fallback: bool = True,
        sample_rate: int = DEFAULT_SAMPLE_RATE,
        client: str = "",
    ) -> SpeechRequest:
        """Check options.

        Args:
            voice: Name of a voice, ``engine:name``, or an alias; None: the default voice.
            format: Audio format; None: the configured default, else ``wav``.
            speed: 0.25 to 4.0.
            pitch: Semitones, -12 to 12.
            volume: Decibels, -20 to 20.
            visemes: Viseme set; None: no visemes at all.
            timeline: False: visemes are only counted, so that no audio waits for them.
            phonemes: Each viseme names its phoneme.
            fallback: Whether another engine may speak when the voice's own fails.
            sample_rate: Hz.
            client: Who asks, in any spelling that is the same each time; places are shared fairly among clients.

        Raises:
            InvalidRequestError: An option is out of its range; ``extra["parameter"]`` says which.
        """
        _check_range("speed", speed, 0.25, 4.0)
        _check_range("pitch", pitch, -12.0, 12.0)
        _check_range("volume", volume, -20.0, 20.0)
        if sample_rate not in SAMPLE_RATES:
            raise _invalid("sample_rate", f"must be one of {', '.join(map(str, SAMPLE_RATES))}")
        if voice is not None and not voice.strip():
            raise _invalid("voice", "must name a voice; leave it out for the default voice")
        chosen = format or self.config.default_format or AudioFormat.WAV
        return SpeechRequest(
            voice=voice.strip() if voice else None,
            format=_choice("format", AudioFormat, chosen),
            prosody=Prosody(speed=float(speed), pitch=float(pitch), volume=float(volume)),
            visemes=None if visemes is None else _choice("visemes", VisemeSet, visemes),
            timeline=timeline,
            phonemes=phonemes,
            fallback=fallback,
            sample_rate=sample_rate,
            client=client,
        )

    def check_text(self, text: str) -> str:
        """The text as it will be spoken: trimmed, control characters replaced by spaces.

        Raises:
            InvalidRequestError: Nothing in it can be spoken.
            TextTooLongError: It is longer than ``max_text_length``.
        """
        text = clean_text(text).strip()
        if not text:
            raise _invalid("text", "is empty; send at least one letter or digit")
        limit = self.config.max_text_length
        if len(text) > limit:
            raise TextTooLongError(
                f"text has {len(text)} characters, {limit} are allowed; send it in parts.",
                parameter="text",
                limit=limit,
            )
        if not any(char.isalnum() for char in text):
            raise _invalid("text", "holds nothing that can be spoken; send at least one letter or digit")
        return text

    async def check_voice(self, request: SpeechRequest) -> Voice:
        """The voice that should speak.

        Raises:
            VoiceNotFoundError: Nobody has it; ``extra["matches"]`` holds near ones.
        """
        return (await self._director.choose(request)).voice

    # --- speech -------------------------------------------------------------------------------------------------------

    def speak(self, text: str | AsyncIterable[str], request: SpeechRequest | None = None, **options: Any) -> Speech:
        """Speak a text, or a text that is still being written.

        Args:
            text: What to say. An async iterable may yield parts of any size, e.g. the tokens of a language model: a
                sentence is spoken as soon as it is whole.
            request: Options that were checked before; None: made from ``options``.
            **options: As for :meth:`request`.

        Returns:
            An async iterator of events; nothing starts before it is iterated or started.

        Raises:
            InvalidRequestError: The text or an option cannot be used.
        """
        request = request or self.request(**options)
        source = self.check_text(text) if isinstance(text, str) else text
        manuscript = Manuscript(source, self.config.max_text_length)

        async def cast() -> Casting:
            return await self._director.cast(request)

        async def count(candidate: Candidate) -> int | None:
            if manuscript.whole is None:
                return None
            return await count_visemes(manuscript.whole, candidate, request, self._phonemizer)

        recital = Recital(
            manuscript,
            request,
            cast=cast,
            count=count,
            admission=self._admission,
            roster=self._roster,
            phonemizer=self._phonemizer,
            hedge_after=self.config.hedge_after,
            retries=self.config.retries,
            metrics=self.metrics,
        )
        return Speech(recital)

    async def plan(self, text: str, request: SpeechRequest | None = None, **options: Any) -> Plan:
        """Visemes and words of a text without any synthesis, at the pace that a voice usually has.

        Raises:
            MissingExtraError: Phonemes need eSpeak NG.
            VoiceNotFoundError: Nobody has the voice.
        """
        request = request or self.request(**options)
        candidate = await self._director.choose(request)
        return await make_plan(self.check_text(text), candidate, request, self._phonemizer)

    # --- what there is ------------------------------------------------------------------------------------------------

    async def voices(
        self, *, engine: str | None = None, language: str | None = None, gender: str | None = None
    ) -> list[Voice]:
        """All voices of all engines, in the engines' order.

        Args:
            engine: Only this engine's.
            language: Only those whose tag is, or begins with, this one: ``en`` finds ``en-US``.
            gender: Only these, compared without case.
        """
        slots = [slot for slot in self._slots if engine is None or slot.name == engine.lower()]
        lists = await asyncio.gather(*(self._voices_of(slot) for slot in slots))
        found = [voice for voices in lists for voice in voices]
        if language is not None:
            tag = language.replace("_", "-").lower()
            found = [voice for voice in found if f"{voice.language.lower()}-".startswith(f"{tag}-")]
        if gender is not None:
            found = [voice for voice in found if (voice.gender or "").lower() == gender.lower()]
        return found

    async def _voices_of(self, slot: EngineSlot) -> Sequence[Voice]:
        try:
            voices = await (await slot.ready()).voices()
        except TTSError:
            return ()
        self._voice_counts[slot.name] = len(voices)
        return voices

    async def health(self) -> HealthReport:
        """How the engines are; asks nothing of an engine that costs more than a moment."""
        engines = await asyncio.gather(*(self._health_of(slot) for slot in self._slots))
        well = [engine.status == "ok" for engine in engines]
        return HealthReport(
            status="ok" if all(well) else "degraded" if any(well) else "down",
            version=__version__,
            max_text_length=self.config.max_text_length,
            engines=list(engines),
            queue=self._admission.state,
        )

    async def _health_of(self, slot: EngineSlot) -> EngineHealth:
        error = await self._try_open(slot)
        breaker = slot.breaker_state()
        if error is not None:
            return EngineHealth(name=slot.name, status="unavailable", breaker=breaker, voices=0, detail=error.detail)
        # A service elsewhere that does not answer must not keep a monitor waiting.
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNTING_PATIENCE):
                await self._voices_of(slot)
        status: Literal["ok", "failing"] = "ok" if breaker == "closed" else "failing"
        voices = self._voice_counts.get(slot.name, 0)
        silent = slot.breakers.failing_voices
        return EngineHealth(name=slot.name, status=status, breaker=breaker, voices=voices, failing_voices=silent)


def _invalid(parameter: str, what: str) -> InvalidRequestError:
    return InvalidRequestError(f"{parameter} {what}.", parameter=parameter)


def _check_range(parameter: str, value: float, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _invalid(parameter, "must be a number")
    if not least <= value <= most:
        raise _invalid(parameter, f"must lie between {least:g} and {most:g}")


def _choice(parameter: str, kind: type[AudioFormat | VisemeSet], value: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise _invalid(parameter, f"must be one of {', '.join(kind)}") from None
