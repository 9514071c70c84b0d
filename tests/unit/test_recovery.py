"""An engine that failed is asked for a word in the background, until it speaks."""

import asyncio

import pytest

from litestar_tts.engines import breaker
from litestar_tts.engines.registry import EngineSlot
from litestar_tts.exceptions import EngineError, EngineRejectedError, NoAudioError
from tests.support.scripted import ScriptedEngine


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(breaker, "LONGEST_PAUSE", 0.04)


async def failing(error: EngineError) -> tuple[ScriptedEngine, EngineSlot]:
    engine = ScriptedEngine()
    engine.fails = error
    slot = EngineSlot(engine)
    first = (await engine.voices())[0]
    for _ in range(5):
        ticket = slot.breakers.admit(first)
        if ticket is not None:
            slot.breakers.failed(ticket, error)
    assert slot.breaker_state() == "open"
    return engine, slot


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("error", [EngineError("down"), EngineRejectedError("outdated"), NoAudioError("nothing")])
async def test_it_is_found_well_without_any_request(error: EngineError):
    engine, slot = await failing(error)
    await until(lambda: engine.speeches >= 3)
    assert slot.breaker_state() != "closed"
    engine.fails = None
    await until(lambda: slot.breaker_state() == "closed")
    spoken = engine.speeches
    assert engine.stopped.is_set()
    await asyncio.sleep(0.1)
    assert engine.speeches == spoken
    await slot.close()


async def test_where_one_voice_is_to_blame_another_is_asked(monkeypatch: pytest.MonkeyPatch):
    engine, slot = await failing(NoAudioError("nothing"))
    heard: list[str] = []
    synthesize = engine.synthesize

    def noting(utterance):
        heard.append(utterance.voice.id)
        return synthesize(utterance)

    monkeypatch.setattr(engine, "synthesize", noting)
    engine.fails = None
    await until(lambda: slot.breaker_state() == "closed")
    assert heard == ["tone-b"]
    assert slot.breakers.failing_voices == ["tone-a"]
    await slot.close()


async def test_closing_ends_a_probe_that_hangs():
    engine, slot = await failing(EngineError("down"))
    engine.fails = None
    engine.gate.clear()
    await until(lambda: slot.breaker_state() == "half-open" and engine.asked.is_set())
    await slot.close()
    await asyncio.wait_for(engine.stopped.wait(), 1)
    assert slot.breaker_state() == "open"
    # Whoever wants it next sees to it that it is looked after again.
    engine.gate.set()
    assert slot.breakers.admit((await engine.voices())[0]) is None
    await until(lambda: slot.breaker_state() == "closed")


async def test_nobody_asks_for_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("litestar_tts.engines.recovery.IDLE_SECONDS", 0.0)
    engine, slot = await failing(EngineError("down"))
    await asyncio.sleep(0.1)
    assert engine.speeches == 0
    monkeypatch.setattr("litestar_tts.engines.recovery.IDLE_SECONDS", 10.0)
    engine.fails = None
    assert slot.breakers.admit((await engine.voices())[0]) is None
    await until(lambda: slot.breaker_state() == "closed")
    await slot.close()


def test_an_engine_that_is_used_in_two_event_loops():
    async def fail_and_go() -> tuple[ScriptedEngine, EngineSlot]:
        return await failing(EngineError("down"))

    engine, slot = asyncio.run(fail_and_go())

    async def recover() -> None:
        engine.gate, engine.middle = asyncio.Event(), asyncio.Event()
        engine.gate.set()
        engine.fails = None
        assert slot.breakers.admit((await engine.voices())[0]) is None
        await until(lambda: slot.breaker_state() == "closed")

    asyncio.run(recover())
