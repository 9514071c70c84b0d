"""Requests straight into an application, with the memory for cookies of a browser."""

import asyncio
import gzip
import json
import re
import zlib
from http.cookies import SimpleCookie
from typing import Any, NamedTuple

import brotli

from tests.support.scripted import Asgi

_RANDOM = re.compile(rb"((?:session|csrftoken)[^=]*=)[^;]*|expires=[^;]*")


class Answer(NamedTuple):
    """What came back, as it came."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header that must not be there twice."""
        found = [value.decode("latin-1") for key, value in self.headers if key.decode().lower() == name]
        assert len(found) <= 1, f"{name} twice: {found}"
        return found[0] if found else None

    def content(self) -> bytes:
        """The body, unpacked."""
        match self.header("content-encoding"):
            case "gzip":
                return gzip.decompress(self.body)
            case "br":
                return brotli.decompress(self.body)
            case "deflate":
                return zlib.decompress(self.body)
            case _:
                return self.body

    def json(self) -> Any:
        return json.loads(self.content())

    def without_chance(self) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """The answer with what differs between two runs of the very same application taken out."""
        headers = [
            (key, _RANDOM.sub(rb"\1", value) if key == b"set-cookie" else value)
            for key, value in self.headers
            if key != b"ratelimit-reset"
        ]
        # Gzip notes the time.
        body = self.body[:4] + self.body[8:] if self.header("content-encoding") == "gzip" else self.body
        return self.status, sorted(headers), body


class Request(Asgi):
    """A request whose connection ends behind its answer, as servers tell applications."""

    def __init__(self, app: Any, path: str, body: Any, *, root_path: str, **options: Any) -> None:
        super().__init__(app, path, body, **options)
        self.scope["root_path"] = root_path

    async def _send(self, message: Any) -> None:
        await super()._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.gone.set()


class Browser:
    """Asks an application, and keeps its cookies; sends the CSRF token where it has one."""

    def __init__(self, app: Any, headers: dict[str, str] | None = None, *, root: str = "") -> None:
        self.app = app
        self.root = root
        self.headers = {"accept-encoding": "br, gzip, zstd, deflate", **(headers or {})}
        self.cookies: dict[str, str] = {}

    def start(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> Request:
        given = {**self.headers, **(headers or {})}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if "csrftoken" in self.cookies:
            given["x-csrftoken"] = self.cookies["csrftoken"]
        return Request(self.app, path, body, method=method, headers=given, root_path=self.root)

    async def ask(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> Answer:
        return self.keep(await self.start(method, path, body, headers).finish())

    def keep(self, asked: Request) -> Answer:
        start = asked.messages[0]
        assert start["type"] == "http.response.start"
        assert not asked.messages[-1].get("more_body")
        for name, value in start["headers"]:
            if name.lower() == b"set-cookie":
                self.cookies.update({key: morsel.value for key, morsel in SimpleCookie(value.decode()).items()})
        return Answer(start["status"], [(bytes(name), bytes(value)) for name, value in start["headers"]], asked.body)

    async def converse(self, path: str, text: str) -> list[dict[str, Any]]:
        """One conversation over a socket; what the application sent."""
        headers = [(name.encode(), value.encode()) for name, value in {"host": "testserver", **self.headers}.items()]
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "root_path": self.root,
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
        }
        said: list[dict[str, Any]] = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": text},
            {"type": "websocket.disconnect", "code": 1000},
        ]
        heard: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return said.pop(0)

        async def send(message: Any) -> None:
            heard.append(dict(message))

        async with asyncio.timeout(5):
            await self.app(scope, receive, send)
        return heard
