"""Errors as problem details (RFC 9457), on our routes only."""

import logging
import math
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap, Scope

from litestar_tts.exceptions import RateLimitedError, TTSError, UnauthorizedError
from litestar_tts.web.exchange import exchange_of

__all__ = (
    "MEDIA_TYPE",
    "TYPE_PREFIX",
    "exception_handlers",
    "instance_of",
    "log_unexpected",
    "problem_of",
    "problem_type",
    "trace_without_values",
)

logger = logging.getLogger("litestar_tts")

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:litestar-tts:problem:"
"""What every ``type`` begins with; the rest is the ``slug`` of the error's class."""

RETRY_SECONDS: Final = 5
"""What ``Retry-After`` says where nobody knows better."""

_RESERVED: Final = frozenset({"type", "title", "status", "detail", "instance", "retry_after"})

_HTTP_SLUGS: Final[Mapping[int, str]] = {
    400: "invalid-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
    415: "unsupported-media-type",
    429: "rate-limited",
}

_HTTP_DETAILS: Final[Mapping[int, str]] = {
    404: "There is nothing at this path.",
    405: "This path does not take that method.",
    408: "The body did not arrive in time; send it at once, with its true Content-Length.",
    413: "The body is larger than this server accepts; send less text.",
}


def problem_type(slug: str) -> str:
    """The URI of a kind of problem."""
    return TYPE_PREFIX + slug


def problem_of(error: TTSError, instance: str) -> dict[str, Any]:
    """The problem details of an error.

    Args:
        error: The error.
        instance: Path of the request, without its query.
    """
    problem: dict[str, Any] = {
        "type": problem_type(error.slug),
        "title": error.title,
        "status": error.status,
        "detail": error.detail if error.status != HTTPStatus.INTERNAL_SERVER_ERROR else _UNEXPECTED,
        "instance": instance,
    }
    seconds = _retry_after(error)
    if seconds is not None:
        problem["retry_after"] = seconds
    problem.update((name, value) for name, value in error.extra.items() if name not in _RESERVED)
    return problem


def exception_handlers() -> ExceptionHandlersMap:
    """Handlers for a router whose every error is a problem."""
    handlers: dict[Any, Any] = {TTSError: _on_tts_error, HTTPException: _on_http_error, Exception: _on_unexpected}
    # A host's handler for a bare status would go before a class, and our clients would get the host's error page.
    handlers.update((status, _on_http_error) for status in (*_HTTP_SLUGS, 500, 503))
    return handlers


def trace_without_values(error: BaseException) -> str:
    """Where an error came from; its message is left out, since it may quote the user's text."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}".rstrip()


_UNEXPECTED: Final = "The server made a mistake; its log says more under this request's id."


def log_unexpected(error: BaseException, scope: Scope | None = None) -> None:
    """Log a mistake of ours, or of what we are built on."""
    where = f"request {exchange_of(scope).request_id}" if scope is not None else "a speech"
    logger.error("%s failed: %s", where, trace_without_values(error))


def _on_tts_error(request: Request[Any, Any, Any], error: TTSError) -> Response[bytes]:
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log_unexpected(error, request.scope)
    headers = {}
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return _response(request.scope, problem_of(error, instance_of(request.scope)), headers)


def _on_http_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if not isinstance(error, HTTPException):
        return _on_unexpected(request, error)
    status = error.status_code
    title = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    detail = _HTTP_DETAILS.get(status) or (error.detail if status < HTTPStatus.INTERNAL_SERVER_ERROR else "") or title
    problem: dict[str, Any] = {
        "type": problem_type(_HTTP_SLUGS.get(status, "http-error")),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance_of(request.scope),
    }
    parameter = _parameter_of(error)
    if parameter:
        problem["parameter"] = parameter
    return _response(request.scope, problem, dict(error.headers or {}))


def _on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log_unexpected(error, request.scope)
    return _response(request.scope, problem_of(TTSError(_UNEXPECTED), instance_of(request.scope)), {})


def instance_of(scope: Scope) -> str:
    """Path of the request as the client wrote it, without the query: that may hold the user's text."""
    root, path = scope.get("root_path", ""), scope["path"]
    return path if path.startswith(root) else root + path


def _parameter_of(error: HTTPException) -> str | None:
    extra = error.extra if isinstance(error, ValidationException) else None
    first = extra[0] if isinstance(extra, list) and extra else None
    key = first.get("key") if isinstance(first, Mapping) else None
    return key if isinstance(key, str) else None


def _retry_after(error: TTSError) -> int | None:
    if error.retry_after is not None:
        return max(1, math.ceil(error.retry_after))
    needed = error.status == HTTPStatus.SERVICE_UNAVAILABLE or isinstance(error, RateLimitedError)
    return RETRY_SECONDS if needed else None


def _response(scope: Scope, problem: dict[str, Any], headers: dict[str, str]) -> Response[bytes]:
    if "retry_after" in problem:
        headers["Retry-After"] = str(problem["retry_after"])
    headers["cache-control"] = "no-store"
    headers["X-Request-ID"] = exchange_of(scope).request_id
    return Response(
        msgspec.json.encode(problem, enc_hook=str),
        status_code=problem["status"],
        media_type=MEDIA_TYPE,
        headers=headers,
    )
