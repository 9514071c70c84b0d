"""The routes that make speech."""

from typing import Any, Final

from litestar import Request, Response, get, head, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from msgspec import UNSET

from litestar_tts import captions
from litestar_tts.models import AudioFormat, SpeechRequest, Voice
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

CAPTION_TYPES: Final = {"srt": "application/x-subrip; charset=utf-8", "vtt": "text/vtt"}


@post(
    "/generate",
    status_code=200,
    summary="Speak a text",
    operation_id=openapi.operation_id,
    operation_class=openapi.GenerateOperation,
    responses=openapi.documented(*openapi.SPEECH_PROBLEMS, takes=TTSGenerateRequest, gives=TTSSpeechResult),
)
async def generate(request: AnyRequest, tts: NamedDependency[TTSService]) -> Response[Any]:
    """Speech as audio that is sent while it is made, or whole as JSON."""
    return await _generate(request, tts, read_body(await _json_body(request), TTSGenerateRequest))


@get(
    "/generate",
    summary="Speak a text, for <audio src>",
    operation_id=openapi.operation_id,
    operation_class=openapi.GenerateQueryOperation,
    responses=openapi.documented(*openapi.QUERY_PROBLEMS, gives=TTSSpeechResult),
)
async def generate_from_query(request: AnyRequest, tts: NamedDependency[TTSService]) -> Response[Any]:
    """The same as the POST, with the fields as query parameters."""
    return await _generate(request, tts, read_query(request.scope["query_string"], TTSGenerateRequest))


@head("/generate", include_in_schema=False)
async def generate_head(request: AnyRequest, tts: NamedDependency[TTSService]) -> Response[None]:
    """What the GET would answer; makes no speech."""
    asked = read_query(request.scope["query_string"], TTSGenerateRequest)
    text, wanted = _check(tts, asked, asked.format)
    voice = await tts.check_voice(wanted)
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
async def generate_stream(request: AnyRequest, tts: NamedDependency[TTSService]) -> Response[Any]:
    """Audio and visemes in one stream of frames."""
    asked = read_body(await _json_body(request), TTSStreamRequest)
    text, wanted = _check(tts, asked, asked.format, AudioFormat.MP3)
    speech = await _speak(request, tts, text, wanted)
    return await speech_response(speech, framed=True, receive=request.receive, instance=instance_of(request.scope))


@post(
    "/generate-visemes",
    status_code=200,
    summary="Visemes and words of a text",
    operation_id=openapi.operation_id,
    operation_class=openapi.TimelineOperation,
    responses=openapi.documented(*openapi.SPEECH_PROBLEMS, takes=TTSVisemeRequest, gives=TTSTimeline),
)
async def generate_visemes(request: AnyRequest, tts: NamedDependency[TTSService]) -> Response[Any]:
    """A timeline without audio."""
    asked = read_body(await _json_body(request), TTSVisemeRequest)
    text, wanted = _check(tts, asked, asked.format, AudioFormat.PCM)
    voice = await _admit(request, tts, wanted)
    exact = asked.timing == "exact" or (asked.timing == "auto" and tts.engine_of(voice).capabilities.instant)
    if exact:
        try:
            spoken = await _collect(request, _begin(request, tts, text, wanted))
        except ClientLeftError:
            return Response(None, status_code=CLIENT_LEFT_STATUS)
        visemes, words, duration = spoken.visemes, spoken.words, spoken.duration
    else:
        plan = await tts.plan(text, wanted)
        visemes, words, duration = plan.visemes, plan.words, plan.duration
    timeline = TTSTimeline(
        visemes=visemes_of(visemes),
        words=words_of(words),
        duration=round(duration, 6),
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
async def generate_captions(request: AnyRequest, tts: NamedDependency[TTSService]) -> Response[Any]:
    """Subtitles with the word times of a real speech."""
    asked = read_body(await _json_body(request), TTSCaptionRequest)
    text, wanted = _check(tts, asked, AudioFormat.PCM, timeline=False)
    try:
        spoken = await _collect(request, await _speak(request, tts, text, wanted))
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
    text, wanted = _check(tts, asked, asked.format, timeline=not asked.stream)
    speech = await _speak(request, tts, text, wanted)
    if asked.stream:
        return await speech_response(speech, receive=request.receive, instance=instance_of(request.scope))
    try:
        spoken = await _collect(request, speech)
    except ClientLeftError:
        return Response(None, status_code=CLIENT_LEFT_STATUS)
    headers = {**audio_headers(spoken.info), "X-Stream-Mode": "false"}
    return Response(speech_result(spoken), media_type="application/json", headers=headers)


async def _json_body(request: AnyRequest) -> bytes:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json" and not (
        content_type.startswith("application/") and content_type.endswith("+json")
    ):
        raise HTTPException(status_code=415, detail="Send a JSON object, with 'Content-Type: application/json'.")
    return await request.body()


def _check(
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
    return text, tts.request(format=chosen, timeline=timeline, **asked.options())


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


async def _collect(request: AnyRequest, speech: Speech) -> Any:
    """The whole speech, unless its client leaves.

    Raises:
        ClientLeftError: The client left; the speech is closed.
    """
    watch = ClientWatch(request.receive)
    try:
        with watch.interrupts():
            return await speech.collect()
    finally:
        watch.close()
