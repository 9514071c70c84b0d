"""A host application with strict pages and several speech APIs, on a real socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from litestar import Litestar, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from litestar_tts import RateLimit, TTSConfig, TTSPlugin
from tests.support.serving import served_in_a_thread

__all__ = ("reading_room",)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; require-trusted-types-for 'script'"
)
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


@contextmanager
def reading_room(pages: Path) -> Iterator[str]:
    """Serves a folder at ``/pages``, and speech at ``/tts``, ``/short`` (200 characters) and ``/busy`` (one in 3 s).

    Yields:
        Scheme, host and port.
    """

    @get("/pages/{name:str}", sync_to_thread=False)
    def page(name: FromPath[str]) -> Response[bytes]:
        file = pages / Path(name).name
        if not file.exists():
            raise NotFoundException
        return Response(file.read_bytes(), media_type=TYPES[file.suffix], headers={"Content-Security-Policy": POLICY})

    speech = [
        TTSConfig(path="/tts", engines=["espeak"], rate_limit=None),
        TTSConfig(path="/short", engines=["espeak"], rate_limit=None, max_text_length=200, service_key="short"),
        TTSConfig(path="/busy", engines=["espeak"], rate_limit=RateLimit(requests=1, window=3), service_key="busy"),
    ]
    app = Litestar([page], plugins=[TTSPlugin(config) for config in speech])
    with served_in_a_thread(app) as url:
        yield url.removesuffix("/tts")
