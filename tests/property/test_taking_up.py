"""Wherever and however often an engine breaks off, every word is heard once, in order, at its time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Capabilities, Engine, PieceLimits
from litestar_tts.exceptions import EngineError, EngineTimeoutError
from litestar_tts.models import AudioChunk, EngineEvent, Utterance, Voice, WordBoundary
from litestar_tts.service import SpeechService
from tests.support.sound import samples_of
from tests.support.timeline import check_timeline, payloads

RATE = 24_000
LEAD, GAP, TAIL = 0.1, 0.3, 0.4
SENTENCES = ("One two three.", "Four five six seven eight nine.", "Ten eleven twelve thirteen.", "Fourteen fifteen.")
NUMBER = {word: index for index, word in enumerate(" ".join(SENTENCES).replace(".", "").split())}


def level_of(word: str) -> int:
    return 2000 + 1000 * NUMBER[word]


def rendering(text: str) -> tuple[list[WordBoundary], bytes]:
    """Each word is a stretch with a level of its own, as long as its letters; silence in front, between, behind."""
    words: list[WordBoundary] = []
    parts = [np.zeros(round(LEAD * RATE))]
    time, at = LEAD, 0
    for word in text.split():
        plain = word.strip(".")
        length = 0.04 * len(plain)
        offset = text.index(plain, at)
        at = offset + len(plain)
        words.append(WordBoundary(text=plain, time=time, duration=length, offset=offset))
        parts.append(np.full(round(length * RATE), level_of(plain)))
        silence = GAP if word.endswith(".") else 0.02
        parts.append(np.zeros(round(silence * RATE)))
        time += length + silence
    parts.append(np.zeros(round(TAIL * RATE)))
    return words, np.concatenate(parts).astype("<i2").tobytes()


class Breaking(Engine):
    """Breaks off after so many bytes of sound, each number once."""

    name = "breaking"

    def __init__(self, breaks: list[int], ahead: float, error: type[EngineError], *, joined: bool) -> None:
        self.capabilities = Capabilities(
            words=True, network=True, pieces=PieceLimits(first_chars=0, join_seconds=60.0 if joined else 0.1)
        )
        self.breaks = breaks
        self.ahead = ahead
        self.error = error
        self.texts: list[str] = []
        self.running = 0

    async def voices(self) -> Sequence[Voice]:
        return [Voice(id="v", name="V", engine=self.name, language="en-US")]

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        self.texts.append(utterance.text)
        end = self.breaks.pop(0) if self.breaks else None
        self.running += 1
        try:
            words, sound = rendering(utterance.text)
            for at in range(0, len(sound), 1001):
                if end is not None and at >= end:
                    raise self.error("broke off")
                while words and words[0].time < at / 2 / RATE + self.ahead:
                    yield words.pop(0)
                await asyncio.sleep(0)
                yield AudioChunk(data=sound[at : at + 1001])
        finally:
            self.running -= 1


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("litestar_tts.road.take.pause_before_retry", lambda _: 0.0)


@given(
    breaks=st.lists(st.integers(2_000, 120_000), max_size=6),
    ahead=st.sampled_from([0.03, 0.5, 3.0, 60.0]),
    error=st.sampled_from([EngineError, EngineTimeoutError]),
    joined=st.booleans(),
    visemes=st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_every_word_is_heard_once(
    breaks: list[int], ahead: float, error: type[EngineError], *, joined: bool, visemes: bool
):
    text = " ".join(SENTENCES)

    async def speak() -> None:
        engine = Breaking(list(breaks), ahead, error, joined=joined)
        async with SpeechService(TTSConfig(engines=[engine], default_voice="v", hedge_after=None)) as service:
            options = {} if visemes else {"visemes": None}
            try:
                result = await service.speak(text, format="pcm", **options).collect()
            except EngineError:
                assert len(engine.texts) > 3, "it was tried again and again"
                return
            finally:
                assert engine.running == 0
            assert [word.text for word in result.words] == text.replace(".", "").split()
            sound = samples_of(result.audio)
            if visemes:
                check_timeline(payloads(result.visemes), result.duration)
            # A seam fades in: only what stays at its level counts.
            steady = sound[1:][np.diff(sound) == 0]
            levels = [level for level in dict.fromkeys(steady.tolist()) if level % 1000 == 0 and level]
            assert levels == [level_of(word.text) for word in result.words], "the sound of every word, in order"
            for word in result.words:
                heard = np.count_nonzero(np.abs(sound - level_of(word.text)) < 1) / RATE
                assert heard == pytest.approx(0.04 * len(word.text), abs=0.02), "not twice, and not cut"
                there = sound[round(word.time * RATE) : round((word.time + word.duration) * RATE)]
                assert np.mean(there == level_of(word.text)) > 0.85, "at its time"

    asyncio.run(speak())
