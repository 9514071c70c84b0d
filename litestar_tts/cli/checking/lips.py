"""Visemes without audio, in every set."""

from __future__ import annotations

from litestar_tts.cli.checking.notes import Notes
from litestar_tts.cli.checking.target import Target, expect_keys
from litestar_tts.cli.checking.timeline import timeline_problems, word_problems
from litestar_tts.models import VisemeSet

__all__ = ("COST", "probe_visemes")

COST = len(VisemeSet) + 1


async def probe_visemes(target: Target, notes: Notes) -> str:
    """``POST /generate-visemes``: the invariants in each set, phonemes, and exact times."""
    counts: dict[str, int] = {}
    timing = ""
    for viseme_set in VisemeSet:
        body = await target.body(visemes=viseme_set.value, phonemes=True)
        found = (await target.ask("POST", "/generate-visemes", json=body)).json()
        where = "POST /generate-visemes"
        expect_keys(where, found, visemes=list, words=list, duration=(int, float), timing=str)
        timing = found["timing"]
        notes.expect(timing in ("estimated", "exact"), f"{where}: timing is {timing!r}")
        for problem in timeline_problems(found["visemes"], viseme_set, found["duration"]):
            notes.complain(problem)
        for problem in word_problems(found["words"], found["duration"]):
            notes.complain(f"{where}: {problem}")
        silent = [viseme for viseme in found["visemes"] if not isinstance(viseme.get("phoneme"), str)]
        notes.expect(not silent, f"{viseme_set.value}: {len(silent)} visemes do not name their phoneme")
        counts[viseme_set.value] = len(found["visemes"])
    exact = (await target.ask("POST", "/generate-visemes", json=await target.body(timing="exact"))).json()
    notes.expect(exact.get("timing") == "exact", f"exact times were asked for, {exact.get('timing')!r} came")
    notes.data.update(visemes=counts, timing=timing)
    return f"{counts['default']} visemes; {len(counts)} sets keep their rules; {timing} by default"
