"""What clients send and get: bodies and query parameters of the HTTP API, and the strict readers for them.

Bodies are read here and not by the framework: its reader takes ``"1.5"`` for a number, and host applications can change
it for all their routes.
"""

from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import UNSET, Meta, UnsetType

from litestar_tts.exceptions import InvalidRequestError

__all__ = (
    "TTSCaption",
    "TTSCaptionRequest",
    "TTSCaptions",
    "TTSEngineHealth",
    "TTSGenerateRequest",
    "TTSHealth",
    "TTSProblem",
    "TTSQueue",
    "TTSSpeechRequest",
    "TTSSpeechResult",
    "TTSStreamRequest",
    "TTSTimeline",
    "TTSViseme",
    "TTSVisemeRequest",
    "TTSVoice",
    "TTSVoices",
    "TTSWord",
    "read_body",
    "read_query",
)

FormatName = Literal["wav", "mp3", "opus", "aac", "flac", "pcm"]
SetName = Literal["default", "azure", "oculus", "polly", "rhubarb", "vrm", "live2d", "arkit"]
RateName = Literal[8000, 16000, 22050, 24000, 44100, 48000]


# --- requests ---------------------------------------------------------------------------------------------------------


class TTSSpeechRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every request for speech can say."""

    text: Annotated[
        str,
        Meta(
            min_length=1,
            description="What to say: at least one letter or digit, at most the server's limit of characters.",
            examples=["Hello! It is good to hear from you."],
        ),
    ]
    voice: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=200,
                description="Name of a voice, with its engine in front (`espeak:en-gb`) to allow no other engine. "
                "Left out: the server's default voice.",
                examples=["en-US-AriaNeural"],
            ),
        ]
        | UnsetType
    ) = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=4.0, description="2.0 halves the duration.")] = 1.0
    pitch: Annotated[float, Meta(ge=-12.0, le=12.0, description="Semitones; the duration stays.")] = 0.0
    volume: Annotated[float, Meta(ge=-20.0, le=20.0, description="Decibels.")] = 0.0
    visemes: Annotated[SetName, Meta(description="The set of mouth shapes.")] = "default"
    phonemes: Annotated[bool, Meta(description="Each viseme also says its phoneme.")] = False
    fallback: Annotated[bool, Meta(description="Whether another engine may speak when the voice's own fails.")] = True
    sample_rate: Annotated[
        RateName, Meta(description="Hz. MP3 that Edge made and Opus (always 48000) keep their own rate.")
    ] = 24000

    def options(self) -> dict[str, Any]:
        """Keyword arguments for :meth:`~litestar_tts.service.SpeechService.request`, without ``format``."""
        return {
            "voice": None if self.voice is UNSET else self.voice,
            "speed": self.speed,
            "pitch": self.pitch,
            "volume": self.volume,
            "visemes": self.visemes,
            "phonemes": self.phonemes,
            "fallback": self.fallback,
            "sample_rate": self.sample_rate,
        }


AskedFormat = Annotated[FormatName, Meta(description="Audio format. Left out: the route's default.")] | UnsetType


class TTSGenerateRequest(TTSSpeechRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speech as audio, or whole with its timeline."""

    format: AskedFormat = UNSET
    stream: Annotated[
        bool, Meta(description="`true`: the audio, as it is made. `false`: JSON with the whole audio and its timeline.")
    ] = True


class TTSStreamRequest(TTSSpeechRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speech as frames of audio and visemes."""

    format: AskedFormat = UNSET


class TTSVisemeRequest(TTSSpeechRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A timeline without audio."""

    format: AskedFormat = UNSET
    timing: Annotated[
        Literal["auto", "estimated", "exact"],
        Meta(
            description="`estimated` needs no synthesis; `exact` speaks the text to measure it; `auto` is exact where "
            "that costs next to nothing."
        ),
    ] = "auto"


class TTSCaptionRequest(TTSSpeechRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Subtitles of a speech."""

    format: Annotated[Literal["srt", "vtt", "json"], Meta(description="Subtitle format.")] = "srt"


# --- answers ----------------------------------------------------------------------------------------------------------


class TTSWord(msgspec.Struct, frozen=True, kw_only=True):
    """A spoken word; times in seconds on the audio's own clock."""

    text: str
    time: float
    duration: float


class TTSViseme(msgspec.Struct, frozen=True, kw_only=True):
    """A mouth shape; times in seconds on the audio's own clock."""

    time: float
    value: Annotated[
        int | str | dict[str, float],
        Meta(description="A number (default, azure), a name (oculus, polly, rhubarb) or weights (vrm, live2d, arkit)."),
    ]
    duration: float
    phoneme: Annotated[str, Meta(description="IPA; only when `phonemes` was asked.")] | UnsetType = UNSET


class TTSSpeechResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole speech."""

    success: bool
    audio: Annotated[str, Meta(description="The audio, base64.", extra_json_schema={"contentEncoding": "base64"})]
    visemes: list[TTSViseme]
    words: list[TTSWord]
    timestamp: Annotated[str, Meta(description="When it was made: ISO 8601, UTC.", examples=["2025-01-01T12:00:00Z"])]
    format: FormatName
    sample_rate: Annotated[int, Meta(description="Hz that the audio decodes to.")]
    duration: Annotated[float, Meta(description="Seconds.")]
    voice: str
    engine: str


class TTSTimeline(msgspec.Struct, frozen=True, kw_only=True):
    """When the mouth does what."""

    visemes: list[TTSViseme]
    words: list[TTSWord]
    duration: Annotated[float, Meta(description="Seconds.")]
    timing: Literal["estimated", "exact"]


class TTSCaption(msgspec.Struct, frozen=True, kw_only=True):
    """One subtitle; times in seconds."""

    index: int
    start: float
    end: float
    text: str
    words: list[TTSWord]


class TTSCaptions(msgspec.Struct, frozen=True, kw_only=True):
    """All subtitles."""

    captions: list[TTSCaption]


class TTSVoice(msgspec.Struct, frozen=True, kw_only=True):
    """A voice that can be asked for."""

    id: Annotated[str, Meta(description="What `voice` takes.")]
    name: str
    engine: str
    language: Annotated[str, Meta(description="BCP 47.", examples=["en-US"])]
    gender: str | None
    description: str | UnsetType = UNSET


class TTSVoices(msgspec.Struct, frozen=True, kw_only=True):
    """The voices that a filter left."""

    voices: list[TTSVoice]
    count: int


class TTSEngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """State of one engine."""

    name: str
    status: Literal["ok", "failing", "unavailable"]
    breaker: Annotated[str, Meta(description="State of the engine's circuit breaker: closed, open or half-open.")]
    voices: int
    failing_voices: Annotated[
        list[str], Meta(description="Voices that alone made no sound and are given a pause.")
    ] = []
    detail: str | None = None


class TTSQueue(msgspec.Struct, frozen=True, kw_only=True):
    """How busy this process is."""

    active: int
    waiting: int
    max_streams: int
    max_queue: int


class TTSHealth(msgspec.Struct, frozen=True, kw_only=True):
    """State of the service."""

    status: Literal["ok", "degraded", "down"]
    version: str
    max_text_length: Annotated[int, Meta(description="Characters that one request may have spoken.")]
    engines: list[TTSEngineHealth]
    queue: TTSQueue


class TTSProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457)."""

    type: Annotated[str, Meta(description="Stable name of the kind of problem, a URI.")]
    title: str
    status: int
    detail: Annotated[str, Meta(description="What is wrong and what to do.")]
    instance: Annotated[str, Meta(description="Path of the request.")]
    parameter: Annotated[str, Meta(description="The field that is wrong.")] | UnsetType = UNSET
    retry_after: Annotated[int, Meta(description="Seconds after which trying again makes sense.")] | UnsetType = UNSET
    matches: Annotated[list[str], Meta(description="Near matches, for an unknown voice.")] | UnsetType = UNSET


# --- readers ----------------------------------------------------------------------------------------------------------

R = TypeVar("R")

_decoders: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {}


def read_body(body: bytes, kind: type[R]) -> R:
    """Read a JSON body.

    Raises:
        InvalidRequestError: It is not JSON, or not such an object; ``extra["parameter"]`` names the field.
    """
    decoder = _decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        return decoder.decode(body)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise _explain(error, kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequestError('The body is not JSON; send an object such as {"text": "Hello"}.') from None
    except RecursionError:
        raise InvalidRequestError("The body is nested too deep; send a flat object.") from None


def read_query(query: bytes, kind: type[R]) -> R:
    """Read a query string.

    Raises:
        InvalidRequestError: A parameter is unknown, given twice, or has a wrong value.
    """
    values: dict[str, str] = {}
    for part in query.split(b"&"):
        if not part:
            continue
        name, _, value = part.partition(b"=")
        key = _unquote(name, "The query")
        if key in values:
            raise InvalidRequestError(f"{_quoted(key)} is given twice; give it once.", parameter=_short(key))
        values[key] = _unquote(value, _short(key))
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _explain(error, kind) from None


def _unquote(value: bytes, where: str) -> str:
    try:
        return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{where} is not UTF-8; percent-encode UTF-8.", parameter=where) from None


def _explain(error: msgspec.ValidationError, kind: type[Any]) -> InvalidRequestError:
    message, _, path = str(error).partition(" - at `")
    if message.startswith("Object missing required field"):
        name = message.split("`")[1]
        return InvalidRequestError(f"{name} is missing; it is required.", parameter=name)
    if message.startswith("Object contains unknown field"):
        # The name is the client's own and may be of any length.
        name = _short(message.split("`", 1)[1].removesuffix("`"))
        return InvalidRequestError(f"{_quoted(name)} is no parameter of this route; leave it out.", parameter=name)
    name = path.strip("`").removeprefix("$").removeprefix(".").split("[", 1)[0]
    if not name:
        return InvalidRequestError(f"The body is not what this route takes: {_plain(message)}.")
    if message.startswith("Invalid enum value"):
        what = f"choose from {', '.join(map(str, _choices(kind, name)))}"
    else:
        what = _plain(message)
    return InvalidRequestError(f"{name} is not usable: {what}.", parameter=name)


def _choices(kind: type[Any], name: str) -> tuple[object, ...]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101
    types: list[object] = [field.type for field in info.fields if field.encode_name == name]
    while types:
        found = types.pop()
        if isinstance(found, msgspec.inspect.LiteralType):
            return tuple(found.values)
        if isinstance(found, msgspec.inspect.UnionType):
            types.extend(found.types)
        elif isinstance(found, msgspec.inspect.Metadata):
            types.append(found.type)
    return ()


_WORDS: Final = (("`", ""), ("Expected", "expected"), ("float", "number"), ("int,", "whole number,"), ("str", "string"))


def _plain(message: str) -> str:
    for old, new in _WORDS:
        message = message.replace(old, new, 1 if new else -1)
    return message


def _short(name: str) -> str:
    return name if len(name) <= 64 else f"{name[:61]}…"


def _quoted(name: str) -> str:
    return f"“{_short(name)}”"
