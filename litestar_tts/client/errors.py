"""What can go wrong for a client, as classes, and how an answer becomes one of them.

TTSClientError
├── ConnectError            no connection, or lost before there was an answer
├── TTSTimeoutError         nothing came in time
├── StreamTruncatedError    the answer broke off
├── StreamClosedError       the stream was closed by this program while it was read
├── ProtocolError           the answer is not what this API answers
├── NotJoinableError        a long text in a format whose pieces cannot be joined
└── APIError                the server refused or failed; has the problem details
    ├── BadRequestError         400
    ├── AuthenticationError     401, 403
    ├── VoiceNotFoundError      404, with near matches
    ├── TextTooLongError        413, with the limit
    ├── RateLimitError          429, with the seconds to wait
    ├── NotInstalledError       501, a part of the server is missing
    ├── EngineFailedError       502, 503, 504: the speech engines failed
    └── OverloadedError         503, the server is busy

They are the client's own: the server's side has :mod:`litestar_tts.exceptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec

__all__ = (
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ConnectError",
    "EngineFailedError",
    "NotInstalledError",
    "NotJoinableError",
    "OverloadedError",
    "ProtocolError",
    "RateLimitError",
    "StreamClosedError",
    "StreamTruncatedError",
    "TTSClientError",
    "TTSTimeoutError",
    "TextTooLongError",
    "VoiceNotFoundError",
    "error_from_answer",
    "error_from_problem",
)


class TTSClientError(Exception):
    """Base of all errors of the client."""


class ConnectError(TTSClientError, ConnectionError):
    """There is no connection to the server, or it was lost before there was an answer."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent
        """Whether the request may have reached the server."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_unanswered, (type(self), str(self), self.sent)


class TTSTimeoutError(TTSClientError, TimeoutError):
    """Nothing came in time."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent
        """Whether the request may have reached the server."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_unanswered, (type(self), str(self), self.sent)


class StreamTruncatedError(TTSClientError):
    """The answer broke off: what was read is not all of it."""


class StreamClosedError(TTSClientError):
    """This program closed the stream before its end and then read on."""


class ProtocolError(TTSClientError):
    """The answer is not what this API answers: another server, a proxy's page, or a newer version."""


class NotJoinableError(TTSClientError, ValueError):
    """The text is longer than one request may be, and pieces of this format cannot be joined."""


class APIError(TTSClientError):
    """The server refused or failed."""

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        title: str = "",
        problem: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        """One sentence: what is wrong and what to do."""
        self.status = status
        self.title = title
        self.problem: Mapping[str, Any] = dict(problem or {})
        """The problem details as they came; empty where a proxy or another server answered."""
        self.request_id = request_id
        """The name of this request in the server's log."""
        self.retry_after = retry_after
        """Seconds after which trying again makes sense; None: the server did not say."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt from their positional arguments, and ours has named ones: workers pickle errors.
        return _rebuild, (type(self), self.detail, {**self.__dict__, "problem": dict(self.problem)})

    @property
    def slug(self) -> str:
        """The kind of problem: the last part of its ``type``."""
        kind = self.problem.get("type")
        return kind.rpartition(":")[2] if isinstance(kind, str) else ""

    def _names(self, member: str) -> list[str]:
        value = self.problem.get(member)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def _text(self, member: str) -> str | None:
        value = self.problem.get(member)
        return value if isinstance(value, str) else None


class BadRequestError(APIError):
    """The request cannot be spoken as it is."""

    @property
    def parameter(self) -> str | None:
        """The field that is wrong."""
        return self._text("parameter")


class AuthenticationError(APIError):
    """The API key is missing or wrong."""


class VoiceNotFoundError(APIError):
    """No engine has such a voice."""

    @property
    def matches(self) -> list[str]:
        """Voices with similar names."""
        return self._names("matches")


class TextTooLongError(APIError):
    """The text is longer than the server takes in one request; ``download`` splits it."""

    @property
    def limit(self) -> int | None:
        """Characters that one request may have."""
        value = self.problem.get("limit")
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class RateLimitError(APIError):
    """The budget of requests is used up; ``retry_after`` says until when."""


class NotInstalledError(APIError):
    """The server lacks an optional part; the message names it."""


class EngineFailedError(APIError):
    """The speech engines failed."""


class OverloadedError(APIError):
    """The server speaks as much as it may."""


_BY_SLUG: Final[Mapping[str, type[APIError]]] = {
    "invalid-request": BadRequestError,
    "unauthorized": AuthenticationError,
    "forbidden": AuthenticationError,
    "voice-not-found": VoiceNotFoundError,
    "text-too-long": TextTooLongError,
    "body-too-large": TextTooLongError,
    "rate-limited": RateLimitError,
    "missing-extra": NotInstalledError,
    "overloaded": OverloadedError,
    "engine-failed": EngineFailedError,
    "engine-timeout": EngineFailedError,
    "engine-busy": EngineFailedError,
    "engine-rejected": EngineFailedError,
    "no-engine": EngineFailedError,
}

_BY_STATUS: Final[Mapping[int, type[APIError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: AuthenticationError,
    413: TextTooLongError,
    429: RateLimitError,
    503: OverloadedError,
}
"""For answers that name no kind that we know."""


_NOWHERE: Final = ":not-found"


def error_from_problem(
    problem: Mapping[str, Any],
    *,
    status: int | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> APIError:
    """The error that problem details describe."""
    number: int = status if status is not None else _number(problem.get("status"), int, 500)
    kind = problem.get("type")
    slug = kind.rpartition(":")[2] if isinstance(kind, str) else ""
    title = problem.get("title")
    title = title if isinstance(title, str) else _phrase(number)
    detail = problem.get("detail")
    if not isinstance(detail, str) or not detail:
        detail = f"The server answered {number} {title}."
    if retry_after is None:
        retry_after = _number(problem.get("retry_after"), float, None)
    chosen = _BY_SLUG.get(slug) or _BY_STATUS.get(number, APIError)
    return chosen(detail, status=number, title=title, problem=problem, request_id=request_id, retry_after=retry_after)


def error_from_answer(status: int, headers: Mapping[str, str], body: bytes, *, url: str) -> APIError:
    """The error that an answer is, also one that does not come from the API itself.

    Args:
        status: Not 200.
        headers: With a mapping that ignores case.
        body: Its beginning is enough.
        url: What was asked, for people.
    """
    request_id = headers.get("x-request-id")
    retry_after = seconds_until(headers.get("retry-after"))
    problem = _json_object(body) if "json" in headers.get("content-type", "") else None
    kind = problem.get("type") if problem is not None else None
    # That there is nothing at a path is told below, with the path.
    if problem is not None and isinstance(kind, str) and not kind.endswith(_NOWHERE):
        return error_from_problem(problem, status=status, request_id=request_id, retry_after=retry_after)
    title = _phrase(status)
    if status in range(300, 400):
        where = headers.get("location", "another address").partition("?")[0]
        detail = f"{url} redirects to {where}; use the address it leads to as the base URL."
    elif status == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {url}. Is the base URL right? The plugin's routes lie under its path, e.g. /tts."
    else:
        said = headers.get("content-type", "").partition(";")[0] or "nothing"
        detail = f"{url} answered {status} {title} with {said} instead of problem details; a proxy may have answered."
    chosen = _BY_STATUS.get(status, APIError)
    return chosen(detail, status=status, title=title, problem=problem, request_id=request_id, retry_after=retry_after)


def seconds_until(value: str | None) -> float | None:
    """What ``Retry-After`` says: seconds, or a date; None if it says nothing that can be used."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
            if when.tzinfo is None:
                when = when.replace(tzinfo=UTC)
            seconds = (when - datetime.now(UTC)).total_seconds()
        except (ValueError, OverflowError):
            return None
    # Neither infinity nor "not a number" is a time to wait.
    return max(0.0, seconds) if seconds - seconds == 0 else None


def _rebuild(kind: type[APIError], detail: str, state: dict[str, Any]) -> APIError:
    error = kind(detail, status=state["status"])
    error.__dict__.update(state)
    return error


def _rebuild_unanswered(kind: type[Any], message: str, sent: bool) -> Any:  # noqa: FBT001
    return kind(message, sent=sent)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"


def _number(value: Any, kind: type[Any], otherwise: Any) -> Any:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0
    return kind(value) if usable else otherwise
