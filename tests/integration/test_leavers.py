"""Listeners who leave: what they left behind is freed, wherever they were and whoever made the answer."""

import asyncio
import gc
import json
import socket
import struct
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Response, WebSocket, get, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.response import ServerSentEventMessage
from websockets.asyncio.client import connect

from litestar_tts import AudioChunk, AudioStream, TTSService, listening
from litestar_tts.config import TTSConfig
from litestar_tts.connections import Connection
from litestar_tts.plugin import TTSPlugin, get_plugin
from litestar_tts.service import SpeechService
from litestar_tts.testing import ToneEngine
from tests.support.scripted import ScriptedEngine, application
from tests.support.serving import served

LONG = " ".join(["word"] * 40)
SOON = 1.0
"""Seconds; the benchmark says how many milliseconds it is, on a machine that does nothing else."""


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


def request_with(path: str, body: Any = None) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    lines = (f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(data)}")
    return "\r\n".join((*lines, "", "")).encode() + data


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, path: str, body: Any = None) -> None:
        self.writer.write(request_with(path, body))
        await self.writer.drain()

    async def status(self) -> int:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        return int(head.split()[1])

    def leave(self, how: str = "close") -> None:
        if how == "half-close":
            self.writer.write_eof()
        elif how == "reset":
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self.writer.transport.abort()
        else:
            self.writer.close()


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    port = int(url.split(":")[2].split("/", 1)[0])
    client = Client(*await asyncio.open_connection("127.0.0.1", port, limit=1024))
    try:
        yield client
    finally:
        client.writer.close()


async def freed(app: Litestar, engine: ScriptedEngine) -> None:
    """The engine was told, and the place in the process is free again."""
    service = get_plugin(app).service
    async with asyncio.timeout(SOON):
        await engine.stopped.wait()
        while (await service.health()).queue.active:
            await asyncio.sleep(0.001)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


ANSWERS = [
    ("/tts/generate", {}),
    ("/tts/generate", {"stream": False}),
    ("/tts/generate-stream", {}),
    ("/tts/generate-visemes", {"timing": "exact"}),
    ("/tts/generate-captions", {}),
]


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize(("path", "options"), ANSWERS)
async def test_a_client_who_leaves(
    engine: ScriptedEngine, path: str, options: dict[str, Any], *, early: bool, how: str
):
    (engine.gate if early else engine.middle).clear()
    app = application(engine)
    async with served(app) as url, client_of(url) as client:
        await client.ask(path, {"text": LONG, **options})
        await asyncio.wait_for((engine.asked if early else engine.paused).wait(), 5)
        client.leave(how)
        await freed(app, engine)


@pytest.mark.parametrize("early", [True, False])
async def test_a_client_who_asks_for_more_before_it_leaves(engine: ScriptedEngine, *, early: bool):
    """The standalone server reads on behind a second request, else it would not see that the client is gone."""
    (engine.gate if early else engine.middle).clear()
    app = application(engine)
    async with served(app, http=Connection) as url, client_of(url) as client:
        await client.ask("/tts/generate", {"text": LONG})
        await asyncio.wait_for((engine.asked if early else engine.paused).wait(), 5)
        await client.ask("/tts/generate", {"text": "Further."})
        client.leave()
        await freed(app, engine)
    assert engine.speeches == 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_second_request_does_not_harm_the_first(engine: ScriptedEngine, *, together: bool):
    async with served(application(engine), http=Connection) as url, client_of(url) as client:
        first, second = (request_with("/tts/generate", {"text": text, "format": "pcm"}) for text in (LONG, "Further."))
        engine.gate.clear()
        client.writer.write(first + second if together else first)
        await asyncio.wait_for(engine.asked.wait(), 5)
        if not together:
            client.writer.write(second)
            await client.writer.drain()
        engine.gate.set()
        assert await client.status() == 200
        body = await asyncio.wait_for(client.reader.read(-1), 5)
        assert body.endswith(b"0\r\n\r\n")
    assert engine.speeches == 1


async def test_a_client_who_leaves_the_queue(engine: ScriptedEngine):
    engine.gate.clear()
    app = application(engine, max_streams=1)
    service = get_plugin(app).service
    async with served(app) as url, client_of(url) as first, client_of(url) as second, client_of(url) as third:
        await first.ask("/tts/generate", {"text": "One."})
        await asyncio.wait_for(engine.asked.wait(), 5)
        for number, client in enumerate((second, third), 1):
            await client.ask("/tts/generate", {"text": "Two."})
            async with asyncio.timeout(5):
                while (await service.health()).queue.waiting != number:
                    await asyncio.sleep(0.001)
        second.leave()
        async with asyncio.timeout(SOON):
            while (await service.health()).queue.waiting != 1:
                await asyncio.sleep(0.001)
        engine.gate.set()
        assert await first.status() == 200
        assert await third.status() == 200
    assert engine.speeches == 2


async def test_a_client_who_leaves_while_two_engines_race():
    online, stand_in = ScriptedEngine("online"), ScriptedEngine("standin")
    online.capabilities = type(online.capabilities)(words=True, network=True)
    online.gate.clear()
    stand_in.gate.clear()
    app = application(online, stand_in, hedge_after=0.01)
    async with served(app) as url, client_of(url) as client:
        await client.ask("/tts/generate", {"text": LONG})
        await asyncio.wait_for(stand_in.asked.wait(), 5)
        assert not online.stopped.is_set()
        client.leave()
        await freed(app, online)
        await freed(app, stand_in)


async def test_a_client_who_takes_nothing_is_cut_off(engine: ScriptedEngine, caplog: pytest.LogCaptureFixture):
    app = application(engine, max_text_length=20_000, write_timeout=0.2)
    async with served(app) as url, client_of(url) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.ask("/tts/generate", {"text": " ".join(["word"] * 3000), "sample_rate": 48_000})
        async with asyncio.timeout(10):
            while "the client took nothing for 0.2 s" not in caplog.text:
                await asyncio.sleep(0.01)
        await freed(app, engine)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await client.status() == 200
        assert not (await asyncio.wait_for(client.reader.read(-1), 5)).endswith(b"0\r\n\r\n")


# --- a host's own doors -----------------------------------------------------------------------------------------------


class Events:
    """A stream of server-sent events that a host writes by itself."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[Any]] = []
        self.sent = asyncio.Event()

    async def of(self, service: TTSService) -> AsyncGenerator[bytes, None]:
        async with service.speak(LONG, format="pcm") as speech:
            async for event in speech:
                if isinstance(event, AudioChunk):
                    yield ServerSentEventMessage(data=f"{len(event.data)} bytes").encode()
                    self.sent.set()

    def handler(self) -> Any:
        @get("/events")
        async def handler(tts_service: NamedDependency[TTSService]) -> AudioStream:
            events = self.of(tts_service)
            self.made.append(weakref.ref(events))
            return AudioStream(events, media_type="text/event-stream")

        return handler


async def test_events_of_a_client_who_leaves_while_the_engine_is_silent(engine: ScriptedEngine):
    events = Events()
    engine.middle.clear()
    app = application(engine, host={"route_handlers": [events.handler()]})
    with without_garbage_collection():
        async with served(app) as url, client_of(url) as client:
            await client.ask("/events")
            assert await client.status() == 200
            await asyncio.wait_for(engine.paused.wait(), 5)
            client.leave()
            await freed(app, engine)
            async with asyncio.timeout(SOON):
                while events.made[0]() is not None:
                    await asyncio.sleep(0.001)


async def test_events_of_a_client_who_leaves_at_a_yield():
    """The client does not read, so that the generator stands at its ``yield`` while ``send`` waits."""
    engine, events = ToneEngine(), Events()
    app = Litestar(
        [events.handler()],
        plugins=[TTSPlugin(TTSConfig(engines=[engine], default_voice="tone-high", rate_limit=None))],
        logging_config=None,
    )
    with without_garbage_collection():
        full = asyncio.Event()

        async def through_a_full_pipe(scope: Any, receive: Any, send: Any) -> None:
            async def held(message: Any) -> None:
                await send(message)
                if message.get("body"):
                    full.set()
                    await asyncio.Event().wait()

            await app(scope, receive, held if scope["type"] == "http" else send)

        async with served(through_a_full_pipe) as url, client_of(url) as client:
            await client.ask("/events")
            await asyncio.wait_for(full.wait(), 5)
            assert engine.active == 1
            client.leave()
            async with asyncio.timeout(SOON):
                while engine.active or events.made[0]() is not None:
                    await asyncio.sleep(0.001)


async def test_the_writer_of_a_text_is_told_too(engine: ScriptedEngine):
    """The text comes from a language model, say, whose tokens nobody will hear."""
    written, stopped = asyncio.Event(), asyncio.Event()

    async def tokens() -> AsyncGenerator[str, None]:
        try:
            yield f"{LONG}. And then "
            written.set()
            await asyncio.Event().wait()
        finally:
            stopped.set()

    @get("/answer")
    async def answer(tts_service: NamedDependency[TTSService]) -> AudioStream:
        return AudioStream(tts_service.speak(tokens(), format="pcm").audio(), media_type="audio/L16")

    app = application(engine, host={"route_handlers": [answer]})
    async with served(app) as url, client_of(url) as client:
        await client.ask("/answer")
        assert await client.status() == 200
        await asyncio.wait_for(written.wait(), 5)
        client.leave()
        await asyncio.wait_for(stopped.wait(), SOON)
        await freed(app, engine)


async def test_a_dropped_response_of_a_host_frees_its_speech(engine: ScriptedEngine, caplog: pytest.LogCaptureFixture):
    @get("/dropped")
    async def handler(tts_service: NamedDependency[TTSService]) -> str:
        await tts_service.response(LONG)
        return "never mind"

    app = application(engine, host={"route_handlers": [handler]})
    engine.middle.clear()
    async with served(app) as url, client_of(url) as client:
        await client.ask("/dropped")
        assert await client.status() == 200
        await freed(app, engine)
    assert "started and forgotten" in caplog.text


def socket_app(engine: ScriptedEngine, ended: list[Any], **options: Any) -> Litestar:
    @websocket("/speak")
    async def speak(socket: WebSocket[Any, Any, Any], tts_service: NamedDependency[TTSService]) -> None:
        await socket.accept()
        async with tts_service.speak(LONG, format="pcm") as speech, listening(socket) as client:
            async for chunk in speech.audio():
                await socket.send_bytes(chunk)
        ended.append((client.left, [message async for message in client]))
        if not client.left:
            await socket.close()

    return application(engine, host={"route_handlers": [speak]}, **options)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_socket_whose_client_leaves(engine: ScriptedEngine, *, early: bool, how: str):
    (engine.gate if early else engine.middle).clear()
    ended: list[Any] = []
    app = socket_app(engine, ended)
    async with served(app) as url:
        client = await connect(url.replace("http", "ws").replace("/tts", "/speak"))
        await client.send("stop here")
        await client.send(b"and there")
        await asyncio.wait_for((engine.asked if early else engine.paused).wait(), 5)
        if how == "abort":
            client.transport.abort()
        else:
            await client.close()
        await freed(app, engine)
        async with asyncio.timeout(SOON):
            while not ended:
                await asyncio.sleep(0.001)
    assert ended == [(True, ["stop here", b"and there"])]


async def test_a_socket_whose_client_stays(engine: ScriptedEngine):
    ended: list[Any] = []
    async with (
        served(socket_app(engine, ended)) as url,
        connect(url.replace("http", "ws").replace("/tts", "/speak")) as client,
    ):
        heard = [message async for message in client]
    assert sum(map(len, heard)) > 24_000
    assert ended == [(False, [])]


async def test_what_the_client_of_a_socket_says_interrupts_speech(engine: ScriptedEngine):
    """Barge-in: one task speaks, the other reads what the client says and closes the speech."""
    ended: list[str] = []

    @websocket("/speak")
    async def speak(socket: WebSocket[Any, Any, Any], tts_service: NamedDependency[TTSService]) -> None:
        await socket.accept()
        async with tts_service.speak(LONG, format="pcm") as speech, listening(socket) as client:

            async def stop() -> None:
                async for message in client:
                    if message == "stop":
                        await speech.aclose()

            stopping = asyncio.create_task(stop())
            async for chunk in speech.audio():
                await socket.send_bytes(chunk)
            stopping.cancel()
            await socket.send_text("stopped")
            await socket.close()
            ended.append("well")

    engine.middle.clear()
    app = application(engine, host={"route_handlers": [speak]})
    async with served(app) as url, connect(url.replace("http", "ws").replace("/tts", "/speak")) as client:
        await asyncio.wait_for(engine.paused.wait(), 5)
        await client.send("stop")
        await freed(app, engine)
        assert [message async for message in client][-1] == "stopped"
    assert ended == ["well"]


# --- background tasks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_speech_in_the_background_goes_on_when_the_client_leaves(
    engine: ScriptedEngine, tmp_path: Path, *, streamed: bool
):
    target, saved = tmp_path / "speech.wav", asyncio.Event()

    async def save(service: TTSService) -> None:
        result = await service.speak(LONG, format="wav").collect()
        target.write_bytes(result.audio)
        saved.set()

    @post("/jobs", status_code=200)
    async def job(tts_service: NamedDependency[TTSService]) -> Response[Any]:
        task = BackgroundTask(save, tts_service)
        if streamed:
            return await tts_service.response("At once.", background=task)
        return Response("accepted", background=task)

    app = application(engine, host={"route_handlers": [job]})
    async with served(app) as url, client_of(url) as client:
        if not streamed:
            engine.middle.clear()
        await client.ask("/jobs", {})
        assert await client.status() == 200
        if not streamed:
            await asyncio.wait_for(engine.paused.wait(), 5)
        client.leave()
        engine.middle.set()
        await asyncio.wait_for(saved.wait(), 5)
    assert len(target.read_bytes()) > 100_000


# --- what a host forgets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("iterated", [True, False])
async def test_a_forgotten_speech_is_closed(
    engine: ScriptedEngine, caplog: pytest.LogCaptureFixture, *, iterated: bool
):
    engine.middle.clear()
    config = TTSConfig(engines=[engine], default_voice="tone-a", rate_limit=None, max_streams=1)
    async with SpeechService(config) as service:
        with without_garbage_collection():
            speech = service.speak(LONG)
            await speech.start()
            if iterated:
                await anext(speech)
            del speech
            async with asyncio.timeout(SOON):
                await engine.stopped.wait()
        engine.middle.set()
        assert (await service.speak("The place is free.").collect()).audio
    assert caplog.text.count("started and forgotten") == 1


async def test_what_was_closed_or_never_started_is_not_forgotten(
    engine: ScriptedEngine, caplog: pytest.LogCaptureFixture
):
    config = TTSConfig(engines=[engine], default_voice="tone-a", rate_limit=None)
    async with SpeechService(config) as service:
        service.speak(LONG)
        await service.speak("To the end.").collect()
        async for _ in service.speak("To the end."):
            pass
        async with service.speak(LONG) as speech:
            await speech.start()
        del speech
        with pytest.raises(RuntimeError, match="not installed"):
            engine.fails = RuntimeError("not installed")
            await service.speak("It fails.").start()
        gc.collect()
    assert "forgotten" not in caplog.text


async def test_a_forgotten_audio_generator_closes_its_speech(engine: ScriptedEngine):
    engine.middle.clear()
    async with SpeechService(TTSConfig(engines=[engine], default_voice="tone-a", rate_limit=None)) as service:
        with without_garbage_collection():
            chunks = service.speak(LONG).audio()
            await anext(chunks)
            del chunks
            async with asyncio.timeout(SOON):
                await engine.stopped.wait()


async def test_another_task_may_close_a_speech(engine: ScriptedEngine):
    engine.middle.clear()
    async with SpeechService(TTSConfig(engines=[engine], default_voice="tone-a", rate_limit=None)) as service:
        speech = service.speak(LONG)

        async def listen() -> int:
            return len([event async for event in speech])

        listener = asyncio.create_task(listen())
        await asyncio.wait_for(engine.paused.wait(), 5)
        await asyncio.wait_for(speech.aclose(), SOON)
        assert engine.stopped.is_set()
        assert await asyncio.wait_for(listener, SOON) > 0
        with pytest.raises(RuntimeError, match="closed"):
            await service_start_of(service)


async def service_start_of(service: SpeechService) -> None:
    speech = service.speak(LONG)
    await speech.aclose()
    await speech.start()
