"""Under every layer of a host: its own routes answer as they did without us, and ours speak as they come."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from litestar_tts.plugin import TTSPlugin
from tests.integration.hosts.asking import Browser
from tests.integration.hosts.layers import LAYERS
from tests.integration.hosts.rich import REQUESTS, injected, routes
from tests.integration.hosts.speaking import breaks_off, leaves, refuses, speaks, streams
from tests.support.scripted import ScriptedEngine, config

_DTO_MODEL = re.compile(r"(?:tests\.integration\.hosts\.rich\.)?[Nn]otes?(?=Note\w+?Body)|(?<=Body)_\d+")


def host(layer: str, folder: Path, *plugins: TTSPlugin, **more: Any) -> Litestar:
    given = {"logging_config": None, **LAYERS[layer][0](), **more}
    given["plugins"] = [*given.get("plugins", []), *plugins]
    handlers = routes(folder)
    if "parameters" in given:
        # Litestar itself refuses a parameter and a dependency of one name.
        handlers.remove(injected)
    return Litestar(handlers, **given)


async def responses(app: Litestar, headers: dict[str, str]) -> list[Any]:
    browser = Browser(app, headers)
    found = []
    for method, path, extra, body in REQUESTS:
        answer = await browser.ask(method, path, body, extra)
        if path.startswith("/schema") and answer.status == 200:
            # The page has the whole document in it, which is compared on its own.
            answer = answer._replace(
                headers=[(b"content-type", (answer.header("content-type") or "").encode())], body=b""
            )
        found.append(((method, path), answer.without_chance()))
    found.append(("socket", await browser.converse("/socket", "hello")))
    return found


@pytest.mark.parametrize("layer", LAYERS)
async def test_the_host_answers_as_without_us_and_we_speak_there(layer: str, tmp_path: Path):
    engine, headers = ScriptedEngine(), LAYERS[layer][1]
    plain, ours = host(layer, tmp_path), host(layer, tmp_path, TTSPlugin(config(engine)))
    async with plain.lifespan(), ours.lifespan():
        before, after = await responses(plain, headers), await responses(ours, headers)
        for old, new in zip(before, after, strict=True):
            assert new == old
        browser = Browser(ours, headers)
        # A first visit brings the cookies that further requests need.
        await browser.ask("GET", "/tts/health")
        await speaks(browser)
        await refuses(browser)
        await streams(browser, engine)
        await leaves(browser, engine)
        await breaks_off(browser, engine)
    if plain.openapi_config is not None:
        assert described(ours) == described(plain)


@pytest.mark.parametrize("paths", [("/",), ("/tts", "/api/speech")])
async def test_at_other_paths(paths: tuple[str, ...], tmp_path: Path):
    plugins = [TTSPlugin(config(ScriptedEngine(), path=path)) for path in paths]
    plain, ours = host("nothing", tmp_path), host("nothing", tmp_path, *plugins)
    async with plain.lifespan(), ours.lifespan():
        before, after = await responses(plain, {}), await responses(ours, {})
        for path in paths:
            await speaks(Browser(ours), path.rstrip("/"))
    for old, new in zip(before, after, strict=True):
        # At the root these are ours.
        if "/" not in paths or old[0] not in (("GET", "/generate"), ("GET", "/health")):
            assert new == old


def described(app: Litestar) -> dict[str, Any]:
    """The OpenAPI document without what is ours."""
    # Litestar names the models of DTOs after how many it has made in this process.
    written = _DTO_MODEL.sub("", json.dumps(app.openapi_schema.to_schema()))
    document: dict[str, Any] = json.loads(written)
    document["paths"] = {path: item for path, item in document["paths"].items() if not path.startswith("/tts/")}
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {name: schema for name, schema in schemas.items() if not name.startswith("TTS")}
    return document
