"""A real server with one fault at a time: what ``litestar-tts check`` has to notice."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import uvicorn

from litestar_tts.config import RateLimit, TTSConfig
from litestar_tts.server import create_app


class Answer(msgspec.Struct):
    """An answer that a fault may change, and how it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes
    stall_at: int | None = None
    """Byte behind which nothing comes any more."""
    cut_at: int | None = None
    """Byte behind which the connection is cut."""
    pieces: list[tuple[float, bytes]] | None = None
    """What is sent instead of the body at once, each with the seconds to wait in front of it."""

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def set_json(self, value: Any) -> "Answer":
        self.body = msgspec.json.encode(value)
        return self


Fault = Callable[[Answer, dict[str, Any]], Answer]
"""Gets the answer and the request: ``method``, ``path``, ``body``."""


class Faulty:
    """Around an application: changes answers as :attr:`fault` says."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.fault: Fault | None = None
        self.requests: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        first = await receive()
        request = {"method": scope["method"], "path": scope["path"], "body": first.get("body", b"")}
        self.requests.append(request)
        if self.fault is None:
            await self.app(scope, _again(first, receive), send)
            return
        answer = Answer(0, {}, b"")

        async def collect(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        await self.app(scope, _again(first, receive), collect)
        length = len(answer.body)
        await _send(self.fault(answer, request), send, length)


def _again(first: Any, receive: Any) -> Any:
    waiting = [first]

    async def read() -> Any:
        return waiting.pop() if waiting else await receive()

    return read


async def _send(answer: Answer, send: Any, length: int) -> None:
    headers = dict(answer.headers)
    if headers.get("content-length") == str(length) and len(answer.body) != length:
        headers["content-length"] = str(len(answer.body))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    end = next((at for at in (answer.stall_at, answer.cut_at) if at is not None), None)
    for pause, data in answer.pieces or [(0.0, answer.body[:end])]:
        await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": data, "more_body": True})
    if answer.stall_at is not None:
        await asyncio.Event().wait()
    if answer.cut_at is not None:
        raise RuntimeError("cut on purpose")
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An application on a free port, in a thread with an event loop of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    started = threading.Event()
    config.load()
    startup = server.startup

    async def announce(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = announce  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    assert started.wait(30)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        with suppress(OSError):
            listening.close()
        assert not thread.is_alive()


def application(**options: Any) -> Any:
    """The standalone application with eSpeak NG."""
    options.setdefault("rate_limit", RateLimit(requests=100_000, window=60))
    return create_app(TTSConfig(path="/", engines=["espeak"], **options))


def frames(body: bytes) -> list[tuple[int, int, bytes]]:
    """Index, time and payload of each frame."""
    found, position = [], 0
    while position < len(body):
        index, time, length = struct.unpack_from(">III", body, position)
        found.append((index, time, body[position + 12 : position + 12 + length]))
        position += 12 + length
    return found


def joined(parts: list[tuple[int, int, bytes]]) -> bytes:
    return b"".join(struct.pack(">III", index, time, len(payload)) + payload for index, time, payload in parts)
