"""What can go wrong, and what the other side is told about it.

TTSError
├── ConfigurationError            (at construction; never in a request)
├── MissingExtraError       501   a part of the package is not installed; names the pip command
├── InvalidRequestError     400   the request cannot be spoken as it is
│   ├── VoiceNotFoundError  404   with near matches
│   ├── TextTooLongError    413   with the limit
│   └── UnauthorizedError   401
├── RateLimitedError        429   with the seconds to wait
├── OverloadedError         503   the queue is full
└── EngineError             502   an engine failed
    ├── EngineTimeoutError  504   … by saying nothing in time
    ├── EngineUnreachableError    … by not being there
    ├── EngineThrottledError      … by having too much to do for anybody (429, 503)
    ├── NoAudioError              … by making no sound, which may be the voice's fault
    ├── EngineBusyError     502   … by having no place for this request (not its fault, does not trip its breaker)
    ├── EngineRejectedError 502   … for good, until somebody acts (blocked, outdated client)
    ├── UnspeakableTextError 400  … because its voice has no sound for this text (likewise not its fault)
    └── NoEngineError       503   every engine that may answer failed

``retryable`` says whether the same request can succeed a moment later; ``EngineError.retries``, how often to try so.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = (
    "ConfigurationError",
    "EngineBusyError",
    "EngineError",
    "EngineRejectedError",
    "EngineThrottledError",
    "EngineTimeoutError",
    "EngineUnreachableError",
    "InvalidRequestError",
    "MissingExtraError",
    "NoAudioError",
    "NoEngineError",
    "OverloadedError",
    "RateLimitedError",
    "TTSError",
    "TextTooLongError",
    "UnauthorizedError",
    "UnspeakableTextError",
    "VoiceNotFoundError",
)


class TTSError(Exception):
    """Base of all errors of this package.

    Args:
        detail: One sentence for the caller: what is wrong and what to do. Never holds the caller's text, a secret or an
            upstream address.
        extra: Members that help a program, e.g. ``parameter`` or ``matches``; they become members of the problem.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    """Last part of the problem's ``type``."""
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, *, retry_after: float | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        """Seconds after which trying again makes sense; None: not known, or never."""
        self.extra = extra


class ConfigurationError(TTSError, ValueError):
    """An option has a value that cannot work; the message says the fix."""

    slug = "configuration"
    title = "Wrong configuration"


class MissingExtraError(TTSError):
    """A part of the package is not installed."""

    status = 501
    slug = "missing-extra"
    title = "Part not installed"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} is not installed; run: pip install "litestar-tts[{extra}]"', missing=extra)


class InvalidRequestError(TTSError):
    """The request cannot be spoken as it is."""

    status = 400
    slug = "invalid-request"
    title = "Invalid request"


class VoiceNotFoundError(InvalidRequestError):
    """No engine has such a voice."""

    status = 404
    slug = "voice-not-found"
    title = "Unknown voice"


class TextTooLongError(InvalidRequestError):
    """The text is longer than the server's limit."""

    status = 413
    slug = "text-too-long"
    title = "Text too long"


class UnauthorizedError(InvalidRequestError):
    """The API key is missing or wrong."""

    status = 401
    slug = "unauthorized"
    title = "API key required"


class RateLimitedError(TTSError):
    """The client has used up its budget."""

    status = 429
    slug = "rate-limited"
    title = "Too many requests"
    retryable = True


class OverloadedError(TTSError):
    """The process speaks as much as it may and its queue is full."""

    status = 503
    slug = "overloaded"
    title = "Server busy"
    retryable = True


class EngineError(TTSError):
    """An engine failed."""

    status = 502
    slug = "engine-failed"
    title = "Speech engine failed"
    retryable = True
    retries: ClassVar[int] = 2
    """How often it makes sense to ask again within one request, each time a moment later."""


class EngineTimeoutError(EngineError):
    """An engine said nothing in time; whoever has waited so long should not wait as long again."""

    status = 504
    slug = "engine-timeout"
    title = "Speech engine timed out"
    retries = 0


class EngineUnreachableError(EngineError):
    """An engine's service cannot be connected to."""

    retries = 1


class EngineThrottledError(EngineError):
    """An engine's service refuses because it has too much to do; less at a time may help."""

    retries = 1


class NoAudioError(EngineError):
    """An engine answered without making a sound. If only one voice does so, that voice may have been withdrawn."""


class EngineBusyError(EngineError):
    """An engine has no place for this request just now."""

    slug = "engine-busy"
    title = "Speech engine busy"
    retries = 0


class EngineRejectedError(EngineError):
    """An engine refuses for good, e.g. an outdated client; waiting a moment does not help."""

    slug = "engine-rejected"
    title = "Speech engine refused"
    retryable = False
    retries = 0


class UnspeakableTextError(EngineError):
    """A voice has no sound for a text, e.g. of another script; another voice may have."""

    status = 400
    slug = "invalid-request"
    title = "Invalid request"
    retryable = False
    retries = 0

    def __init__(self, detail: str) -> None:
        super().__init__(detail, parameter="text")


class NoEngineError(EngineError):
    """Every engine that may answer failed."""

    status = 503
    slug = "no-engine"
    title = "No speech engine available"
    retries = 0
