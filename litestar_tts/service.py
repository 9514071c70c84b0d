"""The one way in which speech is made; every door is a thin layer over it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterable, Sequence
from contextlib import aclosing, suppress
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
    PhonedWord,
    Prosody,
    SpeechRequest,
    VisemeSet,
    Voice,
)
from litestar_tts.reports import EngineHealth, HealthReport, Plan
from litestar_tts.road.admission import Admission
from litestar_tts.road.casting import CastingDirector
from litestar_tts.road.manuscript import Manuscript, clean_text
from litestar_tts.road.speech import Casting, Speech
from litestar_tts.text.segment import Piece, pieces
from litestar_tts.visemes.phonemes import Phonemizer
from litestar_tts.visemes.sets import view
from litestar_tts.visemes.timeline import estimate, planned_count, without_inner_pauses

__all__ = ("SpeechService",)

logger = logging.getLogger("litestar_tts")

COUNTED_CHARS: Final = 5_000
"""A longer text is counted on its beginning, so that its first sound does not wait for its last sentence."""

PHONEMIZING_ENGINE: Final = "espeak"
"""The engine that speaks as the phonemes of the plan are read, down to its smallest silences."""

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
        self.metrics = Metrics()
        """What this service measures about itself."""

    def _new_admission(self) -> Admission:
        return Admission(self.config.max_streams, self.config.max_queue, self.config.queue_timeout)

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
            slot.breaker.failed(lasting=True)
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

    async def close(self) -> None:
        """Free everything; the service opens again when it is needed."""
        for slot in self._slots:
            await slot.close()
        await self._phonemizer.close()
        self._admission = self._new_admission()

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
            return await self._count(manuscript, candidate, request)

        return Speech(
            manuscript,
            request,
            cast=cast,
            count=count,
            admission=self._admission,
            phonemizer=self._phonemizer,
            hedge_after=self.config.hedge_after,
            metrics=self.metrics,
        )

    async def plan(self, text: str, request: SpeechRequest | None = None, **options: Any) -> Plan:
        """Visemes and words of a text without any synthesis, at the pace that a voice usually has.

        Raises:
            MissingExtraError: Phonemes need eSpeak NG.
            VoiceNotFoundError: Nobody has the voice.
        """
        request = request or self.request(**options)
        candidate = await self._director.choose(request)
        parts = await self._phonemize(self.check_text(text), candidate)
        spans, words, duration = estimate(
            [words for _, words in parts],
            speed=request.prosody.speed,
            language=candidate.voice.language,
            texts=[piece.text for piece, _ in parts],
            offsets=[piece.offset for piece, _ in parts],
        )
        chosen = request.visemes or VisemeSet.DEFAULT
        visemes = [viseme for span in spans for viseme in view(span, chosen, request.phonemes)]
        return Plan(visemes=visemes, words=words, duration=duration)

    async def _count(self, manuscript: Manuscript, candidate: Candidate, request: SpeechRequest) -> int | None:
        text = manuscript.whole
        if text is None or request.visemes is None or not self._phonemizer.available():
            return None
        counted = text[:COUNTED_CHARS]
        try:
            parts = await self._phonemize(counted, candidate)
        except EngineError as error:
            # A number in a header is not worth a speech.
            logger.warning("visemes could not be counted: %s", error.detail)
            return None
        own = candidate.slot.name == PHONEMIZING_ENGINE
        capabilities = candidate.engine.capabilities
        told = [words for _, words in parts]
        if capabilities.words and not capabilities.phones:
            told = [without_inner_pauses(words, piece.text) for piece, words in parts]
        count = planned_count(told, request.visemes, breaks=own)
        return count if len(counted) == len(text) else round(count * len(text) / len(counted))

    async def _phonemize(self, text: str, candidate: Candidate) -> list[tuple[Piece, Sequence[PhonedWord]]]:
        language = candidate.voice.language
        async with aclosing(pieces(text, candidate.engine.piece_limits(Prosody()))) as parts:
            return [(part, await self._phonemizer.phonemize(part.text, language)) async for part in parts]

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
        breaker = slot.breaker.state
        if error is not None:
            return EngineHealth(name=slot.name, status="unavailable", breaker=breaker, voices=0, detail=error.detail)
        # A service elsewhere that does not answer must not keep a monitor waiting.
        with suppress(TimeoutError):
            async with asyncio.timeout(COUNTING_PATIENCE):
                await self._voices_of(slot)
        status: Literal["ok", "failing"] = "ok" if breaker == "closed" else "failing"
        voices = self._voice_counts.get(slot.name, 0)
        return EngineHealth(name=slot.name, status=status, breaker=breaker, voices=voices)


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
