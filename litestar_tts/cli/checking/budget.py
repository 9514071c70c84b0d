"""The rate limit: whether its headers are true and, where it may be spent, whether it holds."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any, Final

from litestar_tts.cli.checking.notes import Notes, SkipProbeError
from litestar_tts.cli.checking.target import Answer, Target

__all__ = ("probe_rate_limit",)

OWN_LIMIT: Final = 5
BEYOND: Final = 4
"""Requests that have to be refused."""
MOST: Final = 300
"""Requests that are spent on somebody's server at most."""
SHORT: Final = "Limit."


async def probe_rate_limit(target: Target, notes: Notes) -> str:
    """Headers count down; the last place is the last."""
    announced = await _count_down(target, notes)
    if notes.problems:
        return announced
    if target.own is not None:
        async with target.own.server(requests=OWN_LIMIT) as address:
            held = await _use_up(target, notes, address, OWN_LIMIT)
        return f"{announced}; {held}"
    if not target.options.spend_rate_limit:
        return f"{announced}; not provoked (--rate-limit would spend it)"
    if target.limit is None or target.remaining is None:
        raise SkipProbeError("the server announces no rate limit, so there is none to reach")
    if target.remaining > MOST:
        raise SkipProbeError(f"{announced}; not provoked: {target.remaining} requests are too many to spend")
    held = await _use_up(target, notes, None, target.remaining)
    return f"{announced}; {held}"


async def _count_down(target: Target, notes: Notes) -> str:
    body = await target.body(text=SHORT)
    seen: list[int] = []
    for _ in range(3):
        answer = await target.ask("POST", "/generate-visemes", json=body)
        names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")
        told = [answer.headers.get(name) for name in names]
        if not any(told):
            return "no limit announced"
        for name, value in zip(names[:3], told, strict=False):
            notes.expect(str(value).isdigit(), f"{name} is {value or 'missing'}")
        limit, policy = told[0], str(told[3] or "")
        quota, _, window = policy.partition(";w=")
        notes.expect(quota == limit and window.isdigit(), f"ratelimit-policy is {policy or 'missing'}")
        if notes.problems:
            return ""
        seen.append(int(str(told[1])))
        notes.expect(seen[-1] < int(str(limit)), f"ratelimit-remaining is {seen[-1]} of {limit} after a request")
    down = all(later < earlier for earlier, later in pairwise(seen))
    if not down:
        shown = ", ".join(map(str, seen))
        # A place that was used a window ago has come back meanwhile; that cannot happen twice in a moment.
        fix = "Several workers without a common store? Set TTS_STORE_URL there."
        never = seen[0] <= seen[1] <= seen[2]
        notes.expect(not never, f"ratelimit-remaining does not count down: {shown}", fix)
        if not never:
            notes.doubt(f"ratelimit-remaining does not count down each time: {shown}", fix)
    notes.data.update(limit=target.limit, window=target.window, remaining=seen)
    return f"{target.limit} in {target.window} s, {seen[-1]} left"


async def _use_up(target: Target, notes: Notes, base: str | None, places: int) -> str:
    """Ask for more than there is, at the same time, and count."""
    body: dict[str, Any] = {"text": SHORT} if base else await target.body(text=SHORT)
    asked = places + BEYOND
    gate = asyncio.Semaphore(20)

    async def ask() -> Answer:
        async with gate:
            return await target.ask("POST", "/generate-visemes", json=body, status=None, base=base)

    answers = await asyncio.gather(*(ask() for _ in range(asked)))
    passed = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    for other in answers:
        if other.status not in (200, 429):
            notes.complain(other.describe())
    # Elsewhere others may spend from the same budget meanwhile, so fewer is no fault there.
    right = len(passed) == places if base else len(passed) <= places
    notes.expect(right, f"{len(passed)} of {asked} requests passed, and {places} places were left")
    if not notes.expect(refused, f"no request of {asked} was refused"):
        return ""
    answer = refused[0]
    notes.expect(answer.media_type == "application/problem+json", f"429 as {answer.media_type}, not problem details")
    wait = answer.headers.get("retry-after", "")
    window = target.window or 60
    notes.expect(wait.isdigit() and 1 <= int(wait) <= window, f"429: Retry-After is {wait or 'missing'}")
    left = answer.headers.get("ratelimit-remaining")
    notes.expect(left == "0", f"429: ratelimit-remaining is {left or 'missing'}")
    health = await target.ask("GET", "/health", status=None, base=base)
    notes.expect(health.status in (200, 503), f"the health route is limited, too: {health.status}")
    notes.data.update(passed=len(passed), refused=len(refused), retry_after=wait)
    return f"{len(passed)} of {asked} pass where {places} may, the rest get 429 with Retry-After {wait}"
