"""All routes of one mount."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from litestar import Request, Response, Router, route
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.enums import HttpMethod
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Method, Middleware

from litestar_tts._compat import paths_of
from litestar_tts.config import TTSConfig
from litestar_tts.limits import RateLimiter
from litestar_tts.web import info, speech
from litestar_tts.web.auth import OPEN_ROUTE, key_guard
from litestar_tts.web.client_files import CLIENT_HANDLERS
from litestar_tts.web.exchange import ExchangeMiddleware
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.problems import exception_handlers
from litestar_tts.web.ratelimit import RateLimitMiddleware
from litestar_tts.web.service import TTSService

__all__ = ("SECURITY_SCHEME", "build_router", "claims_prefix", "shared_paths", "uncopied")

SECURITY_SCHEME: Final = "TTSApiKey"
"""Name of the security scheme among the OpenAPI components."""

_ALLOWED: Final = "litestar_tts_allowed"


def build_router(
    config: TTSConfig,
    service: TTSService,
    limiter: RateLimiter | None,
    *,
    keys: ApiKeys | None,
    opt: Mapping[str, Any],
    audio_opt: Mapping[str, Any],
    whole_prefix: bool,
) -> Router:
    """Make the router.

    Args:
        config: Options.
        service: Speaks.
        limiter: Budget of the clients; None: no limit.
        keys: Of which a client must send one; None: open.
        opt: Litestar ``opt`` of all routes.
        audio_opt: Further ``opt`` of the routes whose answers must reach the client as they are sent.
        whole_prefix: Answer unknown paths under the prefix too.
    """

    def provide() -> TTSService:
        return service

    middleware = [*config.middleware, uncopied(ExchangeMiddleware(refused=service.metrics.refused))]
    if limiter is not None:
        middleware.append(uncopied(RateLimitMiddleware.from_config(config, limiter, keys=keys)))
    json_handlers = [*speech.JSON_HANDLERS, info.voices, info.voices_head, info.health, info.health_head]
    if config.metrics:
        json_handlers.append(info.measurements)
    handlers: list[Any] = [Router("/", route_handlers=_complete(speech.AUDIO_HANDLERS), opt=dict(audio_opt))]
    handlers.extend(_complete(json_handlers))
    if config.mount_client:
        handlers.append(
            Router("/", route_handlers=_complete(CLIENT_HANDLERS), opt={OPEN_ROUTE: True} if config.open_client else {})
        )
    if whole_prefix:
        handlers.append(_unknown_path())
    return Router(
        config.path,
        route_handlers=handlers,
        # The key is one that no parameter or dependency of a host has: Litestar takes the two for one.
        dependencies={"litestar_tts": Provide(provide, sync_to_thread=False)},
        # A host's own DTOs, response class and body limit are made for its routes, and break or weaken ours.
        dto=None,
        return_dto=None,
        response_class=Response,
        request_max_body_size=config.body_limit,
        cache_control=CacheControlHeader(no_store=True),
        exception_handlers=exception_handlers(),
        guards=[*config.guards, *([key_guard(keys)] if keys is not None else [])],
        middleware=middleware,
        opt=dict(opt),
        tags=list(config.tags),
        security=_security(config),
        include_in_schema=config.include_in_schema,
    )


def uncopied(middleware: ASGIMiddleware) -> Middleware:
    """The middleware in a form that Litestar shares instead of copying.

    Litestar copies routers deeply, and with them what their middleware holds: budgets, counters, connections.
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        return middleware(app)

    return wrap


def _security(config: TTSConfig) -> list[dict[str, list[str]]] | None:
    if config.security is not None:
        return [dict(requirement) for requirement in config.security]
    return [{SECURITY_SCHEME: []}] if config.asks_for_keys else None


# --- what nobody else answers -----------------------------------------------------------------------------------------


def _complete(handlers: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Handlers, and problems for wrong methods: Litestar would answer those outside of our router, in its own shape."""
    # First come those with OPTIONS, or the first handler of a path gets one made for it.
    return [*_other_methods(handlers), *handlers]


def _other_methods(handlers: Iterable[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    methods: dict[str, set[Method]] = {}
    for handler in handlers:
        for path in handler.paths:
            methods.setdefault(path, set()).update(handler.http_methods)
    for path, known in methods.items():
        others: list[Method] = [method.value for method in HttpMethod if method.value not in known]
        allowed = ", ".join(sorted({*known, "OPTIONS"}))
        answer = route(path, http_method=others, include_in_schema=False, status_code=200, opt={_ALLOWED: allowed})
        yield answer(_refuse_method)


async def _refuse_method(request: Request[Any, Any, Any]) -> Response[Any]:
    allowed = request.route_handler.opt[_ALLOWED]
    if request.method != HttpMethod.OPTIONS:
        raise MethodNotAllowedException(headers={"Allow": allowed})
    return Response(None, status_code=204, headers={"Allow": allowed})


def _unknown_path() -> HTTPRouteHandler:
    methods: list[Method] = [method.value for method in HttpMethod]
    return route("/{unknown:path}", http_method=methods, include_in_schema=False, status_code=200)(_refuse_path)


async def _refuse_path() -> Response[Any]:
    raise NotFoundException


def claims_prefix(prefix: str, handlers: Iterable[Any]) -> bool:
    """Whether one of a host's own routes answers ``prefix``, or paths directly under it, by a parameter or a mount.

    Then unknown paths stay the host's: our route for them would take some from its.
    """
    ours = _segments(prefix)
    for handler, path in paths_of(handlers):
        theirs = _segments(path)
        if getattr(handler, "is_mount", False) and ours[: len(theirs)] == theirs:
            return True
        for position, segment in enumerate(theirs[: len(ours) + 1]):
            if segment.startswith("{"):
                return True
            if position == len(ours) or segment != ours[position]:
                break
    return False


def shared_paths(ours: Iterable[Any], theirs: Iterable[Any]) -> list[str]:
    """Paths that both want to answer."""
    wanted = [
        {
            "/".join(_segments(path))
            for handler, path in paths_of(handlers)
            if not isinstance(handler, WebsocketRouteHandler)
        }
        for handlers in (ours, theirs)
    ]
    return sorted(f"/{path}" for path in set.intersection(*wanted))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
