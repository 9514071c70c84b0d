"""The routes that make no speech: voices, health, metrics."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, head
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from msgspec import UNSET

from litestar_tts import metrics
from litestar_tts.models import Voice
from litestar_tts.web import openapi
from litestar_tts.web.auth import OPEN_ROUTE
from litestar_tts.web.response import HeadAnswer
from litestar_tts.web.schema import TTSHealth, TTSVoice, TTSVoices, read_query
from litestar_tts.web.service import TTSService

__all__ = ("health", "health_head", "measurements", "voices", "voices_head")

AnyRequest = Request[Any, Any, Any]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=openapi.FILTER_CHARS)]


class _VoiceFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    engine: Name | None = None
    language: Name | None = None
    gender: Name | None = None


@get(
    "/voices",
    summary="List voices",
    operation_id=openapi.operation_id,
    operation_class=openapi.VoicesOperation,
    responses=openapi.documented(*openapi.LIST_PROBLEMS),
)
async def voices(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[TTSVoices]:
    """The voices of all engines that can be asked, in the engines' order."""
    wanted = read_query(request.scope["query_string"], _VoiceFilter)
    found = await litestar_tts.voices(engine=wanted.engine, language=wanted.language, gender=wanted.gender)
    return Response(TTSVoices(voices=[_listed(voice) for voice in found], count=len(found)))


@head("/voices", include_in_schema=False)
async def voices_head(request: AnyRequest) -> Response[None]:
    """What the GET would answer."""
    read_query(request.scope["query_string"], _VoiceFilter)
    return HeadAnswer(media_type="application/json")


def _listed(voice: Voice) -> TTSVoice:
    return TTSVoice(
        id=voice.id,
        name=voice.name,
        engine=voice.engine,
        language=voice.language,
        gender=voice.gender,
        description=UNSET if voice.description is None else voice.description,
    )


@get(
    "/health",
    summary="Health of the engines",
    operation_id=openapi.operation_id,
    opt={OPEN_ROUTE: True},
    # Beside what the router asks for: nothing will do, too.
    security=[{}],
    responses={503: ResponseSpec(TTSHealth, description="No engine can speak.", generate_examples=False)},
)
async def health(litestar_tts: NamedDependency[TTSService]) -> Response[TTSHealth]:
    """200 when something can speak, 503 when nothing can."""
    report = msgspec.convert(await litestar_tts.health(), TTSHealth, from_attributes=True)
    return Response(report, status_code=503 if report.status == "down" else 200)


@head("/health", opt={OPEN_ROUTE: True}, include_in_schema=False)
async def health_head(litestar_tts: NamedDependency[TTSService]) -> Response[None]:
    """What the GET would answer: many monitors ask this way."""
    report = await litestar_tts.health()
    return HeadAnswer(media_type="application/json", status_code=503 if report.status == "down" else 200)


@get(
    "/metrics",
    summary="Measurements, for Prometheus",
    operation_id=openapi.operation_id,
    media_type=metrics.CONTENT_TYPE,
    responses=openapi.documented(401),
)
async def measurements(litestar_tts: NamedDependency[TTSService]) -> Response[str]:
    """Counters of this process in Prometheus' text format."""
    return Response(litestar_tts.metrics.render(), media_type=metrics.CONTENT_TYPE)
