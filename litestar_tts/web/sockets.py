"""Speech over a host's own sockets: it ends when its listener leaves, also while the engine is silent."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Final

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from litestar_tts.road.interruption import Interruption
from litestar_tts.web.watch import ClientLeftError

__all__ = ("Listening", "listening")

MAX_MESSAGES: Final = 64
MAX_BYTES: Final = 64 * 1024
"""Messages that wait to be taken; then the client has to wait, and is not seen leaving until some are."""

LEAVING_DELAY: Final = 0.1
"""Seconds by which sending can fail before receiving tells why."""


class Listening:
    """A block that ends when the client of a socket leaves; see :func:`listening`."""

    __slots__ = ("_arrived", "_interruption", "_messages", "_size", "_socket", "_space", "_task")

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket
        self._interruption = Interruption()
        self._messages: deque[str | bytes] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._space = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def left(self) -> bool:
        """Whether the client has left."""
        return self._interruption.reason is not None

    async def __aenter__(self) -> "Listening":
        if self._socket.connection_state == "init":
            raise RuntimeError("The socket is not accepted yet; call 'await socket.accept()' first.")
        if self._task is not None:
            raise RuntimeError("This block was entered before; call listening() again.")
        self._task = asyncio.create_task(self._read(), name="socket-watch")
        self._interruption.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        assert self._task is not None  # noqa: S101
        try:
            self._interruption.__exit__(kind, error, trace)
        except ClientLeftError:
            return True
        finally:
            if isinstance(error, OSError):
                await asyncio.wait({self._task}, timeout=LEAVING_DELAY)
            self._task.cancel()
            await asyncio.wait({self._task})
        return isinstance(error, WebSocketDisconnect) or (isinstance(error, OSError) and self.left)

    def __aiter__(self) -> "Listening":
        return self

    async def __anext__(self) -> str | bytes:
        while not self._messages:
            if self._task is None or self._task.done():
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        self._space.set()
        return message

    async def _read(self) -> None:
        try:
            while (message := await self._socket.receive())["type"] != "websocket.disconnect":
                await self._keep(message)
        except WebSocketDisconnect:
            pass  # somebody else has received the news, or has closed the socket
        finally:
            self._arrived.set()
        self._interruption.interrupt(ClientLeftError)

    async def _keep(self, message: Any) -> None:
        text = message.get("text")
        data: str | bytes = (message.get("bytes") or b"") if text is None else text
        self._messages.append(data)
        self._size += len(data)
        self._arrived.set()
        while len(self._messages) >= MAX_MESSAGES or self._size >= MAX_BYTES:
            self._space.clear()
            await self._space.wait()


def listening(socket: WebSocket[Any, Any, Any]) -> Listening:
    """A block that goes on for as long as the client of a socket listens.

    ::

        async with tts_service.speak(text) as speech, listening(socket) as client:
            async for chunk in speech.audio():
                await socket.send_bytes(chunk)

    When the client leaves, the block is interrupted where it waits, and what follows it is run; ``client.left`` tells.
    Within the block nobody else may receive from the socket: what the client says meanwhile is kept, and
    ``async for message in client`` gives it (``str`` or ``bytes``), there or after the block.

    Args:
        socket: Accepted.
    """
    return Listening(socket)
