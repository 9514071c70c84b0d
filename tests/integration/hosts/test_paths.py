"""Paths: a host keeps those that it has, also under our prefix."""

from typing import Any

import pytest
from litestar import Controller, Litestar, MediaType, Router, asgi, get, post, websocket
from litestar.connection import WebSocket
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.static_files import create_static_files_router

from litestar_tts.exceptions import ConfigurationError
from tests.integration.hosts.asking import Browser
from tests.integration.hosts.speaking import works
from tests.support.scripted import ScriptedEngine, application, client_of


@get("/", media_type=MediaType.TEXT)
async def index() -> str:
    return "the host's page"


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


async def test_a_hosts_own_404_and_405_stay_as_they_were(engine: ScriptedEngine):
    plain = Litestar([index], logging_config=None)
    app = application(engine, host={"route_handlers": [index]})
    async with client_of(plain) as before, client_of(app) as after:
        for method, path in (("GET", "/nonsense"), ("POST", "/"), ("GET", "/ttsx"), ("GET", "/"), ("OPTIONS", "/")):
            old, new = await before.request(method, path), await after.request(method, path)
            assert (old.status_code, old.content, dict(old.headers)) == (
                new.status_code,
                new.content,
                dict(new.headers),
            )


def _hosts_that_claim_paths() -> dict[str, Any]:
    @get("/{path:path}", media_type=MediaType.TEXT)
    async def everything(path: FromPath[str]) -> str:
        return f"host: {path}"

    @get("/tts/{name:str}", media_type=MediaType.TEXT)
    async def below(name: FromPath[str]) -> str:
        return f"host: /{name}"

    @get("/{name:str}", media_type=MediaType.TEXT)
    async def beside(name: FromPath[str]) -> str:
        return f"host: {name}"

    class Pages(Controller):
        path = "/tts"

        @get("/{name:str}", media_type=MediaType.TEXT)
        async def page(self, name: FromPath[str]) -> str:
            return f"host: /{name}"

    @asgi("/tts/files", is_mount=True, copy_scope=True)
    async def mount(scope: Any, receive: Any, send: Any) -> None:
        await ASGIResponse(body="host: mount", media_type=MediaType.TEXT)(scope, receive, send)

    class Rooted(Controller):
        @get("/tts/{name:str}", media_type=MediaType.TEXT)
        async def page(self, name: FromPath[str]) -> str:
            return f"host: /{name}"

    return {
        "in a controller without a path": (Rooted, "/tts/extra", "host: /extra"),
        "everything": (everything, "/tts/extra", "host: /tts/extra"),
        "everything, the prefix itself": (everything, "/tts", "host: /tts"),
        "below": (below, "/tts/extra", "host: /extra"),
        "beside": (beside, "/tts", "host: tts"),
        "in a router": (
            Router("/tts", route_handlers=[get("/{name:str}", media_type=MediaType.TEXT)(_named)]),
            "/tts/x",
            "x",
        ),
        "in a controller": (Pages, "/tts/extra", "host: /extra"),
        "a mount": (mount, "/tts/files/a", "host: mount"),
    }


async def _named(name: FromPath[str]) -> str:
    return name


@pytest.mark.parametrize("name", list(_hosts_that_claim_paths()))
async def test_a_host_keeps_the_paths_that_it_claims_under_our_prefix(engine: ScriptedEngine, name: str):
    handler, path, text = _hosts_that_claim_paths()[name]
    app = application(engine, host={"route_handlers": [handler]})
    async with client_of(app) as client:
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, text)
        assert (await client.post("/tts/generate", json={"text": "Hello there world"})).status_code == 200
        assert (await client.put("/tts/generate")).headers["content-type"] == "application/problem+json"


async def test_static_files_beside_us(engine: ScriptedEngine, tmp_path: Any):
    (tmp_path / "page.txt").write_text("a file")
    app = application(engine, host={"route_handlers": [create_static_files_router("/", [tmp_path])]})
    async with client_of(app) as client:
        assert (await client.get("/page.txt")).text == "a file"
    await works(app)


@pytest.mark.parametrize("path", ["/tts", "/"])
def test_a_path_that_both_want_to_answer(engine: ScriptedEngine, path: str):
    @post(f"{path.rstrip('/')}/generate")
    async def generate() -> str:
        return "the host's"

    @get("/health")
    async def health() -> str:
        return "the host's"

    handlers = [Router("/", route_handlers=[generate]), health]
    with pytest.raises(ConfigurationError, match=r"/generate.* itself.* another path"):
        application(engine, path=path, host={"route_handlers": handlers})


async def test_a_socket_of_the_host_at_one_of_our_paths(engine: ScriptedEngine):
    @websocket("/tts/generate")
    async def socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text("the host's")
        await socket.close()

    app = application(engine, host={"route_handlers": [socket]})
    heard = await Browser(app).converse("/tts/generate", "x")
    assert [message.get("text") for message in heard] == [None, "the host's", None]
    await works(app)
