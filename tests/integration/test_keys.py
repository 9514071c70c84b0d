"""Who may speak: keys in an application, keys of the standalone server, and a host's own guards."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Router, WebSocket, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from litestar_tts.config import RateLimit, TTSConfig
from litestar_tts.exceptions import ConfigurationError
from litestar_tts.plugin import TTSPlugin
from litestar_tts.server import create_app
from litestar_tts.web.auth import key_guard
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.pages import demo_page
from tests.integration.test_server import environment, serving
from tests.support.scripted import ScriptedEngine, application, client_of, config
from tests.support.serving import served

TEXT = "Hello there"
PAGE_CHALLENGES = ["Bearer", 'Basic realm="litestar-tts", charset="UTF-8"']


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def challenges(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("WWW-Authenticate")


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("# speakers\nada\nbob\n")
    return path


def replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def asgi(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


# --- in an application ------------------------------------------------------------------------------------------------


async def test_the_files_keys_are_the_guards_and_the_limiters(keys_file: Path):
    app = application(ScriptedEngine(), api_keys_file=keys_file, rate_limit=RateLimit(requests=2, window=60))

    async def speak(key: str) -> int:
        return (await client.post("/tts/generate", json={"text": TEXT}, headers=bearer(key))).status_code

    async with client_of(app) as client:
        assert [await speak("ada") for _ in range(3)] == [200, 200, 429]
        assert await speak("bob") == 200, "a client of its own"
        assert await speak("eve") == 401
        replace(keys_file, "bob\neve\n")
        async with asyncio.timeout(2):
            while await speak("ada") != 401:
                await asyncio.sleep(0.02)
        assert [await speak("eve") for _ in range(3)] == [200, 200, 429]


async def test_every_route_but_health_needs_a_key(keys_file: Path):
    app = application(ScriptedEngine(), api_keys_file=keys_file, metrics=True)
    open_to_all = set()
    async with client_of(app) as client:
        for route in app.routes:
            for method in set(getattr(route, "methods", ())) - {"OPTIONS"}:
                if route.path.startswith("/tts"):
                    path = route.path.replace("{unknown:path}", "nothing")
                    answer = await client.request(method, path)
                    if answer.status_code == 401:
                        assert challenges(answer) == ["Bearer"]
                    else:
                        open_to_all.add(path)
    assert open_to_all == {"/tts/health"}


def test_a_missing_file_stops_the_start(tmp_path: Path):
    options = {"engines": ["espeak"], "api_keys_file": tmp_path / "nothing"}
    with pytest.raises(ConfigurationError, match="no such file"):
        Litestar(plugins=[TTSPlugin(TTSConfig(**options))])
    with pytest.raises(ConfigurationError, match="no such file"):
        create_app(TTSConfig(path="/", **options))
    Litestar(plugins=[TTSPlugin(TTSConfig(enabled=False, **options))])


def test_the_description_says_that_a_key_is_needed(keys_file: Path):
    document = application(ScriptedEngine(), api_keys_file=keys_file).openapi_schema.to_schema()
    assert document["components"]["securitySchemes"]["TTSApiKey"]["scheme"] == "bearer"
    assert document["paths"]["/tts/generate"]["post"]["security"] == [{"TTSApiKey": []}]


@websocket("/talk")
async def talk(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        (bearer("wrong"), False),
        (bearer("right"), True),
        ({"X-API-Key": "right"}, True),
        # Browsers send a password with sockets too, and say whose page has opened them.
        ({"Authorization": "Basic YTpyaWdodA==", "Origin": "http://HOST"}, True),
        ({"Authorization": "Basic YTpyaWdodA==", "Origin": "http://evil.example"}, False),
    ],
)
async def test_sockets_need_a_key_too(headers: dict[str, str], *, known: bool):
    app = Litestar(
        [Router("/tts", route_handlers=[talk], guards=[key_guard(ApiKeys(["right"]))])],
        openapi_config=None,
        logging_config=None,
    )
    async with served(app) as url:
        address = url.replace("http", "ws") + "/talk"
        own = {name: value.replace("HOST", address.split("/")[2]) for name, value in headers.items()}
        if known:
            async with connect(address, additional_headers=own) as socket:
                assert await socket.recv() == "hello"
        else:
            with pytest.raises(InvalidStatus) as refused:
                await connect(address, additional_headers=own)
            assert refused.value.response.status_code == 403


async def test_a_hosts_guard_stands_before_all_that_is_ours():
    asked: set[str] = set()

    def login(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        asked.add(connection.scope["path"])
        raise NotAuthorizedException

    app = application(ScriptedEngine(), host={"guards": [login]}, metrics=True)
    async with client_of(app) as client:
        paths = {route.path for route in app.routes if route.path.startswith("/tts")} - {"/tts/{unknown:path}"}
        assert {"/tts/generate", "/tts/health", "/tts/metrics", "/tts/client/tts.js"} <= paths
        for path in paths:
            assert (await client.get(path)).status_code == 401, path
    assert asked == paths


# --- the demo page ----------------------------------------------------------------------------------------------------


async def test_the_page_asks_browsers_for_the_key_and_the_api_does_not():
    async with asgi(create_app(TTSConfig(path="/", engines=["espeak"], api_keys=["right"]))) as client:
        page = await client.get("/")
        assert page.status_code == 401
        assert challenges(page) == PAGE_CHALLENGES
        assert page.headers["content-type"] == "application/problem+json"
        for path in ("/voices", "/client/tts.js", "/generate?text=a"):
            refused = await client.get(path)
            assert refused.status_code == 401
            assert challenges(refused) == ["Bearer"]
        for path in ("/docs", "/docs/openapi.json", "/health"):
            assert (await client.get(path)).status_code == 200
        for auth in (("", "right"), ("ada", "right")):
            for path in ("/", "/voices", "/client/tts.js"):
                assert (await client.get(path, auth=auth)).status_code == 200, path
        page = await client.get("/", auth=("", "right"))
        assert 'data-asks-for-keys="true"' in page.text
        assert (await client.get("/", auth=("right", "wrong"))).status_code == 401
        # A link on another site leads to the page; what that site asks of the API by itself leads nowhere.
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (await client.get("/", auth=("", "right"), headers=elsewhere)).status_code == 200
        for path in ("/generate?text=a", "/voices"):
            refused = await client.get(path, auth=("", "right"), headers=elsewhere)
            assert refused.status_code == 401
            assert "another site" in refused.json()["detail"]


async def test_an_open_page_has_a_field_for_the_key():
    options = {"path": "/", "engines": ["espeak"], "api_keys": ["right"], "open_client": True}
    async with asgi(create_app(TTSConfig(**options))) as client:
        page = await client.get("/")
        assert page.status_code == 200
        assert 'data-asks-for-keys="false"' in page.text
        assert (await client.get("/client/tts.js")).status_code == 200
        assert (await client.get("/voices")).status_code == 401


async def test_a_hosts_page_asks_in_the_same_way():
    plugin = TTSPlugin(config(ScriptedEngine(), path="/tts", api_keys=["right"]))
    page = demo_page(path="/studio", api="/tts", docs="/docs", max_text_length=9, keys=plugin.keys)
    async with asgi(Litestar(page, plugins=[plugin], logging_config=None)) as client:
        assert challenges(await client.get("/studio")) == PAGE_CHALLENGES
        assert (await client.get("/studio", auth=("", "right"))).status_code == 200


# --- the standalone server --------------------------------------------------------------------------------------------


async def test_every_worker_follows_the_file(keys_file: Path):
    async def statuses(key: str) -> set[int]:
        # A new connection each time, so that every worker is asked.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits) as client:
            calls = [client.get(f"{server.url}/voices", headers=bearer(key)) for _ in range(20)]
            return {answer.status_code for answer in await asyncio.gather(*calls)}

    with serving("--workers", "2", TTS_API_KEYS_FILE=str(keys_file)) as server:
        assert await statuses("ada") == {200}
        assert await statuses("eve") == {401}
        replace(keys_file, "eve\n")
        async with asyncio.timeout(5):  # two seconds are promised to a machine that is not busy
            while await statuses("ada") != {401} or await statuses("eve") != {200}:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_wrong_file_is_one_clear_line(tmp_path: Path, workers: str):
    command = [sys.executable, "-m", "litestar_tts", "serve", "--port", "0", "--workers", workers]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment(TTS_API_KEYS_FILE=str(tmp_path / "nothing")), stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert said.count(b"\n") == 1
    assert b"TTS_API_KEYS_FILE" in said
    assert b"no such file" in said
