"""The browser client's files, under one stable address each."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get, head
from litestar.handlers import HTTPRouteHandler

from litestar_tts.web.response import HeadAnswer

__all__ = ("CLIENT_FILES", "CLIENT_HANDLERS")

STATIC: Final = Path(__file__).parent.parent / "static"
MODULES: Final = ("tts", "tts-decoders", "elements", "player", "avatar", "adapters")
FOLDERS: Final = ("player", "avatar")
CLIENT_FILES: Final = frozenset(
    {
        "types.d.ts",
        "tts-internal.d.ts",
        *(f"{name}{suffix}" for name in MODULES for suffix in (".js", ".d.ts")),
        *(f"{folder}/{file.name}" for folder in FOLDERS for file in (STATIC / folder).iterdir()),
    }
)
"""What is served: modules, what the larger ones consist of, and their types."""


# The addresses stay when the package is updated, so browsers ask each time whether theirs is still good.
# In the spelling of Litestar's own layers, which it then replaces.
HEADERS: Final = {"cache-control": "no-cache"}

# Plain paths: a parameter under our prefix would keep a host's own parameters from being reached.
_PATHS: Final = [f"/client/{name}" for name in sorted(CLIENT_FILES)]


@get(_PATHS, include_in_schema=False, sync_to_thread=False)
def client_file(request: Request[Any, Any, Any]) -> Response[bytes]:
    """One file; 304 where the browser has it."""
    # Read anew each time: browsers ask rarely, and a process that speaks has better use for its memory.
    data = (STATIC / _name(request)).read_bytes()
    etag = f'"{blake2b(data, digest_size=12).hexdigest()}"'
    headers = {**HEADERS, "ETag": etag}
    held = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in held or "*" in held:
        return Response(b"", status_code=304, headers=headers)
    return Response(data, media_type=_media_type(_name(request)), headers=headers)


@head(_PATHS, include_in_schema=False, sync_to_thread=False)
def client_file_head(request: Request[Any, Any, Any]) -> Response[None]:
    """What the GET would answer."""
    return HeadAnswer(media_type=_media_type(_name(request)), headers=dict(HEADERS))


CLIENT_HANDLERS: Final[Sequence[HTTPRouteHandler]] = (client_file, client_file_head)


def _name(request: Request[Any, Any, Any]) -> str:
    return request.scope["path"].rstrip("/").rpartition("/client/")[2]


def _media_type(name: str) -> str:
    # Guessing takes d.ts for a translation of Qt.
    return f"text/{'javascript' if name.endswith('.js') else 'plain'}"
