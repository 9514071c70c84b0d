"""The real ``edge-tts`` package, pointed at the service that an engine is to use.

``edge-tts`` keeps the service's addresses in module variables which it reads at each call, so changing them would
change them for the whole process: for a second engine, and for a host application that uses the package itself. An
engine with an address of its own therefore runs a private copy of the two modules, made by Python's import machinery
from the installed files and registered nowhere. Should a later version look its addresses up elsewhere, the connector
(a documented argument) still refuses every other host, so that nothing is sent to Microsoft by accident.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from litestar_tts.exceptions import EngineRejectedError

if TYPE_CHECKING:
    from edge_tts import Communicate

__all__ = ("Connector", "EdgeClient", "Wire", "connector_to", "load_client")

_UNSUPPORTED = 'This version of edge-tts is not supported; run: pip install "edge-tts>=7.3.1,<8"'
_HTTP = {"ws": "http", "wss": "https"}

RECEIVE_BUFFER: Final = 32 * 1024
"""Bytes of a socket whose listener is slow that the kernel may keep (it takes this for half of what is meant). Left to
itself it keeps megabytes; a tenth of a second away from the service, speech still comes in fifty times as fast as it
sounds."""


class EdgeClient(NamedTuple):
    """What an engine needs of ``edge-tts``."""

    communicate: Callable[..., Communicate]
    list_voices: Callable[..., Awaitable[list[Any]]]
    host: str | None
    """The only host that may be spoken to; None: wherever the package goes by itself."""


class Wire:
    """The connection of the task that made it, which can be told to wait.

    ``aiohttp`` by itself reads up to half a megabyte ahead of whoever takes its messages.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        _wire.set(self)

    def connect(self, transport: asyncio.Transport | None) -> None:
        """From now on it is this one."""
        self._transport = transport

    def pause(self) -> None:
        """Read no more; the other side will have to wait."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


_wire: ContextVar[Wire | None] = ContextVar("edge_wire", default=None)


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
                connection = await super().connect(req, *args, **kwargs)
            if (wire := _wire.get()) is not None:
                wire.connect(connection.transport)
            return connection

        # A session closes its connector, and edge-tts makes a session for each message and each retry.
        async def close(self, **_: Any) -> None:
            pass

        async def release(self) -> None:
            await super().close()

    # How many sockets may be open is the engine's own count.
    options: dict[str, Any] = {"limit": 0, "ttl_dns_cache": 60}
    if "socket_factory" in inspect.signature(TCPConnector).parameters:
        options["socket_factory"] = _bounded_socket
    return cast("Connector", EdgeConnector(**options))


def _bounded_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    # Only before it connects: then both sides agree on how much may be on its way.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return made
