"""The browser client's files, as a page gets them from the plugin."""

import pytest
from litestar import Litestar, Router, asgi
from litestar.config.compression import CompressionConfig
from litestar.exceptions import NotAuthorizedException
from litestar.response.base import ASGIResponse
from litestar.testing import AsyncTestClient
from litestar.types import Receive, Scope, Send

from litestar_tts import TTSConfig, TTSPlugin
from litestar_tts.web.client_files import CLIENT_FILES, STATIC
from tests.support.scripted import ScriptedEngine, config


def client_of(plugin_config: TTSConfig, **host: object) -> AsyncTestClient[Litestar]:
    return AsyncTestClient(Litestar(plugins=[TTSPlugin(plugin_config)], logging_config=None, **host))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(CLIENT_FILES))
async def test_every_file_is_served(name: str):
    async with client_of(config(ScriptedEngine())) as client:
        answer = await client.get(f"/tts/client/{name}")
        assert answer.status_code == 200
        assert answer.content == (STATIC / name).read_bytes()
        kind = "text/javascript" if name.endswith(".js") else "text/plain"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        head = await client.head(f"/tts/client/{name}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == answer.headers["content-type"]


async def test_a_browser_that_has_it_gets_304():
    async with client_of(config(ScriptedEngine())) as client:
        etag = (await client.get("/tts/client/tts.js")).headers["etag"]
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            again = await client.get("/tts/client/tts.js", headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
        assert (await client.get("/tts/client/tts.js", headers={"If-None-Match": '"x"'})).status_code == 200


@pytest.mark.parametrize(
    "name", ["demo.js", "../config.py", "%2e%2e/config.py", "..%2f..%2fconfig.py", "", "tts.js/x", "TTS.JS"]
)
async def test_nothing_else_of_the_folder_is(name: str):
    async with client_of(config(ScriptedEngine())) as client:
        answer = await client.get(f"/tts/client/{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["tts.js", "types.d.ts", "player/reader.js"])
async def test_needs_a_key_where_the_api_does(path: str):
    async with client_of(config(ScriptedEngine(), api_keys=["secret"])) as client:
        for method in ("GET", "HEAD", "POST"):
            refused = await client.request(method, f"/tts/client/{path}")
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
        answer = await client.get(f"/tts/client/{path}", headers={"Authorization": "Bearer secret"})
        assert answer.status_code == 200


async def test_needs_no_key_where_the_client_is_open_and_spends_nothing():
    async with client_of(config(ScriptedEngine(), api_keys=["secret"], open_client=True)) as client:
        answer = await client.get("/tts/client/tts.js")
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("ratelimit")]
        assert (await client.post("/tts/generate", json={"text": "Hello"})).status_code == 401


async def test_a_hosts_guard_goes_before_it():
    def nobody(*_: object) -> None:
        raise NotAuthorizedException

    async with client_of(config(ScriptedEngine(), guards=[nobody])) as client:
        assert (await client.get("/tts/client/tts.js")).status_code == 401


async def test_can_be_left_out():
    async with client_of(config(ScriptedEngine(), mount_client=False)) as client:
        assert (await client.get("/tts/client/tts.js")).status_code == 404
        assert (await client.get("/tts/health")).status_code == 200


async def test_wrong_methods_are_refused():
    async with client_of(config(ScriptedEngine())) as client:
        answer = await client.post("/tts/client/tts.js")
        assert answer.status_code == 405


async def test_a_hosts_compression_may_shrink_it():
    async with client_of(
        config(ScriptedEngine()), compression_config=CompressionConfig(backend="gzip", minimum_size=1)
    ) as client:
        answer = await client.get("/tts/client/tts.js", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.content == (STATIC / "tts.js").read_bytes()


async def test_a_hosts_own_page_under_our_client_folder_stays():
    @asgi("/tts/client/mine", is_mount=True, copy_scope=True)
    async def mine(scope: Scope, receive: Receive, send: Send) -> None:
        await ASGIResponse(body=b"mine")(scope, receive, send)

    async with client_of(config(ScriptedEngine()), route_handlers=[Router("/", route_handlers=[mine])]) as client:
        assert (await client.get("/tts/client/mine/x")).text == "mine"
        assert (await client.get("/tts/client/tts.js")).status_code == 200
