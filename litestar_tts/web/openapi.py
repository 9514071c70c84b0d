"""The API's description: bodies, parameters, headers, examples and problems of every route."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import (
    Example,
    OpenAPIFormat,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from litestar.plugins import OpenAPISchemaPlugin

from litestar_tts.frames import MEDIA_TYPE
from litestar_tts.models import AudioFormat
from litestar_tts.web.problems import MEDIA_TYPE as PROBLEM
from litestar_tts.web.schema import TTSGenerateRequest, TTSProblem, TTSSpeechRequest

__all__ = (
    "FILTER_CHARS",
    "LIST_PROBLEMS",
    "QUERY_PROBLEMS",
    "SPEECH_PROBLEMS",
    "CaptionsOperation",
    "FramesOperation",
    "GenerateOperation",
    "GenerateQueryOperation",
    "RequestModels",
    "TimelineOperation",
    "VoicesOperation",
    "documented",
    "operation_id",
)

_TAKES: Final = 102
_GIVES: Final = 103
"""Statuses that no answer has. Models are declared under them, so that Litestar gives them a name among the components;
the operations below then move them to where they belong."""

_PROBLEMS: Final[Mapping[int, str]] = {
    400: "The request cannot be spoken as it is; `parameter` names the field.",
    401: "The API key is missing or wrong.",
    404: "No engine has such a voice; `matches` names near ones.",
    408: "The body did not arrive in time.",
    413: "The text, or the body, is too long.",
    415: "The body is not JSON.",
    429: "The client has used up its budget; `Retry-After` says when to come back.",
    501: "A part of the server is not installed; `missing` names the extra.",
    502: "The speech engine failed.",
    503: "No speech engine can answer, or the server is busy; `Retry-After` says when to come back.",
    504: "The speech engine timed out.",
}
SPEECH_PROBLEMS: Final = tuple(_PROBLEMS)
QUERY_PROBLEMS: Final = tuple(status for status in _PROBLEMS if status not in (408, 415))
LIST_PROBLEMS: Final = (400, 401)
FILTER_CHARS: Final = 100
"""Longest value of a filter of voices."""


def documented(
    *problems: int, takes: type[Any] | None = None, gives: type[Any] | None = None
) -> dict[int, ResponseSpec]:
    """What a handler's ``responses=`` says.

    Args:
        *problems: Statuses that are answered with a problem.
        takes: Model of the JSON body.
        gives: Model of the JSON that a good answer may have, for handlers whose annotation does not say it.
    """
    responses = {
        status: ResponseSpec(TTSProblem, description=_PROBLEMS[status], media_type=PROBLEM, generate_examples=False)
        for status in problems
    }
    for status, model in ((_TAKES, takes), (_GIVES, gives)):
        if model is not None:
            responses[status] = ResponseSpec(model, generate_examples=False)
    return responses


def operation_id(_: HTTPRouteHandler, method: Any, path: Sequence[Any]) -> str:
    """An id that holds the mount's path, so that two mounts in one application have ids of their own."""
    words = [word for part in path for word in str(part).replace(".", "-").replace("_", "-").split("-") if word]
    if str(getattr(method, "value", method)).upper() == "GET":
        words.insert(0, "get")
    return words[0].lower() + "".join(word.capitalize() for word in words[1:])


class RequestModels(OpenAPISchemaPlugin):
    """Describes the bodies of requests as Litestar does, and adds that they take no other members than those named.

    Part of our plugin, which stands before those that Litestar brings: the first that knows a type describes it.
    """

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        """Whether it is one of our requests."""
        return isinstance(value, type) and issubclass(value, TTSSpeechRequest)

    def to_openapi_schema(self, field_definition: Any, schema_creator: Any) -> Schema:
        """The description of the next plugin that knows the type, closed."""
        others = (plugin for plugin in schema_creator.plugins if not isinstance(plugin, RequestModels))
        maker = next(plugin for plugin in others if schema_creator.plugin_supports_field(plugin, field_definition))
        schema: Schema = maker.to_openapi_schema(field_definition, schema_creator)
        schema.additional_properties = False
        return schema


# --- parts ------------------------------------------------------------------------------------------------------------

_BINARY: Final = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)

_AUDIO_HEADERS: Final[Mapping[str, tuple[OpenAPIType, str]]] = {
    "X-TTS-Engine": (OpenAPIType.STRING, "The engine that speaks."),
    "X-TTS-Voice": (OpenAPIType.STRING, "The engine's own name of the voice."),
    "X-TTS-Fallback-From": (OpenAPIType.STRING, "The engine that should have spoken; only when another one does."),
    "X-Viseme-Count": (OpenAPIType.INTEGER, "Planned number of visemes; absent where it is not known."),
    "X-Text-Length": (OpenAPIType.INTEGER, "Characters of the trimmed text."),
    "X-Stream-Mode": (OpenAPIType.STRING, "`true` when the audio is sent as it is made."),
    "X-Request-ID": (OpenAPIType.STRING, "The request's own id if it had one, else a new one."),
}

_TEXT: Final = "Hello! It is good to hear from you."


def _headers() -> dict[str, OpenAPIHeader]:
    return {
        name: OpenAPIHeader(schema=Schema(type=kind), description=text) for name, (kind, text) in _AUDIO_HEADERS.items()
    }


def _audio() -> dict[str, OpenAPIMediaType]:
    return {audio.media_type: OpenAPIMediaType(schema=_BINARY) for audio in AudioFormat}


def _string() -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))


def _taken(response: Any) -> Any:
    """The schema of a model that was declared under a status of its own."""
    return response.content["application/json"].schema


# --- operations -------------------------------------------------------------------------------------------------------


@dataclass
class _SpeechOperation(Operation):
    """An operation that takes a request for speech."""

    bodies: ClassVar[Mapping[str, tuple[str, dict[str, Any]]]] = {}
    """Examples of the body: name → summary, value."""

    def __post_init__(self) -> None:
        responses: dict[str, Any] = dict(self.responses or {})
        takes, gives = responses.pop(str(_TAKES), None), responses.pop(str(_GIVES), None)
        self.responses = responses
        if takes is not None:
            examples: dict[str, Any] = {
                name: Example(summary=summary, value=value) for name, (summary, value) in self.bodies.items()
            }
            self.request_body = RequestBody(
                required=True,
                content={"application/json": OpenAPIMediaType(schema=_taken(takes), examples=examples or None)},
            )
        good: OpenAPIResponse = responses["200"]
        self.describe(good, _taken(gives) if gives is not None else None)

    def describe(self, good: OpenAPIResponse, model: Any) -> None:
        """Say what a good answer is."""


@dataclass
class GenerateOperation(_SpeechOperation):
    """``POST /generate``."""

    bodies: ClassVar = {
        "stream": ("Audio, as it is made", {"text": _TEXT, "format": "mp3"}),
        "whole": ("Audio and timeline in one JSON object", {"text": _TEXT, "stream": False}),
        "voice": ("A slower voice of one engine", {"text": _TEXT, "voice": "espeak:en-gb", "speed": 0.8}),
    }

    def describe(self, good: OpenAPIResponse, model: Any) -> None:
        """Audio in every format, or JSON."""
        good.description = "The audio; or, with `stream: false`, a JSON object with the audio and its timeline."
        good.content = {**_audio(), "application/json": OpenAPIMediaType(schema=model)}
        good.headers = {**(good.headers or {}), **_headers()}


@dataclass
class GenerateQueryOperation(GenerateOperation):
    """``GET /generate``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = [*(self.parameters or []), *_query_parameters(TTSGenerateRequest)]


@dataclass
class FramesOperation(_SpeechOperation):
    """``POST /generate-stream``."""

    bodies: ClassVar = {
        "default": ("Frames with MP3", {"text": _TEXT}),
        "oculus": ("Frames with PCM and another viseme set", {"text": _TEXT, "format": "pcm", "visemes": "oculus"}),
    }

    def describe(self, good: OpenAPIResponse, model: Any) -> None:  # noqa: ARG002
        """Frames."""
        good.description = (
            "Frames: three big-endian uint32 (viseme index or 0xFFFFFFFF for none or 0xFFFFFFFE for a JSON control "
            "message; milliseconds; payload length), then the payload."
        )
        good.content = {MEDIA_TYPE: OpenAPIMediaType(schema=_BINARY)}
        good.headers = {**(good.headers or {}), **_headers()}


@dataclass
class TimelineOperation(_SpeechOperation):
    """``POST /generate-visemes``."""

    bodies: ClassVar = {
        "default": ("Times without any synthesis where they would cost one", {"text": _TEXT}),
        "exact": ("Measured times, in Azure's numbers", {"text": _TEXT, "timing": "exact", "visemes": "azure"}),
    }

    def describe(self, good: OpenAPIResponse, model: Any) -> None:
        """The timeline."""
        good.description = "Visemes and words with their times."
        good.content = {"application/json": OpenAPIMediaType(schema=model)}


@dataclass
class CaptionsOperation(_SpeechOperation):
    """``POST /generate-captions``."""

    bodies: ClassVar = {
        "srt": ("SubRip", {"text": _TEXT}),
        "vtt": ("WebVTT", {"text": _TEXT, "format": "vtt"}),
    }

    def describe(self, good: OpenAPIResponse, model: Any) -> None:
        """Subtitles in the three formats."""
        good.description = "Subtitles, in the asked format."
        good.content = {
            "application/x-subrip": _string(),
            "text/vtt": _string(),
            "application/json": OpenAPIMediaType(schema=model),
        }


@dataclass
class VoicesOperation(Operation):
    """``GET /voices``."""

    def __post_init__(self) -> None:
        filters = (
            ("engine", "Only voices of this engine.", "espeak"),
            ("language", "Only voices whose language tag is, or begins with, this one.", "en"),
            ("gender", "Only voices of this gender.", "female"),
        )
        self.parameters = [
            *(self.parameters or []),
            *(
                Parameter(
                    name=name,
                    param_in="query",
                    description=text,
                    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=FILTER_CHARS),
                    example=example,
                )
                for name, text, example in filters
            ),
        ]


# --- query parameters -------------------------------------------------------------------------------------------------


def _query_parameters(model: type[Any]) -> list[Parameter]:
    """The fields of a model as query parameters."""
    (_, described) = msgspec.json.schema_components([model])
    fields = described[model.__name__]
    required = set(fields.get("required", ()))
    return [
        Parameter(
            name=name,
            param_in="query",
            required=name in required,
            description=field.get("description"),
            schema=_schema(field),
        )
        for name, field in fields["properties"].items()
    ]


_KEYWORDS: Final[Mapping[str, str]] = {
    "default": "default",
    "enum": "enum",
    "examples": "examples",
    "maximum": "maximum",
    "maxLength": "max_length",
    "minimum": "minimum",
    "minLength": "min_length",
}


def _schema(field: Mapping[str, Any]) -> Schema:
    known = {ours: field[theirs] for theirs, ours in _KEYWORDS.items() if theirs in field}
    kind = field.get("type") or ("integer" if isinstance(field["enum"][0], int) else "string")
    return Schema(type=OpenAPIType(kind), **known)
