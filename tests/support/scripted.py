"""An engine that does what a test tells it to, and an application around it."""

import asyncio
import json
import math
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Capabilities, Engine
from litestar_tts.models import AudioChunk, EngineEvent, Utterance, Voice, WordBoundary
from litestar_tts.plugin import TTSPlugin

RATE = 24_000


def tone(seconds: float) -> bytes:
    """A sine of 440 Hz, s16le mono."""
    samples = range(round(seconds * RATE))
    return b"".join(struct.pack("<h", round(8000 * math.sin(math.tau * 440 * n / RATE))) for n in samples)


SOUND = tone(0.1)
PAUSE_BEFORE = 8
"""Index of the word before which the engine pauses or breaks off; a few are needed before lips are decided."""


class ScriptedEngine(Engine):
    """Speaks a tenth of a second for each word of the text.

    Attributes:
        gate: Cleared: no audio comes until it is set.
        middle: Cleared: no more than the first words come until it is set.
        fails: Raised before any audio.
        breaks: Raised after the first words.
    """

    capabilities = Capabilities(words=True)

    def __init__(self, name: str = "tone", language: str = "en-US") -> None:
        self.name = name  # type: ignore[misc]
        self.language = language
        self.gate = asyncio.Event()
        self.gate.set()
        self.middle = asyncio.Event()
        self.middle.set()
        self.fails: Exception | None = None
        self.breaks: Exception | None = None
        self.asked = asyncio.Event()
        self.paused = asyncio.Event()
        self.stopped = asyncio.Event()
        self.speeches = 0
        self.shut = 0

    async def close(self) -> None:
        self.shut += 1

    async def voices(self) -> Sequence[Voice]:
        return [
            Voice(id=f"{self.name}-a", name="A", engine=self.name, language=self.language, gender="Female"),
            Voice(id=f"{self.name}-b", name="B", engine=self.name, language="de-DE", gender="Male", description="deep"),
        ]

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        self.speeches += 1
        self.stopped.clear()
        self.asked.set()
        try:
            if self.fails is not None:
                raise self.fails
            await self.gate.wait()
            offset = 0
            for number, word in enumerate(utterance.text.split()):
                if number == PAUSE_BEFORE:
                    self.paused.set()
                    if self.breaks is not None:
                        raise self.breaks
                    await self.middle.wait()
                start = utterance.text.index(word, offset)
                offset = start + len(word)
                yield WordBoundary(text=word, time=number * 0.1, duration=0.1, offset=start)
                yield AudioChunk(data=SOUND)
        finally:
            self.stopped.set()


def config(*engines: Engine, **options: Any) -> TTSConfig:
    """Options for tests: no rate limit, a voice that exists, no hedging."""
    options.setdefault("rate_limit", None)
    options.setdefault("default_voice", f"{engines[0].name}-a")
    options.setdefault("hedge_after", None)
    return TTSConfig(engines=list(engines), **options)


def application(*engines: Engine, host: dict[str, Any] | None = None, **options: Any) -> Litestar:
    """A Litestar application with the plugin."""
    given = dict(host or {})
    plugins = [*given.pop("plugins", []), TTSPlugin(config(*engines, **options))]
    return Litestar(plugins=plugins, logging_config=None, **given)


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A client that raises nothing of the server's and buffers whole answers."""
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


class Asgi:
    """One request, by hand: tells when bytes come, and leaves when it is told to."""

    def __init__(
        self, app: Any, path: str, body: Any = None, *, method: str = "POST", headers: dict[str, str] | None = None
    ) -> None:
        path, _, query = path.partition("?")
        given = {"host": "testserver", "content-type": "application/json", **(headers or {})}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self._pieces = (
            body if isinstance(body, list) else [body if isinstance(body, bytes) else json.dumps(body).encode()]
        )
        self.gone = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.sent = asyncio.Event()
        self.messages: list[dict[str, Any]] = []
        self.task = asyncio.create_task(app(self.scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            return {"type": "http.request", "body": self._pieces.pop(0), "more_body": bool(self._pieces)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self.gone.is_set():
            return
        await self.open.wait()
        self.messages.append(message)
        if message["type"] == "http.response.body" and message.get("body"):
            self.sent.set()

    async def finish(self) -> "Asgi":
        async with asyncio.timeout(5):
            await self.task
        return self

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        return bool(self.messages) and self.messages[-1].get("more_body") is False
