"""The standalone server's connections: how long each may take to say what it wants, and how many there may be.

uvicorn limits neither. A client that sends a header a minute, or nothing at all, would keep its socket for ever, and
when the process has no file descriptor left, speech in progress suffers too.
"""

import asyncio
import sys
from typing import Any, ClassVar, Final

import msgspec
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from litestar_tts.exceptions import OverloadedError
from litestar_tts.web.problems import MEDIA_TYPE, instance_of, problem_of

__all__ = ("Connection", "Supervised", "room_for_connections")

RESERVED: Final = 256
"""File descriptors for everything that is no client's: engines, models, stores, logs."""
MOST: Final = 4096
FEWEST: Final = 64
WRITE_BUFFER: Final = 16 * 1024
"""Bytes of an answer that wait in the process for a slow client before the next are asked for; asyncio's own is four
times that."""
RETRY_SECONDS: Final = 5


def room_for_connections() -> int:
    """Connections that one process may have open, by what the system allows it."""
    if sys.platform == "win32":
        return MOST
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return MOST
    return max(FEWEST, min(MOST, allowed - RESERVED))


class Supervised:
    """Goes in front of one of uvicorn's HTTP protocols.

    It uses no more of them than asyncio's own methods and the names checked in :meth:`connection_made`; a version
    without those serves without supervision.
    """

    headers_timeout: ClassVar[float] = 15.0
    """Seconds from a connection's begin, or from the first byte of a further request, to the end of its headers."""
    room: ClassVar[int] = room_for_connections()
    """Connections that are answered; beyond, they get 503, and far beyond, they are closed at once."""

    _timer: asyncio.TimerHandle | None = None
    _supervised = False
    _first: Any = None
    _pipelined = False

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        """Start the clock."""
        super().connection_made(transport)  # type: ignore[misc]
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._supervised = all(hasattr(self, name) for name in ("app", "connections", "cycle", "transport"))
        if not self._supervised:
            return
        count = len(self.connections)
        if count > self.room:
            self.app = _refuse
        if count > self.room + RESERVED // 2:
            transport.abort()
        self._supervise()

    def data_received(self: Any, data: bytes) -> None:
        """Stop the clock when the headers are complete; never set it back, however often a little more comes."""
        if self._pipelined:
            return
        super().data_received(data)  # type: ignore[misc]
        if self._first is not None:
            # Behind a request that waits for its turn nothing is read, so nobody would see that the client has left.
            # It is not answered, and the connection ends with the answer to the first.
            self._pipelined = True
            self.pipeline.clear()
            self.cycle = self._first
            self.cycle.keep_alive = False
            self.flow.resume_reading()
        if self._supervised:
            self._supervise()

    def on_headers_complete(self: Any) -> None:
        """Notice a request that does not wait for the answer to the one before."""
        before = self.cycle
        super().on_headers_complete()  # type: ignore[misc]
        if self._first is None and self._supervised and getattr(self, "pipeline", None):
            self._first = before

    def connection_lost(self: Any, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop()
        super().connection_lost(exc)  # type: ignore[misc]

    def _supervise(self: Any) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        # A socket that became a WebSocket has another protocol now, and left the set.
        if answering or self not in self.connections:
            self._stop()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.headers_timeout, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self: Any) -> None:
        self._timer = None
        self.transport.close()


class Connection(Supervised, AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol, supervised."""


async def _refuse(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    error = OverloadedError("This server has as many connections as it can hold.", retry_after=RETRY_SECONDS)
    body = msgspec.json.encode(problem_of(error, instance_of(scope)))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_SECONDS).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
