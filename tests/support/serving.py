"""Servers for clients: the real one on a socket, and one that answers whatever a test wants, byte by byte."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:
        """Signals stay with the tests."""
        return contextlib.nullcontext()


def _server(app: Any, **options: Any) -> tuple[_Server, socket.socket, str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1, **options))
    return server, listening, f"http://127.0.0.1:{listening.getsockname()[1]}/tts"


@asynccontextmanager
async def served(app: Any, **options: Any) -> AsyncIterator[str]:
    """The application on a free port, in this event loop, with uvicorn's options; gives the plugin's base URL."""
    server, listening, url = _server(app, **options)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield url
    finally:
        server.should_exit = True
        await running


@contextmanager
def served_in_a_thread(app: Any) -> Iterator[str]:
    """The same for tests without an event loop."""
    server, listening, url = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


class Exchange:
    """One request that a :func:`scripted` server has read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, body: bytes) -> None:
        self.reader = reader
        self.writer = writer
        self.head = head
        self.body = body

    def header(self, name: str) -> str:
        """A header of the request; empty if it has none."""
        lines = (line.partition(":") for line in self.head.splitlines()[1:])
        return next((value.strip() for key, _, value in lines if key.lower() == name.lower()), "")

    async def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        for part in parts:
            self.writer.write(part)
        await self.writer.drain()

    async def answer(self, status: int, media_type: str, body: bytes, **headers: str) -> None:
        """A whole answer."""
        await self.send(head(status, media_type, content_length=str(len(body)), **headers), body)

    async def gone(self) -> None:
        """Wait until the client has left."""
        await self.reader.read()


def head(status: int, media_type: str, **headers: str) -> bytes:
    """Status line and headers; ``_`` in their names stands for ``-``."""
    given = {"content-type": media_type, **headers}
    lines = [f"HTTP/1.1 {status} Something", *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body; of nothing: its end."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@asynccontextmanager
async def scripted(handle: Callable[[Exchange], Awaitable[None]]) -> AsyncIterator[str]:
    """A server that closes each connection when ``handle`` returns."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            exchange = Exchange(reader, writer, text, b"")
            exchange.body = await reader.readexactly(int(exchange.header("content-length") or 0))
            await handle(exchange)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
