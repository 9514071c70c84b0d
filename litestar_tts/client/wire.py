"""Requests as they are sent, and answers as they are read; no I/O."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote

import msgspec

from litestar_tts.client.errors import ProtocolError
from litestar_tts.client.steps import Call
from litestar_tts.client.types import (
    AudioOptions,
    Caption,
    CaptionOptions,
    EventOptions,
    GenerateOptions,
    Health,
    StreamInfo,
    TimelineOptions,
)
from litestar_tts.models import DEFAULT_SAMPLE_RATE, AudioFormat, Voice

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "HEALTH",
    "audio_call",
    "audio_info",
    "base_of",
    "captions_call",
    "events_call",
    "generate_call",
    "health_of",
    "limited_to",
    "read_captions",
    "read_json",
    "shown",
    "timeline_call",
    "voices_call",
    "voices_of",
)

T = TypeVar("T")

HEALTH: Final = Call(method="GET", path="/health")

_IDENTITY: Final = {"Accept-Encoding": "identity"}
"""Sound hardly gets smaller, and an answer that is packed on the way comes in lumps."""
_SKIP_SAMPLES: Final = {AudioFormat.MP3: 1105, AudioFormat.AAC: 1024}
_OPUS_RATE: Final = 48_000
_OWN_RATE_ENGINE: Final = "edge"
"""Its MP3 is passed through as it is, at whatever rate."""


def base_of(url: str) -> str:
    """A base URL without the slash at its end.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(url, str):
        raise TypeError(f"the base URL is a {type(url).__name__}, not a string")
    base = url.strip()
    if not re.match(r"https?://[^/?#]+", base, re.IGNORECASE):
        raise ValueError(f"the base URL {shown(url)!r} does not begin with http:// or https:// and a host")
    if "?" in base or "#" in base:
        raise ValueError(f"the base URL {shown(url)!r} has a query or a fragment; give the address in front of it")
    return base.rstrip("/")


def shown(url: str) -> str:
    """An address for people: without the password that may stand in it, and without its query."""
    return re.sub(r"(?<=://)[^/?#]*@", "", url.partition("?")[0])


# --- requests ---------------------------------------------------------------------------------------------------------


def audio_call(text: str, options: Mapping[str, Any]) -> Call:
    """Audio alone, streamed."""
    body = _body(text, options, AudioOptions)
    return Call(method="POST", path="/generate", body=body, headers=_IDENTITY, streamed=True)


def events_call(text: str, options: Mapping[str, Any]) -> Call:
    """Audio and visemes, streamed."""
    body = _body(text, options, EventOptions)
    return Call(method="POST", path="/generate-stream", body=body, headers=_IDENTITY, streamed=True)


def generate_call(text: str, options: Mapping[str, Any]) -> Call:
    """A whole speech."""
    return Call(method="POST", path="/generate", body=_body(text, options, GenerateOptions, stream=False))


def timeline_call(text: str, options: Mapping[str, Any]) -> Call:
    """Visemes and words."""
    return Call(method="POST", path="/generate-visemes", body=_body(text, options, TimelineOptions))


def captions_call(text: str, format: str, options: Mapping[str, Any]) -> Call:  # noqa: A002
    """Subtitles."""
    return Call(method="POST", path="/generate-captions", body=_body(text, options, CaptionOptions, format=format))


def voices_call(**filters: str | None) -> Call:
    """Voices."""
    params = {name: value for name, value in filters.items() if value is not None}
    return Call(method="GET", path="/voices", params=params)


def _body(text: str, options: Mapping[str, Any], kind: type[Any], **fixed: Any) -> bytes:
    # The options are typed; who runs without a type checker learns of a misspelled one here, not from the server.
    for name in options:
        if name not in kind.__annotations__:
            raise TypeError(f"unknown option {name!r}; there are: {', '.join(sorted(kind.__annotations__))}")
    if not isinstance(text, str):
        raise TypeError(f"the text is a {type(text).__name__}, not a string")
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        # JSON has no such numbers, and would say null.
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which is no number that can be sent")
    try:
        return msgspec.json.encode({"text": text, **given, **fixed})
    except UnicodeEncodeError:
        raise ValueError("the text holds half of a character (a lone surrogate), which nobody can send") from None


def limited_to(answer: Any, kind: str) -> None:
    """Make sure that an answer holds what was asked for.

    Raises:
        ProtocolError: It does not; something else than this API has answered.
    """
    said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status in (200, 206) and (said == kind or (kind == "audio" and said.startswith("audio/"))):
        return
    if answer.status not in (200, 206):
        raise ProtocolError(f"{answer.url} answered {answer.status}; is it a litestar-tts server?")
    raise ProtocolError(f"{answer.url} answered {said or 'nothing'} instead of {kind}; is it a litestar-tts server?")


# --- answers ----------------------------------------------------------------------------------------------------------


def audio_info(headers: Mapping[str, str], options: Mapping[str, Any]) -> StreamInfo:
    """What the head of an audio answer says.

    Raises:
        ProtocolError: The format is none that this client knows.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    chosen = next((one for one in AudioFormat if one.media_type == media_type), None)
    if chosen is None:
        raise ProtocolError(f"The server sends {media_type}, which is no format of this API.")
    engine = _name(headers.get("x-tts-engine"))
    return StreamInfo(
        format=chosen,
        engine=engine,
        voice=_name(headers.get("x-tts-voice")),
        sample_rate=_rate(chosen, engine, options.get("sample_rate") or DEFAULT_SAMPLE_RATE),
        skip_samples=_SKIP_SAMPLES.get(chosen, 0),
        text_length=_count(headers.get("x-text-length")),
        viseme_count=_count(headers.get("x-viseme-count")),
        fallback_from=_name(headers.get("x-tts-fallback-from")),
        request_id=headers.get("x-request-id"),
    )


def _rate(chosen: AudioFormat, engine: str | None, asked: int) -> int | None:
    if chosen is AudioFormat.OPUS:
        return _OPUS_RATE
    own = chosen is AudioFormat.MP3 and engine == _OWN_RATE_ENGINE and asked != DEFAULT_SAMPLE_RATE
    return None if own else asked


def _name(value: str | None) -> str | None:
    return unquote(value) if value is not None else None


def _count(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 16 else None


class _Voices(msgspec.Struct, frozen=True):
    voices: list[Voice]


class _Captions(msgspec.Struct, frozen=True):
    captions: list[Caption]


def read_json(answer: Any, body: bytes, kind: type[T]) -> T:
    """An answer as a typed value. Members that we do not know are skipped.

    Raises:
        ProtocolError: It is none.
    """
    limited_to(answer, "application/json")
    return _decode(answer, body, kind)


def _decode(answer: Any, body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"{answer.url} answered what this client cannot read: {error}.") from None


def voices_of(answer: Any, body: bytes) -> list[Voice]:
    """The voices of an answer."""
    return read_json(answer, body, _Voices).voices


def health_of(answer: Any, body: bytes) -> Health | None:
    """The health of a server that can speak or cannot (503); None: the answer says neither."""
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        return _decode(answer, body, Health)
    except ProtocolError:
        return None


def read_captions(answer: Any, body: bytes, format: str) -> str | list[Caption]:  # noqa: A002
    """Subtitles: text, or a list for ``json``."""
    if format == "json":
        return read_json(answer, body, _Captions).captions
    limited_to(answer, "application/x-subrip" if format == "srt" else "text/vtt")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolError(f"{answer.url} answered subtitles that are not UTF-8.") from None
