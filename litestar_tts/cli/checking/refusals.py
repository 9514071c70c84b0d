"""Requests that must be refused, each in its way."""

from __future__ import annotations

from typing import Any

from litestar_tts.cli.checking.notes import Fault, Notes, SkipProbeError
from litestar_tts.cli.checking.target import Answer, Target, expect_keys

__all__ = ("probe_errors", "probe_key")

MEDIA_TYPE = "application/problem+json"


async def probe_errors(target: Target, notes: Notes) -> str:
    """Wrong requests; none of them costs anything of a rate limit."""
    limit = target.max_text_length
    speak = "/generate"
    cases: list[tuple[str, str, str, Any, int, bytes | None]] = [
        ("empty text", "POST", speak, {"text": "  "}, 400, None),
        ("nothing speakable", "POST", speak, {"text": "...!?"}, 400, None),
        ("unknown key", "POST", speak, {"text": "Hello", "tempo": 2}, 400, None),
        ("bad number", "POST", speak, {"text": "Hello", "speed": 99}, 400, None),
        ("bad JSON", "POST", speak, None, 400, b'{"text": '),
        ("bad query", "GET", "/voices?colour=red", None, 400, None),
        ("too long", "POST", speak, {"text": "a" * (limit + 1)}, 413, None),
        ("wrong method", "GET", "/generate-stream", None, 405, None),
    ]
    for what, method, path, body, status, content in cases:
        headers = {"content-type": "application/json"} if content is not None else None
        answer = await target.ask(method, path, json=body, content=content, headers=headers, status=None)
        problem = _problem(what, answer, status, notes)
        if status == 413 and problem is not None:
            notes.expect(problem.get("limit") == limit, f"{what}: limit is {problem.get('limit')}, not {limit}")
    await _unknown_voice(target, notes)
    return f"{len(cases) + 1} wrong requests are refused as problem details"


async def _unknown_voice(target: Target, notes: Notes) -> None:
    voices = await target.known_voices()
    name = max((str(voice["id"]) for voice in voices), key=len, default="en-US-AriaNeural")
    body = {"text": "Hello", "voice": f"{name[:-1]}x"}
    problem = _problem("unknown voice", await target.ask("POST", "/generate", json=body, status=None), 404, notes)
    if problem is not None:
        matches = problem.get("matches")
        near = isinstance(matches, list) and any(name in str(match) for match in matches)
        notes.expect(near, f"unknown voice: {name} is not among the matches")


async def probe_key(target: Target, notes: Notes) -> str:
    """A server with keys refuses who has none, but not its health."""
    lists = await target.ask("GET", "/voices", key=False, status=None)
    if lists.status == 200:
        raise SkipProbeError("the server is open: it asks for no key")
    if lists.foreign or lists.status >= 500:
        raise Fault(lists.describe(), advice=lists.advice)
    for what, headers in (("no key", {}), ("wrong key", {"authorization": "Bearer not-a-key"})):
        answer = await target.ask("GET", "/voices", key=False, headers=headers, status=None)
        _problem(what, answer, 401, notes)
        scheme = answer.headers.get("www-authenticate", "")
        notes.expect(scheme.lower().startswith("bearer"), f"{what}: WWW-Authenticate is {scheme or 'missing'}")
    health = await target.ask("GET", "/health", key=False, status=None)
    notes.expect(health.status in (200, 503), f"the health route asks for a key: {health.status}")
    return "asked for; health is open"


def _problem(what: str, answer: Answer, status: int, notes: Notes) -> dict[str, Any] | None:
    """The problem details of a refusal; None, and noted, if it is something else."""
    if not notes.expect(answer.status == status, f"{what}: {answer.status}, not {status}"):
        return None
    kind = answer.media_type
    if not notes.expect(kind == MEDIA_TYPE, f"{what}: {status} as {kind or 'nothing'}, not {MEDIA_TYPE}"):
        return None
    try:
        problem = answer.json()
        expect_keys(what, problem, type=str, title=str, status=int, detail=str)
    except Fault as fault:
        notes.complain(fault.figure)
        return None
    notes.expect(problem["status"] == status, f"{what}: its status is {problem['status']}, the answer's {status}")
    return problem
