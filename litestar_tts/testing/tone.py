"""An engine that beeps: audible, deterministic, without any dependency, and it fails on demand."""

from __future__ import annotations

import asyncio
import math
import re
from array import array
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar, Final
from zlib import crc32

from litestar_tts.engines.base import Capabilities, Engine
from litestar_tts.models import AudioChunk, EngineEvent, Utterance, Voice, WordBoundary

__all__ = ("ToneEngine",)

RATE: Final = 24_000
CHUNK_SECONDS: Final = 0.1


class ToneEngine(Engine):
    """Beeps once for each word; the pitch tells words apart, so that tests can hear what was said in which order.

    A word lasts 0.12 s and 0.02 s for each of its characters, with 0.04 s of silence behind it. Its sound depends on
    nothing but the word and the voice.

    Args:
        name: To have several of them in one application.
        fail: Raised once ``fail_after`` seconds of an utterance's audio were made.
        fail_after: 0: before any audio.
        delay: Seconds that pass before an utterance's first audio.
        gate: No audio is made before it is set.

    The arguments are attributes that may be changed between utterances.
    """

    name: ClassVar[str] = "tone"

    def __init__(
        self,
        *,
        name: str = "tone",
        fail: Exception | None = None,
        fail_after: float = 0.0,
        delay: float = 0.0,
        gate: asyncio.Event | None = None,
    ) -> None:
        self.name = name  # type: ignore[misc]
        self.capabilities = Capabilities(encoding="pcm", sample_rate=RATE, words=True)
        self.fail = fail
        self.fail_after = fail_after
        self.delay = delay
        self.gate = gate
        self.started = 0
        """Utterances that began."""
        self.closed = 0
        """Utterances that ended, in whatever way."""
        self.spoken: list[str] = []
        """Texts of the utterances that began."""

    @property
    def active(self) -> int:
        """Utterances that began and did not end."""
        return self.started - self.closed

    async def voices(self) -> Sequence[Voice]:
        """Two English voices and a German one."""
        return [
            Voice(id="tone-high", name="High tone", engine=self.name, language="en-US", gender="Female"),
            Voice(id="tone-low", name="Low tone", engine=self.name, language="en-US", gender="Male"),
            Voice(id="tone-de", name="Ton", engine=self.name, language="de-DE", gender="Female"),
        ]

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        """Beep: each word before its sound, in chunks of 0.1 s.

        Raises:
            Exception: What ``fail`` says.
        """
        self.started += 1
        self.spoken.append(utterance.text)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.gate is not None:
                await self.gate.wait()
            made = 0
            for word in self._words(utterance.text):
                beep = self._beep(word.group(), utterance.voice.id)
                gap = bytes(2 * int(0.04 * RATE))
                yield WordBoundary(
                    text=word.group(), time=made / RATE, duration=len(beep) / 2 / RATE, offset=word.start()
                )
                sound = beep + gap
                for start in range(0, len(sound), 2 * int(CHUNK_SECONDS * RATE)):
                    self._fail_at(made / RATE)
                    data = sound[start : start + 2 * int(CHUNK_SECONDS * RATE)]
                    yield AudioChunk(data=data)
                    made += len(data) // 2
                    await asyncio.sleep(0)
            self._fail_at(made / RATE)
            if not made:
                yield AudioChunk(data=bytes(2 * int(0.04 * RATE)))
        finally:
            self.closed += 1

    @staticmethod
    def pitch_of(word: str, voice: str) -> float:
        """The frequency of a word's beep, in Hz."""
        return RATE / _period(word, voice)

    def _fail_at(self, seconds: float) -> None:
        if self.fail is not None and seconds >= self.fail_after:
            raise self.fail

    @staticmethod
    def _words(text: str) -> list[re.Match[str]]:
        return list(re.finditer(r"\w+(?:['’-]\w+)*", text))

    @staticmethod
    def _beep(word: str, voice: str) -> bytes:
        period = _period(word, voice)
        count = round((0.12 + 0.02 * len(word)) * RATE / period)
        # Whole periods, swelling and fading over four: no click.
        steps = [_one_period(period, level / 4) for level in (1, 2, 3)]
        return b"".join([*steps, _one_period(period, 1.0) * max(0, count - 6), *reversed(steps)])


def _period(word: str, voice: str) -> int:
    """Samples of one wave: 24 to 119, which is 1000 down to about 200 Hz; low voices an octave below."""
    return (24 + crc32(word.casefold().encode()) % 96) * (2 if voice.endswith("low") else 1)


def _one_period(length: int, level: float) -> bytes:
    return array("h", (round(8_000 * level * math.sin(2 * math.pi * n / length)) for n in range(length))).tobytes()
