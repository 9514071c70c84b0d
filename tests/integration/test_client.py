"""The asynchronous client against a real server on a socket."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from litestar_tts.client import (
    APIError,
    AsyncTTSClient,
    AudioChunk,
    AuthenticationError,
    BadRequestError,
    Caption,
    ConnectError,
    EngineFailedError,
    OverloadedError,
    RateLimitError,
    StreamClosedError,
    StreamTruncatedError,
    TextTooLongError,
    Viseme,
    VoiceNotFoundError,
    WordBoundary,
)
from litestar_tts.config import RateLimit
from litestar_tts.exceptions import EngineError, EngineTimeoutError
from litestar_tts.models import AudioFormat, EngineEvent, Utterance, VisemeSet
from litestar_tts.plugin import get_plugin
from tests.support.scripted import SOUND, ScriptedEngine, application
from tests.support.serving import served

LONG = " ".join(["word"] * 40)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


async def collect(stream: Any) -> list[Any]:
    async with stream:
        return [item async for item in stream]


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


# --- every method -----------------------------------------------------------------------------------------------------


async def test_audio(engine: ScriptedEngine):
    async with served(application(engine)) as url, AsyncTTSClient(url + "/") as client:
        stream = client.stream_audio("one two three", format="pcm", voice="tone-b", speed=None)
        with pytest.raises(RuntimeError, match="has not begun"):
            _ = stream.info
        info = await stream.start()
        assert b"".join([data async for data in stream]) == SOUND * 3
        assert (info.engine, info.voice, info.format, info.sample_rate) == ("tone", "tone-b", AudioFormat.PCM, 24000)
        assert info is stream.info
        assert info.request_id
        assert info.text_length == 13
        assert [data async for data in stream] == []


@pytest.mark.parametrize("viseme_set", VisemeSet)
async def test_audio_with_visemes(engine: ScriptedEngine, viseme_set: VisemeSet):
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        stream = client.stream_audio_with_visemes(LONG, format="pcm", visemes=viseme_set)
        events = await collect(stream)
        whole = await client.generate(LONG, format="pcm", visemes=viseme_set)
    audio = [event for event in events if isinstance(event, AudioChunk)]
    visemes = [event for event in events if isinstance(event, Viseme)]
    words = [event for event in events if isinstance(event, WordBoundary)]
    assert b"".join(chunk.data for chunk in audio) == whole.audio == SOUND * 40
    assert [(one.value, one.time) for one in visemes] == [
        (one.value, pytest.approx(one.time, abs=6e-4)) for one in whole.visemes
    ]
    assert [word.text for word in words] == ["word"] * 40
    assert stream.end is not None
    assert (stream.end.duration, stream.end.bytes, stream.end.visemes) == (4.0, len(SOUND) * 40, len(visemes))
    assert stream.info.viseme_set is viseme_set
    heard = 0.0
    for event in events:
        if isinstance(event, AudioChunk):
            assert event.time == pytest.approx(heard)
            heard += len(event.data) / 48000
        elif isinstance(event, Viseme):
            assert event.time >= heard - 1e-3, "a viseme came after the audio that it belongs to"


async def test_whole_speech(engine: ScriptedEngine, tmp_path: Path):
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        spoken = await client.generate("one two", phonemes=True, format="wav")
    assert (spoken.engine, spoken.voice, spoken.format, spoken.sample_rate) == ("tone", "tone-a", "wav", 24000)
    assert spoken.duration == pytest.approx(0.2)
    assert [word.text for word in spoken.words] == ["one", "two"]
    assert all(viseme.phoneme is not None and viseme.duration is not None for viseme in spoken.visemes)
    assert spoken.save(tmp_path / "x.wav").read_bytes() == spoken.audio
    assert len(spoken.audio) == 44 + 2 * len(SOUND)
    assert spoken.timestamp.endswith("Z")


async def test_timelines_and_captions(engine: ScriptedEngine):
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        exact = await client.generate_visemes("one two", timing="exact")
        estimated = await client.generate_visemes("one two", timing="estimated", visemes="oculus")
        srt = await client.generate_captions("one two")
        vtt = await client.generate_captions("one two", format="vtt")
        listed = await client.generate_captions("one two", format="json")
    assert (exact.timing, exact.duration) == ("exact", pytest.approx(0.2))
    assert estimated.timing == "estimated"
    assert estimated.visemes[0].value == "sil"
    assert srt.startswith("1\n00:00:00,000")
    assert vtt.startswith("WEBVTT")
    assert isinstance(listed[0], Caption)
    assert [word.text for word in listed[0].words] == ["one", "two"]


async def test_lists_and_health(engine: ScriptedEngine):
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        assert [voice.id for voice in await client.voices()] == ["tone-a", "tone-b"]
        (german,) = await client.voices(engine="tone", language="de", gender="Male")
        assert (german.id, german.description) == ("tone-b", "deep")
        health = await client.health()
    assert (health.status, health.can_speak, health.max_text_length) == ("ok", True, 1000)
    assert [one.name for one in health.engines] == ["tone"]
    assert health.queue is not None


async def test_health_of_a_server_that_cannot_speak(engine: ScriptedEngine):
    engine.fails = EngineError("broken")
    async with served(application(engine)) as url, AsyncTTSClient(url, retries=0) as client:
        for _ in range(6):
            with pytest.raises(EngineFailedError):
                await client.generate("Hello")
        health = await client.health()
    assert (health.status, health.can_speak) == ("down", False)


async def test_the_real_engine_in_all_formats():
    pytest.importorskip("av")
    from litestar import Litestar

    from litestar_tts.config import TTSConfig
    from litestar_tts.plugin import TTSPlugin

    app = Litestar(plugins=[TTSPlugin(TTSConfig(engines=["espeak"], rate_limit=None))], logging_config=None)
    async with served(app) as url, AsyncTTSClient(url) as client:
        for name in AudioFormat:
            stream = client.stream_audio("Hello there, world.", format=name, sample_rate=16000)
            framed = client.stream_audio_with_visemes("Hello there, world.", format=name, sample_rate=16000)
            events = await collect(framed)
            assert len(b"".join(await collect(stream))) > 2000
            assert (stream.info.format, stream.info.sample_rate) == (name, framed.info.sample_rate)
            assert stream.info.skip_samples == framed.info.skip_samples
            times = [event.time for event in events if isinstance(event, AudioChunk)]
            assert times == sorted(times)


async def test_an_own_http_client_stays_open(engine: ScriptedEngine):
    app = application(engine)
    transport = httpx.ASGITransport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, headers={"X-Mine": "1"}) as own:
        async with AsyncTTSClient("http://testserver/tts", http_client=own) as client:
            assert await collect(client.stream_audio("one", format="pcm")) == [SOUND]
            assert (await client.health()).status == "ok"
        assert not own.is_closed


# --- leaving ----------------------------------------------------------------------------------------------------------


async def test_audio_comes_while_the_engine_still_speaks(engine: ScriptedEngine):
    engine.middle.clear()
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        async with client.stream_audio(LONG, format="pcm") as stream:
            assert await anext(stream)
            assert not engine.stopped.is_set()
            engine.middle.set()
            rest = [data async for data in stream]
        assert rest


@pytest.mark.parametrize("kind", ["audio", "events"])
async def test_leaving_the_block_stops_the_engine(engine: ScriptedEngine, kind: str):
    engine.middle.clear()
    app = application(engine)
    async with served(app) as url, AsyncTTSClient(url) as client:
        open_stream: Any = client.stream_audio if kind == "audio" else client.stream_audio_with_visemes
        async with open_stream(LONG, format="pcm") as stream:
            async for _ in stream:
                break
            assert not engine.stopped.is_set()
        await soon(engine.stopped)
        with pytest.raises(StreamClosedError):
            await anext(stream)
        assert (await get_plugin(app).service.health()).queue.active == 0
        await stream.aclose()


async def test_a_plain_break_stops_the_engine(engine: ScriptedEngine):
    engine.middle.clear()
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        async for _ in client.stream_audio(LONG, format="pcm"):
            break
        gc.collect()
        await soon(engine.stopped)


@pytest.mark.parametrize("moment", ["before the first audio", "in the middle"])
async def test_cancelling_the_task_stops_the_engine(engine: ScriptedEngine, moment: str):
    early = moment == "before the first audio"
    (engine.gate if early else engine.middle).clear()
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        task = asyncio.create_task(collect(client.stream_audio(LONG, format="pcm")))
        await soon(engine.asked if early else engine.paused)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await soon(engine.stopped)


async def test_cancelling_a_whole_speech_stops_the_engine(engine: ScriptedEngine):
    engine.middle.clear()
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        task = asyncio.create_task(client.generate(LONG))
        await soon(engine.paused)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await soon(engine.stopped)


async def test_closing_from_elsewhere_is_no_end(engine: ScriptedEngine):
    engine.middle.clear()
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        stream = client.stream_audio(LONG, format="pcm")
        reading = asyncio.create_task(collect(stream))
        await soon(engine.paused)
        with pytest.raises(RuntimeError, match="one reader"):
            while True:
                await anext(stream)
        await stream.aclose()
        with pytest.raises(StreamClosedError):
            await reading
        await soon(engine.stopped)


async def test_closing_the_client_closes_its_streams(engine: ScriptedEngine):
    engine.middle.clear()
    async with served(application(engine)) as url, httpx.AsyncClient() as own:
        async with AsyncTTSClient(url, http_client=own) as client:
            stream = client.stream_audio(LONG, format="pcm")
            await stream.start()
        await soon(engine.stopped)
        with pytest.raises(StreamClosedError):
            await anext(stream)


def test_a_program_that_cleans_nothing_up_ends_without_a_word(tmp_path: Path):
    code = """
import asyncio
from litestar_tts.client import AsyncTTSClient
from tests.support.scripted import ScriptedEngine, application
from tests.support.serving import served_in_a_thread

async def main(url):
    client = AsyncTTSClient(url)
    async for data in client.stream_audio("word " * 150, format="pcm"):
        break
    stream = client.stream_audio_with_visemes("word " * 150)
    await anext(stream)
    async with client.stream_audio("word " * 150) as other:
        await anext(other)
    await client.aclose()

with served_in_a_thread(application(ScriptedEngine())) as url:
    asyncio.run(main(url))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")


class CountingEngine(ScriptedEngine):
    """Says how much it has made."""

    made = 0

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        events = super().synthesize(utterance)
        try:
            async for event in events:
                self.made += 1
                yield event
        finally:
            await events.aclose()


@pytest.mark.parametrize("kind", ["audio", "events"])
async def test_who_does_not_read_holds_the_engine(kind: str):
    engine = CountingEngine()
    words = 8000
    app = application(engine, max_text_length=100_000)
    async with served(app) as url, AsyncTTSClient(url) as client:
        open_stream: Any = client.stream_audio if kind == "audio" else client.stream_audio_with_visemes
        async with open_stream(" ".join(["word"] * words), format="pcm") as stream:
            first = await anext(stream)
            before, still = -1, 0
            async with asyncio.timeout(20):
                while still < 20:
                    await asyncio.sleep(0.01)
                    still = still + 1 if engine.made == before else 0
                    before = engine.made
            # Sockets of the system hold some megabytes; all of it would be 38.
            assert engine.made < words
            assert not engine.stopped.is_set()
            rest = [item async for item in stream]
        size = sum(len(getattr(item, "data", b"") if kind == "events" else item) for item in [first, *rest])
    # Pauses between the pieces of the text come on top.
    assert size >= words * len(SOUND)


# --- errors -----------------------------------------------------------------------------------------------------------


async def test_refusals(engine: ScriptedEngine):
    async with served(application(engine)) as url, AsyncTTSClient(url, retries=0) as client:
        calls: list[Any] = [
            client.generate,
            client.generate_visemes,
            client.generate_captions,
            lambda text, **options: collect(client.stream_audio(text, **options)),
            lambda text, **options: collect(client.stream_audio_with_visemes(text, **options)),
        ]
        for call in calls:
            with pytest.raises(VoiceNotFoundError) as unknown:
                await call("Hello", voice="tone-c")
            assert "tone-a" in unknown.value.matches
            with pytest.raises(TextTooLongError) as long:
                await call("x" * 1001)
            assert long.value.limit == 1000
            with pytest.raises(BadRequestError) as bad:
                await call("Hello", speed=9)
            assert bad.value.parameter == "speed"
            assert bad.value.request_id
            with pytest.raises(BadRequestError):
                await call("")
        with pytest.raises(BadRequestError):
            await client.voices(language="")
        assert engine.speeches == 0


async def test_keys(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TTS_API_KEY", raising=False)
    async with served(application(engine, api_keys=["secret"])) as url:
        async with AsyncTTSClient(url) as client:
            with pytest.raises(AuthenticationError):
                await client.voices()
            assert (await client.health()).can_speak
        async with AsyncTTSClient(url, api_key="secret") as client:
            assert len(await client.voices()) == 2
            assert await collect(client.stream_audio("one", format="pcm")) == [SOUND]


async def test_the_rate_limit(engine: ScriptedEngine):
    limited = RateLimit(requests=1, window=60)
    async with served(application(engine, rate_limit=limited)) as url, AsyncTTSClient(url) as client:
        await client.generate("one")
        with pytest.raises(RateLimitError) as caught:
            await client.generate("one")
    assert caught.value.retry_after is not None
    assert 1 <= caught.value.retry_after <= 60
    assert engine.speeches == 1


async def test_a_short_wait_is_waited(engine: ScriptedEngine):
    limited = RateLimit(requests=1, window=1)
    async with served(application(engine, rate_limit=limited)) as url, AsyncTTSClient(url) as client:
        await client.generate("one")
        await client.generate("two")
    assert engine.speeches == 2


async def test_a_full_server(engine: ScriptedEngine):
    engine.gate.clear()
    app = application(engine, max_streams=1, max_queue=0)
    async with served(app) as url, AsyncTTSClient(url, retries=0) as client:
        task = asyncio.create_task(client.generate("one"))
        await soon(engine.asked)
        with pytest.raises(OverloadedError) as caught:
            await client.generate("two")
        engine.gate.set()
        await task
    assert caught.value.retry_after


@pytest.mark.parametrize(("raised", "status"), [(EngineError("No."), 502), (EngineTimeoutError("No."), 504)])
async def test_an_engine_that_fails(engine: ScriptedEngine, raised: EngineError, status: int):
    engine.fails = raised
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        with pytest.raises(EngineFailedError) as caught:
            await client.stream_audio("Hello", voice="tone:tone-a").start()
    assert caught.value.status == status


async def test_a_speech_that_breaks_off_is_no_end(engine: ScriptedEngine):
    engine.breaks = EngineError("It broke.")
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        stream = client.stream_audio(LONG, format="pcm")
        got = b""
        with pytest.raises(StreamTruncatedError):
            async for data in stream:
                got += data
        assert got
        with pytest.raises(StreamTruncatedError):
            await anext(stream)
        framed = client.stream_audio_with_visemes(LONG, format="pcm")
        events = []
        with pytest.raises(EngineFailedError) as caught:
            async for event in framed:
                events.append(event)
        assert events
        assert framed.end is None
        assert caught.value.request_id == framed.info.request_id


async def test_nobody_is_there():
    async with AsyncTTSClient("http://127.0.0.1:9", retries=1, timeout=2) as client:
        with pytest.raises(ConnectError, match="There is no connection to http") as caught:
            await client.voices()
    assert not caught.value.sent


async def test_the_wrong_path(engine: ScriptedEngine):
    async with served(application(engine)) as url, AsyncTTSClient(url.removesuffix("/tts")) as client:
        with pytest.raises(APIError, match="Is the base URL right"):
            await client.generate("Hello")
        with pytest.raises(APIError, match="Is the base URL right"):
            await client.health()


# --- many -------------------------------------------------------------------------------------------------------------


async def test_a_hundred_at_once(engine: ScriptedEngine):
    app = application(engine, max_streams=100)
    engine.middle.clear()
    async with served(app) as url, AsyncTTSClient(url, timeout=60) as client:
        streams = [client.stream_audio(LONG, format="pcm") for _ in range(100)]
        await asyncio.gather(*(stream.start() for stream in streams))
        assert (await client.health()).queue.active == 100  # type: ignore[union-attr]
        engine.middle.set()
        answers = await asyncio.gather(*(collect(stream) for stream in streams))
    assert {b"".join(parts) for parts in answers} == {SOUND * 40}


async def test_connections_are_kept(engine: ScriptedEngine):
    seen: set[tuple[str, int]] = set()
    app = application(engine)

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.add(tuple(scope["client"]))
        await app(scope, receive, send)

    async with served(counting) as url, AsyncTTSClient(url) as client:
        for _ in range(3):
            await client.health()
            await client.generate("one")
            await collect(client.stream_audio("one"))
            await collect(client.stream_audio_with_visemes("one"))
            with pytest.raises(BadRequestError):
                await client.generate("")
            with pytest.raises(BadRequestError):
                await collect(client.stream_audio("", format="pcm"))
    assert len(seen) == 1
