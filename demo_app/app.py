"""The application: a reading room that is read aloud in the browser, a handler that speaks, and the studio.

What a host application writes is in three places: ``create_app`` mounts the plugin, ``listen`` speaks on the server,
and ``static/index.html`` has the player and the face, two elements.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Litestar, MediaType, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.static_files import create_static_files_router

from demo_app.articles import Article, Summary, find, shelf
from litestar_tts import AudioStream, TTSConfig, TTSPlugin, TTSService, VoiceNotFoundError
from litestar_tts.web.pages import DEMO_POLICY, OfflineSwagger, demo_page, docs_router

__all__ = ("app", "create_app")

STATIC = Path(__file__).parent / "static"


@get("/", include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=False)
def page() -> Response[str]:
    """The reading room."""
    headers = {"Content-Security-Policy": DEMO_POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return Response((STATIC / "index.html").read_text(encoding="utf-8"), headers=headers)


@get("/articles", tags=["articles"], sync_to_thread=False)
def list_articles() -> list[Summary]:
    """What there is to read."""
    return [
        Summary(slug=a.slug, title=a.title, author=a.author, language=a.language, minutes=a.minutes)
        for a in shelf().values()
    ]


@get("/articles/{slug:str}", tags=["articles"])
async def read_article(tts_service: NamedDependency[TTSService], slug: FromPath[str]) -> Article:
    """A whole article, with the voice that reads it here."""
    article = _article(slug)
    return msgspec.structs.replace(article, voice=await _narrator(tts_service, article))


@get("/articles/{slug:str}/audio", tags=["articles"], media_type="audio/mpeg")
async def listen(
    tts_service: NamedDependency[TTSService],
    slug: FromPath[str],
    speed: FromQuery[Annotated[float, QueryParameter(ge=0.5, le=2.0)]] = 1.0,
) -> AudioStream:
    """An article read aloud, by its narrator or by whoever can stand in; the sound starts with the first sentence."""
    article = _article(slug)
    voice = await _narrator(tts_service, article)
    return await tts_service.response(article.text, voice=voice or None, speed=speed, format="mp3")


async def _narrator(tts_service: TTSService, article: Article) -> str:
    """The article's voice, or another of its language where the server runs without that engine; "": the default."""
    try:
        return (await tts_service.check_voice(tts_service.request(voice=article.voice))).id
    except VoiceNotFoundError:
        others = await tts_service.voices(language=article.language.partition("-")[0])
        return others[0].id if others else ""


def _article(slug: str) -> Article:
    article = find(slug)
    if article is None:
        raise NotFoundException(f"There is no article {slug!r}; GET /articles lists all.")
    return article


def create_app(config: TTSConfig | None = None) -> Litestar:
    """The application.

    Args:
        config: Options of the plugin; None: under ``/tts``, with room for whole articles, and impatient with an online
            service that may be out of reach.
    """
    config = config or TTSConfig(path="/tts", max_text_length=20_000, hedge_after=0.6, warm_up=True, open_client=True)
    studio = demo_page(
        path="/studio",
        api=config.path,
        docs="/docs",
        max_text_length=config.max_text_length,
        links={"Reading room": "/"},
    )
    files = create_static_files_router("/static", directories=[STATIC], include_in_schema=False)
    return Litestar(
        route_handlers=[page, list_articles, read_article, listen, *studio, files],
        plugins=[TTSPlugin(config)],
        logging_config=None,  # who runs the application configures logging
        openapi_config=OpenAPIConfig(
            title="Read aloud", version="1.0.0", render_plugins=[OfflineSwagger()], openapi_router=docs_router("/docs")
        ),
    )


app = create_app()
