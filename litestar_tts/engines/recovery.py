"""Finds out whether an engine that failed speaks again, so that no listener has to wait for the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from litestar_tts.engines.base import Engine
from litestar_tts.engines.breaker import Breakers, Ticket
from litestar_tts.exceptions import EngineError, EngineTimeoutError, NoAudioError, TTSError
from litestar_tts.models import AudioChunk, Utterance, Voice

__all__ = ("Recovery",)

logger = logging.getLogger("litestar_tts")

PROBE_TEXT: Final = "1."
"""What every voice of every language can say."""
IDLE_SECONDS: Final = 600.0
"""When nobody has asked for so long, nobody needs to know."""


class Recovery:
    """Asks an engine whose breaker is open for one short word, whenever the breaker's pause is over.

    Args:
        ready: Gives the open engine.
        breakers: What is known about it.
    """

    def __init__(self, ready: Callable[[], Awaitable[Engine]], breakers: Breakers) -> None:
        self._ready = ready
        self._breakers = breakers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted_at = 0.0

    def watch(self) -> None:
        """The engine is wanted and its breaker is open: see to it that it is probed."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # What another loop was to do died with it.
            self._loop, self._timer, self._task = loop, None, None
            self._breakers.engine.abandoned()
        self._wanted_at = loop.time()
        if self._timer is None and self._task is None:
            self._schedule(loop)

    async def close(self) -> None:
        """Stop probing."""
        timer, task = self._timer, self._task
        self._timer = self._task = None
        if self._loop is not asyncio.get_running_loop():
            return
        if timer is not None:
            timer.cancel()
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=1)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._breakers.engine.retry_after, self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._breakers.engine.closed or loop.time() - self._wanted_at > IDLE_SECONDS:
            return
        if not self._breakers.engine.begin_probe():
            # A request is probing, or the pause has grown meanwhile.
            self._timer = loop.call_later(max(1.0, self._breakers.engine.retry_after), self._begin, loop)
            return
        self._task = loop.create_task(self._probe(), name="engine-probe")
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task is self._task:
            self._task = None
            if not task.cancelled() and not self._breakers.engine.closed:
                self._schedule(task.get_loop())

    async def _probe(self) -> None:
        breakers = self._breakers
        ticket: Ticket | None = None
        failure: EngineError | None = None
        try:
            engine = await self._ready()
            async with asyncio.timeout(engine.capabilities.timeouts.first_audio):
                ticket = breakers.probe(await self._choose(engine))
                await _hear(engine, ticket.voice)
        except (TTSError, TimeoutError) as error:
            failure = error if isinstance(error, EngineError) else EngineTimeoutError("silence")
        except BaseException:
            breakers.engine.abandoned()
            raise
        if failure is None and ticket is not None:
            breakers.succeeded(ticket)
            logger.info("engine %s speaks again", ticket.voice.engine)
        elif failure is not None and ticket is not None:
            breakers.failed(ticket, failure)
        else:
            breakers.engine.failed(probe=True)

    async def _choose(self, engine: Engine) -> Voice:
        """A voice that says most about the engine: the one that failed last, unless that may be to blame itself."""
        last = self._breakers.last
        if last is not None and not self._breakers.is_suspect(last):
            return last
        failing = set(self._breakers.failing_voices)
        voices = await engine.voices()
        others = [voice for voice in voices if voice.id not in failing and voice != last]
        near = [voice for voice in others if last is None or voice.language == last.language]
        for voice in (*near, *others, *voices):
            return voice
        raise EngineError("The engine has no voices.")


async def _hear(engine: Engine, voice: Voice) -> None:
    async with aclosing(engine.synthesize(Utterance(text=PROBE_TEXT, voice=voice))) as events:
        async for event in events:
            if isinstance(event, AudioChunk):
                return
    raise NoAudioError("The engine made no sound.")
