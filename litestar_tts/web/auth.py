"""API keys."""

from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.exceptions import WebSocketException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Guard, Message, Receive, Scope, Send

from litestar_tts.exceptions import UnauthorizedError
from litestar_tts.web.keys import ApiKeys, sent_keys

__all__ = ("OPEN_ROUTE", "BasicChallenge", "key_guard", "known_key")

OPEN_ROUTE: Final = "litestar_tts_open"
"""``opt`` of our routes that need no key."""

CHALLENGE: Final = b'Basic realm="litestar-tts", charset="UTF-8"'
NO_KEY: Final = 4401
"""Code with which a socket without a key is closed."""

_MISSING: Final = "This server asks for an API key; send it as 'Authorization: Bearer <key>'."
_UNKNOWN: Final = "This API key is not known here; check 'Authorization: Bearer <key>'."
_ELSEWHERE: Final = "A page of another site has to send its key as 'Authorization: Bearer <key>'."


def key_guard(keys: ApiKeys, *, links: bool = False) -> Guard:
    """A guard that asks for one of the keys.

    It may come as ``Authorization: Bearer …``, as ``X-API-Key``, or as the password of ``Authorization: Basic …``.

    Args:
        keys: Those that are known.
        links: Pages of other sites may lead here; only for what does nothing but be shown.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get(OPEN_ROUTE) or connection.scope.get("method") == "OPTIONS":
            return
        if known_key(keys, connection.headers, links=links) is not None:
            return
        explicit, ambient = sent_keys(connection.headers)
        detail = _UNKNOWN if explicit or ambient else _MISSING
        if ambient is not None and not links and _made_elsewhere(connection.headers):
            detail = _ELSEWHERE
        if connection.scope["type"] == ScopeType.WEBSOCKET:
            raise WebSocketException(detail=detail, code=NO_KEY)
        raise UnauthorizedError(detail)

    return guard


def known_key(keys: ApiKeys, headers: Headers, *, links: bool = False) -> str | None:
    """The name of the key that a request has the right to use; None if it has none."""
    explicit, ambient = sent_keys(headers)
    sent = explicit
    if ambient is not None and (links or not _made_elsewhere(headers)):
        sent = (*explicit, ambient)
    return keys.recognise(sent)


def _made_elsewhere(headers: Headers) -> bool:
    """Whether a page of another origin made the request: browsers would send it with a password all the same."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


class BasicChallenge(ASGIMiddleware):
    """Has browsers ask for a name and a password where a page answers 401; the API's own routes must not do that.

    A header of its own: browsers do not look behind the first scheme of one that names several.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Add the challenge to a 401."""

        async def send_challenge(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == UnauthorizedError.status:
                message["headers"] = [*message["headers"], (b"www-authenticate", CHALLENGE)]
            await send(message)

        await next_app(scope, receive, send_challenge)
