"""Pages for the tests of the browser client: a host with a strict policy, streams made by hand, ears for the sound."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litestar_tts.engines.base import Engine
from litestar_tts.frames import encode_audio, encode_control, encode_viseme
from litestar_tts.models import VisemeSet
from litestar_tts.visemes.sets import names
from tests.support.scripted import ScriptedEngine, application
from tests.support.serving import served_in_a_thread

PAGES = Path(__file__).parents[1] / "browser" / "pages"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
    "img-src 'self' data:; base-uri 'none'"
)
TYPES = {".html": "text/html", ".js": "text/javascript"}
PATIENCE = 20.0
DEFAULT_SET = list(names(VisemeSet.DEFAULT) or ())

SOUND = """
window.sound = { contexts: [], starts: [], now: 0, peak: 0, blocks: [] };
{
  const Plain = AudioContext;
  window.AudioContext = class extends Plain {
    #ear = null;
    constructor(options) {
      super(options);
      this.#ear = this.createGain();
      this.#ear.connect(super.destination);
      window.sound.contexts.push(this);
      const analyser = this.createAnalyser(), samples = new Float32Array(analyser.fftSize);
      this.#ear.connect(analyser);
      setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        window.sound.now = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
        window.sound.peak = Math.max(window.sound.peak, window.sound.now);
      }, 10);
    }
    get destination() { return this.#ear ?? super.destination; }
    get real() { return super.destination; }
    async record() {
      await this.audioWorklet.addModule("/pages/tap.js");
      const tap = new AudioWorkletNode(this, "tap", { numberOfOutputs: 1 });
      tap.port.onmessage = ({ data }) => window.sound.blocks.push(...data);
      this.#ear.connect(tap).connect(this.real);
    }
  };
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (at, offset = 0) {
    const { duration, sampleRate: rate } = this.buffer;
    window.sound.starts.push({ at, length: duration - offset, rate, context: this.context.sampleRate });
    return start.call(this, at, offset);
  };
}
"""
"""Proves sound where it reaches the speakers, and joins where they are scheduled."""

RECORD = """async (path) => {
  const context = new AudioContext({ sampleRate: 24000 });
  await context.resume();
  await context.record();
  serviceAt(path, { audioContext: context });
}"""
"""Has the service of a path play into a context that is recorded."""

RECORDED = """() => {
  const { blocks } = window.sound, first = blocks[0].frame, samples = [];
  for (const block of blocks) block.samples.forEach((one, i) => { samples[block.frame - first + i] = one; });
  return { first, samples: Array.from(samples, (one) => one ?? null) };
}"""
"""What was recorded since frame ``first``; null where a machine under load lost some of it on the way."""


def start_message(audio_format: str = "pcm", *, skip: int = 0, **facts: Any) -> bytes:
    """The frame that every stream begins with."""
    return encode_control({
        "type": "start", "v": 1, "format": audio_format, "sample_rate": 24_000, "channels": 1, "skip_samples": skip,
        "viseme_set": "default", "viseme_names": DEFAULT_SET,
        "viseme_count": 1, "engine": "wire", "voice": "wire", **facts,
    })  # fmt: skip


def end_message(duration: float) -> bytes:
    """The frame that a whole stream ends with."""
    return encode_control({"type": "end", "duration": duration, "visemes": 1, "bytes": 1})


def pieces_of(data: bytes, size: int, *, seconds: float = 0.0) -> list[bytes]:
    """Audio frames of a size; ``seconds``: how long each sounds, for their times."""
    return [encode_audio(data[at : at + size], at / size * seconds) for at in range(0, len(data), size)]


@dataclass
class Wire:
    """Answers ``/wire/NAME/generate-stream`` with what a test has put under that name."""

    answers: dict[str, Callable[[dict[str, Any]], AsyncIterator[bytes]]] = field(default_factory=dict)
    statuses: dict[str, tuple[int, dict[str, str], Any]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    hung: set[str] = field(default_factory=set)
    left: dict[str, asyncio.Event | bool] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    def put(self, name: str, parts: list[bytes], *, every: float = 0.0) -> str:
        """Parts, each so many seconds behind the one before; returns the base URL of it."""

        async def answer(_: dict[str, Any]) -> AsyncIterator[bytes]:
            begun = time.monotonic()
            for number, part in enumerate(parts):
                wait = begun + number * every - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                yield part

        self.answers[name] = answer
        return f"/wire/{name}/"

    def hang(self, name: str, parts: list[bytes]) -> str:
        """Parts, and then nothing more until the page gives up."""
        self.hung.add(name)
        return self.put(name, parts)

    def refuse(self, name: str, status: int, headers: dict[str, str], body: Any) -> str:
        """A refusal instead."""
        self.statuses[name] = (status, headers, body)
        return f"/wire/{name}/"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"].split("/")[2]
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.requests.append((name, json.loads(body or b"{}")))
        if name in self.statuses:
            status, headers, answer = self.statuses[name]
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            await _send(send, raw, status, {"content-type": "application/problem+json", **headers})
            return
        headers = [(b"content-type", b"application/vnd.litestar-tts.frames"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(receive())
        self.left[name] = False
        try:
            async for part in self.answers[name](self.requests[-1][1]):
                if gone.done():
                    self.left[name] = True
                    self.times[name] = time.monotonic()
                    return
                await send({"type": "http.response.body", "body": part, "more_body": True})
                self.sent[name] = self.sent.get(name, 0) + len(part)
            if name in self.hung:
                await gone
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


async def _send(send: Callable[[Any], Awaitable[None]], body: bytes, status: int, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Host:
    """A running host: the plugin under ``/tts``, the pages, and the wire."""

    url: str
    wire: Wire
    engine: Engine

    @property
    def page(self) -> str:
        return f"{self.url}/pages/client.html"


@contextmanager
def host(engine: Engine | None = None, **options: Any) -> Iterator[Host]:
    """A host on a free port."""
    engine = engine or ScriptedEngine()
    wire = Wire()
    app = application(engine, **options)

    async def router(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.startswith("/wire/"):
            await wire(scope, receive, send)
        elif path.startswith("/pages/"):
            file = PAGES / Path(path).name
            headers = {"content-type": TYPES[file.suffix], "content-security-policy": POLICY}
            await _send(send, file.read_bytes(), 200, headers)
        else:
            await app(scope, receive, send)

    with served_in_a_thread(router) as url:
        yield Host(url.removesuffix("/tts"), wire, engine)


def watch(page: Any) -> list[str]:
    """Collects errors and warnings of a page's console, and exceptions that nobody catches."""
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return problems


def until(page: Any, condition: str, argument: Any = None, *, patience: float = PATIENCE) -> Any:
    """Waits for something in the page; ``wait_for_function`` would be stopped by the page's policy."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = page.evaluate(condition, argument)
        if found:
            return found
        page.wait_for_timeout(15)
    raise AssertionError(f"never came true: {condition}")


__all__ = (
    "PAGES", "POLICY", "RECORD", "RECORDED", "SOUND", "Host", "Wire", "encode_audio", "encode_control", "encode_viseme",
    "end_message", "host", "pieces_of", "start_message", "until", "watch",
)  # fmt: skip
