"""Ends the work of one task from another, with an error that says why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

__all__ = ("Interruption",)


class Interruption:
    """A block in which one task works until somebody else ends it.

    ::

        with interruption:      # in the task that works
            await something()

        interruption.interrupt(ReasonError)     # anywhere else on the loop

    The task is cancelled where it waits, its clean-up runs, and the block raises the reason. A cancellation that comes
    from anybody else, such as a server that stops, goes on as one. The block may be entered again, but not nested.
    """

    __slots__ = ("_sent", "reason", "worker")

    def __init__(self) -> None:
        # Made anew each time: an error that is kept would keep everything that its traceback saw.
        self.reason: Callable[[], Exception] | None = None
        """Makes the error that says why the work has ended; the first reason stays."""
        self.worker: asyncio.Task[object] | None = None
        """The task in the block."""
        self._sent = False

    def interrupt(self, reason: Callable[[], Exception]) -> None:
        """End the work in the block now, or let the next one fail that enters it."""
        self.reason = self.reason or reason
        if self.worker is not None and not self._sent:
            self._sent = True
            self.worker.cancel()

    def __enter__(self) -> None:
        if self.reason is not None:
            raise self.reason()
        self.worker = asyncio.current_task()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        worker, self.worker = self.worker, None
        if not self._sent:
            return
        self._sent = False
        assert worker is not None  # noqa: S101
        assert self.reason is not None  # noqa: S101
        others = worker.uncancel()
        # Without an error something inside took the interruption for its own and went on. With another one, that is
        # what came of the clean-up, and is told.
        if kind is None or (kind is asyncio.CancelledError and not others):
            raise self.reason() from None
