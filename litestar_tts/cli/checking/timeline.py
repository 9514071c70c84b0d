"""What is promised of every viseme timeline, and of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from litestar_tts.models import VisemeSet
from litestar_tts.visemes.sets import members, names

__all__ = ("timeline_problems", "word_problems")

NUMBERED: Final = (VisemeSet.DEFAULT, VisemeSet.AZURE)
STEP: Final = 0.00101
"""Seconds between the end of a viseme and the start of the next."""
END: Final = 0.0501
"""Seconds between the end of the visemes and that of the audio."""


def timeline_problems(visemes: object, viseme_set: VisemeSet, end: float) -> list[str]:
    """What is wrong with a timeline.

    Args:
        visemes: As they came, each with time, value and duration.
        viseme_set: The set that was asked for.
        end: Seconds of audio.
    """
    if not isinstance(visemes, list) or not visemes:
        return ["no visemes"]
    return [f"{viseme_set.value}: {problem}" for problem in _problems(visemes, viseme_set, end)]


def _problems(visemes: Sequence[Any], viseme_set: VisemeSet, end: float) -> Iterator[str]:
    odd = _shapeless(visemes)
    if odd is not None:
        yield odd
        return
    known: Sequence[Any] = range(len(names(viseme_set) or ())) if viseme_set in NUMBERED else members(viseme_set)
    for name, viseme in (("first", visemes[0]), ("last", visemes[-1])):
        if not _same(viseme["value"], known[0]):
            yield f"the {name} viseme is {viseme['value']!r:.40}, not silence"
    clock = 0.0
    for position, viseme in enumerate(visemes):
        if abs(viseme["time"] - clock) > STEP:
            yield f"viseme {position} begins at {viseme['time']:.3f} s, the one in front of it ends at {clock:.3f} s"
        if viseme["duration"] <= 0:
            yield f"viseme {position} at {viseme['time']:.3f} s has no duration"
        if not any(_same(viseme["value"], one) for one in known):
            yield f"viseme {position} is {viseme['value']!r:.40}, which is not in the set"
        clock = viseme["time"] + viseme["duration"]
    if abs(clock - end) > END:
        yield f"the visemes end at {clock:.3f} s and the audio at {end:.3f} s"


def _shapeless(visemes: Sequence[Any]) -> str | None:
    for position, viseme in enumerate(visemes):
        if not isinstance(viseme, dict) or not viseme.keys() >= {"time", "value", "duration"}:
            return f"viseme {position} has not time, value and duration"
        if not all(_is_number(viseme[name]) for name in ("time", "duration")):
            return f"viseme {position} has a time that is no number"
    return None


def _same(value: object, one: object) -> bool:
    # True equals 1, and is no viseme.
    return value == one and isinstance(value, bool) is isinstance(one, bool)


def word_problems(words: object, end: float) -> list[str]:
    """What is wrong with a list of words."""
    if not isinstance(words, list):
        return ["no list of words"]
    problems: list[str] = []
    clock = 0.0
    for position, word in enumerate(words):
        if not isinstance(word, Mapping) or not str(word.get("text") or "").strip():
            return [*problems, f"word {position} has no text"]
        if not _is_number(word.get("time")) or not _is_number(word.get("duration")):
            return [*problems, f"word {position} has no time and duration"]
        time, duration = float(word["time"]), float(word["duration"])
        if time < clock - STEP:
            problems.append(f"word {position} begins before the one in front of it")
        if duration < 0 or time < 0 or time + duration > end + END:
            problems.append(f"word {position} ends at {time + duration:.3f} s, the audio at {end:.3f} s")
        clock = max(clock, time)
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
