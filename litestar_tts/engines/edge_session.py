"""The sockets that one event loop has to the read-aloud service: no more than allowed, given to those who listen."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from litestar_tts.engines.edge_client import EdgeClient, connector_to
from litestar_tts.engines.edge_conversation import CLOSE_GRACE, CLOSED, Conversation
from litestar_tts.engines.edge_errors import OUTDATED, translate
from litestar_tts.engines.edge_gate import EdgeGate, Seldom
from litestar_tts.exceptions import EngineError, EngineRejectedError, EngineThrottledError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar_tts.engines.base import Timeouts

__all__ = ("EdgeSession",)

logger = logging.getLogger("litestar_tts.engines.edge")

STALLED_SECONDS: Final = 2.0
"""A conversation that has been full for so long gives its socket to whoever waits for one."""
_LOOK_SECONDS: Final = 0.5
_UPGRADE_SECONDS: Final = 60.0


class EdgeSession:
    """What is bound to one event loop: connections, their count, tasks.

    Args:
        client: The package.
        connections: Sockets that may be open at a time, those that are being closed included.
        connect_timeout: Seconds for making a connection, and again for the answer to the handshake.
    """

    def __init__(self, client: EdgeClient, *, connections: int, connect_timeout: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.client = client
        self._connector = connector_to(client.host, connect_timeout)
        self.gate = EdgeGate(connections)
        self._may_tell = Seldom(_UPGRADE_SECONDS)
        # The package takes whole seconds only.
        self._handshake_timeout = max(1, round(connect_timeout))
        self._conversations: dict[asyncio.Task[None], Conversation] = {}

    async def start(
        self,
        text: str,
        voice: str,
        timeouts: Timeouts,
        *,
        single: bool,
        patience: float,
        client: str = "",
        **prosody: str,
    ) -> Conversation:
        """Begin to speak.

        Args:
            text: Not escaped.
            voice: The service's long name of the voice.
            timeouts: How long the service may be silent.
            single: The text fits into one message.
            patience: Seconds to wait for a free connection.
            client: Who is waiting; connections are shared fairly.
            prosody: ``rate``, ``pitch`` and ``volume`` as ``edge-tts`` takes them.

        Raises:
            EngineBusyError: All connections stayed in use.
            EngineRejectedError: The package does not take the request.
        """
        try:
            communicate = self.client.communicate(
                text,
                voice,
                boundary="WordBoundary",
                connector=self._connector,
                connect_timeout=self._handshake_timeout,
                receive_timeout=self._handshake_timeout,
                **prosody,
            )
            communicate.state["cumulative_audio_bytes"]
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise EngineRejectedError(
                "edge-tts does not take this request; check the voice and the package's version (>=7.3.1,<8)."
            ) from error
        with self._asking_for_room():
            await self.gate.enter(client, patience=patience)
        conversation = Conversation(communicate, timeouts, single=single, on_end=self._note)
        self._conversations[conversation.task] = conversation

        def closed(task: asyncio.Task[None]) -> None:
            del self._conversations[task]
            self.gate.leave(client)

        conversation.task.add_done_callback(closed)
        return conversation

    @contextmanager
    def _asking_for_room(self) -> Iterator[None]:
        """While somebody waits in this block, listeners who have stalled give up their sockets, one at a time."""
        timer: asyncio.TimerHandle | None = None

        def ask() -> None:
            nonlocal timer
            longest = max(self._conversations.values(), key=Conversation.stalled_for, default=None)
            if longest is not None and longest.stalled_for() >= STALLED_SECONDS:
                longest.make_way()
            timer = self.loop.call_later(_LOOK_SECONDS, ask)

        if self.gate.busy:
            ask()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    async def list_voices(self, patience: float) -> list[Any]:
        """The service's own list, within so many seconds.

        Raises:
            EngineError: It could not be had.
        """
        try:
            async with asyncio.timeout(patience):
                return await self.client.list_voices(connector=self._connector)
        except Exception as error:  # noqa: BLE001
            failure = translate(error)
            self._tell_if_outdated(failure)
            raise failure from None

    async def close(self) -> None:
        """Close every socket; speech that is under way ends with an error."""
        self.gate.close(lambda: EngineError(CLOSED))
        for task in self._conversations:
            task.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations, timeout=2 * CLOSE_GRACE)
        await self._connector.release()

    def _note(self, error: EngineError | None) -> None:
        # The place is still taken: one that is taken away now will not be given to the next.
        if error is None:
            self.gate.succeeded()
        elif isinstance(error, EngineThrottledError):
            self.gate.throttled()
        else:
            self._tell_if_outdated(error)

    def _tell_if_outdated(self, error: EngineError) -> None:
        # It stays so until somebody acts, and every request would write the same line.
        if error.detail == OUTDATED and self._may_tell():
            logger.warning(
                "The Edge speech service refuses this client (status 403 or the like): upgrade edge-tts "
                "(pip install -U edge-tts)"
            )
