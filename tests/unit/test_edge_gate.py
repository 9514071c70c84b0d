import asyncio
import logging

import pytest

from litestar_tts.engines.edge_gate import BURST, EdgeGate, Seldom
from litestar_tts.exceptions import EngineBusyError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


async def until(reached) -> None:
    async with asyncio.timeout(5):
        while not reached():
            await asyncio.sleep(0.001)


async def test_a_burst_of_refusals_halves_once(clock: Clock, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "litestar_tts")
    gate = EdgeGate(16, clock=clock)
    seen = []
    for _ in range(7):
        for _ in range(5):
            gate.throttled()
            clock.now += BURST / 10
        seen.append(gate.allowed)
        clock.now += BURST
    assert seen == [8, 4, 2, 1, 1, 1, 1]
    # A line for each halving, and none when there is nothing left to halve.
    assert len(lines(caplog)) == 4
    assert lines(caplog)[0].endswith("8 of 16 sockets from now on")
    gate.close(RuntimeError)


async def test_success_brings_sockets_back_one_by_one(clock: Clock, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, "litestar_tts")
    gate = EdgeGate(4, clock=clock)
    gate.throttled()
    clock.now += BURST
    for _ in range(10):
        gate.throttled()
    assert gate.allowed == 1
    seen = []
    for _ in range(8):
        gate.succeeded()
        seen.append(gate.allowed)
    assert seen == [2, 2, 3, 3, 3, 4, 4, 4]
    assert len(lines(caplog)) == 3
    assert "all 4 sockets" in lines(caplog)[-1]


async def test_a_moody_service_gets_its_sockets_back_sooner(clock: Clock):
    gate = EdgeGate(8, clock=clock)
    for _ in range(3):
        gate.throttled()
        clock.now += BURST
        assert gate.allowed == 4
        for expected in (5, 6, 7, 8, *[8] * 20):
            gate.succeeded()
            assert gate.allowed == expected


async def test_time_brings_sockets_back(clock: Clock):
    gate = EdgeGate(3, step=0.01, clock=clock)
    gate.throttled()
    assert gate.allowed == 1
    await gate.enter("a", patience=1)
    waiting = asyncio.create_task(gate.enter("a", patience=5))
    await waiting  # without anybody leaving
    await until(lambda: gate.allowed == 3)
    assert gate._timer is not None
    assert gate._timer.when() <= asyncio.get_running_loop().time()  # nothing is left to wait for
    gate.leave("a")
    gate.leave("a")


async def test_a_refusal_puts_recovery_off(clock: Clock):
    gate = EdgeGate(4, step=60, clock=clock)
    gate.throttled()
    first = gate._timer
    gate.throttled()
    assert first is not None
    assert first.cancelled()
    assert gate.allowed == 2
    gate.close(RuntimeError)


async def test_the_place_of_who_was_refused_is_not_given_to_the_next(clock: Clock):
    gate = EdgeGate(2, clock=clock)
    await gate.enter("a", patience=1)
    await gate.enter("a", patience=1)
    waiting = asyncio.create_task(gate.enter("b", patience=5))
    await asyncio.sleep(0)
    gate.throttled()
    gate.leave("a")
    await asyncio.sleep(0)
    assert not waiting.done()
    assert gate.busy
    gate.leave("a")
    await waiting
    assert gate.busy
    gate.leave("b")
    assert not gate.busy
    gate.close(RuntimeError)


async def test_who_waits_in_vain_is_told():
    gate = EdgeGate(1)
    await gate.enter("a", patience=1)
    with pytest.raises(EngineBusyError) as caught:
        await gate.enter("b", patience=0.01)
    assert caught.value.retry_after == 0.01
    waiting = asyncio.create_task(gate.enter("b", patience=5))
    await asyncio.sleep(0)
    gate.close(lambda: RuntimeError("closed"))
    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    gate.leave("a")


def test_seldom(clock: Clock):
    may_tell = Seldom(60, clock)
    told = []
    for _ in range(5):
        told.append(may_tell())
        clock.now += 25
    assert told == [True, False, False, True, False]
