"""What requests can ask and what answers hold. Times are seconds on the audio's own clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

import msgspec

from litestar_tts.models import AudioFormat, VisemeSet, Voice, WordBoundary

if TYPE_CHECKING:
    import os

__all__ = (
    "AudioChunk",
    "AudioOptions",
    "Caption",
    "CaptionOptions",
    "Download",
    "DownloadProgress",
    "EngineHealth",
    "Event",
    "EventOptions",
    "GenerateOptions",
    "GeneratedSpeech",
    "Health",
    "QueueState",
    "StreamEnd",
    "StreamInfo",
    "Timeline",
    "TimelineOptions",
    "Viseme",
    "VisemeSet",
    "Voice",
    "WordBoundary",
)

FormatName = AudioFormat | Literal["wav", "mp3", "opus", "aac", "flac", "pcm"]
SetName = VisemeSet | Literal["default", "azure", "oculus", "polly", "rhubarb", "vrm", "live2d", "arkit"]


# --- requests ---------------------------------------------------------------------------------------------------------


class VoiceOptions(TypedDict, total=False):
    """Who says it and how. What is left out, or None, is the server's choice."""

    voice: str | None
    speed: float | None
    """0.25 to 4.0; 2.0 halves the duration."""
    pitch: float | None
    """Semitones, -12 to 12; the duration stays."""
    volume: float | None
    """Decibels, -20 to 20."""
    fallback: bool | None
    """Whether another engine may speak."""


class AudioOptions(VoiceOptions, total=False):
    """For audio alone."""

    format: FormatName | None
    sample_rate: int | None


class EventOptions(AudioOptions, total=False):
    """For audio with visemes."""

    visemes: SetName | None


class GenerateOptions(EventOptions, total=False):
    """For whole speeches."""

    phonemes: bool | None
    """Each viseme also says its phoneme."""


class TimelineOptions(VoiceOptions, total=False):
    """For a timeline without audio."""

    visemes: SetName | None
    phonemes: bool | None
    timing: Literal["auto", "estimated", "exact"] | None


class CaptionOptions(VoiceOptions, total=False):
    """For subtitles."""


# --- streams ----------------------------------------------------------------------------------------------------------


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Known when a stream has begun. What the answer does not say is None."""

    format: AudioFormat
    engine: str | None = None
    voice: str | None = None
    """The engine's own name of the voice."""
    sample_rate: int | None = None
    """Hz of what the format decodes to."""
    channels: int = 1
    skip_samples: int = 0
    """Encoder delay: samples to drop at the start of what the format decodes to."""
    text_length: int | None = None
    viseme_count: int | None = None
    """Planned from the text."""
    fallback_from: str | None = None
    """The engine that should have spoken."""
    request_id: str | None = None
    viseme_set: VisemeSet | None = None
    """Streams with visemes only, as are the next two."""
    viseme_names: tuple[str, ...] | None = None
    viseme_shapes: tuple[dict[str, float], ...] | None = None


class AudioChunk(msgspec.Struct, frozen=True):
    """A piece of the audio, in the asked format."""

    data: bytes
    time: float
    """Where it begins: exact for ``pcm`` and ``wav``; otherwise to the nearest piece whose time the server told."""


class Viseme(msgspec.Struct, frozen=True, kw_only=True):
    """A mouth shape."""

    time: float
    value: int | str | dict[str, float]
    """Number (default, azure), name (oculus, polly, rhubarb) or weights (vrm, live2d, arkit)."""
    duration: float | None = None
    """None in a stream: it lasts until the next one."""
    phoneme: str | None = None
    """IPA, where it was asked for."""
    index: int | None = None
    """Position in the set, in a stream."""


Event = AudioChunk | Viseme | WordBoundary
"""What a stream with visemes yields."""


class StreamEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says at the end of a stream with visemes."""

    duration: float
    visemes: int
    bytes: int


# --- whole answers ----------------------------------------------------------------------------------------------------


class GeneratedSpeech(msgspec.Struct, frozen=True, kw_only=True):
    """A whole speech."""

    audio: bytes
    visemes: list[Viseme]
    words: list[WordBoundary]
    duration: float
    format: AudioFormat
    sample_rate: int
    voice: str
    engine: str
    timestamp: str
    """When it was made: ISO 8601, UTC."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the audio into a file."""
        file = Path(path)
        file.write_bytes(self.audio)
        return file


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """When the mouth does what."""

    visemes: list[Viseme]
    words: list[WordBoundary]
    duration: float
    timing: str
    """``estimated`` from the text, or ``exact`` by a synthesis."""


class Caption(msgspec.Struct, frozen=True, kw_only=True):
    """One subtitle."""

    index: int
    start: float
    end: float
    text: str
    words: list[WordBoundary]


class EngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """State of one engine."""

    name: str
    status: str
    """``ok``, ``failing`` or ``unavailable``."""
    breaker: str
    voices: int
    failing_voices: list[str] = []
    """Voices that alone made no sound and are given a pause."""
    detail: str | None = None


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the server's process is."""

    active: int
    waiting: int
    max_streams: int
    max_queue: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """State of the server."""

    status: str
    """``ok``, ``degraded`` or ``down``."""
    version: str
    engines: list[EngineHealth]
    queue: QueueState | None = None
    max_text_length: int | None = None
    """Characters that one request may have spoken."""

    @property
    def can_speak(self) -> bool:
        """Whether some engine can speak."""
        return self.status != "down"


# --- downloads --------------------------------------------------------------------------------------------------------


class DownloadProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a download is."""

    characters: int
    """Of the text, in finished sections."""
    total: int
    """Characters of the text."""
    sections: int
    """Finished so far, in earlier runs too."""
    size: int
    """Bytes so far, with those of the unfinished section."""


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A finished download."""

    path: Path
    size: int
    format: AudioFormat
    engine: str | None
    voice: str | None
    sections: int
    resumed: int
    """Sections that an earlier run had finished."""
