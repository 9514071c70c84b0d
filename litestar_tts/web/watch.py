"""Notices that a client has left."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from litestar.types import Receive

__all__ = ("ClientLeftError", "ClientWatch")


class ClientLeftError(Exception):
    """The client has closed its connection; nobody is left to answer."""


class ClientWatch:
    """Waits for the client to leave, beside the task that works for it. The request's body must have been read.

    One watch lives from the first work for a client to the last byte of the answer, since ``receive()`` must not be
    called again once it has said that the client left, and not twice at a time.
    """

    __slots__ = ("_interrupted", "_receive", "_task", "_worker", "left")

    def __init__(self, receive: Receive) -> None:
        self.left = False
        """Whether the client has left."""
        self._receive = receive
        self._worker: asyncio.Task[object] | None = None
        self._interrupted = False
        self._task = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        try:
            while (await self._receive())["type"] != "http.disconnect":  # noqa: ASYNC110
                # A server that has more to say at once must not keep the loop to itself.
                await asyncio.sleep(0)
        except Exception:  # noqa: BLE001  # whatever is between us and the server broke; sending will tell
            return
        self.left = True
        if self._worker is not None:
            self._interrupted = True
            self._worker.cancel()

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Within this block the current task is interrupted when the client leaves.

        Raises:
            ClientLeftError: The client left, before or within the block.
        """
        if self.left:
            raise ClientLeftError
        worker = self._worker = asyncio.current_task()
        assert worker is not None  # noqa: S101
        try:
            yield
        except asyncio.CancelledError:
            self._worker = None
            # Whoever else has cancelled the task, such as a server that shuts down, still means it.
            if self._take_back(worker) and not worker.cancelling():
                raise ClientLeftError from None
            raise
        except BaseException:
            self._worker = None
            self._take_back(worker)
            raise
        self._worker = None
        if self._take_back(worker):
            # Something inside took the interruption for its own and went on.
            raise ClientLeftError

    def _take_back(self, worker: "asyncio.Task[object]") -> bool:
        interrupted, self._interrupted = self._interrupted, False
        if interrupted:
            worker.uncancel()
        return interrupted

    def close(self) -> None:
        """Stop watching; harmless when called again."""
        self._task.cancel()
