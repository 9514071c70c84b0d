"""What a failure of ``edge-tts`` or ``aiohttp`` means."""

from __future__ import annotations

import logging
from typing import Any, Final

from litestar_tts.exceptions import (
    EngineError,
    EngineRejectedError,
    EngineThrottledError,
    EngineTimeoutError,
    EngineUnreachableError,
    NoAudioError,
)

__all__ = ("OUTDATED", "SILENT", "translate")

logger = logging.getLogger("litestar_tts.engines.edge")

OUTDATED: Final = "The Edge speech service refuses this client; the server's edge-tts needs an upgrade."
SILENT: Final = "The Edge speech service gave no audio; the voice may have been withdrawn."


def translate(error: Exception) -> EngineError:
    """Our error for one of ``edge-tts`` or ``aiohttp``; never holds an address, a token or text."""
    import aiohttp
    from edge_tts import exceptions

    if isinstance(error, EngineError):
        return error
    if isinstance(error, aiohttp.ClientResponseError):
        return _refused(error.status, error.headers)
    kind = type(error).__name__
    if isinstance(error, exceptions.SkewAdjustmentError):
        return _refused(403, None)
    if isinstance(error, exceptions.NoAudioReceived):
        return NoAudioError(SILENT)
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        logger.warning("Edge speech service: TLS failed (%s)", kind)
        return EngineRejectedError("The Edge speech service has no valid certificate.")
    if isinstance(error, TimeoutError):
        return EngineTimeoutError("The Edge speech service did not answer in time.")
    if isinstance(error, aiohttp.ClientError | OSError):
        logger.debug("Edge speech service: %s", kind)
        return EngineUnreachableError("The Edge speech service cannot be reached.")
    # Not with its traceback: edge-tts puts what it received into some messages.
    logger.warning("Edge speech service: unexpected answer (%s)", kind)
    return EngineError("The Edge speech service gave an unexpected answer.")


def _refused(status: int, headers: Any) -> EngineError:
    if status in (408, 425, 429) or status >= 500:
        wait = headers.get("Retry-After", "") if headers is not None else ""
        return EngineThrottledError(
            f"The Edge speech service is too busy or out of order (status {status}).",
            retry_after=float(wait) if wait.isdecimal() else None,
        )
    return EngineRejectedError(OUTDATED)
