"""API keys."""

import hmac
from collections.abc import Sequence
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from litestar_tts.exceptions import UnauthorizedError
from litestar_tts.web.ratelimit import bearer_token

__all__ = ("OPEN_ROUTE", "key_guard")

OPEN_ROUTE: Final = "litestar_tts_open"
"""``opt`` of our routes that need no key."""


def key_guard(api_keys: Sequence[str]) -> Guard:
    """A guard that asks for one of the keys, as ``Authorization: Bearer …`` or ``X-API-Key``."""
    keys = tuple(key.encode() for key in api_keys)

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get(OPEN_ROUTE) or connection.scope.get("method") == "OPTIONS":
            return
        token = bearer_token(connection.headers) or connection.headers.get("x-api-key")
        if token is None:
            raise UnauthorizedError("This server asks for an API key; send it as 'Authorization: Bearer <key>'.")
        given = token.encode("utf-8", "surrogateescape")
        known = False
        for key in keys:
            # All are compared, each in constant time, so that the answer's delay tells nothing.
            known |= hmac.compare_digest(given, key)
        if not known:
            raise UnauthorizedError("This API key is not known here; check 'Authorization: Bearer <key>'.")

    return guard
