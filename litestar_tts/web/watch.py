"""Notices that a client has left."""

import asyncio
from contextlib import AbstractContextManager

from litestar.types import Receive

from litestar_tts.road.interruption import Interruption

__all__ = ("ClientLeftError", "ClientWatch")


class ClientLeftError(Exception):
    """The client has closed its connection; nobody is left to answer."""


class ClientWatch:
    """Waits for the client to leave, beside the task that works for it. The request's body must have been read.

    One watch lives from the first work for a client to the last byte of the answer, since ``receive()`` must not be
    called again once it has said that the client left, and not twice at a time.
    """

    __slots__ = ("_interruption", "_receive", "_task")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._interruption = Interruption()
        self._task = asyncio.create_task(self._wait(), name="client-watch")

    @property
    def left(self) -> bool:
        """Whether the client has left."""
        return self._interruption.reason is not None

    async def _wait(self) -> None:
        try:
            while (await self._receive())["type"] != "http.disconnect":  # noqa: ASYNC110
                # A server that has more to say at once must not keep the loop to itself.
                await asyncio.sleep(0)
        except Exception:  # noqa: BLE001  # whatever is between us and the server broke; sending will tell
            return
        self._interruption.interrupt(ClientLeftError)

    def interrupts(self) -> AbstractContextManager[None]:
        """Within this block the current task is interrupted when the client leaves.

        Raises:
            ClientLeftError: The client left, before or within the block.
        """
        return self._interruption

    def close(self) -> None:
        """Stop watching; harmless when called again."""
        self._task.cancel()
