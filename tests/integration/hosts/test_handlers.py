"""A host's own handlers speak, under the same care as ours."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import MediaType, Request, Response, get, post
from litestar.config.compression import CompressionConfig
from litestar.datastructures import ETag, State
from litestar.di import NamedDependency
from litestar.params import FromPath

from litestar_tts.frames import FrameParser
from litestar_tts.plugin import get_plugin
from litestar_tts.web.response import AudioStream
from litestar_tts.web.service import TTSService
from tests.integration.hosts.asking import Browser
from tests.support.scripted import Asgi, ScriptedEngine, application, client_of

TEXT = "Hello there world"


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


async def test_a_hosts_handlers_speak(engine: ScriptedEngine):
    @post("/articles/{number:int}/listen", status_code=200)
    async def listen(
        number: FromPath[int], request: Request[Any, Any, State], tts_service: NamedDependency[TTSService]
    ) -> AudioStream:
        await request.body()
        return await tts_service.response(f"Article {number}", voice="tone-a", request=request)

    @get("/frames")
    async def framed(tts_service: NamedDependency[TTSService]) -> AudioStream:
        return await tts_service.response(TEXT, format="pcm", frames=True)

    @get("/collect")
    async def collect(tts_service: NamedDependency[TTSService]) -> dict[str, Any]:
        result = await tts_service.speak(TEXT, format="pcm").collect()
        return {"bytes": len(result.audio), "words": [word.text for word in result.words]}

    @get("/live")
    async def live(tts_service: NamedDependency[TTSService]) -> dict[str, int]:
        async def written() -> AsyncIterator[str]:
            for part in ("Hello the", "re. And", " more."):
                yield part

        return {"bytes": sum([len(chunk) async for chunk in tts_service.speak(written(), format="pcm").audio()])}

    app = application(engine, host={"route_handlers": [listen, framed, collect, live]})
    async with client_of(app) as client:
        heard = await client.post("/articles/7/listen")
        assert heard.headers["content-type"] == "audio/mpeg"
        assert heard.headers["x-tts-voice"] == "tone-a"
        assert heard.headers["x-request-id"]
        parser = FrameParser()
        list(parser.feed((await client.get("/frames")).content))
        parser.finish()
        assert (await client.get("/collect")).json()["words"] == TEXT.split()
        assert (await client.get("/live")).json()["bytes"] > 1000


@pytest.mark.parametrize("when", ["before the first audio", "in the middle"])
async def test_who_leaves_a_hosts_route_stops_the_engine(engine: ScriptedEngine, when: str):
    @get("/say")
    async def say(request: Request[Any, Any, State], tts_service: NamedDependency[TTSService]) -> AudioStream:
        return await tts_service.response("a b c d e f g h i j k l", format="pcm", request=request)

    (engine.gate if when == "before the first audio" else engine.middle).clear()
    asking = Asgi(application(engine, host={"route_handlers": [say]}), "/say", b"", method="GET")
    waiting = engine.asked if when == "before the first audio" else engine.paused
    await asyncio.wait_for(waiting.wait(), 5)
    asking.gone.set()
    await asyncio.wait_for(engine.stopped.wait(), 0.5)
    await asking.finish()


async def test_a_hook_of_the_host_that_fails_leaves_no_speech_behind(engine: ScriptedEngine):
    async def after(response: Response[Any]) -> Response[Any]:
        raise RuntimeError("the host's hook failed")

    app = application(engine, host={"after_request": after})
    service = get_plugin(app).service
    engine.middle.clear()
    answer = await Asgi(app, "/tts/generate", {"text": "a b c d e f g h i j k l"}).finish()
    assert answer.status == 500
    await asyncio.wait_for(engine.stopped.wait(), 0.5)
    assert (await service.health()).queue.active == 0


async def test_what_a_hosts_handlers_speak_is_not_compressed(engine: ScriptedEngine):
    @get("/say")
    async def say(tts_service: NamedDependency[TTSService]) -> Any:
        return await tts_service.response("a b c d e f g h i j k l", format="pcm")

    @get("/long", media_type=MediaType.TEXT)
    async def long() -> str:
        return "x" * 5000

    shared = CompressionConfig(backend="gzip", minimum_size=1)
    own = {"compression_config": shared, "route_handlers": [say, long], "etag": ETag(value="one for all")}
    browser = Browser(application(engine, host=own))
    engine.middle.clear()
    asked = browser.start("GET", "/say")
    await asyncio.wait_for(asked.sent.wait(), 5)
    await asyncio.wait_for(engine.paused.wait(), 5)
    engine.middle.set()
    heard = browser.keep(await asked.finish())
    assert (heard.status, heard.header("content-encoding"), heard.header("etag")) == (200, None, None)
    assert len(heard.body) > 50_000
    packed = await browser.ask("GET", "/long")
    assert gzip.decompress(packed.body) == b"x" * 5000
