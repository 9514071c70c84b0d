"""What a probe says: what is wrong, what is odd, or that it could not look."""

from __future__ import annotations

from collections import Counter
from typing import Any

from litestar_tts.cli.findings import Finding, Status

__all__ = ("Fault", "Notes", "OutOfBudgetError", "SkipProbeError")

SHOWN = 3
"""Complaints in the line of a table; the JSON has all."""


class Fault(Exception):  # noqa: N818  # the server's, not ours
    """Something is wrong, and the probe cannot go on.

    Args:
        figure: What is wrong.
        advice: What to do.
    """

    def __init__(self, figure: str, *, advice: str | None = None) -> None:
        super().__init__(figure)
        self.figure, self.advice = figure, advice


class SkipProbeError(Fault):
    """There is nothing to look at, or looking would cost too much."""


class OutOfBudgetError(Fault):
    """The server's rate limit ended the probe."""


class Notes:
    """Collects what a probe finds, so that one problem does not hide the next."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.doubts: list[str] = []
        self.advice: str | None = None
        self.data: dict[str, Any] = {}

    def expect(self, condition: object, problem: str, advice: str | None = None) -> bool:
        """Note a problem unless the condition holds."""
        if not condition:
            self.complain(problem, advice)
        return bool(condition)

    def complain(self, problem: str, advice: str | None = None) -> None:
        """Note a problem."""
        self.problems.append(problem)
        self.advice = self.advice or advice

    def doubt(self, problem: str, advice: str | None = None) -> None:
        """Note something that works, but is odd."""
        self.doubts.append(problem)
        self.advice = self.advice or advice

    def finding(self, name: str, figure: str) -> Finding:
        """All of it in one line."""
        if self.problems:
            return self._finding(name, Status.FAIL, _some(self.problems))
        if self.doubts:
            return self._finding(name, Status.WARN, "; ".join((figure, *self.doubts)) if figure else _some(self.doubts))
        return self._finding(name, Status.OK, figure)

    def _finding(self, name: str, status: Status, figure: str) -> Finding:
        data = {**self.data, **({"problems": self.problems} if self.problems else {})}
        advice = self.advice
        if status is Status.FAIL and advice is None:
            advice = "The server does not keep the API's promise; update it, or report this."
        return Finding(name=name, status=status, figure=figure, advice=advice, data=data)


def _some(lines: list[str]) -> str:
    counted = [f"{line} ({times} times)" if times > 1 else line for line, times in Counter(lines).items()]
    rest = len(counted) - SHOWN
    return "; ".join(counted[:SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
