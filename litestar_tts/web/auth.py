"""API keys."""

from collections.abc import Sequence
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from litestar_tts.exceptions import UnauthorizedError
from litestar_tts.web.keys import ApiKeys, sent_key

__all__ = ("OPEN_ROUTE", "key_guard")

OPEN_ROUTE: Final = "litestar_tts_open"
"""``opt`` of our routes that need no key."""


def key_guard(api_keys: Sequence[str]) -> Guard:
    """A guard that asks for one of the keys, as ``Authorization: Bearer …`` or ``X-API-Key``."""
    keys = ApiKeys(api_keys)

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if handler.opt.get(OPEN_ROUTE) or connection.scope.get("method") == "OPTIONS":
            return
        key = sent_key(connection.headers)
        if key is None:
            raise UnauthorizedError("This server asks for an API key; send it as 'Authorization: Bearer <key>'.")
        if key not in keys:
            raise UnauthorizedError("This API key is not known here; check 'Authorization: Bearer <key>'.")

    return guard
