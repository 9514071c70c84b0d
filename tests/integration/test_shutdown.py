"""Shutdown: what is nearly done is finished, what is not is cut, nobody waits in vain, and all of it once."""

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency

from litestar_tts import AudioChunk, TTSService
from litestar_tts.exceptions import OverloadedError
from litestar_tts.plugin import get_plugin
from litestar_tts.service import SpeechService
from tests.integration.test_server import serving
from tests.support.edge_service import EdgeService
from tests.support.scripted import Asgi, ScriptedEngine, application, config

LONG = " ".join(["word"] * 40)
SENTENCES = "This is a sentence of some length, spoken slowly. " * 18


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


def service_of(engine: ScriptedEngine, grace: float, **options: Any) -> SpeechService:
    return SpeechService(config(engine, shutdown_grace=grace, **options))


async def paused(engine: ScriptedEngine) -> None:
    async with asyncio.timeout(5):
        await engine.paused.wait()


async def heard(speech: AsyncIterator[Any]) -> list[Any]:
    return [event async for event in speech]


# --- the service ------------------------------------------------------------------------------------------------------


async def test_speech_in_progress_may_finish(engine: ScriptedEngine):
    service = service_of(engine, 30.0)
    engine.middle.clear()
    listener = asyncio.create_task(heard(service.speak(LONG)))
    await paused(engine)
    closing = asyncio.create_task(service.close())
    await asyncio.sleep(0.01)
    assert engine.shut == 0
    engine.middle.set()
    async with asyncio.timeout(5):
        events = await listener
        await closing
    assert sum(isinstance(event, AudioChunk) for event in events) > 30
    assert engine.shut == 1


@pytest.mark.parametrize("collected", [True, False])
async def test_endless_speech_is_cut_after_the_grace(engine: ScriptedEngine, *, collected: bool):
    service = service_of(engine, 0.1)
    engine.middle.clear()
    speech = service.speak(LONG)
    listener = asyncio.create_task(speech.collect() if collected else heard(speech))  # type: ignore[arg-type]
    await paused(engine)
    began = time.monotonic()
    async with asyncio.timeout(5):
        await service.close()
        assert time.monotonic() - began >= 0.1
        with pytest.raises(OverloadedError, match="shutting down") as caught:
            await listener
    assert caught.value.retry_after
    assert engine.stopped.is_set()
    assert engine.shut == 1


async def test_speech_whose_listener_is_slow_is_cut_too(engine: ScriptedEngine):
    """Nobody waits for the engine, so nobody but the service can stop it."""
    service = service_of(engine, 0.1)
    speech = service.speak(LONG)
    listener = asyncio.create_task(speech.start())  # a task of its own: the closing one cannot finish what it began
    await listener
    async with asyncio.timeout(5):
        await service.close()
    assert engine.stopped.is_set()
    with pytest.raises(OverloadedError, match="shutting down"):
        await anext(speech)


async def test_what_the_closing_task_has_open_is_not_waited_for(engine: ScriptedEngine):
    service = service_of(engine, 30.0)
    speech = service.speak(LONG)
    await speech.start()
    async with asyncio.timeout(5):
        await service.close()
    assert engine.stopped.is_set()


async def test_a_service_that_is_silent_closes_at_once_and_opens_again(engine: ScriptedEngine):
    service = service_of(engine, 30.0)
    for _ in range(2):
        assert (await service.speak("Hello.").collect()).audio
        async with asyncio.timeout(5):
            await service.close()
    assert engine.shut == 2


async def test_nobody_begins_and_nobody_waits_while_it_closes(engine: ScriptedEngine):
    service = service_of(engine, 30.0, max_streams=1)
    engine.middle.clear()
    listener = asyncio.create_task(heard(service.speak(LONG)))
    await paused(engine)
    waiting = asyncio.create_task(service.speak("I wait.").collect())
    while not (await service.health()).queue.waiting:
        await asyncio.sleep(0.001)
    service.begin_closing()
    async with asyncio.timeout(5):
        with pytest.raises(OverloadedError, match="shutting down"):
            await waiting
        with pytest.raises(OverloadedError, match="shutting down"):
            await service.speak("I come too late.").start()
        assert not listener.done()
        engine.middle.set()
        assert await listener
        await service.close()
        assert (await service.speak("Open again.").collect()).audio
    assert engine.speeches == 2


async def test_the_grace_is_spent_once(engine: ScriptedEngine):
    service = service_of(engine, 0.5)
    engine.middle.clear()
    listener = asyncio.create_task(heard(service.speak(LONG)))
    await paused(engine)
    began = time.monotonic()
    service.begin_closing()
    with pytest.raises(OverloadedError):
        await listener
    first = time.monotonic() - began
    await service.close()
    assert time.monotonic() - began - first < 0.4
    assert first >= 0.5


def test_what_an_event_loop_left_open_takes_no_place_on_the_next(engine: ScriptedEngine):
    service = service_of(engine, 30.0, max_streams=1, queue_timeout=1.0)
    kept = []

    async def leave_open() -> None:
        kept.append(service.speak(LONG))
        await kept[0].start()

    async def speak() -> None:
        assert (await service.speak("Here I am.").collect()).audio
        await service.close()

    asyncio.run(leave_open())
    asyncio.run(speak())


# --- an application ---------------------------------------------------------------------------------------------------


async def test_answers_of_an_application_that_closes(engine: ScriptedEngine):
    app = application(engine, shutdown_grace=0.2, max_streams=2, max_streams_per_client=2)
    engine.middle.clear()
    audio = Asgi(app, "/tts/generate", {"text": LONG, "format": "pcm"})
    await paused(engine)
    engine.paused.clear()
    frames = Asgi(app, "/tts/generate-stream", {"text": LONG, "format": "pcm"})
    await paused(engine)
    waiting = Asgi(app, "/tts/generate", {"text": LONG})
    service = get_plugin(app).service
    while not (await service.health()).queue.waiting:
        await asyncio.sleep(0.001)
    service.begin_closing()
    late = Asgi(app, "/tts/generate", {"text": LONG})
    for refused in (await waiting.finish(), await late.finish()):
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "shutting down" in refused.body.decode()
    with pytest.raises(Exception, match="after response started"):
        await audio.finish()
    assert (audio.status, audio.complete) == (200, False)
    await frames.finish()
    assert (frames.status, frames.complete) == (200, True)
    problem = json.loads(frames.body[frames.body.rindex(b'{"type":"error"') :])
    assert problem.get("problem", problem)["status"] == 503


async def test_the_lifespan_lets_a_background_task_finish_or_cuts_it(engine: ScriptedEngine):
    ended: list[Any] = []

    async def narrate(service: TTSService) -> None:
        try:
            ended.append(len((await service.speak(LONG).collect()).audio))
        except OverloadedError as error:
            ended.append(error.detail)

    @post("/jobs", status_code=202)
    async def job(tts_service: NamedDependency[TTSService]) -> Response[None]:
        return Response(None, background=BackgroundTask(narrate, tts_service))

    app = application(engine, shutdown_grace=0.3, host={"route_handlers": [job]})
    for endless in (False, True):
        engine.middle.clear()
        engine.paused.clear()
        async with app.lifespan():
            asking = Asgi(app, "/jobs")
            await paused(engine)
            if not endless:
                asyncio.get_running_loop().call_later(0.01, engine.middle.set)
        assert (await asking.finish()).status == 202
    assert ended[0] > 100_000
    assert "shutting down" in ended[1]


# --- the server -------------------------------------------------------------------------------------------------------


async def end_of(answer: httpx.Response, heard: bytearray) -> float | None:
    """When the answer was complete; None where it was cut."""
    try:
        async for chunk in answer.aiter_raw():
            heard += chunk
    except httpx.RemoteProtocolError:
        return None
    return time.monotonic()


@pytest.mark.parametrize(("workers", "told"), [("1", signal.SIGTERM), ("1", signal.SIGINT), ("2", signal.SIGTERM)])
async def test_the_server_lets_streams_finish_and_cuts_the_endless(workers: str, told: signal.Signals):
    with (
        EdgeService(pace=1.0) as edge,
        serving("--workers", workers, TTS_ENGINES="edge", TTS_EDGE_URL=edge.url, TTS_SHUTDOWN_GRACE="3") as running,
    ):
        async with httpx.AsyncClient(timeout=20) as client:

            def ask(path: str, text: str) -> Any:
                return client.stream("POST", running.url + path, json={"text": text, "format": "mp3"})

            async with (
                ask("/generate", SENTENCES) as endless,
                ask("/generate-stream", SENTENCES) as frames,
                ask("/generate", "Yes.") as short,
            ):
                began = time.monotonic()
                running.process.send_signal(told)
                audio, framed, finished = bytearray(), bytearray(), bytearray()
                ends = await asyncio.gather(end_of(endless, audio), end_of(frames, framed), end_of(short, finished))
        status = await asyncio.to_thread(running.process.wait, 10)
        seconds = time.monotonic() - began
    log = "".join(running.err)
    assert status == 0
    assert "Traceback" not in log
    assert ends[0] is None
    assert audio
    assert b'"status":503' in framed[-300:]
    assert ends[2] is not None
    assert len(finished) > 3_000
    assert 3 <= seconds < 8
    assert len(re.findall("speech complete", log)) == 1


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_second_ctrl_c_cuts_at_once(workers: str):
    with (
        EdgeService(pace=1.0) as edge,
        serving("--workers", workers, TTS_ENGINES="edge", TTS_EDGE_URL=edge.url, TTS_SHUTDOWN_GRACE="60") as running,
    ):
        url = f"{running.url}/generate"
        async with (
            httpx.AsyncClient(timeout=20) as client,
            client.stream("POST", url, json={"text": SENTENCES}) as endless,
        ):
            running.process.send_signal(signal.SIGINT)
            await asyncio.to_thread(running.wait_for_log, "closing: 1 speeches in progress")
            running.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(end_of(endless, bytearray()), 10) is None
        assert await asyncio.to_thread(running.process.wait, 10) == 0
    assert "Traceback" not in "".join(running.err)
