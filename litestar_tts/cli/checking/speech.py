"""The routes that answer with audio: streamed, whole, and by a query."""

from __future__ import annotations

import base64
import binascii
import struct
from datetime import datetime, timedelta
from typing import Final

from litestar_tts.cli.checking.notes import Fault, Notes
from litestar_tts.cli.checking.sound import decode, first_audible
from litestar_tts.cli.checking.target import Answer, Target, expect_keys
from litestar_tts.cli.checking.timeline import timeline_problems, word_problems
from litestar_tts.models import VisemeSet

__all__ = ("close_enough", "probe_generate", "probe_get", "probe_json")

PLANNED: Final = 0.1
"""Share by which delivered visemes may differ from the plan."""
STREAMED_SIZES: Final = (0xFFFF_FFFF, 0xFFFF_FFFF)
SWALLOWING: Final = ("nginx", "openresty", "apache")
"""Proxies that take X-Accel-Buffering for themselves."""


async def probe_generate(target: Target, notes: Notes) -> str:
    """``POST /generate``: a streamed WAV and its headers."""
    answer = await target.ask("POST", "/generate", json=await target.body())
    headers = answer.headers
    notes.expect(answer.media_type == "audio/wav", f"POST /generate: Content-Type is {answer.media_type or 'missing'}")
    _check_headers(answer, notes, len(target.text))
    notes.expect(headers.get("x-stream-mode") == "true", "POST /generate: X-Stream-Mode is not true")
    planned = headers.get("x-viseme-count", "")
    notes.expect(planned.isdigit() and int(planned) > 1, f"POST /generate: X-Viseme-Count is {planned or 'missing'}")
    body = answer.body
    sound = decode(body, "wav")
    sizes = struct.unpack_from("<I", body, 4) + struct.unpack_from("<I", body, 40)
    notes.expect(sizes == STREAMED_SIZES, f"POST /generate: a streamed WAV says sizes {sizes}, not 0xFFFFFFFF")
    notes.expect(sound.rate == 24_000, f"POST /generate: {sound.rate} Hz, not 24000")
    notes.expect(first_audible(sound.samples) is not None, "POST /generate: the audio is silent")
    engine, voice = headers.get("x-tts-engine", "?"), headers.get("x-tts-voice", "?")
    origin = headers.get("x-tts-fallback-from")
    if origin:
        notes.doubt(f"{origin} should have spoken", "Run litestar-tts doctor on the server.")
    notes.data.update(engine=engine, voice=voice, duration=sound.duration(), fallback_from=origin)
    return f"{sound.duration():.2f} s of wav, voice {voice} ({engine})"


async def probe_json(target: Target, notes: Notes) -> str:
    """``POST /generate`` with ``"stream": false``: everything in one object."""
    answer = await target.ask("POST", "/generate", json=await target.body(stream=False))
    where, body = "POST /generate, stream false", answer.json()
    kinds: dict[str, type | tuple[type, ...]] = {
        **dict.fromkeys(("audio", "timestamp", "format", "voice", "engine"), str),
        **dict.fromkeys(("visemes", "words"), list),
    }
    expect_keys(where, body, success=bool, sample_rate=int, duration=(int, float), **kinds)
    notes.expect(body["success"] is True, f"{where}: success is false")
    length = answer.headers.get("content-length")
    notes.expect(length in (None, str(len(answer.body))), f"{where}: Content-Length is {length}")
    _check_headers(answer, notes, len(target.text))
    _check_timestamp(body["timestamp"], where, notes)
    try:
        audio = base64.b64decode(body["audio"], validate=True)
    except (binascii.Error, ValueError):
        raise Fault(f"{where}: audio is not base64") from None
    sound = decode(audio, "wav")
    close_enough(where, sound.duration(), body["duration"], notes)
    for problem in timeline_problems(body["visemes"], VisemeSet.DEFAULT, sound.duration()):
        notes.complain(f"{where}: {problem}")
    for problem in word_problems(body["words"], sound.duration()):
        notes.complain(f"{where}: {problem}")
    notes.expect(body["words"], f"{where}: no words")
    planned = answer.headers.get("x-viseme-count", "")
    delivered = len(body["visemes"])
    if planned.isdigit() and abs(delivered - int(planned)) > max(2, PLANNED * int(planned)):
        notes.doubt(f"{planned} visemes were planned, {delivered} came")
    notes.data.update(duration=body["duration"], visemes=delivered, planned=planned, words=len(body["words"]))
    return f"{body['duration']:.2f} s, {delivered} visemes ({planned or 'none'} planned), {len(body['words'])} words"


async def probe_get(target: Target, notes: Notes) -> str:
    """``GET`` and ``HEAD /generate``, as an ``<audio>`` element asks."""
    query = {**await target.body(), "format": "mp3"}
    head = await target.ask("HEAD", "/generate", params=query, status=None)
    notes.expect(head.status in (200, 501), head.describe())
    notes.expect(not head.body, "HEAD /generate: it has a body")
    answer = await target.ask("GET", "/generate", params=query, status=None)
    if answer.status == 501:
        query["format"] = "wav"
        answer = await target.ask("GET", "/generate", params=query)
    elif answer.status != 200:
        answer = await target.ask("GET", "/generate", params=query)
    if not answer.body:
        raise Fault("GET /generate: no audio at all")
    expected = {"mp3": "audio/mpeg", "wav": "audio/wav"}[query["format"]]
    notes.expect(answer.media_type == expected, f"GET /generate: Content-Type is {answer.media_type or 'missing'}")
    _check_headers(answer, notes, len(target.text))
    for name in ("x-tts-engine", "x-tts-voice"):
        same = head.headers.get(name) == answer.headers.get(name) or "x-tts-fallback-from" in answer.headers
        notes.expect(head.status != 200 or same, f"HEAD /generate: {name} is not as the GET says")
    return f"{len(answer.body) / 1024:.0f} KiB of {query['format']}; HEAD agrees"


def close_enough(where: str, seconds: float, said: float, notes: Notes, tolerance: float = 0.06) -> bool:
    """Note audio that is not as long as it is said to be."""
    problem = f"{where}: {seconds:.3f} s of audio, but its duration is said to be {said:.3f} s"
    return notes.expect(abs(seconds - said) <= tolerance, problem)


def _check_headers(answer: Answer, notes: Notes, text_length: int) -> None:
    headers, where = answer.headers, answer.request
    for name in ("X-TTS-Engine", "X-TTS-Voice", "X-Request-ID"):
        notes.expect(headers.get(name), f"{where}: {name} is missing")
    length = headers.get("x-text-length")
    notes.expect(length == str(text_length), f"{where}: X-Text-Length is {length}, the text has {text_length}")
    sniff = headers.get("x-content-type-options")
    notes.expect(sniff == "nosniff", f"{where}: X-Content-Type-Options is not nosniff")
    swallowed = any(name in headers.get("server", "").lower() for name in SWALLOWING)
    if headers.get("x-accel-buffering") != "no" and not swallowed:
        notes.complain(f"{where}: X-Accel-Buffering is not no")
    if "content-encoding" in headers:
        fix = "Leave compression of these routes off: it holds audio back."
        notes.complain(f"{where}: compressed with {headers['content-encoding']}", fix)


def _check_timestamp(text: str, where: str, notes: Notes) -> None:
    try:
        moment = datetime.fromisoformat(text)
        good = text.endswith("Z") and moment.utcoffset() == timedelta(0)
    except ValueError:
        good = False
    notes.expect(good, f"{where}: timestamp is {text!r:.40}, not ISO 8601 in UTC with Z")
