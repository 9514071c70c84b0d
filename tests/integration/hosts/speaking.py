"""That our routes work: asked of an application that is called by hand."""

import asyncio
import base64
import json
from typing import Any

import pytest
from litestar import Litestar

from litestar_tts.frames import FrameParser
from tests.integration.hosts.asking import Answer, Browser
from tests.support.scripted import ScriptedEngine

JSON = {"content-type": "application/json"}
LONG = "a b c d e f g h i j k l m n o p"


async def speaks(browser: Browser, base: str = "/tts", *, encodings: tuple[str | None, ...] = (None,)) -> None:
    """All routes answer, with the audio of the asked text, unpacked and not to be stored."""

    async def post(path: str, **body: Any) -> Answer:
        answer = await browser.ask("POST", base + path, json.dumps(body).encode(), JSON)
        assert answer.status == 200, (answer, answer.content())
        assert "no-store" in (answer.header("cache-control") or "")
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("x-request-id")
        return answer

    short, long = await post("/generate", text="one two"), await post("/generate", text="one two three four")
    for answer, words in ((short, 2), (long, 4)):
        assert answer.header("content-type") == "audio/wav"
        assert answer.header("content-encoding") in encodings
        assert answer.header("etag") is None
        assert answer.header("x-stream-mode") == "true"
        assert answer.body[:4] == b"RIFF"
        assert len(answer.body) > words * 4000
    assert len(long.body) > len(short.body)
    assert (await post("/generate", text="one two")).body == short.body

    asked = await browser.ask("GET", f"{base}/generate?text=one%20two")
    assert asked.header("content-encoding") in encodings
    assert (asked.status, asked.body) == (200, short.body)
    other = await browser.ask("GET", f"{base}/generate?text=one%20two%20three%20four")
    assert other.body == long.body

    whole = await post("/generate", text="one two", stream=False)
    assert base64.b64decode(whole.json()["audio"])[:4] == b"RIFF"
    assert [word["text"] for word in whole.json()["words"]] == ["one", "two"]

    framed = await post("/generate-stream", text="one two", format="pcm")
    assert framed.header("content-encoding") in encodings
    parser = FrameParser()
    kinds = [frame.control()["type"] for frame in parser.feed(framed.body) if frame.is_control]
    parser.finish()
    assert (kinds[0], kinds[-1]) == ("start", "end")

    lips = await post("/generate-visemes", text="one two", timing="exact")
    assert [word["text"] for word in lips.json()["words"]] == ["one", "two"]
    voices = await browser.ask("GET", f"{base}/voices")
    assert voices.json()["count"] == 2
    health = await browser.ask("GET", f"{base}/health")
    assert (health.status, health.json()["status"]) == (200, "ok")
    script = await browser.ask("GET", f"{base}/client/tts.js")
    assert (script.status, script.header("content-type")) == (200, "text/javascript; charset=utf-8")
    assert b"export" in script.content()

    headed = await browser.ask("HEAD", f"{base}/generate?text=one%20two")
    assert (headed.status, headed.body, headed.header("content-type")) == (200, b"", "audio/wav")
    options = await browser.ask("OPTIONS", f"{base}/generate")
    assert options.status == 204
    # A host's CORS middleware answers those with an origin by itself.
    assert "origin" in browser.headers or options.header("allow") == "GET, HEAD, OPTIONS, POST"


async def refuses(browser: Browser, base: str = "/tts", seen: str = "") -> None:
    """Our errors are ours, whatever the host makes of its own."""
    for method, path, body, status in (
        ("POST", "/generate", b"{}", 400),
        ("POST", "/generate", b"{", 400),
        ("POST", "/generate", b'{"text": "x", "voice": "nobody"}', 404),
        ("POST", "/generate", json.dumps({"text": "x " * 5000}).encode(), 413),
        ("POST", "/generate-stream", b"[]", 400),
        ("GET", "/generate", b"", 400),
        ("GET", "/nonsense", b"", 404),
        ("DELETE", "/generate", b"", 405),
    ):
        answer = await browser.ask(method, base + path, body, JSON)
        assert (answer.status, answer.header("content-type")) == (status, "application/problem+json"), (path, answer)
        problem = answer.json()
        assert problem["type"].startswith("urn:litestar-tts:problem:")
        assert (problem["status"], problem["instance"]) == (status, (seen or base) + path)
        assert answer.header("cache-control") == "no-store"


async def streams(browser: Browser, engine: ScriptedEngine, base: str = "/tts") -> None:
    """The first audio is with the client before the engine has said more; the rest comes when it has."""
    for path in ("/generate", "/generate-stream"):
        engine.middle.clear()
        engine.paused.clear()
        asked = browser.start("POST", base + path, {"text": LONG, "format": "pcm"}, JSON)
        await asyncio.wait_for(asked.sent.wait(), 5)
        await asyncio.wait_for(engine.paused.wait(), 5)
        assert not asked.complete
        early = len(asked.body)
        assert early > 1000
        engine.middle.set()
        answer = browser.keep(await asked.finish())
        assert answer.status == 200
        assert len(answer.body) > early


async def works(app: Litestar, path: str = "/tts", **headers: str) -> None:
    """The application's lifespan runs, and within it all routes answer."""
    async with app.lifespan():
        await speaks(Browser(app, headers), path)


async def breaks_off(browser: Browser, engine: ScriptedEngine, base: str = "/tts") -> None:
    """An engine that fails in mid-speech: no layer makes a complete answer of it."""
    engine.breaks = RuntimeError("the engine broke")
    asked = browser.start("POST", f"{base}/generate", {"text": LONG, "format": "pcm"}, JSON)
    with pytest.raises(Exception, match=r"after response started|broke off"):
        await asked.finish()
    assert asked.status == 200
    assert not asked.complete
    engine.breaks = None


async def leaves(browser: Browser, engine: ScriptedEngine, base: str = "/tts") -> None:
    """A client who leaves in mid-speech: the engine stops, through all layers."""
    engine.middle.clear()
    asked = browser.start("POST", f"{base}/generate", {"text": LONG, "format": "pcm"}, JSON)
    await asyncio.wait_for(asked.sent.wait(), 5)
    asked.gone.set()
    await asyncio.wait_for(engine.stopped.wait(), 5)
    await asked.finish()
    engine.middle.set()
