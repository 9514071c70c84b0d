"""A minute of what `make soak` does for a quarter of an hour."""

from typing import Any

import pytest

from tests.soak.server import Holding
from tests.soak.soak import grown, soak


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_nothing_grows_and_nothing_is_truncated():
    verdict = soak(60, at_a_time=4)
    assert not verdict.wrong, "\n".join(map(str, [*verdict.wrong, *verdict.quiet, verdict.outcomes]))
    assert verdict.outcomes["whole by edge"] > 10
    assert verdict.outcomes["left amid"] > 3


def held(**more: Any) -> Holding:
    return Holding(**{"tasks": 9, "threads": 20, "files": 40, "objects": 90_000, "memory": 300.0} | more)


@pytest.mark.parametrize(
    ("what", "step"), [("tasks", 1), ("threads", 2), ("files", 2), ("objects", 2_000), ("memory", 10.0)]
)
def test_growth_is_noticed(what: str, step: float):
    calm = [held() for _ in range(8)]
    assert not grown(calm, {"whole": 1000})
    growing = [held(**{what: getattr(held(), what) + step * number}) for number in range(8)]
    (line,) = grown(growing, {"whole": 1000})
    assert line.startswith(what)
