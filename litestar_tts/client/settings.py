"""Where the server is, who asks, and how long anything may take; and how httpx says that it failed."""

from __future__ import annotations

import math
import os
import re
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from litestar_tts.__metadata__ import __version__
from litestar_tts.client.errors import (
    ConnectError,
    ProtocolError,
    StreamTruncatedError,
    TTSClientError,
    TTSTimeoutError,
)
from litestar_tts.client.retries import Retries
from litestar_tts.client.wire import base_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litestar_tts.client.steps import Call

__all__ = ("Settings", "Timeouts", "reading_failed", "sending_failed", "settings_of")

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t -~]*")
DEFAULT_URL: Final = "http://localhost:8000"
_KEEPALIVE_CONNECTIONS: Final = 20
_KEEPALIVE_SECONDS: Final = 4.0
"""Less than the 5 s after which uvicorn closes a quiet connection, so that we never send into one that is closing."""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; None: no limit. There is no limit for a whole stream, which may be as long as a book."""

    connect: float | None = 5.0
    first_byte: float | None = 30.0
    """Until a stream begins."""
    between: float | None = 30.0
    """Between two pieces of a stream; the time in which nobody reads does not count."""
    whole: float | None = 300.0
    """Until an answer that comes in one piece begins: the server speaks the whole text first."""
    pool: float | None = 30.0
    """Until one of ``max_connections`` is free."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What both clients have in common."""

    base: str
    headers: dict[str, str]
    timeouts: Timeouts
    retries: Retries
    max_connections: int

    def httpx_options(self) -> dict[str, Any]:
        """For a client of our own."""
        limits = httpx.Limits(
            max_connections=self.max_connections,
            max_keepalive_connections=_KEEPALIVE_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        )
        return {"limits": limits}

    def request_options(self, call: Call) -> dict[str, Any]:
        """For ``build_request``."""
        timeouts = self.timeouts
        # Where nothing has to be spoken the answer is there soon.
        first = timeouts.whole if call.method == "POST" and not call.streamed else timeouts.first_byte
        timeout = httpx.Timeout(connect=timeouts.connect, read=first, write=timeouts.first_byte, pool=timeouts.pool)
        headers = {**self.headers, **call.headers}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return {
            "method": call.method,
            "url": self.base + call.path,
            "params": call.params or None,
            "content": call.body,
            "headers": headers,
            "timeout": timeout,
        }

    def begin_reading(self, response: httpx.Response) -> None:
        """From here on the limit between two pieces counts."""
        # httpx hands this very mapping down to where the bytes are read, and looks at it when the body begins.
        limits = response.request.extensions.get("timeout")
        if isinstance(limits, dict):
            limits["read"] = self.timeouts.between


def settings_of(
    base_url: str | None,
    *,
    api_key: str | None,
    headers: Mapping[str, str] | None,
    timeout: Timeouts | float | None,
    retries: int,
    max_retry_wait: float,
    max_connections: int,
) -> Settings:
    """Look at what a client was given, and at the environment where it was given nothing.

    Raises:
        ValueError: It cannot work.
    """
    key = (os.environ.get("TTS_API_KEY") or "" if api_key is None else api_key).strip()
    # httpx would say it later, and with the whole key in its message.
    if not (key.isascii() and key.isprintable()):
        raise ValueError("the API key holds a character that no HTTP header can carry; was it copied whole?")
    for name, value in (headers or {}).items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"the header {name!r} cannot be sent: names and values are one line of ASCII")
    given = {"User-Agent": f"litestar-tts/{__version__}", **(headers or {})}
    if key:
        given["Authorization"] = f"Bearer {key}"
    if retries < 0 or max_retry_wait < 0 or max_connections < 1:
        raise ValueError("retries and max_retry_wait cannot be negative, and max_connections is at least 1")
    _check_limits(timeout)
    if timeout is None or isinstance(timeout, (int, float)):
        connect = timeout if timeout is None else min(timeout, 5.0)
        timeout = Timeouts(connect=connect, first_byte=timeout, between=timeout, whole=timeout, pool=timeout)
    return Settings(
        base=base_of(base_url if base_url is not None else os.environ.get("TTS_URL") or DEFAULT_URL),
        headers=given,
        timeouts=timeout,
        retries=Retries(retries, max_retry_wait),
        max_connections=max_connections,
    )


def _check_limits(timeout: Any) -> None:
    if not isinstance(timeout, (Timeouts, int, float, NoneType)):
        raise TypeError(f"timeout is seconds, Timeouts(…), or None for no limit; not a {type(timeout).__name__}")
    limits = msgspec.structs.asdict(timeout) if isinstance(timeout, Timeouts) else {"timeout": timeout}
    for name, seconds in limits.items():
        if seconds is not None and not (isinstance(seconds, (int, float)) and 0 < seconds < math.inf):
            raise ValueError(f"{name} is {seconds!r}; give seconds above 0, or None for no limit")


# --- errors -----------------------------------------------------------------------------------------------------------


def sending_failed(error: httpx.HTTPError | httpx.InvalidURL, url: str) -> TTSClientError:
    """No answer came."""
    if isinstance(error, httpx.PoolTimeout):
        return TTSTimeoutError("No connection became free in time; raise max_connections.", sent=False)
    if isinstance(error, httpx.ConnectTimeout):
        return TTSTimeoutError(f"There was no connection to {url} in time.", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return TTSTimeoutError(f"{url} did not answer in time.", sent=True)
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
        return ConnectError(f"There is no connection to {url}: {_said(error)}.", sent=False)
    if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
        return ConnectError(f"The connection to {url} was lost before an answer: {_said(error)}.", sent=True)
    return ProtocolError(f"The request to {url} could not be sent: {_said(error)}.")


def reading_failed(error: httpx.HTTPError | httpx.StreamError, url: str) -> TTSClientError:
    """The answer broke off."""
    if isinstance(error, httpx.TimeoutException):
        return TTSTimeoutError(f"{url} went silent in the middle of its answer.", sent=True)
    if isinstance(error, httpx.DecodingError):
        return ProtocolError(f"The answer of {url} is compressed in a broken way: {_said(error)}.")
    return StreamTruncatedError(f"The answer of {url} broke off: {_said(error)}.")


def _said(error: Exception) -> str:
    """The innermost thing that anybody said; httpx often says nothing itself."""
    for one in _chain(error):
        if str(one):
            return str(one).rstrip(".")
    return type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
