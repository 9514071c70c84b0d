"""The beeping engine keeps the contract, and the contract catches engines that do not."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest

from litestar_tts.exceptions import EngineError
from litestar_tts.models import AudioChunk, EngineEvent, PhoneSpan, Utterance, Voice, WordBoundary
from litestar_tts.testing import EngineContract, ToneEngine, listen


class TestToneEngine(EngineContract):
    def make_engine(self) -> ToneEngine:
        return ToneEngine()


async def utterance(engine: ToneEngine, text: str, voice: str = "tone-high") -> Utterance:
    found = await engine.find_voice(voice)
    assert found is not None
    return Utterance(text=text, voice=found)


def frequency(pcm: bytes) -> float:
    """Of a pure tone: rising zero crossings in a second."""
    samples = array("h", pcm)
    crossings = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    return (len(crossings) - 1) * 24_000 / (crossings[-1] - crossings[0])


async def test_each_word_sounds_at_its_time_with_its_own_pitch():
    engine = ToneEngine()
    heard = await listen(engine, await utterance(engine, "Good morning, world!"))
    assert [(word.text, word.offset) for word in heard.words] == [("Good", 0), ("morning", 5), ("world", 14)]
    for word in heard.words:
        sound = heard.audio[2 * round(word.time * 24_000) : 2 * round((word.time + word.duration) * 24_000)]
        assert frequency(sound) == pytest.approx(ToneEngine.pitch_of(word.text, "tone-high"), rel=0.02)
    assert len({ToneEngine.pitch_of(word.text, "tone-high") for word in heard.words}) == 3


async def test_the_low_voice_is_an_octave_below():
    assert ToneEngine.pitch_of("word", "tone-high") == 2 * ToneEngine.pitch_of("word", "tone-low")


async def test_the_same_utterance_sounds_the_same():
    engine = ToneEngine()
    one, other = [await listen(engine, await utterance(engine, "one two")) for _ in range(2)]
    assert one.audio == other.audio


async def test_fails_before_audio():
    engine = ToneEngine(fail=EngineError("broken"))
    events: list[EngineEvent] = []
    with pytest.raises(EngineError, match="broken"):
        async with aclosing(engine.synthesize(await utterance(engine, "one two"))) as stream:
            async for event in stream:
                events.append(event)
    assert not [event for event in events if isinstance(event, AudioChunk)]
    assert (engine.started, engine.closed, engine.active) == (1, 1, 0)


async def test_fails_in_the_middle():
    engine = ToneEngine(fail=EngineError("broken"), fail_after=0.5)
    size = 0
    with pytest.raises(EngineError):
        async with aclosing(engine.synthesize(await utterance(engine, "one two three four five"))) as stream:
            async for event in stream:
                size += len(event.data) if isinstance(event, AudioChunk) else 0
    assert size / 48_000 == pytest.approx(0.5, abs=0.1)


async def test_the_gate_holds_the_audio_back_and_counters_tell():
    engine = ToneEngine(gate=asyncio.Event())
    task = asyncio.create_task(listen(engine, await utterance(engine, "one two")))
    await asyncio.sleep(0)
    assert (engine.started, engine.active) == (1, 1)
    assert not task.done()
    engine.gate.set()
    assert (await task).chunks
    assert (engine.started, engine.closed, engine.active) == (1, 1, 0)
    assert engine.spoken == ["one two"]


async def test_cancelling_at_the_gate_counts_as_closed():
    engine = ToneEngine(gate=asyncio.Event())
    task = asyncio.create_task(listen(engine, await utterance(engine, "one two")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (engine.started, engine.active) == (1, 0)


# --- the contract catches ---------------------------------------------------------------------------------------------

Change = Callable[[EngineEvent], list[EngineEvent]]


class Bent(ToneEngine):
    """Passes each event of a good engine through a change."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        async with aclosing(super().synthesize(utterance)) as events:
            async for event in events:
                for changed in self.change(event):
                    yield changed


def contract(engine: Callable[[], ToneEngine]) -> EngineContract:
    suite = EngineContract()
    suite.make_engine = engine  # type: ignore[method-assign]
    suite.limit = 2.0  # type: ignore[misc]
    return suite


def audio(change: Callable[[bytes], bytes]) -> Change:
    return lambda event: [AudioChunk(data=change(event.data))] if isinstance(event, AudioChunk) else [event]


def word(change: Callable[[WordBoundary], EngineEvent]) -> Change:
    return lambda event: [change(event)] if isinstance(event, WordBoundary) else [event]


@pytest.mark.parametrize(
    ("test", "change"),
    [
        ("test_audio_is_whole", audio(lambda data: data[:-1])),
        ("test_audio_is_whole", audio(lambda data: bytes(len(data)))),
        ("test_audio_is_whole", audio(lambda data: b"")),
        (
            "test_words_lie_in_the_audio",
            word(lambda w: WordBoundary(text=w.text, time=w.time, duration=w.duration, offset=w.offset + 1)),
        ),
        (
            "test_words_lie_in_the_audio",
            word(lambda w: WordBoundary(text=w.text, time=w.time + 60, duration=w.duration, offset=w.offset)),
        ),
        (
            "test_words_lie_in_the_audio",
            word(lambda w: WordBoundary(text=w.text, time=9 - w.time, duration=0.1, offset=w.offset)),
        ),
        (
            "test_words_lie_in_the_audio",
            word(lambda w: WordBoundary(text=w.text, time=w.time, duration=0.0, offset=w.offset)),
        ),
    ],
)
def test_bent_events_are_caught(test: str, change: Change):
    with pytest.raises(AssertionError):
        getattr(contract(lambda: Bent(change)), test)()


def test_gaps_between_phones_are_caught():
    class Gaps(ToneEngine):
        def __init__(self, gap: float) -> None:
            super().__init__()
            self.gap = gap
            self.capabilities = type(self.capabilities)(words=True, phones=True)

        async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
            heard = await listen(ToneEngine(), utterance)
            step = heard.duration / 10
            for n in range(10):
                yield PhoneSpan(phone="a", time=n * step, duration=step - self.gap)
            yield AudioChunk(data=heard.audio)

    contract(lambda: Gaps(0.0)).test_phones_are_contiguous()
    with pytest.raises(AssertionError, match="does not start where"):
        contract(lambda: Gaps(0.01)).test_phones_are_contiguous()


def test_mixing_utterances_is_caught():
    class Shared(ToneEngine):
        text = ""

        async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
            self.text = utterance.text
            await asyncio.sleep(0)
            async with aclosing(super().synthesize(Utterance(text=self.text, voice=utterance.voice))) as events:
                async for event in events:
                    yield event

    with pytest.raises(AssertionError):
        contract(Shared).test_utterances_do_not_mix()


def test_an_engine_that_stays_busy_is_caught():
    class Greedy(ToneEngine):
        busy = False

        async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
            while self.busy:
                await asyncio.sleep(0.01)
            self.busy = True
            async with aclosing(super().synthesize(utterance)) as events:
                async for event in events:
                    yield event
            self.busy = False  # not when it is closed early

    suite = contract(Greedy)
    suite.limit = 0.3  # type: ignore[misc]
    suite.test_utterances_do_not_mix()
    with pytest.raises(TimeoutError):
        suite.test_closing_early_frees_the_engine()


@pytest.mark.parametrize(
    "voice",
    [
        Voice(id="a:b", name="x", engine="tone", language="en-US"),
        Voice(id="a", name="x", engine="other", language="en-US"),
        Voice(id="a", name="x", engine="tone", language="English"),
        Voice(id="a", name="x", engine="tone", language="en-US", gender="female"),
        Voice(id="a", name=" ", engine="tone", language="en-US"),
    ],
)
def test_bad_voices_are_caught(voice: Voice):
    class Mislabelled(ToneEngine):
        async def voices(self) -> list[Voice]:
            return [voice]

    with pytest.raises(AssertionError):
        contract(Mislabelled).test_voices_are_valid()


def test_audio_before_its_events_is_caught():
    class Late(ToneEngine):
        async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
            heard = await listen(ToneEngine(), utterance)
            yield AudioChunk(data=heard.audio)
            for boundary in heard.words:
                yield boundary

    with pytest.raises(AssertionError, match="after its audio"):
        contract(Late).test_events_come_in_time()
