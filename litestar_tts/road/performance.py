"""From text to one engine's sound: pieces in, one joined stream of events out.

All times are on the clock that the listener will hear: behind the encoder delay, and after the tempo that the audio
stage still applies.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.join import PieceJoiner
from litestar_tts.engines.base import Capabilities, Engine, Timeouts
from litestar_tts.engines.chain import Candidate
from litestar_tts.exceptions import EngineError, EngineTimeoutError, UnspeakableTextError
from litestar_tts.models import AudioChunk, EngineEvent, PhoneSpan, Prosody, Utterance, WordBoundary
from litestar_tts.road.manuscript import Manuscript
from litestar_tts.text.segment import Piece, pieces

__all__ = ("PieceEnd", "PieceStart", "RoadEvent", "perform", "source_of", "split_prosody")

logger = logging.getLogger("litestar_tts")

LONGEST_END: Final = 0.8
"""Seconds of silence behind the last sound of a text, divided by its speed where that is more than 1."""

MID_SPEECH_PATIENCE: Final = 60.0
"""Seconds more that a piece may take to begin when the listener has heard the one before, and still has audio of it."""


class PieceStart(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the text begins here."""

    time: float
    piece: Piece


class PieceEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The sound of the piece ends here; what follows is a pause."""

    time: float


RoadEvent = AudioChunk | WordBoundary | PhoneSpan | PieceStart | PieceEnd


def source_of(capabilities: Capabilities) -> AudioSource:
    """What the audio room has to know about an engine."""
    return AudioSource(
        encoding=capabilities.encoding,
        sample_rate=capabilities.sample_rate,
        bit_rate=capabilities.bit_rate,
        skip_samples=capabilities.skip_samples,
    )


def split_prosody(prosody: Prosody, capabilities: Capabilities) -> tuple[Prosody, Prosody]:
    """What the engine does itself, and what is left for the audio stage."""

    def clamp(value: float, bounds: tuple[float, float]) -> float:
        return min(max(value, bounds[0]), bounds[1])

    native = Prosody(
        speed=clamp(prosody.speed, capabilities.speed),
        pitch=clamp(prosody.pitch, capabilities.pitch),
        volume=clamp(prosody.volume, capabilities.volume),
    )
    rest = Prosody(
        speed=prosody.speed / native.speed,
        pitch=prosody.pitch - native.pitch,
        volume=prosody.volume - native.volume,
    )
    return native, rest


async def perform(
    candidate: Candidate, manuscript: Manuscript, prosody: Prosody, tempo: float
) -> AsyncGenerator[RoadEvent, None]:
    """Speak the whole text with one engine.

    Args:
        candidate: Who speaks.
        manuscript: What.
        prosody: The part that the engine does itself.
        tempo: Factor by which the audio stage will shorten everything afterwards; times are given after it.

    A piece for which the voice has no sound is left out.

    Raises:
        UnspeakableTextError: That is so for all of them.
        EngineError: The engine failed, or fell silent for longer than its capabilities allow.
    """
    engine = await candidate.slot.ready()
    source = source_of(engine.capabilities)
    clock = _Clock(source, tempo)
    joiner = PieceJoiner(source)
    pause: float | None = None
    spoken, unspeakable = False, None
    async with aclosing(pieces(manuscript.source(), engine.piece_limits(prosody))) as parts:
        async for piece in parts:
            if pause is not None:
                for chunk in clock.chunks(await joiner.next_piece(pause / prosody.speed)):
                    yield chunk
            yield PieceStart(time=joiner.position / tempo, piece=piece)
            base = joiner.position
            utterance = Utterance(text=piece.text, voice=candidate.voice, prosody=prosody, continues=pause is not None)
            try:
                async with aclosing(_speak_piece(engine, utterance)) as events:
                    async for event in events:
                        if isinstance(event, AudioChunk):
                            spoken = True
                            for chunk in clock.chunks(await joiner.feed(event.data)):
                                yield chunk
                        else:
                            yield _moved(event, base, tempo, piece.offset)
            except UnspeakableTextError as error:
                unspeakable = error
            yield PieceEnd(time=max(base, joiner.position - joiner.silence) / tempo)
            pause = piece.pause
        if unspeakable is not None and not spoken:
            raise unspeakable
        # A service may put the same silence behind a fast text as behind a slow one.
        longest = LONGEST_END / prosody.speed if prosody.speed > 1 else None
        for chunk in clock.chunks(await joiner.finish(longest)):
            yield chunk


def _moved(event: WordBoundary | PhoneSpan, base: float, tempo: float, offset: int) -> WordBoundary | PhoneSpan:
    """From the clock of a piece, and its text, to those of the utterance."""
    if isinstance(event, PhoneSpan):
        return PhoneSpan(phone=event.phone, time=(base + event.time) / tempo, duration=event.duration / tempo)
    start = round((base + event.time) / tempo, 3)
    end = round((base + event.time + event.duration) / tempo, 3)
    place = None if event.offset is None else event.offset + offset
    return WordBoundary(text=event.text, time=start, duration=round(end - start, 3), offset=place)


async def _speak_piece(engine: Engine, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
    """One piece; one that continues a text is tried a second time if it fails before it has made a sound."""
    if utterance.continues:
        heard = False
        ahead: list[EngineEvent] = []  # what was said about a sound that never came would be said twice
        try:
            async with aclosing(_timed(engine, utterance)) as events:
                async for event in events:
                    ahead.append(event)
                    heard = heard or isinstance(event, AudioChunk)
                    while heard and ahead:
                        yield ahead.pop(0)
        except EngineError as error:
            if heard or not error.retryable:
                raise
            logger.info("engine %s failed between two sentences and is asked again: %s", engine.name, error.detail)
        else:
            return
    async with aclosing(_timed(engine, utterance)) as events:
        async for event in events:
            yield event


async def _timed(engine: Engine, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
    """The engine's events, with its silence limited."""
    limits: Timeouts = engine.capabilities.timeouts
    now = asyncio.get_running_loop().time
    patience = limits.first_audio + (MID_SPEECH_PATIENCE if utterance.continues else 0.0)
    deadline = now() + patience
    heard = False
    async with aclosing(engine.synthesize(utterance)) as events:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    event = await anext(events)
            except StopAsyncIteration:
                break
            except TimeoutError:
                what = "went silent" if heard else "gave no audio"
                raise EngineTimeoutError(f"The {engine.name} engine {what} for {patience:g} seconds.") from None
            if isinstance(event, AudioChunk):
                heard, patience = True, limits.gap
            yield event
            if heard:
                deadline = now() + patience  # the listener's own time does not count
    if not heard:
        raise EngineError(f"The {engine.name} engine made no sound for this text.")


class _Clock:
    """Turns joined bytes into chunks that know their place in time."""

    def __init__(self, source: AudioSource, tempo: float) -> None:
        self._bytes_per_second = source.bit_rate / 8 if source.encoding == "mp3" else source.sample_rate * 2
        self._skip = source.skip_samples / source.sample_rate
        self._tempo = tempo
        self._sent = 0

    def chunks(self, data: bytes) -> list[AudioChunk]:
        """At most one chunk."""
        if not data:
            return []
        start = self._at(self._sent)
        self._sent += len(data)
        return [AudioChunk(data=data, time=start, duration=self._at(self._sent) - start)]

    def _at(self, sent: int) -> float:
        return max(0.0, sent / self._bytes_per_second - self._skip) / self._tempo
