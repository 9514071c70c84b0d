"""Single layers of a host: what they do to our answers, and what they leave alone."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from litestar import MediaType, Request, Response, get, post
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.config.csrf import CSRFConfig
from litestar.config.response_cache import ResponseCacheConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.dto import DataclassDTO, DTOConfig
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult, DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import FromQuery

from tests.integration.hosts.asking import Browser
from tests.integration.hosts.speaking import JSON, works
from tests.support.scripted import ScriptedEngine, application, client_of

TEXT = "Hello there world"
BODY = {"text": TEXT}


class NobodyMiddleware(AbstractAuthenticationMiddleware):
    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        raise NotAuthorizedException


NOBODY = DefineMiddleware(NobodyMiddleware)


@dataclass
class Note:
    title: str
    secret: str = ""


class NoteDTO(DataclassDTO[Note]):
    config = DTOConfig(exclude={"secret"})


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@get("/", media_type=MediaType.TEXT)
async def index() -> str:
    return "the host's page"


async def test_compression_of_the_host_goes_on(engine: ScriptedEngine):
    @get("/raw", media_type=MediaType.TEXT, opt={"raw": True})
    async def raw() -> str:
        return "x" * 5000

    class Counting(CompressionMiddleware):
        made = 0

        def create_compression_send_wrapper(self, *args: Any, **kwargs: Any) -> Any:
            Counting.made += 1
            return super().create_compression_send_wrapper(*args, **kwargs)

    shared = CompressionConfig(backend="gzip", minimum_size=10, exclude_opt_key="raw", middleware_class=Counting)
    app = application(engine, host={"compression_config": shared, "route_handlers": [raw]})
    browser = Browser(app)
    assert (await browser.ask("GET", "/raw")).header("content-encoding") is None
    assert Counting.made == 0
    listed = await browser.ask("GET", "/tts/voices")
    assert (listed.header("content-encoding"), listed.json()["count"]) == ("gzip", 2)
    assert Counting.made == 1
    await works(app)
    assert shared == CompressionConfig(
        backend="gzip", minimum_size=10, exclude_opt_key="raw", middleware_class=Counting
    ), "the host's object is its own"


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
    browser = Browser(app, {"origin": "https://app.example"})
    for number in (1, 2):
        answer = await browser.ask("POST", "/tts/generate", BODY, JSON)
        assert answer.header("x-frame-options") == "DENY"
        assert answer.header("access-control-allow-origin") == "https://app.example"
        assert answer.header("access-control-expose-headers") == "X-Viseme-Count"
        assert answer.header("cache-control") == "no-store, no-transform"
        assert engine.speeches == number, "nothing was answered from the host's cache"


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


async def test_what_a_hosts_layers_refuse_on_our_routes_is_a_problem(engine: ScriptedEngine):
    limited = application(engine, host={"middleware": [RateLimitConfig(rate_limit=("hour", 1)).middleware]})
    refusals = [
        (limited, 429, "rate-limited"),
        (application(engine, host={"middleware": [NOBODY]}), 401, "unauthorized"),
    ]
    for app, status, slug in refusals:
        async with client_of(app) as client:
            await client.get("/tts/health")
            refused = await client.post("/tts/generate", json=BODY)
            assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
            assert refused.json()["type"] == f"urn:litestar-tts:problem:{slug}"


async def test_preflight_is_the_hosts(engine: ScriptedEngine):
    browser = Browser(application(engine, host={"cors_config": CORSConfig(allow_origins=["https://app.example"])}))
    asks = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = await browser.ask("OPTIONS", "/tts/generate", b"", asks)
    assert (answer.status, answer.header("access-control-allow-origin")) == (204, "https://app.example")
    assert "POST" in (answer.header("access-control-allow-methods") or "")


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
