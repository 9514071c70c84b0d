"""Where Litestar 2 and 3 differ."""

from collections.abc import Iterable, Iterator
from typing import Any

from litestar import Controller, Router
from litestar.handlers import BaseRouteHandler

__all__ = ("paths_of",)


def paths_of(handlers: Iterable[Any], base: str = "") -> Iterator[tuple[BaseRouteHandler, str]]:
    """Every path that handlers, routers and controllers will answer, with its handlers.

    Args:
        handlers: As given to an application, before it has registered them.
        base: Path in front of them.
    """
    for handler in handlers:
        if isinstance(handler, Router):
            yield from _paths_of_router(handler, base)
        elif isinstance(handler, type) and issubclass(handler, Controller):
            path = getattr(handler, "path", "")
            members = (getattr(handler, name, None) for name in dir(handler))
            inner = [member for member in members if isinstance(member, BaseRouteHandler)]
            # Without a path of its own the attribute is a slot's descriptor.
            yield from paths_of(inner, f"{base}/{path if isinstance(path, str) else ''}")
        elif isinstance(handler, BaseRouteHandler):
            for path in handler.paths:
                yield handler, f"{base}/{path}"


def _paths_of_router(router: Any, base: str) -> Iterator[tuple[BaseRouteHandler, str]]:
    routes = getattr(router, "routes", None)
    if routes is None:
        # 3.0: a router knows its handlers only.
        yield from paths_of(router.route_handlers, f"{base}/{router.path}")
        return
    for route in routes:
        # 2.x: a router registers by itself, and its routes have its path in front.
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:
            yield handler, f"{base}/{route.path}"
