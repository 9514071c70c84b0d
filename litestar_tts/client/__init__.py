"""Clients for the API of a litestar-tts server: :class:`AsyncTTSClient`, and :class:`TTSClient` for threads."""

try:
    import httpx as _httpx
except ImportError:
    raise ImportError('the client needs httpx; run: pip install "litestar-tts[client]"', name="httpx") from None

from litestar_tts.client.aio import AsyncStream, AsyncTTSClient
from litestar_tts.client.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    EngineFailedError,
    NotInstalledError,
    NotJoinableError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamClosedError,
    StreamTruncatedError,
    TextTooLongError,
    TTSClientError,
    TTSTimeoutError,
    VoiceNotFoundError,
)
from litestar_tts.client.settings import Timeouts
from litestar_tts.client.sync import Stream, TTSClient
from litestar_tts.client.types import (
    AudioChunk,
    Caption,
    Download,
    DownloadProgress,
    EngineHealth,
    Event,
    GeneratedSpeech,
    Health,
    StreamEnd,
    StreamInfo,
    Timeline,
    Viseme,
)
from litestar_tts.models import AudioFormat, VisemeSet, Voice, WordBoundary

__all__ = (
    "APIError",
    "AsyncStream",
    "AsyncTTSClient",
    "AudioChunk",
    "AudioFormat",
    "AuthenticationError",
    "BadRequestError",
    "Caption",
    "ConnectError",
    "Download",
    "DownloadProgress",
    "EngineFailedError",
    "EngineHealth",
    "Event",
    "GeneratedSpeech",
    "Health",
    "NotInstalledError",
    "NotJoinableError",
    "OverloadedError",
    "ProtocolError",
    "RateLimitError",
    "Stream",
    "StreamClosedError",
    "StreamEnd",
    "StreamInfo",
    "StreamTruncatedError",
    "TTSClient",
    "TTSClientError",
    "TTSTimeoutError",
    "TextTooLongError",
    "Timeline",
    "Timeouts",
    "Viseme",
    "VisemeSet",
    "Voice",
    "VoiceNotFoundError",
    "WordBoundary",
)

del _httpx
