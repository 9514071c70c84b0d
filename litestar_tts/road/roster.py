"""The speeches of one service that are in progress, and how they end when the service closes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from litestar_tts.exceptions import OverloadedError

if TYPE_CHECKING:
    from litestar_tts.road.recital import Recital

__all__ = ("Roster",)

logger = logging.getLogger("litestar_tts")

RETRY_SECONDS: Final = 5.0
"""After which another process has usually taken over."""

CUT_LIMIT: Final = 1.5
"""Seconds for speeches that were cut to free what they hold."""


class Roster:
    """Who speaks. Holds on to every speech from its start until it is closed, so that none is lost from sight."""

    def __init__(self) -> None:
        self._open: set[Recital] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadline: float | None = None
        self._changed = asyncio.Event()

    @property
    def closing(self) -> bool:
        """Whether no new speech may begin."""
        return self._deadline is not None

    def enter(self, recital: Recital) -> None:
        """A speech begins.

        Raises:
            OverloadedError: The service is closing.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._forget_other_loops(loop)
        if self.closing:
            raise _refusal()
        self._open.add(recital)

    def leave(self, recital: Recital) -> None:
        """A speech is closed; harmless when it was before."""
        self._open.discard(recital)
        self._changed.set()

    async def drain(self, grace: float) -> None:
        """Let nobody begin any more, and wait until everybody has ended; who has not after ``grace`` seconds, is cut.

        Calling it again waits for the same moment.
        """
        loop = asyncio.get_running_loop()
        self._forget_other_loops(loop)
        if self._deadline is None:
            self._deadline = loop.time() + grace
            self._begin(grace)
        await self._wait_until(self._deadline)
        late = list(self._open)
        for recital in late:
            recital.cut(_refusal)
        if not late:
            return
        logger.warning("closing: %d speeches in progress are cut", len(late))
        await self._wait_until(loop.time() + CUT_LIMIT)
        if self._open:
            logger.warning("closing: %d speeches hold on to their engines", len(self._open))

    def reopen(self) -> None:
        """Let speeches begin again."""
        self._deadline = None

    def _begin(self, grace: float) -> None:
        for recital in list(self._open):
            # Who waits for a place would only begin what has to be cut, and whoever has just called cannot go on.
            if recital.waits or recital.keeper is asyncio.current_task():
                recital.cut(_refusal)
        if self._open:
            logger.info("closing: %d speeches in progress have %g s to finish", len(self._open), grace)

    async def _wait_until(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                while self._open:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _forget_other_loops(self, loop: asyncio.AbstractEventLoop) -> None:
        """What was left open on a loop that is over will never be closed by it."""
        self._loop = loop
        self._changed = asyncio.Event()
        for recital in [recital for recital in self._open if recital.loop is not loop and recital.loop.is_closed()]:
            recital.release()
            self._open.discard(recital)


def _refusal() -> OverloadedError:
    return OverloadedError("The server is shutting down; try again in a moment.", retry_after=RETRY_SECONDS)
