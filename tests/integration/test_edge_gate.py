"""How many sockets a service that says "too many" is asked for, through the real client."""

import asyncio
import logging
from contextlib import aclosing

import pytest

from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.engines.edge_gate import EdgeGate
from litestar_tts.engines.edge_voices import snapshot
from litestar_tts.exceptions import EngineError, EngineThrottledError
from litestar_tts.models import AudioChunk, Utterance
from tests.support.edge_service import EdgeService

ARIA = next(voice for voice in snapshot() if voice.id == "en-US-AriaNeural")


@pytest.fixture(scope="module")
def shared_service():
    with EdgeService() as running:
        yield running


@pytest.fixture
def service(shared_service, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shared_service.reset()
    return shared_service


@pytest.fixture
async def engine(service):
    running = EdgeEngine(url=service.url, connections=8, connect_timeout=5, queue_timeout=30)
    yield running
    await running.close()
    await service.until(lambda counters: counters.open == 0)


def gate_of(engine: EdgeEngine) -> EdgeGate:
    assert engine._session is not None
    return engine._session.gate


async def speak(engine: EdgeEngine, client: str = "", text: str = "Hello there.") -> int:
    size = 0
    async with aclosing(engine.synthesize(Utterance(text=text, voice=ARIA, client=client))) as events:
        async for event in events:
            if isinstance(event, AudioChunk):
                size += len(event.data)
    return size


@pytest.mark.parametrize("fault", ["429", "503"])
async def test_refused_sockets_are_not_asked_for_again_at_once(service, engine, fault, caplog):
    caplog.set_level(logging.INFO, "litestar_tts")
    service.fail(fault, times=None)
    results = await asyncio.gather(*(speak(engine) for _ in range(8)), return_exceptions=True)
    assert {type(result) for result in results} == {EngineThrottledError}
    assert gate_of(engine).allowed == 4
    assert len([record for record in caplog.records if "4 of 8 sockets" in record.getMessage()]) == 1

    service.heal()
    service.fail("hang_before", times=None)
    held = [asyncio.create_task(speak(engine)) for _ in range(8)]
    await service.until(lambda counters: counters.requests == 4)
    assert gate_of(engine).busy
    assert service.counters.most_open == 4
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    await service.until(lambda counters: counters.open == 0)

    service.heal()
    # 4 + 5 + 6 + 7 good speeches, one after the other, and it is as it was.
    for _ in range(22):
        assert await speak(engine)
    assert gate_of(engine).allowed == 8
    assert "all 8 sockets may be used again" in caplog.text


async def test_no_other_failure_costs_a_socket(service, engine):
    for fault in ("403", "handshake_reset", "close_before", "abort_mid", "no_audio", "garbage_frame"):
        service.fail(fault, times=None)
        with pytest.raises(EngineError):
            await speak(engine)
        service.heal()
    assert gate_of(engine).allowed == 8


async def test_a_client_that_is_outdated_is_told_once(service, engine, caplog):
    service.fail("403", times=None)
    results = await asyncio.gather(*(speak(engine) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, EngineError) for result in results)
    hints = [record for record in caplog.records if "pip install -U edge-tts" in record.getMessage()]
    assert len(hints) == 1


async def test_sockets_that_are_being_closed_count(service):
    engine = EdgeEngine(url=service.url, connections=2, queue_timeout=30)
    service.fail("no_close_ack", times=2)
    # Both have been heard to their end, and their sockets wait for a goodbye that does not come.
    await asyncio.gather(speak(engine), speak(engine))
    assert gate_of(engine).busy
    assert await speak(engine)
    assert service.counters.most_open <= 2
    await engine.close()


async def test_a_flood_of_one_client_does_not_keep_another_from_its_turn(service):
    engine = EdgeEngine(url=service.url, connections=2, queue_timeout=30)
    ended: list[str] = []

    async def heard(client: str) -> None:
        await speak(engine, client, f"This is what {client} says.")
        ended.append(client)

    many = [asyncio.create_task(heard("one")) for _ in range(60)]
    await service.until(lambda counters: counters.requests >= 2)
    before = len(ended)
    await asyncio.gather(*(heard("other") for _ in range(5)))
    # Two sockets, of which the other client has one from its first turn on.
    assert len(ended) - before <= 20
    await asyncio.gather(*many)
    await engine.close()


async def test_closing_ends_the_wait_for_a_socket(service):
    engine = EdgeEngine(url=service.url, connections=1, queue_timeout=30)
    service.fail("hang_before", times=None)
    tasks = [asyncio.create_task(speak(engine)) for _ in range(3)]
    await service.until(lambda counters: counters.requests == 1)
    await engine.close()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, EngineError) for result in results)
    assert service.counters.requests == 1
