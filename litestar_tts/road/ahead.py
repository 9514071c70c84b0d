"""The next piece, asked for while the one before is still being heard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from litestar_tts.engines.base import Engine
from litestar_tts.models import EngineEvent, Utterance
from litestar_tts.road.timing import timed
from litestar_tts.text.segment import Piece

__all__ = ("Pieces",)


class Pieces:
    """The pieces of a text, the next of which may be asked for while one is being heard.

    Args:
        parts: The pieces.
        engine: Who will speak them.
        manner: How, without the text.
        whole: Whether all of the text is there; one that is still being written is spoken as it comes.
    """

    def __init__(self, parts: AsyncGenerator[Piece, None], engine: Engine, manner: Utterance, *, whole: bool) -> None:
        self._parts = parts
        self._engine = engine
        self._manner = manner
        # A local engine would only take from itself what it speaks too early.
        self._foresight = whole and engine.capabilities.network
        self._waiting: deque[tuple[Piece, _Ahead | None]] = deque()
        self._looked = False
        self._reading: _Ahead | None = None
        self.begun: AsyncGenerator[EngineEvent, None] | None = None
        """Events of the piece that was given last, if they have been asked for already."""

    async def next(self) -> Piece | None:
        """The next piece; None behind the last one."""
        self._looked, self.begun = False, None
        if not self._waiting:
            return await anext(self._parts, None)
        piece, self._reading = self._waiting.popleft()
        self.begun = self._reading.read() if self._reading is not None else None
        return piece

    async def look(self) -> None:
        """There is sound of the present piece: the next may be asked for, unless others are waiting for a place."""
        if self._looked or not self._foresight or self._engine.busy:
            return
        self._looked = True
        if not self._waiting and (piece := await anext(self._parts, None)) is not None:
            utterance = msgspec.structs.replace(self._manner, text=piece.text, continues=True)
            self._waiting.append((piece, _Ahead(timed(self._engine, utterance))))

    def insert(self, piece: Piece) -> None:
        """One that goes before all others."""
        self._waiting.appendleft((piece, None))

    async def aclose(self) -> None:
        """Stop what was asked for early."""
        # Also the one that was given last: its reader may not have begun.
        for ahead in (self._reading, *(ahead for _, ahead in self._waiting)):
            if ahead is not None:
                await ahead.aclose()


class _Ahead:
    """Runs an engine's events in a task of their own, as far as one event ahead of who reads them.

    The engine buffers what its service sends, within its own bound; this only sees to it that the service is asked.

    Args:
        events: Not begun yet; closed by this.
    """

    def __init__(self, events: AsyncGenerator[EngineEvent, None]) -> None:
        self._events = events
        self._queue: asyncio.Queue[EngineEvent | BaseException | None] = asyncio.Queue(1)
        self._task = asyncio.create_task(self._pump(), name="piece-ahead")

    async def _pump(self) -> None:
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    await self._queue.put(event)
        except Exception as error:  # noqa: BLE001  # it is for who reads
            await self._queue.put(error)
        else:
            await self._queue.put(None)

    async def read(self) -> AsyncGenerator[EngineEvent, None]:
        """The events; closing this closes them.

        Raises:
            EngineError: As the engine did.
        """
        try:
            while (event := await self._queue.get()) is not None:
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop the engine; harmless when called again."""
        self._task.cancel()
        await asyncio.wait({self._task})
