"""Subtitles."""

from __future__ import annotations

import re
from typing import Final

from litestar_tts.cli.checking.notes import Notes
from litestar_tts.cli.checking.target import Target, expect_keys

__all__ = ("probe_captions",)

TIME: Final = r"(\d\d):(\d\d):(\d\d)[,.](\d{3})"
LINE: Final = re.compile(rf"^{TIME} --> {TIME}", re.MULTILINE)
INLINE: Final = re.compile(r"<[\d:.]+>")
BLOCKS: Final = {"srt": r"\A1\n\d\d:\d\d:\d\d,\d{3} --> ", "vtt": r"\AWEBVTT\b"}
WORD: Final = re.compile(r"\w+")


async def probe_captions(target: Target, notes: Notes) -> str:
    """``POST /generate-captions`` in its three formats."""
    count = 0
    for kind, beginning in BLOCKS.items():
        answer = await target.ask("POST", "/generate-captions", json=await target.body(format=kind))
        text = answer.body.decode("utf-8", "replace").replace("\r\n", "\n")
        notes.expect(re.match(beginning, text), f"{kind}: does not begin as it should: {text[:40]!r}")
        times = [_seconds(match) for match in LINE.finditer(text)]
        notes.expect(times, f"{kind}: no times in it")
        _check_times(kind, times, notes)
        # WebVTT puts times between words, and not every script has spaces there.
        missing = _missing(target.text, INLINE.sub("", LINE.sub("", text)))
        notes.expect(not missing, f"{kind}: {', '.join(missing[:3])} of the text is not in it")
        count = len(times)
    body = (await target.ask("POST", "/generate-captions", json=await target.body(format="json"))).json()
    expect_keys("json", body, captions=list)
    captions = body["captions"]
    notes.expect(captions, "json: no captions")
    for position, caption in enumerate(captions, 1):
        expect_keys("json: caption", caption, index=int, start=(int, float), end=(int, float), text=str, words=list)
        notes.expect(caption["index"] == position, f"json: caption {position} has index {caption['index']}")
    _check_times("json", [(caption["start"], caption["end"]) for caption in captions], notes)
    notes.data["captions"] = count
    return f"srt, vtt and json; {count} caption{'' if count == 1 else 's'}"


def _seconds(match: re.Match[str]) -> tuple[float, float]:
    numbers = [int(part) for part in match.groups()]
    start, end = (3600 * h + 60 * m + s + ms / 1000 for h, m, s, ms in (numbers[:4], numbers[4:]))
    return start, end


def _check_times(kind: str, times: list[tuple[float, float]], notes: Notes) -> None:
    clock = 0.0
    for position, (start, end) in enumerate(times, 1):
        notes.expect(start < end, f"{kind}: caption {position} ends at {end:.3f} s, before it starts")
        notes.expect(start >= clock - 0.002, f"{kind}: caption {position} overlaps the one in front of it")
        clock = end


def _missing(text: str, shown: str) -> list[str]:
    there = set(WORD.findall(shown.casefold()))
    return [word for word in WORD.findall(text.casefold()) if word not in there]
