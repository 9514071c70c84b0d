"""Whether a request that failed is sent again, and when."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import msgspec

from litestar_tts.client.errors import APIError, ConnectError, TTSTimeoutError

if TYPE_CHECKING:
    from litestar_tts.client.errors import TTSClientError
    from litestar_tts.client.steps import Call

__all__ = ("Retries", "pause_before")

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 4.0
_GATEWAY: Final = (502, 503, 504)


class Retries(msgspec.Struct, frozen=True):
    """What is safe to send again.

    Lists and health always; a request for speech only if the server cannot have begun it, or says itself when to come
    back.
    """

    count: int = 2
    """Further attempts; 0: none."""
    longest_wait: float = 10.0
    """Seconds; a server that wants more is not asked again."""

    def pause(self, call: Call, error: TTSClientError, attempt: int) -> float | None:
        """Seconds until the next attempt; None: there is none.

        Args:
            call: The request.
            error: How it failed.
            attempt: How many attempts there were before this one.
        """
        if attempt >= self.count:
            return None
        safe = call.method == "GET"
        if isinstance(error, APIError):
            if error.retry_after is not None and error.status in (429, 503):
                return _later(error.retry_after) if error.retry_after <= self.longest_wait else None
            return pause_before(attempt) if safe and error.status in _GATEWAY else None
        if isinstance(error, ConnectError) and (safe or not error.sent):
            return pause_before(attempt)
        if isinstance(error, TTSTimeoutError) and not error.sent:
            return pause_before(attempt)
        return None


def pause_before(attempt: int) -> float:
    """Seconds before another attempt: longer each time, and not the same for all clients."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.0)  # noqa: S311


def _later(seconds: float) -> float:
    # Never too early, and not all clients in the same moment.
    return seconds + random.uniform(0.0, max(0.1, 0.1 * seconds))  # noqa: S311
