"""A read-aloud service on loopback: speaks Edge's protocol over real sockets, so the real ``edge-tts`` can talk to it.

    with EdgeService() as service:
        engine = EdgeEngine(url=service.url)

It lives in a thread of its own. By hand: ``python -m tests.support.edge_service --port 8765``.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from email.utils import formatdate
from typing import Any, NamedTuple, Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import WSMsgType, web

from litestar_tts.engines.edge_voices import snapshot
from tests.support.edge_speech import TICKS, Prosody, Spoken, speak

PATH = "/consumer/speech/synthesize/readaloud"
FRAME_BYTES = 720
BYTES_PER_SECOND = 6_000

HANDSHAKE_FAULTS = {"403", "403_no_date", "429", "503", "handshake_reset", "handshake_hang"}
"""These strike a connection, before there is a WebSocket."""
REQUEST_FAULTS = {
    "close_before", "abort_before", "hang_before", "no_audio", "refuse",
    "close_mid", "abort_mid", "hang_mid", "stall",
    "garbage_frame", "garbage_path", "garbage_type", "garbage_metadata", "garbage_json", "empty_audio",
    "no_turn_end", "no_turn_end_close", "no_close_ack",
}  # fmt: skip
"""These strike a request for speech. ``stall`` pauses for ``stall_seconds`` and goes on."""
VOICES_FAULTS = {"403", "503", "hang", "garbage", "empty"}


class Request(NamedTuple):
    """A request for speech, as the service understood it."""

    text: str
    voice: str
    """Long name, e.g. ``Microsoft Server Speech Text to Speech Voice (en-US, AriaNeural)``."""
    prosody: Prosody
    ssml: str
    word_boundaries: bool


class Counters:
    """What happened so far; read at any time, from any thread."""

    def __init__(self) -> None:
        self.connections = 0
        """Attempts to open a WebSocket."""
        self.open = 0
        """WebSockets that are open now, until the socket is closed."""
        self.most_open = 0
        self.requests = 0
        self.completed = 0
        """Requests whose ``turn.end`` was sent."""
        self.cancelled = 0
        """Requests whose client left before that."""
        self.voice_lists = 0


class _LeftError(Exception):
    """The client has closed the socket."""


class EdgeService:
    """The service.

    Args:
        port: 0: any free one.
        pace: Speech is sent at so many times real time; 0: as fast as the socket takes it.
        first_delay: Seconds between a request and its first answer.
        handshake_delay: Seconds before a connection is answered.
        fault_for: Chooses the fault of each request by its content; None of the result: no fault.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        pace: float = 0.0,
        first_delay: float = 0.0,
        handshake_delay: float = 0.0,
        fault_for: Callable[[Request], str | None] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.pace = pace
        self.first_delay = first_delay
        self.handshake_delay = handshake_delay
        self.stall_seconds = 0.3
        self.fault_for = fault_for
        self.voices_fault: str | None = None
        self.voices: Sequence[dict[str, Any]] = [_entry(voice) for voice in snapshot()]
        self.counters = Counters()
        self.requests: deque[Request] = deque(maxlen=1000)
        self.headers: deque[dict[str, str]] = deque(maxlen=100)
        """Headers of the last handshakes."""
        self._faults: dict[str, deque[str]] = {"handshake": deque(), "request": deque()}
        self._always: dict[str, str | None] = {"handshake": None, "request": None}
        self._lock = threading.RLock()
        self._waiting: list[tuple[Callable[[Counters], bool], Future[None]]] = []
        self._speaker = ThreadPoolExecutor(1, thread_name_prefix="edge-service-speech")
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    # --- for tests ----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Scheme and host, as ``TTS_EDGE_URL`` takes it."""
        return f"ws://{self.host}:{self.port}"

    @property
    def texts(self) -> list[str]:
        return [request.text for request in self.requests]

    @property
    def last_ssml(self) -> str:
        return self.requests[-1].ssml

    def fail(self, fault: str, times: int | None = 1) -> None:
        """Let the next requests or connections fail; None: all until :meth:`heal`."""
        kind = "handshake" if fault in HANDSHAKE_FAULTS else "request"
        if kind == "request" and fault not in REQUEST_FAULTS:
            raise ValueError(f"unknown fault {fault!r}")
        with self._lock:
            if times is None:
                self._always[kind] = fault
            else:
                self._faults[kind].extend([fault] * times)

    def heal(self) -> None:
        """No more faults."""
        with self._lock:
            for kind in self._faults:
                self._faults[kind].clear()
                self._always[kind] = None
            self.voices_fault = None
            self.fault_for = None

    def reset(self) -> None:
        """Heal, and count from 0 again (but for open sockets)."""
        with self._lock:
            self.heal()
            counters, self.counters = self.counters, Counters()
            self.counters.open = counters.open
            self.requests.clear()
            self.headers.clear()

    def wait(self, reached: Callable[[Counters], bool], seconds: float = 5.0) -> None:
        """Block until the counters are as wanted."""
        self._expect(reached).result(seconds)

    async def until(self, reached: Callable[[Counters], bool], seconds: float = 5.0) -> None:
        """Wait until the counters are as wanted."""
        async with asyncio.timeout(seconds):
            await asyncio.wrap_future(self._expect(reached))

    def spoken(self, request: Request) -> Spoken:
        """What a request is answered with when nothing fails."""
        locale, name = _locale_and_name(request.voice)
        gender = next((v["Gender"] for v in self.voices if v["ShortName"] == f"{locale}-{name}"), None)
        return speak(request.text, locale, gender, request.prosody)

    def __enter__(self) -> Self:
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="edge-service", daemon=True)
        self._thread.start()
        ready.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(10)
        self._speaker.shutdown(wait=True)

    # --- the server ---------------------------------------------------------------------------------------------------

    def _expect(self, reached: Callable[[Counters], bool]) -> Future[None]:
        future: Future[None] = Future()
        with self._lock:
            self._waiting.append((reached, future))
            self._count()
        return future

    def _count(self, **changes: int) -> None:
        with self._lock:
            for name, change in changes.items():
                setattr(self.counters, name, getattr(self.counters, name) + change)
            self.counters.most_open = max(self.counters.most_open, self.counters.open)
            met = [entry for entry in self._waiting if entry[0](self.counters)]
            self._waiting = [entry for entry in self._waiting if entry not in met]
        for _, future in met:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def _next_fault(self, kind: str) -> str | None:
        with self._lock:
            queue = self._faults[kind]
            return queue.popleft() if queue else self._always[kind]

    def _main(self, ready: Future[None]) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._serve(ready))
            except BaseException as error:  # noqa: BLE001
                if not ready.done():
                    ready.set_exception(error)

    async def _serve(self, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get(f"{PATH}/edge/v1", self._connect)
        app.router.add_get(f"{PATH}/voices/list", self._list_voices)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port, backlog=1024)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set_result(None)
        try:
            await self._stop.wait()
        finally:
            await runner.cleanup()

    async def _list_voices(self, request: web.Request) -> web.StreamResponse:
        self._count(voice_lists=1)
        fault = self.voices_fault
        if fault == "hang":
            await asyncio.Event().wait()
        if fault in ("403", "503"):
            return web.Response(status=int(fault))
        if fault == "garbage":
            return web.Response(text="<html>")
        return web.json_response([] if fault == "empty" else list(self.voices))

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        self._count(connections=1)
        self.headers.append(dict(request.headers))
        if self.handshake_delay:
            await asyncio.sleep(self.handshake_delay)
        fault = self._next_fault("handshake")
        if fault == "handshake_hang":
            await asyncio.Event().wait()
        if fault == "handshake_reset":
            _abort(request)
            return web.Response(status=500)
        if fault is not None:
            return _refusal(fault)
        # Compression would only cost time here; the client accepts both.
        socket = web.WebSocketResponse(compress=False, autoping=True, max_msg_size=1 << 20, timeout=0.2)
        await socket.prepare(request)
        self._count(open=1)
        try:
            await self._talk(request, socket)
        finally:
            _abort(request)
            self._count(open=-1)
        return socket

    async def _talk(self, http: web.Request, socket: web.WebSocketResponse) -> None:
        config = await socket.receive()
        ssml = await socket.receive()
        if config.type is not WSMsgType.TEXT or ssml.type is not WSMsgType.TEXT:
            return
        request = _parse(config.data, ssml.data)
        self.requests.append(request)
        self._count(requests=1)
        fault = self.fault_for(request) if self.fault_for else None
        fault = fault or self._next_fault("request")
        answer = asyncio.create_task(self._answer(http, socket, request, fault))
        listener = asyncio.create_task(_until_left(http, socket, deaf=fault == "no_close_ack"))
        try:
            await asyncio.wait({answer, listener}, return_when=asyncio.FIRST_COMPLETED)
            completed = answer.done() and not answer.cancelled() and answer.exception() is None
            if completed:
                # The client closes, as with the real service.
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(listener), 30)
        finally:
            if not answer.done() or (not answer.cancelled() and isinstance(answer.exception(), ConnectionError)):
                self._count(cancelled=1)
            for task in (answer, listener):
                task.cancel()
            await asyncio.gather(answer, listener, return_exceptions=True)

    async def _answer(
        self, http: web.Request, socket: web.WebSocketResponse, request: Request, fault: str | None
    ) -> None:
        if self.first_delay:
            await asyncio.sleep(self.first_delay)
        if fault == "abort_before":
            _abort(http)
            return
        if fault in ("close_before", "refuse"):
            await socket.close(code=1000 if fault == "close_before" else 1007)
            return
        if fault == "hang_before":
            await asyncio.Event().wait()
        spoken = None
        if fault != "no_audio" and self._knows(request.voice) and re.search(r"[^\W_]", request.text):
            loop = asyncio.get_running_loop()
            spoken = await loop.run_in_executor(self._speaker, self.spoken, request)
        writer = _Writer(socket)
        await writer.start()
        if spoken is not None:
            await self._send_speech(http, writer, request, spoken, fault)
        if fault == "no_turn_end":
            await asyncio.Event().wait()
        if fault == "no_turn_end_close":
            await socket.close()
            return
        # Counted before it is sent: who has read it may ask for the count.
        self._count(completed=1)
        await writer.end()

    def _knows(self, voice: str) -> bool:
        locale, name = _locale_and_name(voice)
        return any(entry["ShortName"] == f"{locale}-{name}" for entry in self.voices)

    async def _send_speech(
        self, http: web.Request, writer: _Writer, request: Request, spoken: Spoken, fault: str | None
    ) -> None:
        words = deque(spoken.words if request.word_boundaries else ())
        frames = [spoken.mp3[at : at + FRAME_BYTES] for at in range(0, len(spoken.mp3), FRAME_BYTES)]
        started = time.monotonic()
        for index, frame in enumerate(frames):
            position = index * FRAME_BYTES / BYTES_PER_SECOND
            while words and words[0].offset / TICKS < position + 3:
                word = words.popleft()
                await writer.word(word.text, word.offset, word.duration)
            if index == len(frames) // 2 and fault is not None:
                await self._fail_midway(http, writer, fault)
            if self.pace:
                await asyncio.sleep(max(0.0, started + position / self.pace - time.monotonic()))
            await writer.audio(frame)
        await writer.last_audio()

    async def _fail_midway(self, http: web.Request, writer: _Writer, fault: str) -> None:
        if fault == "close_mid":
            await writer.socket.close()
            raise _LeftError
        if fault == "abort_mid":
            _abort(http)
            raise _LeftError
        if fault == "hang_mid":
            await asyncio.Event().wait()
        if fault == "stall":
            await asyncio.sleep(self.stall_seconds)
        if fault == "garbage_frame":
            await writer.socket.send_bytes(b"\xff")
        if fault == "garbage_path":
            await writer.text("surprise", "{}")
        if fault == "garbage_type":
            await writer.audio(b"\0" * 144, content_type="audio/flac")
        if fault == "garbage_metadata":
            await writer.text("audio.metadata", '{"Metadata":[{"Type":"Surprise","Data":{}}]}')
        if fault == "garbage_json":
            await writer.text("audio.metadata", "{")
        if fault == "empty_audio":
            await writer.audio(b"")


class _Writer:
    """Frames the messages of one turn."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._request = uuid.uuid4().hex
        self._stream = uuid.uuid4().hex.upper()
        self._tag = uuid.uuid4().hex

    async def text(self, path: str, body: str) -> None:
        head = f"X-RequestId:{self._request}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
        await self.socket.send_str(head + body)

    async def start(self) -> None:
        context = f'"context": {{\r\n    "serviceTag": "{self._tag}"\r\n  }}'
        await self.text("turn.start", f"{{\r\n  {context}\r\n}}")
        body = f'{{"context":{{"serviceTag":"{self._tag}"}},"audio":{{"type":"inline","streamId":"{self._stream}"}}}}'
        await self.text("response", body)

    async def word(self, text: str, offset: int, duration: int) -> None:
        written = escape(text).replace("\\", "\\\\").replace('"', '\\"')
        await self.text(
            "audio.metadata",
            '{\r\n  "Metadata": [\r\n    {\r\n      "Type": "WordBoundary",\r\n      "Data": {\r\n'
            f'        "Offset": {offset},\r\n        "Duration": {duration},\r\n        "text": {{\r\n'
            f'          "Text": "{written}",\r\n          "Length": {len(text)},\r\n'
            '          "BoundaryType": "WordBoundary"\r\n        }\r\n      }\r\n    }\r\n  ]\r\n}',
        )

    async def audio(self, data: bytes, content_type: str | None = "audio/mpeg") -> None:
        kind = f"Content-Type:{content_type}\r\n" if content_type else ""
        head = f"X-RequestId:{self._request}\r\n{kind}X-StreamId:{self._stream}\r\nPath:audio\r\n".encode()
        await self.socket.send_bytes(len(head).to_bytes(2, "big") + head + data)

    async def last_audio(self) -> None:
        await self.audio(b"", content_type=None)

    async def end(self) -> None:
        await self.text("turn.end", "{}")


async def _until_left(http: web.Request, socket: web.WebSocketResponse, *, deaf: bool) -> None:
    if deaf:
        # The handler is cancelled when the connection is lost.
        await asyncio.Event().wait()
    while (await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        pass


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _refusal(fault: str) -> web.Response:
    response = web.Response(status=int(fault[:3]))
    if fault == "429":
        response.headers["Retry-After"] = "7"
    response.headers["Date"] = "never" if fault == "403_no_date" else formatdate(usegmt=True)
    return response


def _parse(config: str, message: str) -> Request:
    ssml = message.partition("\r\n\r\n")[2]
    root = ET.fromstring(ssml)  # noqa: S314
    space = "{http://www.w3.org/2001/10/synthesis}"
    voice = root.find(f"{space}voice")
    assert voice is not None, ssml
    prosody = voice.find(f"{space}prosody")
    assert prosody is not None, ssml
    numbers = [int(re.sub(r"(%|Hz)$", "", prosody.get(name, "+0"))) for name in ("rate", "pitch", "volume")]
    words = '"wordBoundaryEnabled":"true"' in config
    return Request("".join(prosody.itertext()), voice.get("name", ""), Prosody(*numbers), ssml, words)


def _locale_and_name(voice: str) -> tuple[str, str]:
    match = re.search(r"\((.+), (.+)\)$", voice)
    return (match.group(1), match.group(2)) if match else ("", voice)


def _entry(voice: Any) -> dict[str, Any]:
    name = voice.id.rpartition("-")[2]
    return {
        "Name": f"Microsoft Server Speech Text to Speech Voice ({voice.language}, {name})",
        "ShortName": voice.id,
        "Gender": voice.gender,
        "Locale": voice.language,
        "SuggestedCodec": "audio-24khz-48kbitrate-mono-mp3",
        "FriendlyName": f"Microsoft {voice.name} Online (Natural) - {voice.language}",
        "Status": "GA",
        "VoiceTag": {"ContentCategories": ["General"], "VoicePersonalities": ["Friendly", "Positive"]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Loopback read-aloud service for trials by hand.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--pace", type=float, default=0.0, help="times real time; 0: unlimited")
    parser.add_argument("--first-delay", type=float, default=0.0)
    parser.add_argument("--fault", choices=sorted(HANDSHAKE_FAULTS | REQUEST_FAULTS))
    options = parser.parse_args()
    service = EdgeService(host=options.host, port=options.port, pace=options.pace, first_delay=options.first_delay)
    if options.fault:
        service.fail(options.fault, times=None)
    with service, suppress(KeyboardInterrupt):
        print(f"TTS_EDGE_URL={service.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
