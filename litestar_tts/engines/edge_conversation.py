"""One utterance on its way from the read-aloud service: one socket, read by a task of its own, closed at once."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from litestar_tts.engines.edge_client import Wire
from litestar_tts.engines.edge_errors import SILENT, translate
from litestar_tts.exceptions import EngineError, EngineTimeoutError, NoAudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_tts import Communicate

    from litestar_tts.engines.base import Timeouts

__all__ = ("CLOSED", "CLOSE_GRACE", "Conversation")

BUFFER_BYTES: Final = 88 * 1024
"""Audio of one conversation that waits for a slow listener (15 s); then the service has to wait. A speech has two
conversations at most, so this is less than half of what a listener may cost."""

CLOSE_GRACE: Final = 1.0
"""Seconds that the service has to answer our close frame; edge-tts would wait for 10."""
CLOSED: Final = "The Edge engine was closed while it spoke."

_CHUNK_BYTES: Final = 8 * 1024
_WORD_COST: Final = 128
_LEAVE_PATIENCE: Final = 0.5
_CUT_AT_BYTES: Final = 600 * 48_000 // 8
"""One message yields at most ten minutes; the service drops the rest without a word."""

_SHORT: Final = "The Edge speech service stopped before the end of the speech."
_MADE_WAY: Final = "The Edge engine needed the connection for somebody who listens."


class Conversation:
    """One utterance on its way from the service.

    A task of its own reads, so that a listener who leaves cancels it where ``edge-tts`` waits for the network: only
    then is the socket closed at once, without a handshake of up to ten seconds.
    """

    def __init__(
        self,
        communicate: Communicate,
        timeouts: Timeouts,
        *,
        single: bool,
        on_end: Callable[[EngineError | None], None] = lambda _: None,
    ) -> None:
        self._communicate = communicate
        self._on_end = on_end
        self._timeouts = timeouts
        self._single = single
        self._items: deque[Any] = deque()
        self._size = 0
        self._received = 0
        self._heard = False
        self._left = False
        self._ended = False
        self._error: EngineError | None = None
        self._full_since: float | None = None
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

    def stalled_for(self) -> float:
        """Seconds for which its listener has kept it from reading on."""
        if self._full_since is None or self._ended:
            return 0.0
        return asyncio.get_running_loop().time() - self._full_since

    def make_way(self) -> None:
        """Give the socket up; whoever listens gets what is here, and then an error that can be recovered from."""
        self._end(EngineError(_MADE_WAY))
        self.task.cancel()

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
        self._wire = Wire()
        try:
            async for chunk in self._communicate.stream():
                await self._put(chunk)
        except asyncio.CancelledError:
            self._end(EngineError(CLOSED))
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
        self._full_since = asyncio.get_running_loop().time()
        self._wire.pause()
        try:
            await self._space.wait()
            self._full_since = None
            self._wire.resume()
        except asyncio.CancelledError:
            # Leaving from here would leave the socket to the garbage collector. Ask again, so that the next wait inside
            # edge-tts is the one that fails.
            self._left = True
            task = asyncio.current_task()
            assert task is not None  # noqa: S101
            task.cancel()

    def _turn_ended(self) -> None:
        if self._single:
            self._end(None if self._received else NoAudioError(SILENT))

    def _end(self, error: EngineError | None) -> None:
        if self._ended:
            return
        if error is None and self._received != self._communicate.state["cumulative_audio_bytes"]:
            error = EngineError(_SHORT)
        elif error is None and self._single and self._received >= _CUT_AT_BYTES:
            error = EngineError("The Edge speech service cuts speech at ten minutes; send shorter pieces.")
        self._ended = True
        self._error = error
        self._on_end(error)
        self._changed.set()
        if not self.task.done():
            # Saying goodbye goes on behind the listener's back, and not for long.
            goodbye = self.task.get_loop().call_later(CLOSE_GRACE, self.task.cancel)
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
