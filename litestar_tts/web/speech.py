"""The routes that make speech."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from litestar import Request, Response, get, head, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, InternalServerException
from msgspec import UNSET

from litestar_tts import captions
from litestar_tts.models import AudioFormat, SpeechRequest, SpeechResult, Voice
from litestar_tts.road.planning import Plan
from litestar_tts.road.speech import Speech
from litestar_tts.web import openapi
from litestar_tts.web.answers import (
    UNCACHED,
    audio_headers,
    header_value,
    speech_response,
    speech_result,
    visemes_of,
    words_of,
)
from litestar_tts.web.exchange import exchange_of
from litestar_tts.web.problems import instance_of
from litestar_tts.web.ratelimit import spend
from litestar_tts.web.response import CLIENT_LEFT_STATUS, HeadAnswer
from litestar_tts.web.schema import (
    TTSCaptionRequest,
    TTSCaptions,
    TTSGenerateRequest,
    TTSSpeechRequest,
    TTSSpeechResult,
    TTSStreamRequest,
    TTSTimeline,
    TTSVisemeRequest,
    read_body,
    read_query,
)
from litestar_tts.web.service import TTSService
from litestar_tts.web.watch import ClientLeftError, ClientWatch

__all__ = ("AUDIO_HANDLERS", "JSON_HANDLERS")

AnyRequest = Request[Any, Any, Any]
ResultT = TypeVar("ResultT")

CAPTION_TYPES: Final = {"srt": "application/x-subrip; charset=utf-8", "vtt": "text/vtt"}


@post(
    "/generate",
    status_code=200,
    summary="Speak a text",
    operation_id=openapi.operation_id,
    operation_class=openapi.GenerateOperation,
    responses=openapi.documented(*openapi.SPEECH_PROBLEMS, takes=TTSGenerateRequest, gives=TTSSpeechResult),
)
async def generate(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[Any]:
    """Speech as audio that is sent while it is made, or whole as JSON."""
    return await _generate(
        request, litestar_tts, read_body(await _json_body(request, litestar_tts), TTSGenerateRequest)
    )


@get(
    "/generate",
    summary="Speak a text, for <audio src>",
    operation_id=openapi.operation_id,
    operation_class=openapi.GenerateQueryOperation,
    responses=openapi.documented(*openapi.QUERY_PROBLEMS, gives=TTSSpeechResult),
)
async def generate_from_query(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[Any]:
    """The same as the POST, with the fields as query parameters."""
    return await _generate(request, litestar_tts, read_query(request.scope["query_string"], TTSGenerateRequest))


@head("/generate", include_in_schema=False)
async def generate_head(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[None]:
    """What the GET would answer; makes no speech."""
    asked = read_query(request.scope["query_string"], TTSGenerateRequest)
    text, wanted = _check(request, litestar_tts, asked, asked.format)
    voice = await litestar_tts.check_voice(wanted)
    headers = {
        **UNCACHED,
        "X-TTS-Engine": header_value(voice.engine),
        "X-TTS-Voice": header_value(voice.id),
        "X-Text-Length": str(len(text)),
        "X-Stream-Mode": str(asked.stream).lower(),
    }
    return HeadAnswer(media_type=wanted.format.media_type if asked.stream else "application/json", headers=headers)


@post(
    "/generate-stream",
    status_code=200,
    summary="Speak a text, with visemes in step",
    operation_id=openapi.operation_id,
    operation_class=openapi.FramesOperation,
    responses=openapi.documented(*openapi.SPEECH_PROBLEMS, takes=TTSStreamRequest),
)
async def generate_stream(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[Any]:
    """Audio and visemes in one stream of frames."""
    asked = read_body(await _json_body(request, litestar_tts), TTSStreamRequest)
    text, wanted = _check(request, litestar_tts, asked, asked.format, AudioFormat.MP3)
    speech = await _speak(request, litestar_tts, text, wanted)
    return await _stream(request, litestar_tts, speech, framed=True)


@post(
    "/generate-visemes",
    status_code=200,
    summary="Visemes and words of a text",
    operation_id=openapi.operation_id,
    operation_class=openapi.TimelineOperation,
    responses=openapi.documented(*openapi.SPEECH_PROBLEMS, takes=TTSVisemeRequest, gives=TTSTimeline),
)
async def generate_visemes(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[Any]:
    """A timeline without audio."""
    asked = read_body(await _json_body(request, litestar_tts), TTSVisemeRequest)
    text, wanted = _check(request, litestar_tts, asked, asked.format, AudioFormat.PCM)
    voice = await _admit(request, litestar_tts, wanted)
    exact = asked.timing == "exact" or (asked.timing == "auto" and litestar_tts.engine_of(voice).capabilities.instant)
    making = _begin(request, litestar_tts, text, wanted).collect() if exact else litestar_tts.plan(text, wanted)
    try:
        made: SpeechResult | Plan = await _attended(request, making)
    except ClientLeftError:
        return Response(None, status_code=CLIENT_LEFT_STATUS)
    timeline = TTSTimeline(
        visemes=visemes_of(made.visemes),
        words=words_of(made.words),
        duration=round(made.duration, 6),
        timing="exact" if exact else "estimated",
    )
    return Response(timeline)


@post(
    "/generate-captions",
    status_code=200,
    summary="Subtitles of a text",
    operation_id=openapi.operation_id,
    operation_class=openapi.CaptionsOperation,
    responses=openapi.documented(*openapi.SPEECH_PROBLEMS, takes=TTSCaptionRequest, gives=TTSCaptions),
)
async def generate_captions(request: AnyRequest, litestar_tts: NamedDependency[TTSService]) -> Response[Any]:
    """Subtitles with the word times of a real speech."""
    asked = read_body(await _json_body(request, litestar_tts), TTSCaptionRequest)
    text, wanted = _check(request, litestar_tts, asked, AudioFormat.PCM, timeline=False)
    try:
        spoken = await _attended(request, (await _speak(request, litestar_tts, text, wanted)).collect())
    except ClientLeftError:
        return Response(None, status_code=CLIENT_LEFT_STATUS)
    cues = captions.make_cues(spoken.words, text, duration=spoken.duration)
    headers = audio_headers(spoken.info)
    if asked.format == "json":
        return Response(captions.to_json(cues), media_type="application/json", headers=headers)
    written = captions.to_srt(cues) if asked.format == "srt" else captions.to_vtt(cues)
    return Response(written.encode(), media_type=CAPTION_TYPES[asked.format], headers=headers)


AUDIO_HANDLERS: Final = (generate, generate_from_query, generate_head, generate_stream)
"""Routes whose answers are audio, and must reach the client as they are sent."""

JSON_HANDLERS: Final = (generate_visemes, generate_captions)


# --- what they have in common -----------------------------------------------------------------------------------------


async def _generate(request: AnyRequest, tts: TTSService, asked: TTSGenerateRequest) -> Response[Any]:
    # Streamed audio is sent without its visemes, so it need not wait for them; they are counted for the header.
    text, wanted = _check(request, tts, asked, asked.format, timeline=not asked.stream)
    speech = await _speak(request, tts, text, wanted)
    if asked.stream:
        return await _stream(request, tts, speech)
    try:
        spoken = await _attended(request, speech.collect())
    except ClientLeftError:
        return Response(None, status_code=CLIENT_LEFT_STATUS)
    headers = {**audio_headers(spoken.info), "X-Stream-Mode": "false"}
    return Response(speech_result(spoken), media_type="application/json", headers=headers)


async def _json_body(request: AnyRequest, tts: TTSService) -> bytes:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json" and not (
        content_type.startswith("application/") and content_type.endswith("+json")
    ):
        raise HTTPException(status_code=415, detail="Send a JSON object, with 'Content-Type: application/json'.")
    try:
        async with asyncio.timeout(tts.config.body_timeout):
            return await request.body()
    except TimeoutError:
        # What is left of the body would be taken for the next request; later versions of HTTP know no such header.
        closing = {"Connection": "close"} if request.scope["http_version"].startswith("1") else {}
        raise HTTPException(status_code=408, headers=closing) from None
    except InternalServerException:
        # What Litestar makes of a client who left; nobody will read the answer, but a log will.
        raise HTTPException(status_code=CLIENT_LEFT_STATUS, detail="The client left.") from None


def _check(
    request: AnyRequest,
    tts: TTSService,
    asked: TTSSpeechRequest,
    wanted: Any,
    default: AudioFormat = AudioFormat.WAV,
    *,
    timeline: bool = True,
) -> tuple[str, SpeechRequest]:
    """The text as it will be spoken, and how."""
    text = tts.check_text(asked.text)
    chosen = (tts.config.default_format or default) if wanted is UNSET else wanted
    client = tts.client_of(request)
    return text, tts.request(format=chosen, timeline=timeline, client=client, **asked.options())


async def _admit(request: AnyRequest, tts: TTSService, wanted: SpeechRequest) -> Voice:
    """Everything that can be refused has been looked at: the client pays. Gives the voice that should speak."""
    voice = await tts.check_voice(wanted)
    await spend(request)
    return voice


async def _speak(request: AnyRequest, tts: TTSService, text: str, wanted: SpeechRequest) -> Speech:
    """A speech that is paid for, and that ends with its request."""
    await _admit(request, tts, wanted)
    return _begin(request, tts, text, wanted)


def _begin(request: AnyRequest, tts: TTSService, text: str, wanted: SpeechRequest) -> Speech:
    """A speech that ends with its request."""
    speech = tts.speak(text, wanted)
    exchange_of(request.scope).closes(speech.aclose)
    return speech


async def _stream(request: AnyRequest, tts: TTSService, speech: Speech, *, framed: bool = False) -> Response[Any]:
    return await speech_response(
        speech,
        framed=framed,
        receive=request.receive,
        instance=instance_of(request.scope),
        write_timeout=tts.config.write_timeout,
    )


async def _attended(request: AnyRequest, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """What ``work`` gives, unless the client leaves before.

    Raises:
        ClientLeftError: The client left; the work was cancelled.
    """
    watch = ClientWatch(request.receive)
    try:
        with watch.interrupts():
            return await work
    finally:
        work.close()
        watch.close()
