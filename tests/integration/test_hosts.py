"""The plugin in host applications of every kind: it works there, and nothing of the host's changes."""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI
from litestar import Controller, Litestar, MediaType, Request, Response, Router, asgi, get, post
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.config.csrf import CSRFConfig
from litestar.config.response_cache import ResponseCacheConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader, State
from litestar.di import NamedDependency, Provide
from litestar.dto import DataclassDTO, DTOConfig
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import FromPath, FromQuery
from litestar.plugins import InitPlugin
from litestar.response.base import ASGIResponse
from litestar.static_files import create_static_files_router

from litestar_tts.exceptions import ConfigurationError
from litestar_tts.frames import FrameParser
from litestar_tts.plugin import TTSPlugin, get_plugin
from litestar_tts.web.response import AudioStream
from litestar_tts.web.service import TTSService
from tests.support.scripted import Asgi, ScriptedEngine, application, client_of, config

TEXT = "Hello there world"
BODY = {"text": TEXT}


@dataclass
class Note:
    title: str
    secret: str = ""


class NoteDTO(DataclassDTO[Note]):
    config = DTOConfig(exclude={"secret"})


@get("/", media_type=MediaType.TEXT)
async def index() -> str:
    return "the host's page"


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


async def works(app: Litestar, path: str = "/tts", **headers: str) -> httpx.Response:
    async with client_of(app) as client:
        answer = await client.post(f"{path}/generate", json=BODY, headers=headers)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) > 10_000
        assert (await client.get(f"{path}/voices")).json()["count"] == 2
        assert (await client.get(f"{path}/health")).status_code == 200
        framed = await client.post(f"{path}/generate-stream", json=BODY)
        parser = FrameParser()
        assert list(parser.feed(framed.content))
        parser.finish()
    return answer


@pytest.mark.parametrize("path", ["/tts", "/", "/api/v1/speech", "/tts/"])
async def test_any_path(engine: ScriptedEngine, path: str):
    await works(application(engine, path=path), path.rstrip("/"))


async def test_two_mounts(engine: ScriptedEngine):
    other = ScriptedEngine("other")
    plugins = [
        TTSPlugin(config(engine, path="/one")),
        TTSPlugin(config(other, path="/two", service_key="second_voice")),
    ]

    @get("/services")
    async def services(
        tts_service: NamedDependency[TTSService], second_voice: NamedDependency[TTSService]
    ) -> list[str]:
        return [tts_service.engines[0].name, second_voice.engines[0].name]

    app = Litestar([services], plugins=plugins, logging_config=None)
    async with client_of(app) as client:
        for path, name in (("/one", "tone"), ("/two", "other")):
            assert (await client.post(f"{path}/generate", json=BODY)).headers["x-tts-engine"] == name
            assert (await client.get(f"{path}/nonsense")).headers["content-type"] == "application/problem+json"
        assert (await client.get("/services")).json() == ["tone", "other"]
        assert (await client.get("/schema/openapi.json")).status_code == 200


async def test_two_mounts_with_the_default_key(engine: ScriptedEngine):
    plugins = [TTSPlugin(config(engine, path="/one")), TTSPlugin(config(ScriptedEngine("other"), path="/two"))]

    @get("/service")
    async def service(tts_service: NamedDependency[TTSService]) -> str:
        return tts_service.engines[0].name

    app = Litestar([service], plugins=plugins, logging_config=None)
    async with client_of(app) as client:
        assert (await client.get("/service")).text == "tone"
        assert (await client.post("/two/generate", json=BODY)).headers["x-tts-engine"] == "other"


def test_what_two_plugins_cannot_share(engine: ScriptedEngine):
    with pytest.raises(ConfigurationError, match="path of its own"):
        Litestar(plugins=[TTSPlugin(config(engine)), TTSPlugin(config(engine, service_key="other"))])
    same = [TTSPlugin(config(engine, path=path, service_key="voice")) for path in ("/one", "/two")]
    with pytest.raises(ConfigurationError, match="service_key"):
        Litestar(plugins=same)


def test_a_dependency_of_the_host_by_that_name(engine: ScriptedEngine):
    async def mine() -> int:
        return 1

    with pytest.raises(ConfigurationError, match="service_key"):
        application(engine, host={"dependencies": {"tts_service": Provide(mine)}})


async def test_disabled_it_adds_nothing():
    plain = Litestar([index], logging_config=None)
    app = Litestar([index], plugins=[TTSPlugin(config(ScriptedEngine(), enabled=False))], logging_config=None)
    assert {route.path for route in app.routes} == {route.path for route in plain.routes}
    assert "tts_service" not in app.dependencies
    assert app.signature_namespace == plain.signature_namespace


async def test_without_routes_the_service_is_still_injected(engine: ScriptedEngine):
    @get("/say")
    async def say(tts_service: NamedDependency[TTSService]) -> AudioStream:
        return await tts_service.response(TEXT, format="wav")

    app = application(engine, mount_speech=False, host={"route_handlers": [say]})
    async with client_of(app) as client:
        assert (await client.get("/tts/health")).status_code == 404
        assert (await client.get("/say")).content[:4] == b"RIFF"


# --- a host's own handlers --------------------------------------------------------------------------------------------


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


# --- what a host wraps around us --------------------------------------------------------------------------------------


async def test_compression_stays_away_from_audio_only(engine: ScriptedEngine):
    @get("/long", media_type=MediaType.TEXT)
    async def long() -> str:
        return "x" * 5000

    shared = CompressionConfig(backend="gzip", minimum_size=10)
    app = application(engine, host={"compression_config": shared, "route_handlers": [long]})
    answer = await works(app, **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    asking = await Asgi(app, "/long", method="GET", headers={"Accept-Encoding": "gzip"}).finish()
    assert gzip.decompress(asking.body) == b"x" * 5000
    listed = await Asgi(app, "/tts/voices", method="GET", headers={"Accept-Encoding": "gzip"}).finish()
    assert listed.headers["content-encoding"] == "gzip"
    assert shared.exclude_opt_key is None, "the host's object is its own"


async def test_a_hosts_own_key_against_compression_is_used(engine: ScriptedEngine):
    shared = CompressionConfig(backend="gzip", minimum_size=10, exclude_opt_key="raw")
    app = application(engine, host={"compression_config": shared})
    assert "content-encoding" not in (await works(app, **{"Accept-Encoding": "gzip"})).headers
    assert app.compression_config is shared


async def test_csrf_follows_the_host_unless_exempt(engine: ScriptedEngine):
    csrf = CSRFConfig(secret="x" * 16, exclude_from_csrf_key="free")
    async with client_of(application(engine, host={"csrf_config": csrf})) as client:
        refused = await client.post("/tts/generate", json=BODY)
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await client.get("/tts/generate", params=BODY)).status_code == 200
        token = client.cookies["csrftoken"]
        assert (await client.post("/tts/generate", json=BODY, headers={"x-csrftoken": token})).status_code == 200
    await works(application(engine, host={"csrf_config": csrf}, csrf_exempt=True))
    await works(application(engine, host={"csrf_config": csrf}, opt={"free": True}))


async def test_a_hosts_dto_response_class_and_body_limit(engine: ScriptedEngine):
    class Shouting(Response[Any]):
        def render(self, *args: Any, **kwargs: Any) -> bytes:
            return b"LOUD"

    @post("/notes", status_code=200)
    async def notes(data: Annotated[Note, "body"]) -> Note:
        return data

    app = application(
        engine,
        host={
            "route_handlers": [notes],
            "dto": NoteDTO,
            "return_dto": NoteDTO,
            "response_class": Shouting,
            "request_max_body_size": 10,
            "type_encoders": {str: lambda value: value.upper()},
        },
    )
    await works(app)


async def test_a_hosts_headers_cookies_cors_and_sessions_reach_our_answers(engine: ScriptedEngine):
    app = application(
        engine,
        host={
            "response_headers": {"X-Frame-Options": "DENY"},
            "cache_control": CacheControlHeader(max_age=3600),
            "cors_config": CORSConfig(allow_origins=["https://app.example"], expose_headers=["X-Viseme-Count"]),
            "middleware": [ServerSideSessionConfig().middleware],
            "response_cache_config": ResponseCacheConfig(default_expiration=60),
        },
    )
    answer = await works(app, Origin="https://app.example")
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers.get_list("cache-control") == ["no-store, no-transform"]
    assert engine.speeches == 2, "nothing was answered from the host's cache"


async def test_guards_of_the_host_and_of_the_options_apply(engine: ScriptedEngine):
    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.headers.get("x-pass") != "yes":
            raise NotAuthorizedException("members only")

    def own(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.headers.get("x-own") != "yes":
            raise PermissionDeniedException("this one too")

    async with client_of(application(engine, host={"guards": [guard]}, guards=[own])) as client:
        refused = await client.post("/tts/generate", json=BODY)
        assert (refused.status_code, refused.json()["detail"]) == (401, "members only")
        refused = await client.post("/tts/generate", json=BODY, headers={"x-pass": "yes"})
        assert (refused.status_code, refused.json()["detail"]) == (403, "this one too")
        passed = await client.post("/tts/generate", json=BODY, headers={"x-pass": "yes", "x-own": "yes"})
        assert passed.status_code == 200


async def test_a_hosts_error_pages_are_for_its_routes_and_ours_are_problems(engine: ScriptedEngine):
    def page(_: Request[Any, Any, Any], error: Exception) -> Response[str]:
        return Response(f"page: {error}", status_code=418, media_type=MediaType.HTML)

    handlers = {404: page, 400: page, 500: page, HTTPException: page, Exception: page}
    async with client_of(
        application(engine, host={"exception_handlers": handlers, "route_handlers": [index]})
    ) as client:
        assert (await client.get("/nonsense")).status_code == 418
        assert (await client.delete("/")).status_code == 418
        for answer, status in (
            (await client.get("/tts/nonsense"), 404),
            (await client.delete("/tts/generate"), 405),
            (await client.post("/tts/generate", json={}), 400),
            (await client.post("/tts/generate", json={"text": TEXT, "voice": "x"}), 404),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


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
        assert (await client.post("/tts/generate", json=BODY)).status_code == 200
        assert (await client.put("/tts/generate")).headers["content-type"] == "application/problem+json"


async def test_static_files_beside_us(engine: ScriptedEngine, tmp_path: Any):
    (tmp_path / "page.txt").write_text("a file")
    app = application(engine, host={"route_handlers": [create_static_files_router("/", [tmp_path])]})
    async with client_of(app) as client:
        assert (await client.get("/page.txt")).text == "a file"
    await works(app)


async def test_names_of_the_host_are_not_taken(engine: ScriptedEngine):
    @get("/query")
    async def query(tts: FromQuery[str], engine: FromQuery[str]) -> str:
        return f"{tts} {engine}"

    async def tts() -> str:
        return "the host's own"

    @get("/injected", dependencies={"tts": Provide(tts)})
    async def injected(tts: NamedDependency[str]) -> str:
        return tts

    app = application(engine, host={"route_handlers": [query, injected]})
    async with client_of(app) as client:
        assert (await client.get("/query?tts=a&engine=b")).text == "a b"
        assert (await client.get("/injected")).text == "the host's own"
    await works(app)


async def test_an_app_level_dependency_of_the_same_name_as_ours(engine: ScriptedEngine):
    async def tts() -> str:
        return "the host's own"

    await works(application(engine, host={"dependencies": {"tts": Provide(tts)}}))


async def test_no_shared_object_is_changed(engine: ScriptedEngine):
    before = Litestar(logging_config=None).openapi_config
    handlers: list[Any] = [index]
    dependencies: dict[str, Any] = {}
    application(engine, host={"route_handlers": handlers, "dependencies": dependencies}, api_keys=["k"], tags=["mine"])
    other = Litestar([index], logging_config=None)
    assert other.openapi_config is before
    assert before is not None
    assert before.tags is None
    assert "securitySchemes" not in other.openapi_schema.to_schema()["components"]
    assert (handlers, dependencies) == ([index], {})


def test_a_hosts_security_schemes_stay_beside_ours(engine: ScriptedEngine):
    own = Components(
        security_schemes={"session": SecurityScheme(type="apiKey", name="sid", security_scheme_in="cookie")}
    )
    for components in (own, [own]):
        described = OpenAPIConfig(title="host", version="1", components=components)
        app = application(engine, host={"openapi_config": described}, api_keys=["k"])
        schema = app.openapi_schema.to_schema()
        assert set(schema["components"]["securitySchemes"]) == {"session", "TTSApiKey"}
        assert schema["info"]["title"] == "host"
    assert set(own.security_schemes or {}) == {"session"}


async def test_a_host_without_openapi(engine: ScriptedEngine):
    app = application(engine, host={"openapi_config": None}, api_keys=["k"])
    async with client_of(app) as client:
        assert (await client.get("/tts/health")).status_code == 200


def test_a_type_that_is_only_imported_for_type_checkers(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("a_host")
    code = """
from litestar import get
from litestar.di import NamedDependency

@get("/x")
async def say(tts_service: "NamedDependency[TTSService]") -> str: ...
"""
    monkeypatch.setitem(sys.modules, "a_host", module)
    exec(code, vars(module))  # noqa: S102
    app = application(engine, host={"route_handlers": [module.say]})
    assert "/x" in {route.path for route in app.routes}


def test_the_plugin_is_found_even_if_it_is_derived(engine: ScriptedEngine):
    class Mine(TTSPlugin):
        pass

    mine = Mine(config(engine))
    assert get_plugin(Litestar(plugins=[mine])) is mine
    with pytest.raises(LookupError):
        get_plugin(Litestar())


async def test_a_plugin_that_comes_later_still_finds_its_place(engine: ScriptedEngine):
    class Later(InitPlugin):
        def on_app_init(self, app_config: Any) -> Any:
            app_config.route_handlers.append(index)
            return app_config

    app = Litestar(plugins=[TTSPlugin(config(engine)), Later()], logging_config=None)
    async with client_of(app) as client:
        assert (await client.get("/")).text == "the host's page"
    await works(app)


async def test_engines_are_closed_with_the_application_and_open_again(engine: ScriptedEngine):
    app = application(engine)
    async with client_of(app) as client:
        await client.post("/tts/generate", json=BODY)
        assert engine.shut == 0
    assert engine.shut == 1
    await works(app)


# --- mounted ----------------------------------------------------------------------------------------------------------


async def test_mounted_in_fastapi_whose_lifespan_never_reaches_us(engine: ScriptedEngine):
    outer = FastAPI()
    outer.mount("/speech", application(engine))

    @outer.get("/own")
    def own() -> dict[str, str]:
        return {"of": "fastapi"}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://testserver") as client:
        assert (await client.get("/own")).json() == {"of": "fastapi"}
        answer = await client.post("/speech/tts/generate", json=BODY)
        assert answer.status_code == 200
        assert len(answer.content) > 10_000
        wrong = await client.post("/speech/tts/generate", json={})
        assert wrong.json()["instance"] == "/speech/tts/generate"
        assert (await client.get("/speech/tts/nonsense")).headers["content-type"] == "application/problem+json"
        assert (await client.get("/nonsense")).json() == {"detail": "Not Found"}


@pytest.mark.parametrize("when", ["before the first audio", "in the middle"])
async def test_who_leaves_a_mount_behind_a_middleware_stops_the_engine(engine: ScriptedEngine, when: str):
    outer = FastAPI()
    outer.mount("/speech", application(engine))

    @outer.middleware("http")
    async def passes(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    (engine.gate if when == "before the first audio" else engine.middle).clear()
    asking = Asgi(outer, "/speech/tts/generate", {"text": "a b c d e f g h i j k l", "format": "pcm"})
    waiting = engine.asked if when == "before the first audio" else engine.paused
    await asyncio.wait_for(waiting.wait(), 5)
    asking.gone.set()
    await asyncio.wait_for(engine.stopped.wait(), 1)
    await asking.finish()


async def test_a_stream_that_breaks_off_in_a_mount_is_cut(engine: ScriptedEngine):
    outer = FastAPI()
    outer.mount("/speech", application(engine))
    engine.breaks = RuntimeError("x")
    asking = Asgi(outer, "/speech/tts/generate", {"text": "a b c d e f g h i j k l", "format": "pcm"})
    with pytest.raises(Exception, match="after response started"):
        await asking.finish()
    assert not asking.complete
