"""Mounted in applications of other frameworks, which never run our lifespan."""

import asyncio
import gzip
from typing import Any

import pytest
from fastapi import FastAPI
from litestar import Litestar, asgi
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.integration.hosts.asking import Browser
from tests.integration.hosts.speaking import JSON, refuses, speaks, streams
from tests.support.scripted import Asgi, ScriptedEngine, application

UNPACKED = (None, "identity")
"""What answers to Starlette say, once some application in the process uses its compression."""
GONE_TEXT = "a b c d e f g h i j k l"


async def passes(request: Any, call_next: Any) -> Any:
    return await call_next(request)


def fastapi(inner: Litestar) -> FastAPI:
    outer = FastAPI()
    outer.mount("/speech", inner)

    @outer.get("/own")
    def own() -> dict[str, str]:
        return {"of": "fastapi"}

    return outer


def starlette(inner: Litestar) -> Starlette:
    async def own(request: Any) -> PlainTextResponse:
        return PlainTextResponse("of starlette")

    return Starlette(routes=[Route("/own", own), Mount("/speech", inner)])


@pytest.mark.parametrize("make", [fastapi, starlette])
async def test_speech_works_and_the_outer_routes_are_untouched(make: Any):
    engine = ScriptedEngine()
    browser = Browser(make(application(engine)))
    assert b"of" in (await browser.ask("GET", "/own")).body
    await speaks(browser, "/speech/tts", encodings=UNPACKED)
    await refuses(browser, "/speech/tts")
    await streams(browser, engine, "/speech/tts")
    assert (await browser.ask("GET", "/nonsense")).status == 404
    assert engine.shut == 0


async def test_with_the_lifespan_entered_by_hand():
    engine = ScriptedEngine()
    inner = application(engine)
    outer = fastapi(inner)
    async with inner.lifespan():
        await speaks(Browser(outer), "/speech/tts", encodings=UNPACKED)
        assert engine.shut == 0
    assert engine.shut == 1


@pytest.mark.parametrize("version", ["newer", "older"])
async def test_behind_gzip_of_starlette(version: str, monkeypatch: pytest.MonkeyPatch):
    if version == "older":
        monkeypatch.setattr("starlette.middleware.gzip.DEFAULT_EXCLUDED_CONTENT_TYPES", ("text/event-stream",))
    excluded = {} if version == "newer" else {"exclude_content_types": ("text/event-stream",)}
    engine = ScriptedEngine()
    outer = fastapi(application(engine))
    outer.add_middleware(GZipMiddleware, minimum_size=1, **excluded)  # type: ignore[arg-type]
    browser = Browser(outer)
    own = await browser.ask("GET", "/own")
    assert gzip.decompress(own.body) == b'{"of":"fastapi"}'
    await speaks(browser, "/speech/tts", encodings=UNPACKED)
    await streams(browser, engine, "/speech/tts")
    audio = await browser.ask("POST", "/speech/tts/generate", b'{"text": "one"}', JSON)
    frames = await browser.ask("POST", "/speech/tts/generate-stream", b'{"text": "one"}', JSON)
    assert (audio.header("content-encoding"), frames.header("content-encoding")) == (
        None if version == "newer" else "identity",
        "identity",
    )


async def test_behind_a_middleware_that_passes_answers_on():
    engine = ScriptedEngine()
    middleware = [Middleware(BaseHTTPMiddleware, dispatch=passes), Middleware(GZipMiddleware)]
    outer = Starlette(routes=[Mount("/speech", application(engine))], middleware=middleware)
    browser = Browser(outer)
    await speaks(browser, "/speech/tts", encodings=UNPACKED)
    await streams(browser, engine, "/speech/tts")


async def test_in_another_litestar_application():
    engine = ScriptedEngine()
    inner = application(engine)

    @asgi("/speech", is_mount=True, copy_scope=True)
    async def mount(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)

    browser = Browser(Litestar([mount], logging_config=None))
    await speaks(browser, "/speech/tts")
    # Litestar tells a mount nothing of the path that it is at.
    await refuses(browser, "/speech/tts", seen="/tts")
    await streams(browser, engine, "/speech/tts")


async def test_under_a_path_of_the_application():
    engine = ScriptedEngine()
    browser = Browser(application(engine, host={"path": "/api"}))
    await speaks(browser, "/api/tts")
    await refuses(browser, "/api/tts")


async def test_behind_a_proxy_that_takes_a_prefix_away():
    browser = Browser(application(ScriptedEngine()), root="/proxied")
    answer = await browser.ask("POST", "/tts/generate", b"{}", JSON)
    assert answer.json()["instance"] == "/proxied/tts/generate"
    await speaks(browser)


@pytest.mark.parametrize("when", ["before the first audio", "in the middle"])
async def test_who_leaves_a_mount_behind_a_middleware_stops_the_engine(when: str):
    engine = ScriptedEngine()
    outer = fastapi(application(engine))
    outer.middleware("http")(passes)
    (engine.gate if when == "before the first audio" else engine.middle).clear()
    asking = Asgi(outer, "/speech/tts/generate", {"text": GONE_TEXT, "format": "pcm"})
    waiting = engine.asked if when == "before the first audio" else engine.paused
    await asyncio.wait_for(waiting.wait(), 5)
    asking.gone.set()
    await asyncio.wait_for(engine.stopped.wait(), 5)
    await asking.finish()


async def test_a_stream_that_breaks_off_in_a_mount_is_cut():
    engine = ScriptedEngine()
    engine.breaks = RuntimeError("x")
    asking = Asgi(fastapi(application(engine)), "/speech/tts/generate", {"text": GONE_TEXT, "format": "pcm"})
    with pytest.raises(Exception, match="after response started"):
        await asking.finish()
    assert not asking.complete
