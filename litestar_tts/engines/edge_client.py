"""The real ``edge-tts`` package, pointed at the service that an engine is to use.

``edge-tts`` keeps the service's addresses in module variables which it reads at each call, so changing them would
change them for the whole process: for a second engine, and for a host application that uses the package itself. An
engine with an address of its own therefore runs a private copy of the two modules, made by Python's import machinery
from the installed files and registered nowhere. Should a later version look its addresses up elsewhere, the connector
(a documented argument) still refuses every other host, so that nothing is sent to Microsoft by accident.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from litestar_tts.exceptions import EngineRejectedError

if TYPE_CHECKING:
    from edge_tts import Communicate

__all__ = ("Connector", "EdgeClient", "connector_to", "load_client")

_UNSUPPORTED = 'This version of edge-tts is not supported; run: pip install "edge-tts>=7.3.1,<8"'
_HTTP = {"ws": "http", "wss": "https"}


class EdgeClient(NamedTuple):
    """What an engine needs of ``edge-tts``."""

    communicate: Callable[..., Communicate]
    list_voices: Callable[..., Awaitable[list[Any]]]
    host: str | None
    """The only host that may be spoken to; None: wherever the package goes by itself."""


class Connector(Protocol):
    """What makes connections; survives the sessions that ``edge-tts`` makes for each message."""

    async def release(self) -> None:
        """Close all connections."""


async def load_client(url: str | None) -> EdgeClient:
    """Import the package, away from the event loop: it takes some 0.3 s.

    Args:
        url: Scheme (ws, wss) and host of the service; None: the package's own.

    Raises:
        EngineRejectedError: The installed version keeps its addresses where we do not find them.
    """
    # Not the loop's default executor: aiohttp resolves names there.
    executor = ThreadPoolExecutor(1, thread_name_prefix="edge-import")
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, _load, url)
    finally:
        executor.shutdown(wait=False)


@lru_cache(maxsize=16)
def _load(url: str | None) -> EdgeClient:
    if url is None:
        communicate, voices = import_module("edge_tts.communicate"), import_module("edge_tts.voices")
        return EdgeClient(communicate.Communicate, voices.list_voices, None)
    scheme, host = urlsplit(url)[:2]
    return EdgeClient(
        _copy("edge_tts.communicate", "WSS_URL", scheme, host).Communicate,
        _copy("edge_tts.voices", "VOICE_LIST", _HTTP[scheme], host).list_voices,
        urlsplit(url).hostname,
    )


def _copy(name: str, variable: str, scheme: str, host: str) -> ModuleType:
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise EngineRejectedError(_UNSUPPORTED)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    address = getattr(module, variable, None)
    if not isinstance(address, str):
        raise EngineRejectedError(_UNSUPPORTED)
    setattr(module, variable, urlsplit(address)._replace(scheme=scheme, netloc=host).geturl())
    return module


def connector_to(host: str | None, timeout: float) -> Connector:
    """A connector for all messages of an engine: keeps looked-up names, bounds each connection's making.

    Args:
        host: The only host allowed; None: any.
        timeout: Seconds for the name, TCP and TLS together.
    """
    from aiohttp import TCPConnector

    class EdgeConnector(TCPConnector):
        async def connect(self, req: Any, *args: Any, **kwargs: Any) -> Any:
            if host is not None and req.url.host != host:
                raise EngineRejectedError(_UNSUPPORTED)
            async with asyncio.timeout(timeout):
                return await super().connect(req, *args, **kwargs)

        # A session closes its connector, and edge-tts makes a session for each message and each retry.
        async def close(self, **_: Any) -> None:
            pass

        async def release(self) -> None:
            await super().close()

    # How many sockets may be open is the engine's own count.
    return cast("Connector", EdgeConnector(limit=0, ttl_dns_cache=60))
