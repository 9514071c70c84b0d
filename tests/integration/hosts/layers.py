"""Everything that a host may wrap around its routes, and with them around ours: one configuration each."""

import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Annotated, Any

from litestar import MediaType, Request, Response
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.config.csrf import CSRFConfig
from litestar.config.response_cache import ResponseCacheConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader, Cookie, ETag, ResponseHeader
from litestar.di import Provide
from litestar.dto import DataclassDTO
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.logging import LoggingConfig, StructLoggingConfig
from litestar.middleware import AbstractAuthenticationMiddleware, ASGIMiddleware, AuthenticationResult, DefineMiddleware
from litestar.middleware.compression.facade import CompressionFacade
from litestar.middleware.logging import LoggingMiddlewareConfig
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.params import CookieParameter, HeaderParameter, QueryParameter
from litestar.plugins import InitPlugin, ReceiveRoutePlugin, SerializationPlugin
from litestar.plugins.opentelemetry import OpenTelemetryConfig, OpenTelemetryPlugin
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsPlugin
from litestar.plugins.prometheus import PrometheusConfig
from litestar.security.jwt import JWTAuth, Token
from litestar.stores.memory import MemoryStore
from litestar.stores.registry import StoreRegistry
from litestar.typing import FieldDefinition

from tests.integration.hosts.rich import HouseError, Note, own

SECRET = "not a secret, only long enough "  # noqa: S105
ORIGIN = "https://app.example"


# --- one function each ------------------------------------------------------------------------------------------------


class Deflate(CompressionFacade):
    """A compression of the host's own making."""

    encoding = "deflate"

    def __init__(self, buffer: BytesIO, compression_encoding: Any, config: Any) -> None:
        self.buffer = buffer
        self.packer = zlib.compressobj()

    def write(self, body: bytes) -> None:
        self.buffer.write(self.packer.compress(body))
        self.buffer.write(self.packer.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        self.buffer.write(self.packer.flush())


def compression(**options: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"compression_config": CompressionConfig(**{"backend": "gzip", "minimum_size": 1, **options})}


def sessions_on_the_server() -> dict[str, Any]:
    return {"middleware": [ServerSideSessionConfig().middleware], "stores": {"sessions": MemoryStore()}}


def sessions_in_cookies() -> dict[str, Any]:
    return {"middleware": [CookieBackendConfig(secret=SECRET.encode()[:16]).middleware]}


def page(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    return Response(f"page: {type(error).__name__} {error}", status_code=418, media_type=MediaType.HTML)


def pages_for_statuses() -> dict[str, Any]:
    return {"exception_handlers": dict.fromkeys((400, 401, 403, 404, 405, 413, 415, 429, 500, 503), page)}


def page_for_all() -> dict[str, Any]:
    return {"exception_handlers": {Exception: page}}


def pages_for_everything() -> dict[str, Any]:
    return {"exception_handlers": {404: page, 500: page, HTTPException: page, HouseError: page, Exception: page}}


async def _after_exception(error: Exception, scope: Any) -> None:
    scope["state"]["seen"] = error


async def _before_request(request: Request[Any, Any, Any]) -> None:
    request.state.before = True


async def _after_request(response: Response[Any]) -> Response[Any]:
    response.headers["X-After"] = str(response.status_code)
    return response


async def _after_response(request: Request[Any, Any, Any]) -> None:
    request.app.state.answered = True


async def _before_send(message: Any, scope: Any) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], (b"x-before-send", b"yes")]


def hooks() -> dict[str, Any]:
    return {
        "after_exception": [_after_exception],
        "before_request": _before_request,
        "after_request": _after_request,
        "after_response": _after_response,
        "before_send": [_before_send],
    }


async def _opened() -> AsyncIterator[str]:
    yield "opened"


async def _needs_a_query(needed: Annotated[int, QueryParameter(name="needed")]) -> int:
    return needed


def dependencies() -> dict[str, Any]:
    names = ("tts", "engine", "service", "request_id", "request_", "speech", "limiter", "config")
    given = {name: own(name) for name in names}
    return {"dependencies": {**given, "opened": Provide(_opened), "needs": Provide(_needs_a_query)}}


def parameters() -> dict[str, Any]:
    return {
        "parameters": {
            "tts": QueryParameter(name="tts", annotation=str, default="q", required=False),
            "service": HeaderParameter(name="X-Service", annotation=str, default="h", required=False),
            "engine": CookieParameter(name="engine", annotation=str, default="c", required=False),
            "text": QueryParameter(name="text", annotation=str, default="t", required=False),
        }
    }


def _guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    if connection.headers.get("x-pass") != "yes":
        raise NotAuthorizedException("members only")


async def _async_guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    _guard(connection, _)


class HouseRequest(Request[Any, Any, Any]):
    """A request of the host's own class."""

    house = "the host's"


class HouseResponse(Response[Any]):
    """A response of the host's own class."""

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:
        return b"house: " + super().render(content, media_type, **({"enc_hook": enc_hook} if enc_hook else {}))


class BearerMiddleware(AbstractAuthenticationMiddleware):
    """The host's own way to tell who somebody is."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        if connection.headers.get("x-pass") != "yes":
            raise NotAuthorizedException
        return AuthenticationResult(user={"id": 7}, auth="x-pass")


@dataclass
class User:
    id: str


async def _user(token: Token, _: Any) -> User:
    return User(token.sub)


JWT = JWTAuth[User](retrieve_user_handler=_user, token_secret=SECRET * 2, exclude=["/schema"])


def function_middleware(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def receive_counted() -> Any:
            message = await receive()
            scope["state"]["received"] = scope["state"].get("received", 0) + 1
            return message

        async def send_counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-wrapped", b"yes")]
            await send(message)

        await app(scope, receive_counted, send_counted)

    return wrapped


class PureMiddleware:
    """As Starlette's users write it: it copies the scope and its messages."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_copied(message: Any) -> None:
            await send(dict(message))

        await self.app(dict(scope), receive, send_copied)


class HouseMiddleware(ASGIMiddleware):
    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Any, receive: Any, send: Any, next_app: Any) -> None:
        await next_app(scope, receive, send)


class CuriousPlugin(InitPlugin, ReceiveRoutePlugin):
    """Looks at every route, as plugins for admin pages, menus and permissions do."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_app_init(self, app_config: Any) -> Any:
        return app_config

    def receive_route(self, route: Any) -> None:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]
        for handler in handlers:
            self.seen.append(f"{route.path} {handler.fn.__module__}.{handler.fn.__qualname__} {handler.handler_name}")
            self.seen.append(f"{sorted(handler.opt)} {handler.parsed_fn_signature.return_type} {handler.paths}")
            self.seen.append(
                str([handler.resolve_guards(), handler.resolve_middleware(), handler.resolve_dependencies()])
            )


def quiet() -> LoggingConfig:
    """Logs everything, to nowhere, and leaves the root logger to the tests."""
    logger = {"level": "INFO", "handlers": ["nowhere"], "propagate": False}
    return LoggingConfig(
        configure_root_logger=False,
        handlers={"nowhere": {"class": "logging.NullHandler"}},
        loggers={"litestar": logger},
        log_exceptions="always",
    )


class ModelsPlugin(SerializationPlugin):
    """Takes over whole classes of types, as those for database models do."""

    def supports_type(self, field_definition: FieldDefinition) -> bool:
        return field_definition.is_subclass_of(Note)

    def create_dto_for_type(self, field_definition: FieldDefinition) -> Any:
        return DataclassDTO[field_definition.annotation]  # type: ignore[name-defined]


def everything() -> dict[str, Any]:
    """What a careful host has, all at once."""
    return {
        "middleware": [
            function_middleware,
            PureMiddleware,
            RateLimitConfig(rate_limit=("minute", 10_000)).middleware,
            ServerSideSessionConfig().middleware,
            DefineMiddleware(BearerMiddleware),
        ],
        "csrf_config": CSRFConfig(secret=SECRET),
        "cors_config": CORSConfig(allow_origins=[ORIGIN], allow_credentials=True, expose_headers=["X-TTS-Voice"]),
        "compression_config": CompressionConfig(backend="brotli", minimum_size=1),
        "allowed_hosts": ["testserver", "127.0.0.1"],
        "exception_handlers": {404: page, HTTPException: page, Exception: page},
        "response_headers": {
            "X-Frame-Options": "DENY",
            "Cache-Control": "max-age=9",
            "X-Content-Type-Options": "nosniff",
        },
        "response_cache_config": ResponseCacheConfig(default_expiration=None),
        "request_class": HouseRequest,
        "guards": [_async_guard],
        "debug": True,
        **hooks(),
    }


PASS = {"x-pass": "yes"}

LAYERS: dict[str, tuple[Callable[[], dict[str, Any]], dict[str, str]]] = {
    "nothing": (dict, {}),
    "csrf": (lambda: {"csrf_config": CSRFConfig(secret=SECRET)}, {}),
    "sessions on the server": (sessions_on_the_server, {}),
    "sessions in cookies": (sessions_in_cookies, {}),
    "gzip": (compression(), {}),
    "gzip without some paths": (compression(exclude=["/json", "^/file"]), {}),
    "brotli": (compression(backend="brotli"), {}),
    "a compression of its own": (compression(backend="deflate", compression_facade=Deflate), {}),
    "cors": (lambda: {"cors_config": CORSConfig(allow_origins=[ORIGIN])}, {"origin": ORIGIN}),
    "allowed hosts": (lambda: {"allowed_hosts": ["testserver"]}, {}),
    "dependencies": (dependencies, {}),
    "parameters": (parameters, {}),
    "response cache": (lambda: {"response_cache_config": ResponseCacheConfig(default_expiration=None)}, {}),
    "response cache with one key": (
        lambda: {
            "response_cache_config": ResponseCacheConfig(
                key_builder=lambda _: "one key for all", cache_response_filter=lambda *_: True
            )
        },
        {},
    ),
    "guards": (lambda: {"guards": [_guard, _async_guard]}, PASS),
    "pages for statuses": (pages_for_statuses, {}),
    "a page for all": (page_for_all, {}),
    "pages for everything": (pages_for_everything, {}),
    "hooks": (hooks, {}),
    "encoders": (
        lambda: {
            "type_encoders": {str: str.upper, float: lambda value: -1, Decimal: str},
            "type_decoders": [(lambda kind: kind is Decimal, lambda kind, value: kind(value))],
        },
        {},
    ),
    "response class": (lambda: {"response_class": HouseResponse}, {}),
    "request class": (lambda: {"request_class": HouseRequest}, {}),
    "headers": (
        lambda: {
            "response_headers": [
                ResponseHeader(name="X-Frame-Options", value="DENY"),
                ResponseHeader(name="Cache-Control", value="public, max-age=600"),
                ResponseHeader(name="X-Content-Type-Options", value="nosniff"),
                ResponseHeader(name="x-request-id", value="of the host"),
            ]
        },
        {},
    ),
    "cookies": (lambda: {"response_cookies": [Cookie(key="seen", value="1")]}, {}),
    "cache control": (lambda: {"cache_control": CacheControlHeader(public=True, max_age=3600)}, {}),
    "etag": (lambda: {"etag": ETag(value="one for all")}, {}),
    "small bodies": (lambda: {"request_max_body_size": 100}, {}),
    "without openapi": (lambda: {"openapi_config": None}, {}),
    "openapi under our prefix": (
        lambda: {
            "openapi_config": OpenAPIConfig(
                title="host", version="1", path="/tts/docs", render_plugins=[JsonRenderPlugin(), SwaggerRenderPlugin()]
            )
        },
        {},
    ),
    "no schema": (lambda: {"include_in_schema": False}, {}),
    "rate limit": (lambda: {"middleware": [RateLimitConfig(rate_limit=("minute", 10_000)).middleware]}, {}),
    "its own authentication": (lambda: {"middleware": [DefineMiddleware(BearerMiddleware)]}, PASS),
    "jwt": (lambda: {"on_app_init": [JWT.on_app_init]}, {"authorization": f"Bearer {JWT.create_token('someone')}"}),
    "prometheus": (lambda: {"middleware": [PrometheusConfig(group_path=True).middleware]}, {}),
    "opentelemetry": (lambda: {"plugins": [OpenTelemetryPlugin(OpenTelemetryConfig())]}, {}),
    "logging of requests": (
        lambda: {"middleware": [LoggingMiddlewareConfig().middleware], "logging_config": quiet()},
        {},
    ),
    "function middleware": (lambda: {"middleware": [function_middleware]}, {}),
    "pure middleware": (lambda: {"middleware": [PureMiddleware]}, {}),
    "asgi middleware": (lambda: {"middleware": [HouseMiddleware()]}, {}),
    "problem details": (
        lambda: {"plugins": [ProblemDetailsPlugin(ProblemDetailsConfig(enable_for_all_http_exceptions=True))]},
        {},
    ),
    "logging": (lambda: {"logging_config": quiet()}, {}),
    "structlog": (lambda: {"logging_config": StructLoggingConfig()}, {}),
    "a plugin that looks at routes": (lambda: {"plugins": [CuriousPlugin()]}, {}),
    "a plugin for models": (lambda: {"plugins": [ModelsPlugin()]}, {}),
    "debug": (lambda: {"debug": True}, {}),
    "stores": (lambda: {"stores": StoreRegistry({"sessions": MemoryStore()})}, {}),
    "opt, tags, security": (lambda: {"opt": {"level": 1}, "tags": ["house"], "security": [{"house": []}]}, {}),
    "everything": (everything, {**PASS, "origin": ORIGIN}),
}
"""Name → what goes to ``Litestar``, made anew for each application, and the headers with which all is allowed."""
