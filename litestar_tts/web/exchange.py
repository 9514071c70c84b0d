"""One request and its answer: the id they go by, and what has to be closed behind them."""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, cast

import anyio
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ("CLOSING_LIMIT", "Exchange", "ExchangeMiddleware", "close_shielded", "exchange_of")

logger = logging.getLogger("litestar_tts")

SCOPE_KEY: Final = "litestar_tts.exchange"
CLOSING_LIMIT: Final = 5.0
"""Seconds that closing may take before it is given up."""

_SINGLE: Final = frozenset({b"cache-control", b"etag", b"x-content-type-options", b"x-request-id"})
_SANE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")


class Exchange:
    """What belongs to one request."""

    __slots__ = ("_closers", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def closes(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have ``close`` called when the request is over, however it ends; it must be harmless to call twice."""
        self._closers.append(close)

    async def aclose(self) -> None:
        """Close everything that was named, last one first."""
        while self._closers:
            await close_shielded(self._closers.pop())


async def close_shielded(close: Callable[[], Awaitable[None]]) -> None:
    """Close something even where the surrounding work was cancelled; what is still open after the limit is logged."""
    with anyio.move_on_after(CLOSING_LIMIT, shield=True) as scope:
        try:
            await close()
        except Exception as error:  # noqa: BLE001  # the answer is over; a failure to clean up must not replace its outcome
            logger.warning("closing a speech failed: %s", type(error).__name__)
    if scope.cancelled_caught:
        logger.warning("a speech did not close within %.0f s", CLOSING_LIMIT)


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that a connection belongs to."""
    found: Exchange | None = cast("dict[str, Any]", scope).get(SCOPE_KEY)
    if found is None:
        # A host's own route: nobody has given it one, so nobody but the response itself closes what it opens.
        found = Exchange(_request_id(scope))
        cast("dict[str, Any]", scope)[SCOPE_KEY] = found
    return found


class ExchangeMiddleware(ASGIMiddleware):
    """Outermost layer of our routes: names each request, and closes its speech even if no response was ever sent.

    Args:
        refused: Told the status of each answer that is an error.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, *, refused: Callable[[int], None]) -> None:
        self.refused = refused

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Mark the answer with the request's id, and keep the query out of the access log."""
        exchange = exchange_of(scope)
        extra = ((b"x-request-id", exchange.request_id.encode()), (b"x-content-type-options", b"nosniff"))

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = _without_rivals(message["headers"])
                present = {name for name, _ in headers}
                message["headers"] = [*headers, *(field for field in extra if field[0] not in present)]
                if message["status"] >= HTTPStatus.BAD_REQUEST:
                    self.refused(message["status"])
                # Servers write their access log now, from the scope, and the query of a GET is what a user says.
                scope["query_string"] = b""
            await send(message)

        try:
            await next_app(scope, receive, send_marked)
        finally:
            await exchange.aclose()


def _without_rivals(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers without those of a host's layers that contradict ours: spelt otherwise, they stay beside them."""
    kept: dict[bytes, bytes] = {}
    others: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        key = name.lower()
        if key not in _SINGLE:
            others.append((key, value))
        # What is ours comes last, unless it is from a layer too; and nothing may lift a ban on storing speech.
        elif b"no-store" not in kept.get(key, b"") or b"no-store" in value:
            kept[key] = value
    return [*kept.items(), *others]


def _request_id(scope: Scope) -> str:
    given = Headers.from_scope(scope).get("x-request-id", "")
    # It goes into headers and logs, so only what cannot do harm there is taken over.
    return given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
