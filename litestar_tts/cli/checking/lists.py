"""Health, engines, voices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar_tts.__metadata__ import __version__
from litestar_tts.cli.checking.notes import Notes
from litestar_tts.cli.checking.target import Target, expect_keys

__all__ = ("probe_engines", "probe_server", "probe_voices")


async def probe_server(target: Target, notes: Notes) -> str:
    """The health route, and the versions on both sides."""
    answer = await target.ask("GET", "/health", key=False, status=None)
    health = answer.json()
    expect_keys("GET /health", health, status=str, version=str, engines=list, queue=dict)
    status, down = answer.status, health["status"] == "down"
    notes.expect(status == (503 if down else 200), f"GET /health: {status} although it says {health['status']!r}")
    head = await target.ask("HEAD", "/health", key=False, status=None)
    notes.expect(head.status == status and not head.body, f"HEAD /health: {head.status}, not as the GET ({status})")
    version = health["version"]
    notes.data.update(url=target.base, version=version, ours=__version__, seconds=round(answer.head, 4))
    if version != __version__:
        notes.doubt(f"this check is of version {__version__}", "Use the same version on both sides.")
    return f"version {version}, answers after {1000 * answer.head:.0f} ms"


async def probe_engines(target: Target, notes: Notes) -> str:
    """What the engines say about themselves."""
    engines = target.health["engines"]
    shown: list[str] = []
    for engine in engines:
        expect_keys("GET /health: engine", engine, name=str, status=str, breaker=str, voices=int)
        breaker = "" if engine["breaker"] == "closed" else f" (breaker {engine['breaker']})"
        shown.append(f"{engine['name']} {engine['status']}{breaker}")
        if engine["status"] != "ok":
            detail = f": {engine['detail']}" if engine.get("detail") else ""
            notes.doubt(
                f"{engine['name']}{detail or ' cannot speak just now'}", "Run litestar-tts doctor on the server."
            )
    able = [engine["name"] for engine in engines if engine["status"] == "ok"]
    fix = 'Install an engine that needs no network: pip install "litestar-tts[standard]"'
    notes.expect(able, f"no engine can speak ({', '.join(shown) or 'there is none'})", fix)
    notes.data["engines"] = engines
    return ", ".join(shown)


async def probe_voices(target: Target, notes: Notes) -> str:
    """The list of voices and its filters."""
    answer = await target.ask("GET", "/voices")
    body = answer.json()
    expect_keys("GET /voices", body, voices=list, count=int)
    voices = body["voices"]
    notes.expect(body["count"] == len(voices), f"GET /voices: count is {body['count']}, the list has {len(voices)}")
    notes.expect(voices, "GET /voices: there is none")
    for voice in voices:
        expect_keys("GET /voices: voice", voice, id=str, name=str, engine=str, language=str)
    target.voices = voices
    engines = sorted({voice["engine"] for voice in voices})
    languages = {voice["language"].split("-")[0] for voice in voices}
    await _check_filters(target, voices, notes)
    notes.data.update(voices=len(voices), engines=engines, languages=len(languages))
    return f"{len(voices)} voices of {', '.join(engines)} in {len(languages)} languages; filters hold"


async def _check_filters(target: Target, voices: list[dict[str, Any]], notes: Notes) -> None:
    filters: tuple[tuple[str, str, Callable[[dict[str, Any]], bool]], ...] = (
        ("engine", voices[0]["engine"] if voices else "", lambda voice: voice["engine"] == voices[0]["engine"]),
        ("language", "en", lambda voice: voice["language"].lower().split("-")[0] == "en"),
        ("gender", "female", lambda voice: (voice.get("gender") or "").lower() == "female"),
    )
    for name, value, holds in filters:
        expected = {voice["id"] for voice in voices if holds(voice)}
        if not expected:
            continue
        found = (await target.ask("GET", "/voices", params={name: value})).json().get("voices")
        right = isinstance(found, list) and {voice.get("id") for voice in found} == expected
        notes.expect(right, f"GET /voices?{name}={value}: the filter does not hold")
