"""How far the voice is, for people who watch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ("Meter", "clock")

LONG_TEXT: Final = 400
"""Characters from which on there is a bar."""

SETTLING: Final = 1.0
"""Seconds of work before which a guess of the time left would jump."""

_LITTLE: Final = 0.1
"""Seconds between two looks at the clock."""


def clock(seconds: float) -> str:
    """As on a clock: 1:02:03, or 2:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Meter:
    """A bar on standard error with what is done, in percent and characters, the length of the sound, and the time left.

    It appears for long texts, where standard error is a terminal. The time left goes by the pace of this run.

    Args:
        length: Characters of the whole text.
    """

    def __init__(self, length: int) -> None:
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._began = 0.0
        self._from = 0
        self._shown = 0.0
        if length >= LONG_TEXT and self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[position]}", style="progress.download"),
                TextColumn("{task.fields[sound]}"),
                TextColumn("{task.fields[times]}", style="progress.elapsed"),
                console=self._console,
                transient=True,
                expand=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, what: str, total: int, done: int = 0, seconds: float | None = None) -> None:
        """A new piece of work, of which a part may be done already; the rest as for :meth:`at`."""
        self._began, self._from, self._shown = time.monotonic(), done, 0.0
        if self._bar is None:
            return
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._task = self._bar.add_task(what, total=total, completed=done, position="", sound="", times="")
        self.at(done, seconds)

    def say(self, line: str) -> None:
        """A line above the bar, for whoever reads, terminal or not."""
        (self._bar.console if self._bar else self._console).print(line, highlight=False, markup=False, soft_wrap=True)

    def at(self, done: int, seconds: float | None = None) -> None:
        """Show how far it is.

        Args:
            done: Of the work's total.
            seconds: Length of the sound so far.
        """
        if self._bar is None:
            return
        now = time.monotonic()
        if now - self._shown < _LITTLE:
            return
        self._shown = now
        elapsed = now - self._began
        total = int(self._bar.tasks[0].total or 0)
        times = clock(elapsed)
        if elapsed > SETTLING and done > self._from:
            times += f", {clock((total - done) * elapsed / (done - self._from))} left"
        position = f"{_count(done)}/{_count(total)}" if seconds is not None else ""
        sound = f"{clock(seconds)} of sound" if seconds is not None else ""
        self._bar.update(self._task, completed=done, position=position, sound=sound, times=times)


def _count(number: int) -> str:
    if number < 10_000:
        return str(number)
    return f"{number / 1000:.0f}k" if number < 1_000_000 else f"{number / 1_000_000:.2f}M"
