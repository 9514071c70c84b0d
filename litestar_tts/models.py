"""Value types of the speech road; no framework, no I/O.

All times are seconds on the clock of the audio that the listener hears: zero is the first sample after the format's
``skip_samples`` were trimmed. All structs are frozen and keyword-only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

__all__ = (
    "DEFAULT_SAMPLE_RATE",
    "SAMPLE_RATES",
    "AudioChunk",
    "AudioFormat",
    "EngineEvent",
    "Phone",
    "PhoneSpan",
    "PhonedWord",
    "Prosody",
    "SpeechEnd",
    "SpeechEvent",
    "SpeechInfo",
    "SpeechRequest",
    "SpeechResult",
    "Utterance",
    "Viseme",
    "VisemeSet",
    "Voice",
    "WordBoundary",
)

DEFAULT_SAMPLE_RATE: Final = 24_000
"""Hz of every answer that does not ask for another rate, whatever the engine."""

SAMPLE_RATES: Final = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
"""Rates in Hz that a client may ask for."""


class AudioFormat(StrEnum):
    """What a client may ask for. ``opus`` is Ogg Opus, ``aac`` is ADTS, ``pcm`` is s16le mono without a header."""

    WAV = "wav"
    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    PCM = "pcm"

    @property
    def media_type(self) -> str:
        """The Content-Type of a whole answer in this format."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final = {
    AudioFormat.WAV: "audio/wav",
    AudioFormat.MP3: "audio/mpeg",
    AudioFormat.OPUS: "audio/ogg",
    AudioFormat.AAC: "audio/aac",
    AudioFormat.FLAC: "audio/flac",
    AudioFormat.PCM: "audio/pcm",
}


class VisemeSet(StrEnum):
    """The sets of mouth shapes that a timeline can be viewed in."""

    DEFAULT = "default"
    AZURE = "azure"
    OCULUS = "oculus"
    POLLY = "polly"
    RHUBARB = "rhubarb"
    VRM = "vrm"
    LIVE2D = "live2d"
    ARKIT = "arkit"


class Voice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One voice of one engine."""

    id: str
    """The engine's own name of the voice, e.g. ``en-US-AriaNeural``; usable as ``voice`` in every request."""
    name: str
    """Name for people."""
    engine: str
    language: str
    """BCP 47 tag, e.g. ``en-US``."""
    gender: str | None = None
    """``Female``, ``Male`` or None where the engine does not say."""
    description: str | None = None


class Prosody(msgspec.Struct, frozen=True, kw_only=True):
    """How to say it."""

    speed: float = 1.0
    """0.25 to 4.0; 2.0 halves the duration."""
    pitch: float = 0.0
    """Semitones, -12 to 12; the duration stays."""
    volume: float = 0.0
    """Decibels, -20 to 20."""


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine gets to say in one go: one piece of a text, in one voice."""

    text: str
    voice: Voice
    prosody: Prosody = Prosody()
    """Only what lies in the engine's own ranges; the audio stage does the rest."""
    continues: bool = False
    """Earlier pieces of the text have been heard: waiting for a place is better than failing."""
    client: str = ""
    """Whose speech it is: places in an engine are shared fairly among clients. Never sent anywhere, never logged."""


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks of the service, without the text."""

    voice: str | None = None
    format: AudioFormat = AudioFormat.WAV
    prosody: Prosody = Prosody()
    visemes: VisemeSet | None = VisemeSet.DEFAULT
    """None: audio and words only; no phonemes are looked up at all."""
    timeline: bool = True
    """False: visemes are counted but not made, so no audio ever waits for its lips."""
    phonemes: bool = False
    fallback: bool = True
    sample_rate: int = DEFAULT_SAMPLE_RATE
    client: str = ""
    """Who asks, in any spelling that is the same each time: places are shared fairly among clients."""


# --- events -----------------------------------------------------------------------------------------------------------


class AudioChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of audio. From an engine only ``data`` counts; on the road ``time`` and ``duration`` are filled in."""

    data: bytes
    time: float = 0.0
    duration: float = 0.0


class WordBoundary(msgspec.Struct, frozen=True, kw_only=True):
    """A spoken word, as the engine reports it."""

    text: str
    time: float
    duration: float
    offset: int | None = None
    """Position of the word in the text, in characters, where the engine knows it."""


class PhoneSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One phone of the sound: IPA with length marks and diacritics, without stress; empty = silence."""

    phone: str
    time: float
    duration: float


EngineEvent = AudioChunk | WordBoundary | PhoneSpan
"""What an engine yields. Times count from the start of the utterance's audio."""


class Viseme(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One mouth shape of the timeline."""

    time: float
    value: int | str | dict[str, float]
    """Index (default, azure), official name (oculus, polly, rhubarb) or weights (vrm, live2d, arkit)."""
    duration: float
    phoneme: str | None = None
    """IPA, when asked for; None otherwise."""
    index: int = 0
    """Position in the chosen set, for frames."""


class SpeechEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The last event of a complete utterance."""

    duration: float
    visemes: int
    bytes: int


SpeechEvent = AudioChunk | WordBoundary | Viseme | SpeechEnd
"""What :class:`~litestar_tts.service.Speech` yields."""


class SpeechInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Known as soon as the first audio exists."""

    engine: str
    voice: str
    format: AudioFormat
    sample_rate: int
    """Hz of what the format decodes to (Opus: always 48000)."""
    skip_samples: int
    """Encoder delay that a player trims; see the API's documentation of the clock."""
    text_length: int
    viseme_count: int | None
    """Planned from the text alone; None where no phonemes can be had or the text is still being written."""
    fallback_from: str | None = None
    """Name of the engine that should have spoken."""


class SpeechResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole utterance."""

    audio: bytes
    visemes: list[Viseme]
    words: list[WordBoundary]
    duration: float
    info: SpeechInfo


# --- phonemes ---------------------------------------------------------------------------------------------------------


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """A phone as G2P gives it."""

    ipa: str
    """Without stress marks and tone digits; a diphthong or affricate is one phone (``aʊ``, ``tʃ``)."""
    stress: int = 0
    """0 none, 1 primary, 2 secondary; on vowels."""


class PhonedWord(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of text and what it sounds like."""

    start: int
    """First character in the text."""
    end: int
    """One past the last character."""
    phones: tuple[Phone, ...]
    pause: float = 0.0
    """Seconds of silence that a reader makes behind it (0: none)."""
    breaks: int = 0
    """Silences, however short, that eSpeak NG's own voice makes inside it (spelled letters) and behind it."""
