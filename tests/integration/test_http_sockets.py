"""Through a real server and real sockets: time to the first byte, leaving, breaking off, back-pressure."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from litestar import Litestar

from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import EngineError
from litestar_tts.plugin import TTSPlugin, get_plugin
from tests.support.scripted import ScriptedEngine, application

LONG = " ".join(["word"] * 40)


def request_with(body: bytes) -> bytes:
    lines = ("POST /tts/generate HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[str]:
    """The application on a free port, in this event loop."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/tts"
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize(
    ("query", "status"), [("text=secret", 200), ("text=secret&x=1", 400), ("text=secret&voice=q", 404)]
)
async def test_the_access_log_of_any_host_is_without_the_text(
    engine: ScriptedEngine, caplog: pytest.LogCaptureFixture, query: str, status: int
):
    with caplog.at_level("INFO", "uvicorn.access"):
        async with served(application(engine)) as url, httpx.AsyncClient(timeout=5) as client:
            assert (await client.get(f"{url}/generate?{query}")).status_code == status
    (line,) = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert line.endswith(f'"GET /tts/generate HTTP/1.1" {status}')


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture(autouse=True)
def signals_stay_with_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "capture_signals", lambda _: contextlib.nullcontext())


@pytest.mark.parametrize("path", ["/generate", "/generate-stream"])
async def test_the_first_bytes_come_while_the_engine_still_speaks(engine: ScriptedEngine, path: str):
    engine.middle.clear()
    body = {"text": LONG, "format": "pcm"}
    async with (
        served(application(engine)) as url,
        httpx.AsyncClient(timeout=5) as client,
        client.stream("POST", url + path, json=body) as answer,
    ):
        chunks = answer.aiter_raw()
        assert await anext(chunks)
        assert not engine.stopped.is_set()
        engine.middle.set()
        rest = [chunk async for chunk in chunks]
    assert rest


@pytest.mark.parametrize("moment", ["before the first audio", "in the middle"])
async def test_a_closed_connection_stops_the_engine_within_milliseconds(engine: ScriptedEngine, moment: str):
    early = moment == "before the first audio"
    (engine.gate if early else engine.middle).clear()
    app = application(engine)
    async with served(app) as url:
        port = int(url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps({"text": LONG, "format": "pcm"}).encode()
        writer.write(request_with(body))
        await asyncio.wait_for((engine.asked if early else engine.paused).wait(), 5)
        if not early:
            await reader.readuntil(b"\r\n\r\n")
        began = time.perf_counter()
        writer.close()
        await asyncio.wait_for(engine.stopped.wait(), 2)
        assert time.perf_counter() - began < 0.2
        assert (await get_plugin(app).service.health()).queue.active == 0


async def test_a_reader_that_does_not_read_holds_the_engine_and_is_freed_when_it_leaves(engine: ScriptedEngine):
    text = " ".join(["word"] * 1500)
    app = application(engine, max_text_length=10_000)
    async with served(app) as url:
        port = int(url.split(":")[2].split("/")[0])
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        body = json.dumps({"text": text, "format": "wav", "sample_rate": 48000}).encode()
        writer.write(request_with(body))
        await asyncio.wait_for(engine.paused.wait(), 5)
        await asyncio.sleep(0.3)
        held = not engine.stopped.is_set()
        writer.transport.abort()
        await asyncio.wait_for(engine.stopped.wait(), 2)
        assert held


async def test_a_broken_off_stream_is_not_complete_for_a_client(engine: ScriptedEngine):
    engine.breaks = EngineError("it fell silent")
    async with served(application(engine)) as url, httpx.AsyncClient(timeout=5) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(f"{url}/generate", json={"text": LONG, "format": "pcm"})
        again = await client.get(f"{url}/health")
    assert again.status_code == 200


async def test_head_and_errors_leave_the_connection_usable(engine: ScriptedEngine):
    async with served(application(engine)) as url, httpx.AsyncClient(timeout=5) as client:
        for _ in range(3):
            head = await client.head(f"{url}/generate", params={"text": "Hello"})
            assert (head.status_code, head.content) == (200, b"")
            assert (await client.head(f"{url}/generate", params={"text": ""})).status_code == 400
            assert (await client.head(f"{url}/nonsense")).status_code == 404
            assert (await client.post(f"{url}/generate", json={})).status_code == 400
            assert (await client.get(f"{url}/generate", params={"text": "Hello"})).status_code == 200


async def test_many_at_once_are_the_same_to_the_byte(engine: ScriptedEngine):
    async with served(application(engine)) as url, httpx.AsyncClient(timeout=20) as client:
        single = (await client.post(f"{url}/generate", json={"text": "Hello there world"})).content
        answers = await asyncio.gather(
            *(client.post(f"{url}/generate", json={"text": "Hello there world"}) for _ in range(30))
        )
    assert {answer.content for answer in answers} == {single}


def test_espeak_speaks_through_a_server_in_a_thread():
    """The real engine opens its threads on a loop that is not the tests' and closes them with the server."""
    app = Litestar(plugins=[TTSPlugin(TTSConfig(engines=["espeak"], rate_limit=None))], logging_config=None)
    with _in_a_thread(app) as url:
        began = time.perf_counter()
        with httpx.stream("POST", f"{url}/generate", json={"text": LONG, "format": "pcm"}, timeout=5) as answer:
            first = next(answer.iter_raw())
            to_first = time.perf_counter() - began
        assert first
        assert to_first < 2


@contextlib.contextmanager
def _in_a_thread(app: Litestar) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/tts"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
