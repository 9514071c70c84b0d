"""What is promised of every viseme timeline."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from litestar_tts.models import Viseme
from litestar_tts.web.answers import visemes_of

NUMBERS = {"default": range(17), "azure": range(22)}


def payloads(visemes: Iterable[Viseme]) -> list[dict[str, Any]]:
    return msgspec.to_builtins(visemes_of(list(visemes)))


def check_timeline(visemes: Sequence[Mapping[str, Any]], end: float, *, viseme_set: str = "default") -> None:
    """Sorted, contiguous to a millisecond, silence at both ends, as long as the audio, nothing outside the set."""
    from litestar_tts.models import VisemeSet
    from litestar_tts.visemes.sets import names, shapes

    chosen = VisemeSet(viseme_set)
    known = NUMBERS.get(viseme_set) or names(chosen) or shapes(chosen)
    assert known
    silence = 0 if viseme_set in NUMBERS else known[0]
    assert visemes[0]["time"] == 0
    assert visemes[0]["value"] == silence
    assert visemes[-1]["value"] == silence
    clock = 0.0
    for viseme in visemes:
        assert abs(viseme["time"] - clock) < 0.00101, viseme
        assert viseme["duration"] > 0, viseme
        assert viseme["value"] in known, viseme
        clock = viseme["time"] + viseme["duration"]
    assert abs(clock - end) <= 0.05, (clock, end)
