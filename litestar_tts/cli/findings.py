"""What ``check`` and ``doctor`` find: one line each, as a table for people and as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import click
import msgspec

__all__ = ("Finding", "Status", "advice_of", "count", "print_findings", "worst")


class Status(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """Works, but somebody should know."""
    FAIL = "fail"
    SKIP = "skip"
    """Not looked at, or not there and not needed."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    status: Status
    figure: str
    """What was found, in a line."""
    advice: str | None = None
    """What to do about it."""
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    """The figures, for programs."""


COLOURS: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.SKIP: "bright_black"}
_ORDER: Final = (Status.FAIL, Status.WARN, Status.OK, Status.SKIP)


def worst(findings: Iterable[Finding]) -> Status:
    """The worst status; skipped ones do not count."""
    found = {finding.status for finding in findings}
    return next((status for status in _ORDER if status in found and status is not Status.SKIP), Status.OK)


def count(findings: Sequence[Finding]) -> dict[str, int]:
    """How many there are of each status."""
    return {status.value: sum(finding.status is status for finding in findings) for status in Status}


def advice_of(findings: Sequence[Finding]) -> list[str]:
    """What to do, worst first, each once."""
    ordered = [finding for status in (Status.FAIL, Status.WARN) for finding in findings if finding.status is status]
    return list(dict.fromkeys(finding.advice for finding in ordered if finding.advice))


def print_findings(findings: Sequence[Finding], heading: str) -> None:
    """A table where somebody sees it, plain lines where a program or a file takes them."""
    if sys.stdout.isatty():
        _print_table(findings, heading)
        return
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        click.echo(f"{finding.status:<4}  {finding.name:<{width}}  {finding.figure}")
        if _shown(finding):
            click.echo(f"{'':{width + 6}}  -> {_shown(finding)}")


def _shown(finding: Finding) -> str:
    """Its advice, where there is something to do."""
    return finding.advice or "" if finding.status is not Status.OK else ""


def _print_table(findings: Sequence[Finding], heading: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(heading, no_wrap=True)
    table.add_column("Result", no_wrap=True)
    table.add_column("Found", ratio=3)
    todo = any(_shown(finding) for finding in findings)
    if todo:
        table.add_column("What to do", ratio=2)
    for finding in findings:
        # Text, since what servers and packages say may look like markup.
        status = Text(finding.status, COLOURS[finding.status])
        cells = [Text(finding.name), status, Text(finding.figure), Text(_shown(finding))]
        table.add_row(*cells[: 4 if todo else 3])
    Console().print(table)
