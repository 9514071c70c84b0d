"""A read-aloud service on loopback: speaks Edge's protocol over real sockets, so the real ``edge-tts`` can talk to it.

    with EdgeService() as service:
        engine = EdgeEngine(url=service.url)

It lives in a thread of its own. By hand: ``python -m tests.support.edge_service --port 8765``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Self

from aiohttp import WSMsgType, web
from edge_tts.drm import generate_sec_ms_gec_v2

from litestar_tts.engines.edge_voices import snapshot
from tests.support.edge_faults import HANDSHAKE_FAULTS, PASSING, REQUEST_FAULTS, SILENT, Faults, RandomFaults, Strike
from tests.support.edge_speech import TICKS, Spoken, speak
from tests.support.edge_wire import Request, Writer, locale_and_name, parse

PATH = "/consumer/speech/synthesize/readaloud"
FRAME_BYTES = 720
BYTES_PER_SECOND = 6_000
CLOCK_OFF = 3600


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
        self.slow_seconds = 0.02
        self.fault_for = fault_for
        self.voices_fault: str | None = None
        self.voices: Sequence[dict[str, Any]] = _entries()
        self.counters = Counters()
        self.requests: deque[Request] = deque(maxlen=1000)
        self.headers: deque[dict[str, str]] = deque(maxlen=100)
        """Headers of the last handshakes."""
        self.faults = Faults()
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

    def fail(self, fault: str, times: int | None = 1, *, after: int = 0, at: float = 0.5) -> None:
        """Let the next requests or connections fail.

        Args:
            fault: One of ``HANDSHAKE_FAULTS`` or ``REQUEST_FAULTS``.
            times: How many; None: all until :meth:`heal`.
            after: So many go well before.
            at: Share of the audio that is sent before faults that strike amid it.
        """
        self.faults.plan(fault, times, after)
        self.faults.at = at

    def heal(self) -> None:
        """No more faults."""
        self.faults.clear()
        self.voices_fault = None
        self.fault_for = None

    def reset(self) -> None:
        """Heal, and count from 0 again (but for open sockets)."""
        with self._lock:
            self.heal()
            self.faults.struck.clear()
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
        locale, name = locale_and_name(request.voice)
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
        app.router.add_get("/counters", self._tell_counters)
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

    async def _tell_counters(self, _: web.Request) -> web.Response:
        """For whoever runs the service in a process of its own."""
        with self._lock:
            return web.json_response({**vars(self.counters), "faults": dict(self.faults.struck)})

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        self._count(connections=1)
        self.headers.append(dict(request.headers))
        if self.handshake_delay:
            await asyncio.sleep(self.handshake_delay)
        strike = self.faults.next_for_connection()
        if strike is not None and strike.fault in HANDSHAKE_FAULTS:
            self.faults.happened(strike)
            refusal = await _refuse(request, strike.fault)
            if refusal is not None:
                return refusal
            strike = None
        # Compression would only cost time here; the client accepts both.
        socket = web.WebSocketResponse(compress=False, autoping=True, max_msg_size=1 << 20, timeout=0.2)
        await socket.prepare(request)
        self._count(open=1)
        try:
            await self._talk(request, socket, strike)
        finally:
            _abort(request)
            self._count(open=-1)
        return socket

    async def _talk(self, http: web.Request, socket: web.WebSocketResponse, strike: Strike | None) -> None:
        config = await socket.receive()
        ssml = await socket.receive()
        if config.type is not WSMsgType.TEXT or ssml.type is not WSMsgType.TEXT:
            return
        request = parse(config.data, ssml.data)
        self.requests.append(request)
        self._count(requests=1)
        chosen = self.fault_for(request) if self.fault_for else None
        strike = Strike(chosen, self.faults.at) if chosen else strike or self.faults.next_for_request()
        if strike is not None:
            self.faults.happened(strike)
        answer = asyncio.create_task(self._answer(http, socket, request, strike))
        deaf = strike is not None and strike.fault == "no_close_ack"
        listener = asyncio.create_task(_until_left(http, socket, deaf=deaf))
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
        self, http: web.Request, socket: web.WebSocketResponse, request: Request, strike: Strike | None
    ) -> None:
        fault = strike.fault if strike is not None else None
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
        writer = Writer(socket)
        await writer.start()
        if spoken is not None:
            await self._send_speech(http, writer, request, spoken, strike)
        if fault == "no_turn_end":
            await asyncio.Event().wait()
        if fault == "no_turn_end_close":
            await socket.close()
            return
        if fault == "no_turn_end_abort":
            _abort(http)
            return
        # Counted before it is sent: who has read it may ask for the count.
        self._count(completed=1)
        await writer.end()

    def _knows(self, voice: str) -> bool:
        locale, name = locale_and_name(voice)
        return any(entry["ShortName"] == f"{locale}-{name}" for entry in self.voices)

    async def _send_speech(
        self, http: web.Request, writer: Writer, request: Request, spoken: Spoken, strike: Strike | None
    ) -> None:
        words = deque(spoken.words if request.word_boundaries else ())
        frames = [spoken.mp3[at : at + FRAME_BYTES] for at in range(0, len(spoken.mp3), FRAME_BYTES)]
        started = time.monotonic()
        struck = int(len(frames) * strike.at) if strike is not None else -1
        for index, frame in enumerate(frames):
            position = index * FRAME_BYTES / BYTES_PER_SECOND
            while words and words[0].offset / TICKS < position + 3:
                word = words.popleft()
                await writer.word(word.text, word.offset, word.duration)
            if index == struck and strike is not None:
                await self._fail_midway(http, writer, strike.fault)
            if strike is not None and strike.fault == "slow" and index >= struck:
                await asyncio.sleep(self.slow_seconds)
            if self.pace:
                await asyncio.sleep(max(0.0, started + position / self.pace - time.monotonic()))
            await writer.audio(frame)
        await writer.last_audio()

    async def _fail_midway(self, http: web.Request, writer: Writer, fault: str) -> None:
        if fault == "close_mid":
            await writer.socket.close()
            raise _LeftError
        if fault == "abort_mid":
            _abort(http)
            raise _LeftError
        if fault == "hang_mid":
            await asyncio.Event().wait()
        while fault == "chatter":
            await writer.socket.ping()
            await writer.text("response", "{}")
            await asyncio.sleep(self.slow_seconds)
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


async def _until_left(http: web.Request, socket: web.WebSocketResponse, *, deaf: bool) -> None:
    if deaf:
        # The handler is cancelled when the connection is lost.
        await asyncio.Event().wait()
    while (await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        pass


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _refuse(request: web.Request, fault: str) -> web.Response | None:
    """Refuse a connection; None: its token suits our clock after all."""
    if fault == "handshake_hang":
        await asyncio.Event().wait()
    if fault == "handshake_reset":
        _abort(request)
        return web.Response(status=500)
    now = time.time()
    if fault == "wrong_clock":
        now += CLOCK_OFF
        known = [generate_sec_ms_gec_v2(now + seconds) for seconds in (-60, 0, 60)]
        if request.query.get("Sec-MS-GEC") in known:
            return None
        fault = "403"
    response = web.Response(status=int(fault[:3]))
    if fault == "429":
        response.headers["Retry-After"] = "7"
    response.headers["Date"] = "never" if fault == "403_no_date" else formatdate(now, usegmt=True)
    return response


@lru_cache(maxsize=1)
def _entries() -> tuple[dict[str, Any], ...]:
    return tuple(_entry(voice) for voice in snapshot())


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
    parser.add_argument("--fault", choices=sorted(HANDSHAKE_FAULTS | REQUEST_FAULTS), help="for every call")
    parser.add_argument("--fail", type=float, default=0.0, help="share of calls that fail, each in another way")
    parser.add_argument("--stall", type=float, default=0.0, help="share of calls that fall silent for a while")
    parser.add_argument("--stall-seconds", type=float, default=120.0, help="how long a while is")
    parser.add_argument("--silent", action="store_true", help="among the ways to fail are those that only time ends")
    parser.add_argument("--seed", type=int, default=1, help="of --fail and --stall")
    options = parser.parse_args()
    service = EdgeService(host=options.host, port=options.port, pace=options.pace, first_delay=options.first_delay)
    service.stall_seconds = options.stall_seconds
    # Clients that leave in the middle of a handshake are no news.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    if options.fault:
        service.fail(options.fault, times=None)
    if options.fail or options.stall:
        service.faults.by_chance = RandomFaults(
            fail=options.fail,
            stall=options.stall,
            kinds=PASSING + SILENT if options.silent else PASSING,
            seed=options.seed,
        )
    with service, suppress(KeyboardInterrupt):
        print(f"TTS_EDGE_URL={service.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
