"""What a host holds of a speech."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING

from litestar_tts.models import AudioChunk, SpeechEvent, SpeechInfo, SpeechRequest, SpeechResult
from litestar_tts.road.recital import Recital, SpeechClosedError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ("Speech",)

logger = logging.getLogger("litestar_tts")


class Speech:
    """An async iterator of :class:`WordBoundary`, :class:`Viseme`, :class:`AudioChunk`, and one :class:`SpeechEnd`.

    Nothing happens before :meth:`start` or the first iteration. A word or viseme comes before the audio that holds its
    start. Leaving early: ``await speech.aclose()``, or ``async with speech``, in any task.

    Made by :meth:`SpeechService.speak`.
    """

    # Nothing that the speech itself consists of refers to this object, so it goes with the last reference that a host
    # has to it; what the host forgot to close is closed then.
    __slots__ = ("__weakref__", "_recital", "_safety_net")

    def __init__(self, recital: Recital) -> None:
        self._recital = recital
        self._safety_net: weakref.finalize[..., Speech] | None = None

    @property
    def request(self) -> SpeechRequest:
        """What was asked for."""
        return self._recital.request

    @property
    def info(self) -> SpeechInfo | None:
        """Known once :meth:`start` has returned."""
        return self._recital.info

    async def start(self) -> SpeechInfo:
        """Wait for the first audio; from then on the engine and the voice are settled.

        Raises:
            TTSError: No audio can be had; nothing is left open.
        """
        self._spread_net()
        return await self._recital.start()

    def __aiter__(self) -> Speech:
        return self

    async def __anext__(self) -> SpeechEvent:
        if self._safety_net is None:
            self._spread_net()
        try:
            return await self._recital.next()
        except SpeechClosedError:
            raise StopAsyncIteration from None

    async def audio(self) -> AsyncGenerator[bytes, None]:
        """The encoded audio alone; closing this generator closes the speech."""
        async with self:
            async for event in self:
                if isinstance(event, AudioChunk):
                    yield event.data

    async def collect(self) -> SpeechResult:
        """Wait for the whole utterance.

        Nobody has heard anything before it is whole, so an engine that breaks off is asked once more, and then the
        others speak it from its first word.

        Raises:
            TTSError: As :meth:`start`.
        """
        self._spread_net()
        return await self._recital.collect()

    async def aclose(self) -> None:
        """Stop the engine and free everything; harmless when called again.

        Who is iterating meanwhile, in another task, comes to the end of the speech.
        """
        await self._recital.aclose()

    async def __aenter__(self) -> Speech:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _spread_net(self) -> None:
        if self._safety_net is None:
            self._safety_net = weakref.finalize(self, _forgotten, self._recital)
            self._safety_net.atexit = False


_closing: set[asyncio.Task[None]] = set()


def _forgotten(recital: Recital) -> None:
    # Objects can go in any thread, and at any point of the loop's own work.
    if recital.begun and not recital.closed:
        with suppress(RuntimeError):  # the loop is over, and with it everything that was open
            recital.loop.call_soon_threadsafe(_close, recital)


def _close(recital: Recital) -> None:
    if recital.closed:
        return
    logger.warning(
        "a speech was started and forgotten; it is stopped now. Close what you start: "
        "'async with service.speak(...) as speech', or 'await speech.aclose()'"
    )
    task = recital.loop.create_task(recital.aclose())
    _closing.add(task)
    task.add_done_callback(_closing.discard)
