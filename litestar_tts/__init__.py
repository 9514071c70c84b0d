"""Text-to-speech for Litestar applications: streamed audio, visemes, several engines.

Names are loaded when they are first used, so that ``import litestar_tts`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from litestar_tts.__metadata__ import __version__

if TYPE_CHECKING:
    from litestar_tts.config import RateLimit, TTSConfig
    from litestar_tts.engines.base import Capabilities, Engine, Timeouts
    from litestar_tts.exceptions import (
        ConfigurationError,
        EngineBusyError,
        EngineError,
        EngineRejectedError,
        EngineTimeoutError,
        InvalidRequestError,
        MissingExtraError,
        NoEngineError,
        OverloadedError,
        RateLimitedError,
        TextTooLongError,
        TTSError,
        UnauthorizedError,
        UnspeakableTextError,
        VoiceNotFoundError,
    )
    from litestar_tts.models import (
        AudioChunk,
        AudioFormat,
        EngineEvent,
        PhoneSpan,
        Prosody,
        SpeechEnd,
        SpeechEvent,
        SpeechInfo,
        SpeechRequest,
        SpeechResult,
        Utterance,
        Viseme,
        VisemeSet,
        Voice,
        WordBoundary,
    )
    from litestar_tts.plugin import TTSPlugin, get_plugin
    from litestar_tts.road.speech import Speech
    from litestar_tts.service import SpeechService
    from litestar_tts.text.segment import PieceLimits
    from litestar_tts.web.response import AudioStream
    from litestar_tts.web.service import TTSService
    from litestar_tts.web.sockets import listening

__all__ = (
    "AudioChunk",
    "AudioFormat",
    "AudioStream",
    "Capabilities",
    "ConfigurationError",
    "Engine",
    "EngineBusyError",
    "EngineError",
    "EngineEvent",
    "EngineRejectedError",
    "EngineTimeoutError",
    "InvalidRequestError",
    "MissingExtraError",
    "NoEngineError",
    "OverloadedError",
    "PhoneSpan",
    "PieceLimits",
    "Prosody",
    "RateLimit",
    "RateLimitedError",
    "Speech",
    "SpeechEnd",
    "SpeechEvent",
    "SpeechInfo",
    "SpeechRequest",
    "SpeechResult",
    "SpeechService",
    "TTSConfig",
    "TTSError",
    "TTSPlugin",
    "TTSService",
    "TextTooLongError",
    "Timeouts",
    "UnauthorizedError",
    "UnspeakableTextError",
    "Utterance",
    "Viseme",
    "VisemeSet",
    "Voice",
    "VoiceNotFoundError",
    "WordBoundary",
    "__version__",
    "get_plugin",
    "listening",
)

_PLACES: Final = {
    "litestar_tts.config": ("RateLimit", "TTSConfig"),
    "litestar_tts.engines.base": ("Capabilities", "Engine", "Timeouts"),
    "litestar_tts.text.segment": ("PieceLimits",),
    "litestar_tts.exceptions": (
        "ConfigurationError",
        "EngineBusyError",
        "EngineError",
        "EngineRejectedError",
        "EngineTimeoutError",
        "InvalidRequestError",
        "MissingExtraError",
        "NoEngineError",
        "OverloadedError",
        "RateLimitedError",
        "TTSError",
        "TextTooLongError",
        "UnauthorizedError",
        "UnspeakableTextError",
        "VoiceNotFoundError",
    ),
    "litestar_tts.models": (
        "AudioChunk",
        "AudioFormat",
        "EngineEvent",
        "PhoneSpan",
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
    ),
    "litestar_tts.plugin": ("TTSPlugin", "get_plugin"),
    "litestar_tts.road.speech": ("Speech",),
    "litestar_tts.service": ("SpeechService",),
    "litestar_tts.web.response": ("AudioStream",),
    "litestar_tts.web.service": ("TTSService",),
    "litestar_tts.web.sockets": ("listening",),
}
_PLACE_OF: Final = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _PLACE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
