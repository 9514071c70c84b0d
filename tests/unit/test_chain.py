import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from litestar_tts.engines.base import Capabilities, Engine
from litestar_tts.engines.chain import Candidate, first_to_speak, pause_before_retry
from litestar_tts.engines.registry import EngineSlot
from litestar_tts.exceptions import (
    EngineBusyError,
    EngineError,
    EngineRejectedError,
    EngineThrottledError,
    EngineTimeoutError,
    EngineUnreachableError,
    InvalidRequestError,
    MissingExtraError,
    NoAudioError,
    NoEngineError,
    UnspeakableTextError,
)
from litestar_tts.models import AudioChunk, EngineEvent, Utterance, Voice, WordBoundary


class Named(Engine):
    capabilities = Capabilities(network=True)

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]
        self.full = False

    @property
    def busy(self) -> bool:
        return self.full

    async def voices(self) -> Sequence[Voice]:
        return []

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        raise AssertionError("the chain only asks the performances of this test")
        yield


class Stage:
    """Performances by name: what each says, when, and how it ended."""

    def __init__(self, **scripts: object) -> None:
        self.scripts = scripts
        self.started: list[str] = []
        self.closed: list[str] = []
        self.gates = {name: asyncio.Event() for name in scripts}

    def candidates(self, *, proven: bool = True) -> list[Candidate]:
        found = [
            Candidate(EngineSlot(Named(name)), Voice(id=f"{name}-voice", name=name, engine=name, language="en-US"))
            for name in self.scripts
        ]
        for candidate in found if proven else ():
            candidate.slot.breakers.engine.succeeded()
        return found

    async def perform(self, candidate: Candidate) -> AsyncGenerator[object, None]:
        name = candidate.slot.name
        self.started.append(name)
        script = self.scripts[name]
        if isinstance(script, list):
            script = script.pop(0) if len(script) > 1 else script[0]
        try:
            if script == "late":
                await self.gates[name].wait()
            if isinstance(script, Exception):
                raise script
            yield WordBoundary(text=name, time=0.0, duration=0.1)
            yield AudioChunk(data=name.encode())
            yield AudioChunk(data=b"more")
        finally:
            self.closed.append(name)


async def race(
    stage: Stage, *, hedge_after: float | None = None, strict: bool = False, candidates=None, retries: int = 0
):
    chosen = candidates or stage.candidates()
    return await first_to_speak(chosen, stage.perform, hedge_after=hedge_after, retries=retries, strict=strict)


async def test_the_first_speaks_and_the_others_are_never_asked():
    stage = Stage(edge="speaks", espeak="speaks")
    performance = await race(stage, hedge_after=5)
    assert performance.candidate.slot.name == "edge"
    assert [type(event).__name__ for event in performance.primed] == ["WordBoundary", "AudioChunk"]
    assert [event.data async for event in performance.events] == [b"more"]
    assert stage.started == ["edge"]


async def test_a_failure_hands_over():
    stage = Stage(edge=EngineError("down"), espeak="speaks")
    candidates = stage.candidates()
    performance = await race(stage, candidates=candidates)
    assert performance.candidate.slot.name == "espeak"
    await performance.events.aclose()
    assert stage.closed == ["edge", "espeak"]


async def test_a_late_engine_gets_company_and_loses():
    stage = Stage(edge="late", espeak="speaks")
    candidates = stage.candidates()
    performance = await race(stage, hedge_after=0.01, candidates=candidates)
    assert performance.candidate.slot.name == "espeak"
    assert stage.closed == ["edge", "edge"]
    for _ in range(4):
        await (await race(stage, hedge_after=0.01, candidates=candidates)).events.aclose()
    assert candidates[0].slot.breaker_state() == "open"
    assert candidates[1].slot.breaker_state() == "closed"
    await performance.events.aclose()


async def test_a_late_engine_is_asked_a_second_time_first():
    stage = Stage(edge=["late", "speaks"], espeak="speaks")
    performance = await race(stage, hedge_after=0.05)
    assert performance.candidate.slot.name == "edge"
    assert stage.started == ["edge", "edge"]
    assert stage.closed == ["edge"]
    await performance.events.aclose()


async def test_an_engine_that_never_spoke_gets_company_at_once_and_soon(monkeypatch: pytest.MonkeyPatch):
    stage = Stage(edge="late", espeak="speaks")
    monkeypatch.setattr("litestar_tts.engines.chain.UNPROVEN", 0.01)
    performance = await race(stage, hedge_after=100.0, candidates=stage.candidates(proven=False))
    assert stage.started == ["edge", "espeak"]
    await performance.events.aclose()
    # Who wants this engine only has no use for others, but for a second attempt.
    stage = Stage(edge=["late", "speaks"])
    performance = await race(stage, hedge_after=0.02, strict=True, candidates=stage.candidates(proven=False))
    assert stage.started == ["edge", "edge"]
    await performance.events.aclose()


async def test_the_second_attempt_is_there_for_who_wants_this_engine_only():
    stage = Stage(edge=["late", "speaks"])
    performance = await race(stage, hedge_after=0.01, strict=True)
    assert stage.started == ["edge", "edge"]
    await performance.events.aclose()


async def test_a_busy_engine_is_not_asked_twice():
    stage = Stage(edge="late", espeak="speaks")
    candidates = stage.candidates()
    candidates[0].engine.full = True
    performance = await race(stage, hedge_after=0.01, candidates=candidates)
    assert stage.started == ["edge", "espeak"]
    await performance.events.aclose()


async def test_one_of_two_attempts_may_fail():
    stage = Stage(edge=["late", EngineError("down")], espeak="late")
    candidates = stage.candidates()
    task = asyncio.create_task(race(stage, hedge_after=0.01, candidates=candidates))
    while stage.started != ["edge", "edge", "espeak"]:
        await asyncio.sleep(0)
    stage.gates["edge"].set()
    performance = await task
    assert performance.candidate.slot.name == "edge"
    assert candidates[0].slot.breakers.engine.failures == 0
    await performance.events.aclose()


async def test_who_was_replaced_already_is_not_replaced_again():
    stage = Stage(edge="fails late", piper="late", espeak="speaks")
    candidates = stage.candidates(proven=False)
    candidates[1].engine.capabilities = Capabilities(network=False)
    failing = asyncio.Event()

    async def perform(candidate: Candidate) -> AsyncGenerator[object, None]:
        if candidate.slot.name == "edge":
            await failing.wait()
            raise EngineError("at last")
        async for event in stage.perform(candidate):
            yield event

    race = asyncio.create_task(first_to_speak(candidates, perform, hedge_after=0.01, retries=0, strict=False))
    while stage.started != ["piper"]:
        await asyncio.sleep(0)
    failing.set()
    done, _ = await asyncio.wait([race], timeout=0.05)
    assert not done
    stage.gates["piper"].set()
    performance = await race
    assert performance.candidate.slot.name == "piper"
    assert stage.started == ["piper"]
    await performance.events.aclose()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []

    def pause(tries: int) -> float:
        asked.append(tries)
        return 0.0

    monkeypatch.setattr("litestar_tts.engines.chain.pause_before_retry", pause)
    return asked


async def test_what_a_moment_can_mend_is_tried_again(no_pause: list[int]):
    stage = Stage(edge=[NoAudioError("hm"), EngineError("down"), "speaks"], espeak="speaks")
    candidates = stage.candidates()
    performance = await race(stage, candidates=candidates, retries=2)
    assert performance.candidate.slot.name == "edge"
    assert no_pause == [1, 2]
    assert stage.closed == ["edge", "edge"]
    assert candidates[0].slot.breakers.engine.failures == 0
    await performance.events.aclose()


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (NoAudioError("x"), 3),
        (EngineError("x"), 3),
        (EngineError("x", retry_after=30), 1),
        (EngineUnreachableError("x"), 2),
        (EngineThrottledError("x"), 2),
        (EngineTimeoutError("x"), 1),
        (EngineBusyError("x"), 1),
        (EngineRejectedError("x"), 1),
        (UnspeakableTextError("x"), 1),
    ],
)
async def test_how_often_it_makes_sense_to_ask_again(no_pause: list[int], error: EngineError, tries: int):
    stage = Stage(edge=error)
    with pytest.raises(type(error)):
        await race(stage, strict=True, retries=5)
    assert len(stage.started) == tries
    stage = Stage(edge=error)
    with pytest.raises(type(error)):
        await race(stage, strict=True, retries=0)
    assert len(stage.started) == 1


async def test_a_local_engine_fails_once(no_pause: list[int]):
    stage = Stage(piper=EngineError("out of memory"), espeak="speaks")
    candidates = stage.candidates()
    candidates[0].engine.capabilities = Capabilities(network=False)
    await (await race(stage, candidates=candidates, retries=2)).events.aclose()
    assert stage.started == ["piper", "espeak"]


def test_pauses_grow_and_differ():
    first, second = [{pause_before_retry(tries) for _ in range(50)} for tries in (1, 2)]
    assert min(first) >= 0.2
    assert max(first) <= 0.4 <= min(second)
    assert max(second) <= 0.8
    assert len(first) > 10


async def test_a_late_engine_can_still_win():
    stage = Stage(edge="late", espeak="late")
    candidates = stage.candidates()
    task = asyncio.create_task(race(stage, hedge_after=0.01, candidates=candidates))
    while stage.started != ["edge", "edge", "espeak"]:
        await asyncio.sleep(0)
    stage.gates["edge"].set()
    performance = await task
    assert performance.candidate.slot.name == "edge"
    assert sorted(stage.closed) == ["edge", "espeak"]
    assert candidates[1].slot.breaker_state() == "closed"
    await performance.events.aclose()


@pytest.mark.parametrize(
    "error", [EngineError("x"), EngineTimeoutError("x"), EngineRejectedError("x"), EngineBusyError("x")]
)
async def test_strict_gives_the_engines_own_error(error: EngineError):
    stage = Stage(edge=error)
    with pytest.raises(type(error)):
        await race(stage, strict=True)


async def test_all_failed_is_one_error_with_a_time_to_wait():
    stage = Stage(edge=EngineError("a"), espeak=EngineTimeoutError("b"))
    with pytest.raises(NoEngineError) as raised:
        await race(stage)
    assert raised.value.retry_after >= 1
    assert "edge, espeak" in raised.value.detail


async def test_an_open_breaker_is_not_waited_for():
    stage = Stage(edge=EngineRejectedError("blocked"), espeak="speaks")
    candidates = stage.candidates()
    for _ in range(3):
        performance = await race(stage, candidates=candidates)
        await performance.events.aclose()
    assert stage.started.count("edge") == 1
    with pytest.raises(EngineError) as raised:
        await race(stage, candidates=candidates[:1], strict=True)
    assert raised.value.retry_after > 0


async def test_a_busy_engine_is_not_ill():
    stage = Stage(edge=EngineBusyError("no place"), espeak="speaks")
    candidates = stage.candidates()
    for _ in range(6):
        await (await race(stage, candidates=candidates)).events.aclose()
    assert stage.started.count("edge") == 6


async def test_the_requests_own_fault_is_not_tried_elsewhere():
    stage = Stage(edge=InvalidRequestError("nothing to say"), espeak="speaks")
    with pytest.raises(InvalidRequestError):
        await race(stage)
    assert stage.started == ["edge"]


async def test_a_missing_part_is_named_when_nobody_can_do_without():
    stage = Stage(edge=MissingExtraError("PyAV", "audio"), espeak=MissingExtraError("PyAV", "audio"))
    with pytest.raises(MissingExtraError, match=r"litestar-tts\[audio\]"):
        await race(stage)


async def test_a_bug_is_not_swallowed():
    stage = Stage(edge=ValueError("bug"), espeak="speaks")
    with pytest.raises(ValueError, match="bug"):
        await race(stage)


async def test_who_leaves_stops_everybody():
    stage = Stage(edge="late", espeak="late")
    candidates = stage.candidates()
    task = asyncio.create_task(race(stage, hedge_after=0.01, candidates=candidates))
    while len(stage.started) < 3:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(stage.closed) == ["edge", "edge", "espeak"]
    assert candidates[0].slot.breaker_state() == "closed"


async def test_silence_is_a_failure():
    class Mute(Stage):
        async def perform(self, candidate: Candidate) -> AsyncGenerator[object, None]:
            yield WordBoundary(text="x", time=0.0, duration=0.1)

    with pytest.raises(NoEngineError):
        await race(Mute(edge="says nothing"))


async def test_a_local_engine_that_is_late_is_at_work():
    stage = Stage(piper="late", espeak="speaks")
    candidates = stage.candidates()
    candidates[0].engine.capabilities = Capabilities(network=False)
    task = asyncio.create_task(race(stage, hedge_after=0.001, candidates=candidates))
    done, _ = await asyncio.wait([task], timeout=0.05)
    assert not done
    stage.gates["piper"].set()
    assert (await task).candidate.slot.name == "piper"
    assert stage.started == ["piper"]


async def test_a_text_that_no_voice_can_say_is_the_texts_fault():
    stage = Stage(edge=UnspeakableTextError("first"), espeak=UnspeakableTextError("second"))
    candidates = stage.candidates()
    for _ in range(6):
        with pytest.raises(UnspeakableTextError, match="first"):
            await race(stage, candidates=candidates)
    assert stage.started == ["edge", "espeak"] * 6
    assert {candidate.slot.breaker_state() for candidate in candidates} == {"closed"}


async def test_a_voice_that_can_say_it_takes_over():
    performance = await race(Stage(edge=UnspeakableTextError("no"), espeak="fine"))
    assert performance.candidate.slot.name == "espeak"
    await performance.events.aclose()


async def test_an_ill_engine_beside_a_text_that_cannot_be_said_is_a_failure():
    with pytest.raises(NoEngineError):
        await race(Stage(edge=UnspeakableTextError("no"), espeak=EngineError("ill")))
