"""Several listeners at once."""

from __future__ import annotations

import asyncio
import statistics
import time

from litestar_tts.cli.checking.frames import read_frames
from litestar_tts.cli.checking.notes import Fault, Notes, OutOfBudgetError
from litestar_tts.cli.checking.target import Answer, Target

__all__ = ("probe_concurrency",)


async def probe_concurrency(target: Target, notes: Notes) -> str:
    """So many streams of frames at a time; all have to come to their end."""
    number = target.options.concurrency
    body = await target.body(text=target.sentence)
    started = time.monotonic()
    asked = (target.ask("POST", "/generate-stream", json=body) for _ in range(number))
    results = await asyncio.gather(*asked, return_exceptions=True)
    took = time.monotonic() - started
    first: list[float] = []
    for result in results:
        if isinstance(result, OutOfBudgetError):
            raise result
        try:
            if isinstance(result, BaseException):
                raise result
            story = read_frames(result)
            first.append(result.first_byte)
            notes.expect(story.audio, "a stream came without audio")
        except Fault as fault:
            notes.complain(fault.figure, fault.advice)
    if len(first) < number:
        return f"{len(first)} of {number} completed"
    notes.data.update(requests=number, seconds=round(took, 3), first_byte=[round(one, 4) for one in sorted(first)])
    _check_ids(results, notes)
    median = statistics.median(first)
    return (
        f"{number} streams at once, all complete, in {took:.2f} s; "
        f"first byte {1000 * median:.0f} ms (median), {1000 * max(first):.0f} ms (slowest)"
    )


def _check_ids(results: list[Answer | BaseException], notes: Notes) -> None:
    ids = {result.headers.get("x-request-id") for result in results if isinstance(result, Answer)}
    notes.expect(len(ids) == len(results), "several answers carry the same X-Request-ID")
