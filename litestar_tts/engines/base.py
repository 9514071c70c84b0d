"""What an engine is.

An engine turns one :class:`~litestar_tts.models.Utterance` into an async stream of events: audio in the encoding that
its capabilities declare, and what it knows about words and phones. Everything else (cutting text into pieces, joining
their sound, effects, encoding, lips, fallback, timers) is done around it. To add an engine, subclass :class:`Engine`,
and run :class:`litestar_tts.testing.EngineContract` against it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar, Literal

import msgspec

from litestar_tts.models import EngineEvent, Prosody, Utterance, Voice
from litestar_tts.text.segment import PieceLimits

__all__ = ("Capabilities", "Engine", "PieceLimits", "Timeouts", "best_voice", "language_of")


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds after which silence is a failure."""

    first_audio: float = 8.0
    gap: float = 10.0
    """Between two events of an utterance that is being spoken."""
    whole: float | None = None
    """Waiting that one utterance may cost in all, beyond the length of its sound; None: no such limit."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine gives and can do by itself."""

    encoding: Literal["pcm", "mp3"] = "pcm"
    """``pcm`` is s16le mono, ``mp3`` is a constant-bit-rate MPEG audio stream, mono, without tags."""
    sample_rate: int = 24_000
    bit_rate: int = 0
    """Bits per second of ``mp3``; 0 for ``pcm``."""
    skip_samples: int = 0
    """Encoder delay at the start of each utterance's ``mp3``; event times count from behind it."""
    words: bool = False
    """Yields :class:`WordBoundary` events, each before or soon after the audio of its word."""
    phones: bool = False
    """Yields :class:`PhoneSpan` events with exact times: sorted, contiguous, before or with their audio."""
    speed: tuple[float, float] = (1.0, 1.0)
    """Range of speeds that the engine does itself; the audio stage does the rest."""
    pitch: tuple[float, float] = (0.0, 0.0)
    """Range in semitones, likewise."""
    volume: tuple[float, float] = (0.0, 0.0)
    """Range in dB, likewise."""
    instant: bool = False
    """Speaks so fast that exact times are given where an estimate would have done."""
    network: bool = False
    """Depends on a service elsewhere, so that being late means being ill; a local engine that is late is at work."""
    pieces: PieceLimits = PieceLimits()
    timeouts: Timeouts = Timeouts()

    @property
    def bytes_per_second(self) -> float:
        """Of the audio that it gives."""
        return self.bit_rate / 8 if self.encoding == "mp3" else self.sample_rate * 2.0


class Engine(ABC):
    """Base class of engines. Construction must not do I/O, import heavy modules or start threads."""

    name: ClassVar[str]
    """Short name in lower case: prefix of voice names (``name:voice``) and value of ``X-TTS-Engine``."""
    capabilities: Capabilities

    @property
    def busy(self) -> bool:
        """Whether one more utterance would have to wait for a place, so that asking twice makes nothing faster."""
        return False

    async def open(self) -> None:
        """Get ready to speak; called before the first use, once at a time, and again after :meth:`close`.

        Raises:
            MissingExtraError: A package that the engine needs is not installed.
        """

    async def close(self) -> None:
        """Free what :meth:`open` took. Must be harmless when nothing is open."""

    async def warm_up(self) -> None:
        """Load what the first utterance would otherwise wait for; called after :meth:`open`.

        Raises:
            EngineError: The engine cannot speak just now.
        """

    @abstractmethod
    async def voices(self) -> Sequence[Voice]:
        """All voices. Cheap to call again: cache what costs."""

    async def find_voice(self, name: str) -> Voice | None:
        """The voice that the engine calls ``name``, compared without case; None if there is none."""
        wanted = name.casefold()
        return next((voice for voice in await self.voices() if voice.id.casefold() == wanted), None)

    async def best_voice(self, language: str, gender: str | None = None) -> Voice | None:
        """The voice that comes nearest to a language (BCP 47) and gender; None if the language is not spoken."""
        return best_voice(await self.voices(), language, gender)

    def piece_limits(self, prosody: Prosody) -> PieceLimits:  # noqa: ARG002
        """How text is cut for utterances that are spoken like this."""
        return self.capabilities.pieces

    @abstractmethod
    def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        """Speak one utterance.

        Yields:
            :class:`AudioChunk` (only ``data``; non-empty), and :class:`WordBoundary` or :class:`PhoneSpan` where
            declared. Times in seconds from the start of this utterance's audio. ``WordBoundary.offset`` counts
            characters of ``utterance.text``. An utterance without any audio is an error.

        Raises:
            EngineError: The engine failed; see the tree in :mod:`litestar_tts.exceptions` for which class to choose.

        Closing the generator must stop the work and free what it holds, at once.
        """


def language_of(tag: str) -> str:
    """The bare language of a BCP 47 tag: ``en`` for ``en-US`` or ``en_GB``."""
    return tag.replace("_", "-").split("-", 1)[0].lower()


def best_voice(voices: Sequence[Voice], language: str, gender: str | None = None) -> Voice | None:
    """The voice that comes nearest: same tag before same language; then the gender; then the engine's order."""
    wanted, bare = language.replace("_", "-").lower(), language_of(language)
    same = [voice for voice in voices if language_of(voice.language) == bare]

    def distance(voice: Voice) -> tuple[bool, bool, bool]:
        tag = voice.language.replace("_", "-").lower()
        # A bare "en" sits between the right region and a wrong one.
        return (tag != wanted, gender is not None and voice.gender != gender, tag != bare)

    return min(same, key=distance, default=None)
