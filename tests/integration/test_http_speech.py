"""Every route that speaks, and what its answers promise."""

import asyncio
import base64
import io
import re
import wave
from datetime import datetime
from typing import Any

import av
import pytest
from litestar import Litestar

from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import EngineError
from litestar_tts.frames import FrameParser
from litestar_tts.models import AudioFormat
from litestar_tts.plugin import TTSPlugin
from tests.support.scripted import Asgi, ScriptedEngine, application, client_of

TEXT = "Hello there world"
LONG = "One two three four five six seven eight nine ten eleven twelve"
PLAYED = {"mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac", "wav": "wav"}


def duration_of(audio: bytes, name: str) -> float:
    """Seconds, by a decoder."""
    if name == "pcm":
        return len(audio) / 2 / 24_000
    with av.open(io.BytesIO(audio), format=PLAYED[name]) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.mark.parametrize("name", [audio.value for audio in AudioFormat])
async def test_every_format_decodes_to_the_whole_speech(engine: ScriptedEngine, name: str):
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate", json={"text": TEXT, "format": name})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == AudioFormat(name).media_type
    assert duration_of(answer.content, name) == pytest.approx(0.3, abs=0.1)


async def test_the_headers_of_audio(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate", json={"text": f"  {TEXT} "}, headers={"X-Request-ID": "mine-1"})
    headers = answer.headers
    assert headers["content-type"] == "audio/wav"
    assert headers["x-tts-engine"] == "tone"
    assert headers["x-tts-voice"] == "tone-a"
    assert headers["x-text-length"] == str(len(TEXT))
    assert headers["x-stream-mode"] == "true"
    assert int(headers["x-viseme-count"]) > 5
    assert headers["x-request-id"] == "mine-1"
    assert headers["x-accel-buffering"] == "no"
    assert headers["cache-control"] == "no-store, no-transform"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-tts-fallback-from" not in headers
    assert answer.content[4:8] == answer.content[40:44] == b"\xff\xff\xff\xff"


async def test_an_id_that_could_do_harm_is_replaced(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        for given in ("x" * 129, "a b", "näh", ""):
            answer = await client.get("/tts/health", headers={"X-Request-ID": given.encode("latin-1")})
            assert answer.headers["x-request-id"] not in ("", given)


async def test_the_whole_speech_as_json(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate", json={"text": TEXT, "stream": False, "phonemes": True})
    assert answer.status_code == 200
    data = answer.json()
    assert set(data) == {
        "success", "audio", "visemes", "timestamp", "format", "sample_rate", "duration", "voice", "engine", "words",
    }  # fmt: skip
    assert data["success"] is True
    assert data["timestamp"].endswith("Z")
    assert abs((datetime.fromisoformat(data["timestamp"]) - datetime.now().astimezone()).total_seconds()) < 60
    assert (data["format"], data["sample_rate"], data["voice"], data["engine"]) == ("wav", 24_000, "tone-a", "tone")
    with wave.open(io.BytesIO(base64.b64decode(data["audio"]))) as sound:
        assert sound.getnframes() / 24_000 == pytest.approx(data["duration"], abs=0.001)
    assert [word["text"] for word in data["words"]] == TEXT.split()
    assert set(data["words"][0]) == {"text", "time", "duration"}
    visemes = data["visemes"]
    assert set(visemes[0]) == {"time", "value", "duration", "phoneme"}
    assert visemes[0]["value"] == visemes[-1]["value"] == 0
    end = 0.0
    for viseme in visemes:
        assert viseme["time"] == pytest.approx(end, abs=0.001)
        assert viseme["duration"] > 0
        assert 0 <= viseme["value"] <= 16
        end = viseme["time"] + viseme["duration"]
    assert end == pytest.approx(data["duration"], abs=0.05)


async def test_no_phonemes_unless_asked_and_other_sets(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        for name, kind in (("default", int), ("azure", int), ("oculus", str), ("rhubarb", str), ("vrm", dict)):
            answer = await client.post("/tts/generate", json={"text": TEXT, "stream": False, "visemes": name})
            for viseme in answer.json()["visemes"]:
                assert set(viseme) == {"time", "value", "duration"}
                assert isinstance(viseme["value"], kind)


async def test_the_query_gives_what_the_body_gives(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        posted = await client.post("/tts/generate", json={"text": TEXT, "format": "mp3", "speed": 2.0})
        got = await client.get("/tts/generate", params={"text": TEXT, "format": "mp3", "speed": "2.0"})
        ranged = await client.get(
            "/tts/generate", params={"text": TEXT, "format": "mp3", "speed": "2.0"}, headers={"Range": "bytes=0-9"}
        )
    assert got.content == posted.content == ranged.content
    assert ranged.status_code == 200


async def test_head_says_what_get_would_say_and_makes_no_speech(engine: ScriptedEngine):
    app = application(engine)
    async with client_of(app) as client:
        answer = await client.head("/tts/generate", params={"text": TEXT, "format": "mp3"})
        missing = await client.head("/tts/generate", params={"text": TEXT, "voice": "tone:nobody"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["x-tts-voice"] == "tone-a"
    assert answer.headers["x-text-length"] == str(len(TEXT))
    assert "content-length" not in answer.headers  # it is not known, and any number would be believed
    assert missing.status_code == 404
    assert engine.speeches == 0


@pytest.mark.parametrize("name", ["mp3", "wav", "pcm"])
async def test_frames_carry_the_same_bytes_and_true_numbers(engine: ScriptedEngine, name: str):
    async with client_of(application(engine)) as client:
        framed = await client.post("/tts/generate-stream", json={"text": TEXT, "format": name})
        plain = await client.post("/tts/generate", json={"text": TEXT, "format": name})
        whole = await client.post("/tts/generate", json={"text": TEXT, "format": name, "stream": False})
    assert framed.headers["content-type"] == "application/vnd.litestar-tts.frames"
    parser = FrameParser()
    frames = list(parser.feed(framed.content))
    parser.finish()
    start, end = frames[0].control(), frames[-1].control()
    assert b"".join(frame.payload for frame in frames if not frame.is_control) == plain.content
    assert (start["type"], start["format"], start["engine"], start["voice"]) == ("start", name, "tone", "tone-a")
    assert start["viseme_count"] == int(framed.headers["x-viseme-count"])
    assert end["bytes"] == len(plain.content)
    visemes = [(frame.time, frame.viseme) for frame in frames if frame.viseme is not None]
    assert end["visemes"] == len(visemes)
    expected = whole.json()
    assert visemes == [(round(v["time"] * 1000), v["value"]) for v in expected["visemes"]]
    assert end["duration"] == pytest.approx(expected["duration"], abs=1e-5)
    words = [word for frame in frames if frame.is_control for word in frame.control().get("words", ())]
    assert words == expected["words"]


async def test_the_default_format_of_each_route_and_of_the_configuration(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        framed = await client.post("/tts/generate-stream", json={"text": TEXT})
        assert next(FrameParser().feed(framed.content)).control()["format"] == "mp3"
    async with client_of(application(engine, default_format="pcm")) as client:
        plain = await client.post("/tts/generate", json={"text": TEXT})
        framed = await client.post("/tts/generate-stream", json={"text": TEXT})
        asked = await client.post("/tts/generate", json={"text": TEXT, "format": "wav"})
        assert plain.headers["content-type"] == "audio/pcm"
        assert next(FrameParser().feed(framed.content)).control()["format"] == "pcm"
        assert asked.headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(
    ("timing", "told", "speeches"), [("auto", "estimated", 0), ("estimated", "estimated", 0), ("exact", "exact", 1)]
)
async def test_a_timeline(engine: ScriptedEngine, timing: str, told: str, speeches: int):
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate-visemes", json={"text": TEXT, "timing": timing})
    data = answer.json()
    assert answer.status_code == 200
    assert data["timing"] == told
    assert engine.speeches == speeches
    assert [word["text"] for word in data["words"]] == TEXT.split()
    assert data["visemes"][0]["value"] == data["visemes"][-1]["value"] == 0
    assert data["duration"] > 0.2


async def test_espeak_gives_exact_times_by_itself():
    app = Litestar(plugins=[TTSPlugin(TTSConfig(engines=["espeak"], rate_limit=None))], logging_config=None)
    async with client_of(app) as client:
        data = (await client.post("/tts/generate-visemes", json={"text": TEXT})).json()
        spoken = (await client.post("/tts/generate", json={"text": TEXT, "stream": False})).json()
    assert data["timing"] == "exact"
    assert [v["value"] for v in data["visemes"]] == [v["value"] for v in spoken["visemes"]]
    assert data["duration"] == pytest.approx(spoken["duration"], abs=0.02)


@pytest.mark.parametrize(
    ("name", "media_type", "begins"),
    [("srt", "application/x-subrip; charset=utf-8", "1\n00:00:0"), ("vtt", "text/vtt; charset=utf-8", "WEBVTT")],
)
async def test_captions(engine: ScriptedEngine, name: str, media_type: str, begins: str):
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate-captions", json={"text": TEXT, "format": name})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.text.startswith(begins)
    assert TEXT in re.sub(r"<[^>]+>", "", answer.text)


async def test_captions_as_json(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate-captions", json={"text": TEXT, "format": "json"})
    (caption,) = answer.json()["captions"]
    assert set(caption) == {"index", "start", "end", "text", "words"}
    assert (caption["index"], caption["text"]) == (1, TEXT)
    assert [word["text"] for word in caption["words"]] == TEXT.split()


async def test_another_engine_speaks_and_says_so(engine: ScriptedEngine):
    engine.fails = EngineError("down")
    other = ScriptedEngine("other")
    async with client_of(application(engine, other)) as client:
        answer = await client.post("/tts/generate", json={"text": TEXT})
    assert answer.status_code == 200
    assert answer.headers["x-tts-engine"] == "other"
    assert answer.headers["x-tts-voice"] == "other-a"
    assert answer.headers["x-tts-fallback-from"] == "tone"


async def test_the_status_waits_for_the_first_audio(engine: ScriptedEngine):
    engine.gate.clear()
    asking = Asgi(application(engine), "/tts/generate", {"text": TEXT})
    await asyncio.wait_for(engine.asked.wait(), 5)
    await asyncio.sleep(0.02)
    assert not asking.messages
    engine.gate.set()
    await asking.finish()
    assert (asking.status, asking.complete) == (200, True)


@pytest.mark.parametrize("path", ["/tts/generate", "/tts/generate-stream"])
async def test_audio_goes_out_while_the_engine_still_speaks(engine: ScriptedEngine, path: str):
    engine.middle.clear()
    asking = Asgi(application(engine), path, {"text": LONG, "format": "pcm"})
    async with asyncio.timeout(5):
        await engine.paused.wait()
        await asking.sent.wait()
    assert not asking.complete
    engine.middle.set()
    await asking.finish()
    assert asking.complete


@pytest.mark.parametrize(
    ("path", "extra"),
    [
        ("/tts/generate", {}),
        ("/tts/generate", {"stream": False}),
        ("/tts/generate-stream", {}),
        ("/tts/generate-captions", {}),
        ("/tts/generate-visemes", {"timing": "exact"}),
    ],
)
async def test_who_leaves_before_the_first_audio_stops_the_engine(
    engine: ScriptedEngine, path: str, extra: dict[str, Any]
):
    engine.gate.clear()
    app = application(engine)
    asking = Asgi(app, path, {"text": TEXT, **extra})
    await asyncio.wait_for(engine.asked.wait(), 5)
    asking.gone.set()
    await asyncio.wait_for(engine.stopped.wait(), 0.5)
    await asking.finish()
    assert not asking.messages


@pytest.mark.parametrize("path", ["/tts/generate", "/tts/generate-stream"])
@pytest.mark.parametrize("where", ["engine waits", "send waits"])
async def test_who_leaves_in_the_middle_stops_the_engine(engine: ScriptedEngine, path: str, where: str):
    app = application(engine, metrics=True)
    engine.middle.clear()
    asking = Asgi(app, path, {"text": LONG, "format": "pcm"})
    await asyncio.wait_for(asyncio.gather(engine.paused.wait(), asking.sent.wait()), 5)
    if where == "send waits":
        asking.open.clear()
        engine.middle.set()
        await asyncio.sleep(0.01)
    asking.gone.set()
    await asyncio.wait_for(engine.stopped.wait(), 0.5)
    await asking.finish()
    measured = await Asgi(app, "/tts/metrics", method="GET").finish()
    assert "tts_active_streams 0" in measured.body.decode()
    assert 'tts_speeches_total{engine="tone",outcome="left"} 1' in measured.body.decode()


async def test_an_engine_that_breaks_off_cuts_the_connection(engine: ScriptedEngine):
    engine.breaks = EngineError("it fell silent")
    asking = Asgi(application(engine), "/tts/generate", {"text": LONG, "format": "pcm"})
    with pytest.raises(Exception, match="after response started"):
        await asking.finish()
    assert asking.status == 200
    assert asking.body
    assert not asking.complete


async def test_frames_say_how_an_engine_broke_off(engine: ScriptedEngine):
    engine.breaks = EngineError("it fell silent")
    asking = await Asgi(application(engine), "/tts/generate-stream", {"text": LONG, "format": "pcm"}).finish()
    parser = FrameParser()
    *_, last = parser.feed(asking.body)
    parser.finish()
    message = last.control()
    assert asking.complete
    assert message["type"] == "error"
    assert message["error"]["detail"] == "it fell silent"
    assert message["error"]["status"] == 502
    assert message["error"]["instance"] == "/tts/generate-stream"


async def test_a_mistake_within_frames_is_told_without_its_message(
    engine: ScriptedEngine, caplog: pytest.LogCaptureFixture
):
    engine.breaks = ValueError(LONG)
    asking = await Asgi(application(engine), "/tts/generate-stream", {"text": LONG, "format": "pcm"}).finish()
    *_, last = FrameParser().feed(asking.body)
    assert last.control()["error"]["status"] == 500
    assert LONG.encode() not in last.payload
    assert LONG not in caplog.text


async def test_voices(engine: ScriptedEngine):
    other = ScriptedEngine("other", language="en-GB")
    async with client_of(application(engine, other)) as client:

        async def ids(**filters: str) -> list[str]:
            data = (await client.get("/tts/voices", params=filters)).json()
            assert data["count"] == len(data["voices"])
            return [voice["id"] for voice in data["voices"]]

        assert await ids() == ["tone-a", "tone-b", "other-a", "other-b"]
        assert await ids(engine="other") == ["other-a", "other-b"]
        assert await ids(language="en") == ["tone-a", "other-a"]
        assert await ids(language="EN-us") == ["tone-a"]
        assert await ids(gender="female", engine="tone") == ["tone-a"]
        assert await ids(engine="nobody") == []
        (first, second, *_) = (await client.get("/tts/voices")).json()["voices"]
    assert first == {"id": "tone-a", "name": "A", "engine": "tone", "language": "en-US", "gender": "Female"}
    assert second["description"] == "deep"


async def test_health(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        answer = await client.get("/tts/health")
    assert answer.status_code == 200
    data = answer.json()
    assert data["status"] == "ok"
    assert data["engines"][0]["name"] == "tone"
    assert data["engines"][0]["breaker"] == "closed"
    assert data["queue"]["active"] == 0
    assert data["version"]


async def test_health_when_nothing_can_speak(engine: ScriptedEngine):
    async def refuse() -> None:
        raise EngineError("cannot open")

    engine.open = refuse  # type: ignore[method-assign]
    async with client_of(application(engine)) as client:
        answer = await client.get("/tts/health")
        bare = await client.head("/tts/health")
    assert answer.status_code == bare.status_code == 503
    assert answer.json()["status"] == "down"


async def test_monitors_may_ask_with_head(engine: ScriptedEngine):
    async with client_of(application(engine, api_keys=["key"])) as client:
        answer = await client.head("/tts/health")
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await client.head("/tts/voices")).status_code == 401
        named = {"Authorization": "Bearer key"}
        assert (await client.head("/tts/voices?language=en", headers=named)).status_code == 200
        assert (await client.head("/tts/voices?colour=red", headers=named)).status_code == 400


async def test_metrics_are_off_unless_asked_for(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        assert (await client.get("/tts/metrics")).status_code == 404
    async with client_of(application(engine, metrics=True)) as client:
        await client.post("/tts/generate", json={"text": TEXT})
        await client.post("/tts/generate", json={"text": ""})
        answer = await client.get("/tts/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'tts_speeches_total{engine="tone",outcome="complete"} 1' in answer.text
    assert 'tts_refused_requests_total{status="400"} 1' in answer.text
    assert 'tts_first_audio_seconds_count{engine="tone"} 1' in answer.text
