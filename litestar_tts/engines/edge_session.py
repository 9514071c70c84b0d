"""Conversations with the read-aloud service: one socket each, no more of them than allowed, each closed at once."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from litestar_tts.engines.edge_client import EdgeClient, connector_to
from litestar_tts.exceptions import EngineBusyError, EngineError, EngineRejectedError, EngineTimeoutError

if TYPE_CHECKING:
    from edge_tts import Communicate

    from litestar_tts.engines.base import Timeouts

__all__ = ("Conversation", "EdgeSession", "translate")

logger = logging.getLogger("litestar_tts.engines.edge")

BUFFER_BYTES: Final = 256 * 1024
"""Audio that waits for a slow listener; then the service has to wait (44 s at 48 kbit/s)."""

_CHUNK_BYTES: Final = 8 * 1024
_WORD_COST: Final = 128
_CLOSE_GRACE: Final = 1.0
"""Seconds that the service has to answer our close frame; edge-tts would wait for 10."""
_LEAVE_PATIENCE: Final = 0.5
_CUT_AT_BYTES: Final = 600 * 48_000 // 8
"""One message yields at most ten minutes; the service drops the rest without a word."""

_SHORT: Final = "The Edge speech service stopped before the end of the speech."
_CLOSED: Final = "The Edge engine was closed while it spoke."


class Conversation:
    """One utterance on its way from the service.

    A task of its own reads, so that a listener who leaves cancels it where ``edge-tts`` waits for the network: only
    then is the socket closed at once, without a handshake of up to ten seconds.
    """

    def __init__(self, communicate: Communicate, timeouts: Timeouts, *, single: bool) -> None:
        self._communicate = communicate
        self._timeouts = timeouts
        self._single = single
        self._items: deque[Any] = deque()
        self._size = 0
        self._received = 0
        self._heard = False
        self._left = False
        self._ended = False
        self._error: EngineError | None = None
        self._changed = asyncio.Event()
        self._space = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + timeouts.first_audio
        # The end of a turn is only visible in this mapping; the generator ends a closing handshake later.
        communicate.state = _Watched(communicate.state, self._turn_ended)  # type: ignore[assignment]
        self.task = loop.create_task(self._read(), name="edge-conversation")

    async def next(self) -> bytes | dict[str, Any] | None:
        """The next audio (joined where more is there), the next word as ``edge-tts`` gives it, or None: the end.

        Raises:
            EngineError: See :func:`translate`; audio that came before has been given out by then.
        """
        while not self._items:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return None
            await self._wait()
        item = self._take()
        if isinstance(item, bytes):
            parts, size = [item], len(item)
            # The first sound goes out alone and at once.
            while self._heard and self._items and isinstance(self._items[0], bytes) and size < _CHUNK_BYTES:
                parts.append(self._take())
                size += len(parts[-1])
            self._heard = True
            item = b"".join(parts)
        if self._size < BUFFER_BYTES:
            self._space.set()
        return item  # type: ignore[no-any-return]

    async def leave(self) -> None:
        """Nobody listens any more. The socket is closed when this returns; where all was said, it is being closed."""
        if self._ended:
            return
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=_LEAVE_PATIENCE)

    def _take(self) -> Any:
        item = self._items.popleft()
        self._size -= len(item) if isinstance(item, bytes) else _WORD_COST
        return item

    async def _wait(self) -> None:
        self._changed.clear()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeouts.gap if self._heard else self._deadline
        try:
            async with asyncio.timeout_at(deadline):
                await self._changed.wait()
        except TimeoutError:
            detail = "went silent" if self._heard else "did not begin to speak in time"
            raise EngineTimeoutError(f"The Edge speech service {detail}.") from None

    async def _read(self) -> None:
        try:
            async for chunk in self._communicate.stream():
                await self._put(chunk)
        except asyncio.CancelledError:
            self._end(EngineError(_CLOSED))
            raise
        except Exception as error:  # noqa: BLE001 - whatever a strange answer makes edge-tts raise
            self._end(translate(error))
        else:
            self._end(None)

    async def _put(self, chunk: Any) -> None:
        if self._left or self._ended:
            return
        if chunk["type"] == "audio":
            item = chunk["data"]
            self._received += len(item)
            self._size += len(item)
        else:
            item = chunk
            self._size += _WORD_COST
        self._items.append(item)
        self._changed.set()
        if self._size < BUFFER_BYTES:
            return
        self._space.clear()
        try:
            await self._space.wait()
        except asyncio.CancelledError:
            # Leaving from here would leave the socket to the garbage collector. Ask again, so that the next wait inside
            # edge-tts is the one that fails.
            self._left = True
            task = asyncio.current_task()
            assert task is not None  # noqa: S101
            task.cancel()

    def _turn_ended(self) -> None:
        if self._single and self._received:
            self._end(None)

    def _end(self, error: EngineError | None) -> None:
        if self._ended:
            return
        if error is None and self._received != self._communicate.state["cumulative_audio_bytes"]:
            error = EngineError(_SHORT)
        elif error is None and self._single and self._received >= _CUT_AT_BYTES:
            error = EngineError("The Edge speech service cuts speech at ten minutes; send shorter pieces.")
        self._ended = True
        self._error = error
        self._changed.set()
        if not self.task.done():
            # Saying goodbye goes on behind the listener's back, and not for long.
            goodbye = self.task.get_loop().call_later(_CLOSE_GRACE, self.task.cancel)
            self.task.add_done_callback(lambda _: goodbye.cancel())


class _Watched(dict[str, Any]):
    """A mapping that tells when the audio of a whole message was counted, which ``edge-tts`` does at its end."""

    def __init__(self, state: Any, turn_ended: Any) -> None:
        super().__init__(state)
        self._told = turn_ended

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key == "cumulative_audio_bytes":
            self._told()


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
        self._slots = asyncio.Semaphore(connections)
        # The package takes whole seconds only.
        self._handshake_timeout = max(1, round(connect_timeout))
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(
        self, text: str, voice: str, timeouts: Timeouts, *, single: bool, patience: float, **prosody: str
    ) -> Conversation:
        """Begin to speak.

        Args:
            text: Not escaped.
            voice: The service's long name of the voice.
            timeouts: How long the service may be silent.
            single: The text fits into one message.
            patience: Seconds to wait for a free connection.
            prosody: ``rate``, ``pitch`` and ``volume`` as ``edge-tts`` takes them.

        Raises:
            EngineBusyError: All connections stayed in use.
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
        try:
            async with asyncio.timeout(patience):
                await self._slots.acquire()
        except TimeoutError:
            detail = "All connections to the Edge speech service are in use."
            raise EngineBusyError(detail, retry_after=patience) from None
        conversation = Conversation(communicate, timeouts, single=single)
        self._keep(conversation.task)
        conversation.task.add_done_callback(lambda _: self._slots.release())
        return conversation

    async def list_voices(self, patience: float) -> list[Any]:
        """The service's own list, within so many seconds.

        Raises:
            EngineError: It could not be had.
        """
        try:
            async with asyncio.timeout(patience):
                return await self.client.list_voices(connector=self._connector)
        except Exception as error:  # noqa: BLE001
            raise translate(error) from None

    async def close(self) -> None:
        """Close every socket; speech that is under way ends with an error."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * _CLOSE_GRACE)
        await self._connector.release()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def translate(error: Exception) -> EngineError:
    """Our error for one of ``edge-tts`` or ``aiohttp``; never holds an address, a token or text."""
    import aiohttp
    from edge_tts import exceptions

    if isinstance(error, EngineError):
        return error
    if isinstance(error, aiohttp.ClientResponseError):
        return _refused(error.status, error.headers)
    kind = type(error).__name__
    if isinstance(error, exceptions.SkewAdjustmentError):
        return _refused(403, None)
    if isinstance(error, exceptions.NoAudioReceived):
        return EngineError("The Edge speech service gave no audio; the voice may have been withdrawn.")
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        logger.warning("Edge speech service: TLS failed (%s)", kind)
        return EngineRejectedError("The Edge speech service has no valid certificate.")
    if isinstance(error, TimeoutError):
        return EngineTimeoutError("The Edge speech service did not answer in time.")
    if isinstance(error, aiohttp.ClientError | OSError):
        logger.debug("Edge speech service: %s", kind)
        return EngineError("The Edge speech service cannot be reached.")
    # Not with its traceback: edge-tts puts what it received into some messages.
    logger.warning("Edge speech service: unexpected answer (%s)", kind)
    return EngineError("The Edge speech service gave an unexpected answer.")


def _refused(status: int, headers: Any) -> EngineError:
    if status in (408, 425, 429) or status >= 500:
        wait = headers.get("Retry-After", "") if headers is not None else ""
        return EngineError(
            f"The Edge speech service is too busy or out of order (status {status}).",
            retry_after=float(wait) if wait.isdecimal() else None,
        )
    logger.warning(
        "The Edge speech service refuses this client (status %d): upgrade edge-tts (pip install -U edge-tts)", status
    )
    return EngineRejectedError("The Edge speech service refuses this client; the server's edge-tts needs an upgrade.")
