"""From text to one engine's sound: pieces in, one joined stream of events out.

All times are on the clock that the listener will hear: behind the encoder delay, and after the tempo that the audio
stage still applies.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.join import PieceJoiner
from litestar_tts.engines.base import Capabilities
from litestar_tts.engines.chain import Candidate
from litestar_tts.exceptions import UnspeakableTextError
from litestar_tts.models import AudioChunk, PhoneSpan, Prosody, Utterance, WordBoundary
from litestar_tts.road.ahead import Pieces
from litestar_tts.road.manuscript import Manuscript
from litestar_tts.road.take import Take
from litestar_tts.text.segment import Piece, pieces

__all__ = ("PieceEnd", "PieceStart", "RoadEvent", "perform", "source_of", "split_prosody")

LONGEST_END: Final = 0.8
"""Seconds of silence behind the last sound of a text, divided by its speed where that is more than 1."""


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
    candidate: Candidate, manuscript: Manuscript, prosody: Prosody, tempo: float, client: str = ""
) -> AsyncGenerator[RoadEvent, None]:
    """Speak the whole text with one engine.

    Args:
        candidate: Who speaks.
        manuscript: What.
        prosody: The part that the engine does itself.
        tempo: Factor by which the audio stage will shorten everything afterwards; times are given after it.
        client: Who listens.

    A piece for which the voice has no sound is left out.

    Raises:
        UnspeakableTextError: That is so for all of them.
        EngineError: The engine failed, or fell silent for longer than its capabilities allow.
    """
    engine = await candidate.slot.ready()
    source = source_of(engine.capabilities)
    clock = _Clock(source, engine.capabilities.bytes_per_second, tempo)
    joiner = PieceJoiner(source)
    pause: float | None = None
    spoken, unspeakable = False, None
    manner = Utterance(text="", voice=candidate.voice, prosody=prosody, client=client)
    async with (
        aclosing(pieces(manuscript.source(), engine.piece_limits(prosody))) as parts,
        aclosing(Pieces(parts, engine, manner, whole=manuscript.whole is not None)) as ahead,
    ):
        while (piece := await ahead.next()) is not None:
            for chunk in clock.chunks(b"" if pause is None else await joiner.next_piece(pause / prosody.speed)):
                yield chunk
            yield PieceStart(time=joiner.position / tempo, piece=piece)
            base = joiner.position
            utterance = msgspec.structs.replace(manner, text=piece.text, continues=pause is not None)
            take = Take(engine, utterance, piece, joiner, candidate.is_well, ahead.begun)
            try:
                async with aclosing(take.events()) as events:
                    async for event in events:
                        if not isinstance(event, AudioChunk):
                            yield _moved(event, base, tempo, piece.offset)
                            continue
                        await ahead.look()
                        for chunk in clock.chunks(await joiner.feed(event.data)):
                            yield chunk
            except UnspeakableTextError as error:
                unspeakable = error
            spoken = spoken or joiner.fed > 0
            yield PieceEnd(time=max(base, joiner.position - joiner.silence) / tempo)
            pause = take.pause
            if take.rest is not None:
                ahead.insert(take.rest)
        if unspeakable is not None and not spoken:
            raise unspeakable
        for chunk in clock.chunks(await joiner.finish(_longest_end(prosody))):
            yield chunk


def _longest_end(prosody: Prosody) -> float | None:
    # A service may put the same silence behind a fast text as behind a slow one.
    return LONGEST_END / prosody.speed if prosody.speed > 1 else None


def _moved(event: WordBoundary | PhoneSpan, base: float, tempo: float, offset: int) -> WordBoundary | PhoneSpan:
    """From the clock of a piece, and its text, to those of the utterance."""
    if isinstance(event, PhoneSpan):
        return PhoneSpan(phone=event.phone, time=(base + event.time) / tempo, duration=event.duration / tempo)
    start = round((base + event.time) / tempo, 3)
    end = round((base + event.time + event.duration) / tempo, 3)
    place = None if event.offset is None else event.offset + offset
    return WordBoundary(text=event.text, time=start, duration=round(end - start, 3), offset=place)


class _Clock:
    """Turns joined bytes into chunks that know their place in time."""

    def __init__(self, source: AudioSource, bytes_per_second: float, tempo: float) -> None:
        self._bytes_per_second = bytes_per_second
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
