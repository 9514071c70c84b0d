"""The pages of the standalone server: the demo page, and the API's description without any outside resource.

Every page has a strict Content-Security-Policy. Files have the digest of their content in their path, so that browsers
keep them for ever and yet never show an old one.
"""

import html
import importlib.util
import mimetypes
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from litestar import MediaType, Request, Response, Router, get
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from litestar_tts.web.auth import BasicChallenge, key_guard
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.problems import exception_handlers

__all__ = ("DEMO_POLICY", "OfflineSwagger", "demo_page", "docs_router")

STATIC: Final = Path(__file__).parent.parent / "static"
DEMO: Final = STATIC / "demo"
DEMO_FILES: Final = tuple(sorted(file.name for file in DEMO.iterdir() if file.suffix in (".css", ".js")))
SWAGGER_START: Final = "docs.js"
SWAGGER_FILES: Final = ("swagger-ui.css", "swagger-ui-bundle.js")

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DEMO_POLICY: Final = f"{_POLICY}; require-trusted-types-for 'script'; trusted-types 'none'"
"""What the pages and the browser client get along with: no inline code or style, nothing from elsewhere, no HTML from
strings."""
DOCS_POLICY: Final = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""Swagger UI writes style attributes, and HTML."""

FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
PAGE_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def demo_page(
    *,
    api: str,
    docs: str,
    max_text_length: int,
    path: str = "/",
    links: Mapping[str, str] = MappingProxyType({}),
    keys: ApiKeys | None = None,
) -> list[ControllerRouterHandler]:
    """Handlers of the demo page and of its files. The API must serve its browser client (``mount_client``).

    Where the API asks for keys, either the client is open (``open_client``) and the page has a field for the key, or
    the page asks for it by itself, as a password; browsers then send it along to everything in the same folder.

    Args:
        api: Path of the API, ``/`` for the root.
        docs: Path of the API's description.
        max_text_length: Characters that the API takes.
        path: Where the page is.
        links: Further links in its head, text → path.
        keys: Of which a visitor has to know one; None: everybody may see the page.
    """
    page = (DEMO / "demo.html").read_text(encoding="utf-8").replace("{max_length}", str(max_text_length))
    page = page.replace("{asks_for_keys}", "true" if keys is not None else "false")
    files = {name: DEMO / name for name in DEMO_FILES}
    base = path.rstrip("/")

    @get(path, include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
    def demo(request: Request[Any, Any, Any]) -> Response[str]:
        root = _root(request)
        places = {
            "{api}": root + api.rstrip("/") or "/",
            "{client}": f"{root}{api.rstrip('/')}/client",
            "{docs}": root + docs,
            "{assets}": f"{root}{base}/assets/{_digest(tuple(files.values()))}",
        }
        text = page
        for name, place in places.items():
            text = text.replace(name, html.escape(place))
        shown = "".join(f'<a href="{html.escape(root + to)}">{html.escape(name)}</a>' for name, to in links.items())
        return Response(
            text.replace("{links}", shown), headers={**PAGE_HEADERS, "Content-Security-Policy": DEMO_POLICY}
        )

    handlers: list[ControllerRouterHandler] = [demo, _file_handler(f"{base}/assets", files)]
    if keys is None:
        return handlers
    guarded = Router(
        "/",
        route_handlers=handlers,
        guards=[key_guard(keys, links=True)],
        middleware=[BasicChallenge()],
        exception_handlers=exception_handlers(),
        include_in_schema=False,
    )
    return [guarded]


def docs_router(path: str = "/docs") -> Router:
    """The router for an OpenAPI configuration whose page is :class:`OfflineSwagger`."""
    headers = [
        ResponseHeader(name="Content-Security-Policy", value=DOCS_POLICY),
        *(ResponseHeader(name=name, value=value) for name, value in PAGE_HEADERS.items()),
    ]
    return Router(path, route_handlers=[], include_in_schema=False, dto=None, return_dto=None, response_headers=headers)


class OfflineSwagger(OpenAPIRenderPlugin):
    """Swagger UI from the files of an installed package, with external scripts only.

    Of the package ``litestar-offline-docs`` only files are used: it imports what Litestar 3 does not have.

    Args:
        base: Path of the router that the page is on.
    """

    def __init__(self, *, base: str = "/docs") -> None:
        super().__init__(path="/")
        self.base = base
        spec = importlib.util.find_spec("litestar_offline_docs")
        folders = [Path(place) / "static" for place in (spec.submodule_search_locations or ())] if spec else []
        found = {name: folder / name for folder in folders for name in SWAGGER_FILES if (folder / name).is_file()}
        self.files = {**found, SWAGGER_START: STATIC / SWAGGER_START} if len(found) == len(SWAGGER_FILES) else {}

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page."""
        base = _root(request) + self.base
        title = html.escape(openapi_schema["info"]["title"])
        document = html.escape(f"{base}/openapi.json")
        if not self.files:
            body = _MISSING.format(document=document)
            return _PAGE.format(title=title, head="", body=body).encode()
        assets = html.escape(f"{base}/assets/{_digest(tuple(self.files.values()))}")
        style, script = (f"{assets}/{name}" for name in SWAGGER_FILES)
        head = (
            f'<link rel="stylesheet" href="{style}">\n<script defer src="{script}"></script>\n'
            f'<script defer src="{assets}/{SWAGGER_START}"></script>'
        )
        body = f'<main id="swagger" data-document="{document}"></main>'
        return _PAGE.format(title=title, head=head, body=body).encode()

    def receive_router(self, router: Router) -> None:
        """Add the files."""
        router.register(_file_handler("/assets", self.files))


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}
</head>
<body>
{body}
</body>
</html>
"""

_MISSING: Final = """<main>
<h1>The API browser is not installed</h1>
<p>Run <code>pip install "litestar-tts[server]"</code> and start the server again.</p>
<p>The description itself is here: <a href="{document}">{document}</a></p>
</main>"""


def _file_handler(path: str, files: dict[str, Path]) -> HTTPRouteHandler:
    @get(f"{path}/{{digest:str}}/{{name:str}}", include_in_schema=False, sync_to_thread=False)
    def static_file(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        if name not in files or digest != _digest(tuple(files.values())):
            raise NotFoundException
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # Read anew each time: browsers ask once, and a process that speaks has better use for its memory.
        return Response(files[name].read_bytes(), media_type=media_type, headers=FOR_EVER)

    return static_file


@lru_cache
def _digest(files: Sequence[Path]) -> str:
    digest = blake2b(digest_size=8)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _root(request: Request[Any, Any, Any]) -> str:
    return request.scope.get("root_path", "").rstrip("/")
