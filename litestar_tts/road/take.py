"""One piece of a text, spoken to its end even if the engine breaks off on the way.

What the listener has heard cannot be taken back, and another voice in mid-speech is worse than a pause. So the same
voice is asked again from the beginning of the sentence in which it broke off, and what was heard of that is dropped:
word times say where. All times are on the clock of the piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import msgspec

from litestar_tts.audio.join import PieceJoiner
from litestar_tts.engines.base import Engine
from litestar_tts.engines.chain import pause_before_retry
from litestar_tts.exceptions import EngineError, EngineRejectedError, UnspeakableTextError
from litestar_tts.models import AudioChunk, EngineEvent, PhoneSpan, Utterance, WordBoundary
from litestar_tts.road.script import Meeting, Script, TakeUp
from litestar_tts.road.timing import timed
from litestar_tts.text.segment import Piece

__all__ = ("Take",)

logger = logging.getLogger("litestar_tts")

TRIES: Final = 7
"""How often in a row a text that is being heard is asked for again without getting further, where the engine speaks for
others: with three calls of ten failing, one speech of thousands is cut."""
TRIES_WHEN_ILL: Final = 3
"""The same, of an engine that fails for others too."""
LONGEST_PAUSE: Final = 1.0
"""Seconds between two of them."""
PROGRESS: Final = 0.25
"""Seconds of sound between two breaks that count as getting further."""
MOST_AHEAD: Final = 10_000
"""Words and phones that an engine may report before its first sound."""
SHORTER: Final = 0.5
"""Seconds by which a new rendering may be shorter than what was heard of the old one."""
LONGEST_SEARCH: Final = 256 * 1024
"""Bytes of a new rendering that may wait until it is known where it meets the old one."""


class Take:
    """Speaks one piece.

    Args:
        engine: Who speaks.
        utterance: What, and how.
        piece: The piece that it is.
        joiner: What all chunks are fed to before the next event is asked for; tells how much was heard.
        is_well: Whether the engine speaks for others.
        first: The engine's events where they have been asked for already.
    """

    def __init__(
        self,
        engine: Engine,
        utterance: Utterance,
        piece: Piece,
        joiner: PieceJoiner,
        is_well: Callable[[], bool],
        first: AsyncGenerator[EngineEvent, None] | None = None,
    ) -> None:
        self.rest: Piece | None = None
        """What is left to say as a piece of its own, behind a pause; known when the events are over."""
        self.pause = piece.pause
        """Seconds to be silent behind this piece."""
        self._engine = engine
        self._utterance = utterance
        self._piece = piece
        self._joiner = joiner
        self._is_well = is_well
        self._first = first
        self._script = Script(piece.text)
        self._delay = engine.capabilities.skip_samples / engine.capabilities.sample_rate
        self._phones_until = 0.0

    @property
    def _heard(self) -> float:
        return max(0.0, self._joiner.fed - self._delay)

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        """What the engine says, as if it had never broken off.

        Raises:
            EngineError: It does not come back, or nothing was heard yet of a text that begins with this piece.
        """
        events = self._rendered(self._first or timed(self._engine, self._utterance))
        tries, reached = 0, 0.0
        while True:
            try:
                async with aclosing(events):
                    async for event in events:
                        yield event
            except EngineError as error:
                if self._joiner.fed and self._script.is_said(self._heard):
                    logger.info("engine %s broke off behind the last word: %s", self._engine.name, error.detail)
                    return
                tries = 1 if self._heard > reached + PROGRESS else tries + 1
                reached = max(reached, self._heard)
                if not self._may_go_on(error, tries):
                    raise
                logger.info("engine %s broke off and is asked for the rest: %s", self._engine.name, error.detail)
            else:
                return
            await asyncio.sleep(min(LONGEST_PAUSE, pause_before_retry(tries)))
            if not self._joiner.fed:
                events = self._rendered(timed(self._engine, self._utterance))
                continue
            there = self._script.take_up(self._heard)
            if there.heard is None:
                self.rest = self._from(there.start)
                self.pause = there.pause
                return
            events = self._taken_up(there)

    def _may_go_on(self, error: EngineError, tries: int) -> bool:
        capabilities = self._engine.capabilities
        if not (self._utterance.continues or self._joiner.fed):
            return False  # nobody has heard anything: others may try
        # One that refuses spoke a moment ago; but it may mean it.
        once = not capabilities.network or isinstance(error, EngineRejectedError)
        most = 1 if once else TRIES if self._is_well() else TRIES_WHEN_ILL
        if isinstance(error, UnspeakableTextError) or tries > most:
            return False
        return not self._joiner.fed or capabilities.words

    def _from(self, start: int) -> Piece:
        piece = self._piece
        return Piece(text=piece.text[start:], offset=piece.offset + start, pause=piece.pause)

    async def _rendered(self, events: AsyncGenerator[EngineEvent, None]) -> AsyncGenerator[EngineEvent, None]:
        """A rendering from the beginning; what is said about a sound that never came is kept back."""
        ahead: list[EngineEvent] = []
        heard = False
        async with aclosing(events):
            async for event in events:
                heard = heard or isinstance(event, AudioChunk)
                ahead.append(event)
                if len(ahead) > MOST_AHEAD:
                    raise EngineError(f"The {self._engine.name} engine talks of sound that it does not make.")
                if heard:
                    for told in ahead:
                        if self._is_new(told):
                            yield told
                    ahead.clear()

    def _is_new(self, event: EngineEvent) -> bool:
        if isinstance(event, WordBoundary):
            return self._script.new(event)
        if isinstance(event, PhoneSpan):
            begins = event.time >= self._phones_until - 0.001
            self._phones_until = max(self._phones_until, event.time + event.duration)
            return begins
        return True

    async def _taken_up(self, there: TakeUp) -> AsyncGenerator[EngineEvent, None]:
        """A new rendering of a sentence, without what was heard of the old one."""
        utterance = msgspec.structs.replace(self._utterance, text=self._piece.text[there.start :], continues=True)
        meeting = Meeting(self._script, there)
        async with aclosing(timed(self._engine, utterance)) as events:
            waiting = await _until_met(events, meeting)
            fed = self._joiner.fed
            shift = fed - self._joiner.splice(fed - meeting.shift)
            for kept in waiting:
                if (moved := self._moved(kept, shift, there.start)) is not None:
                    yield moved
            async for event in events:
                if (moved := self._moved(event, shift, there.start)) is not None:
                    yield moved
        if self._joiner.dropping > SHORTER:
            raise EngineError(f"The {self._engine.name} engine said less of the same text than before.")

    def _moved(self, event: EngineEvent, shift: float, start: int) -> EngineEvent | None:
        """From the clock and the text of the new rendering to those of the piece; None: that was heard already."""
        if isinstance(event, AudioChunk):
            return event
        time = event.time + shift
        if isinstance(event, PhoneSpan):
            moved: EngineEvent = msgspec.structs.replace(event, time=time)
            return moved if self._is_new(moved) else None
        if event.offset is None:
            return msgspec.structs.replace(event, time=time) if time > self._heard else None
        moved = msgspec.structs.replace(event, time=time, offset=event.offset + start)
        return moved if self._is_new(moved) else None


async def _until_met(events: AsyncGenerator[EngineEvent, None], meeting: Meeting) -> list[EngineEvent]:
    """The beginning of a new rendering, up to where it is known how its times have to be moved."""
    waiting: list[EngineEvent] = []
    size = 0
    while not meeting.found and size < LONGEST_SEARCH and (event := await anext(events, None)) is not None:
        waiting.append(event)
        if isinstance(event, WordBoundary):
            meeting.look(event)
        elif isinstance(event, AudioChunk):
            size += len(event.data)
    return waiting
