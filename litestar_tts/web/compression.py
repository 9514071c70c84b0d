"""Keeps compression away from speech: it would hold streamed audio back, and gain nothing."""

import copy
import sys
from typing import Any, Final, cast

from litestar.config.compression import CompressionConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware.compression import CompressionMiddleware
from litestar.types import Message, Scope, Send

__all__ = ("opt_against", "send_unpacked", "sparing")

SCOPE_KEY: Final = "litestar_tts.unpacked"
OPT_KEY: Final = "litestar_tts_unpacked"
"""``opt`` that keeps a host's compression away from a route, where the host has no such key of its own."""


def opt_against(config: CompressionConfig | None) -> dict[str, bool]:
    """``opt`` for routes that always speak: Litestar 2.23 does not ask for the middleware of :func:`sparing`."""
    own = config.exclude_opt_key if config is not None else None
    return {own or OPT_KEY: True}


def sparing(config: CompressionConfig) -> CompressionConfig:
    """A host's compression that lets pass what :func:`send_unpacked` was called for, and packs all else as before.

    A copy: the host may share its object with other applications.
    """
    if issubclass(config.middleware_class, _Sparing):
        return config
    spared = copy.copy(config)
    spared.exclude_opt_key = config.exclude_opt_key or OPT_KEY
    spared.middleware_class = cast(
        "type[CompressionMiddleware]", type("SparingCompression", (_Sparing, config.middleware_class), {})
    )
    return spared


def send_unpacked(scope: Scope, headers: MutableScopeHeaders) -> None:
    """Have an answer sent as it is. To be called before it is started."""
    cast("dict[str, Any]", scope)[SCOPE_KEY] = True
    # Starlette's compression can only be told by a header, and only where it does not spare the type by itself.
    gzip = sys.modules.get("starlette.middleware.gzip")
    if gzip is not None and "router" in scope:
        spared = getattr(gzip, "DEFAULT_EXCLUDED_CONTENT_TYPES", ())
        media_type = headers.get("content-type", "").partition(";")[0]
        if not {media_type, media_type.partition("/")[0] + "/*"}.intersection(spared):
            headers.setdefault("content-encoding", "identity")


class _Sparing:
    """Comes before a compression middleware's own class."""

    def create_compression_send_wrapper(self, send: Send, compression_encoding: str, scope: Scope) -> Send:
        packing = super().create_compression_send_wrapper(  # type: ignore[misc]
            send=send, compression_encoding=compression_encoding, scope=scope
        )

        async def send_either(message: Message) -> None:
            await (send if SCOPE_KEY in scope else packing)(message)

        return send_either
