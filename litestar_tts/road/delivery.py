"""One candidate's whole road: engine → joined pieces → lips → encoded audio, as one stream of events."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from litestar_tts.audio.stage import AudioStage
from litestar_tts.engines.chain import Candidate
from litestar_tts.exceptions import InvalidRequestError
from litestar_tts.models import AudioChunk, PhoneSpan, SpeechEnd, SpeechEvent, SpeechRequest, Viseme, WordBoundary
from litestar_tts.road.lips import Lips, Silent
from litestar_tts.road.manuscript import Manuscript
from litestar_tts.road.performance import PieceStart, RoadEvent, perform, source_of, split_prosody
from litestar_tts.visemes.phonemes import Phonemizer

__all__ = ("Setting", "deliver")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """First event of a delivery: what the audio will decode to."""

    sample_rate: int
    skip_samples: int


async def deliver(
    candidate: Candidate, manuscript: Manuscript, request: SpeechRequest, phonemizer: Phonemizer
) -> AsyncGenerator[SpeechEvent | Setting, None]:
    """Speak a text with one engine, in the asked format.

    Yields:
        :class:`Setting`, then words and visemes, each before the audio that holds its start, and encoded audio;
        :class:`SpeechEnd` last.

    Raises:
        EngineError: The engine failed.
        MissingExtraError: The format or the visemes need a part that is not installed.
        InvalidRequestError: A text that was still being written turned out to hold nothing to say.
    """
    capabilities = candidate.engine.capabilities
    native, effects = split_prosody(request.prosody, capabilities)
    stage = AudioStage(source_of(capabilities), request.format, sample_rate=request.sample_rate, effects=effects)
    lips = Silent()
    if request.visemes is not None and request.timeline:
        lips = Lips(capabilities, candidate.voice.language, request, phonemizer)
    outlet = _Outlet(stage, lips)
    performance = perform(candidate, manuscript, native, effects.speed, request.client)
    async with aclosing(stage), aclosing(performance) as events:
        yield Setting(sample_rate=stage.sample_rate, skip_samples=stage.skip_samples)
        async for event in events:
            await outlet.take(event)
            async with aclosing(outlet.release()) as ready:
                async for made in ready:
                    yield made
        if not outlet.spoken:
            raise InvalidRequestError("text holds nothing to speak; send letters or digits.", parameter="text")
        async with aclosing(outlet.finish()) as rest:
            async for made in rest:
                yield made


class _Outlet:
    """Lets audio out once its lips are known, and encodes it on the way."""

    def __init__(self, stage: AudioStage, lips: Silent) -> None:
        self._stage = stage
        self._lips = lips
        self._held: deque[AudioChunk] = deque()
        self._bytes = 0
        self._visemes = 0
        self.spoken = False

    async def take(self, event: RoadEvent) -> None:
        """Take in what the engine said."""
        if isinstance(event, AudioChunk):
            self.spoken = True
            self._held.append(event)
            self._lips.heard(event.time + event.duration)
        elif isinstance(event, PieceStart):
            await self._lips.begin_piece(event)
        elif isinstance(event, WordBoundary):
            self._lips.word(event)
        elif isinstance(event, PhoneSpan):
            self._lips.phone(event)
        else:
            self._lips.end_piece(event.time)

    async def release(self) -> AsyncGenerator[SpeechEvent, None]:
        """Every chunk whose mouth shapes have all been decided, each behind them."""
        while self._held and self._held[0].time + self._held[0].duration <= self._lips.final_until:
            chunk = self._held.popleft()
            for event in self._due(chunk.time + chunk.duration):
                yield event
            for part in self._stage.parts(chunk.data):
                start = self._stage.duration
                data = await self._stage.feed(part)
                if data:
                    yield self._audio(data, start)

    async def finish(self) -> AsyncGenerator[SpeechEvent, None]:
        """The rest. Only the encoder knows where the audio really ends, so it finishes before the last viseme does."""
        start = self._stage.duration
        parts = [await self._stage.feed(chunk.data) for chunk in self._held]
        self._held.clear()
        parts.append(await self._stage.finish())
        end = self._stage.duration
        self._lips.finish(end)
        for event in self._due(float("inf")):
            yield event
        data = b"".join(parts)
        if data:
            yield self._audio(data, start)
        yield SpeechEnd(duration=end, visemes=self._visemes, bytes=self._bytes)

    def _due(self, until: float) -> list[Viseme | WordBoundary]:
        events = self._lips.due(until)
        self._visemes += sum(isinstance(event, Viseme) for event in events)
        return events

    def _audio(self, data: bytes, start: float) -> AudioChunk:
        self._bytes += len(data)
        return AudioChunk(data=data, time=start, duration=self._stage.duration - start)
