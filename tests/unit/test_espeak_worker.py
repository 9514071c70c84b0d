from __future__ import annotations

import asyncio
import threading

import pytest

from litestar_tts.espeak import worker as module
from litestar_tts.espeak.library import Espeak
from litestar_tts.espeak.worker import EspeakWorker, Wanted
from litestar_tts.exceptions import EngineBusyError, EngineError, EngineTimeoutError, MissingExtraError


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("espeak-")}


@pytest.fixture
async def worker():
    others = threads()  # applications of other tests that were never shut down
    one = EspeakWorker()
    yield one
    await one.close()
    assert threads() <= others


def speak(text: str):
    def call(espeak: Espeak, wanted: Wanted) -> int:
        size = 0

        def keep(block: bytes, _events: object) -> bool:
            nonlocal size
            size += len(block)
            return wanted()

        espeak.stream(text, keep)
        return size

    return call


async def test_gives_the_result_of_a_call(worker):
    assert await worker.run(speak("word")) > 10_000
    assert await worker.run(lambda espeak, _: espeak.sample_rate) == 22_050


async def test_gives_the_error_of_a_call_and_goes_on(worker):
    def fails(_espeak: Espeak, _wanted: Wanted) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await worker.run(fails)
    assert await worker.run(speak("word"))


async def test_calls_are_taken_in_their_order(worker):
    order: list[int] = []
    await asyncio.gather(*(worker.run(lambda _e, _w, n=n: order.append(n)) for n in range(50)))
    assert order == list(range(50))


async def test_cancelling_stops_the_call_and_lets_the_next_one_in(worker):
    running, ended = threading.Event(), threading.Event()

    def endless(espeak: Espeak, wanted: Wanted) -> None:
        def keep(_block: bytes, _events: object) -> bool:
            running.set()
            return wanted()

        while espeak.stream("word " * 100, keep):
            pass
        ended.set()

    task = asyncio.create_task(worker.run(endless))
    waiting = asyncio.create_task(worker.run(speak("word")))
    while not running.is_set():
        await asyncio.sleep(0.001)
    assert not waiting.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.wait_for(waiting, 2)
    assert ended.is_set()


async def test_a_cancelled_call_that_still_waits_never_runs(worker):
    gate, ran = threading.Event(), []
    first = asyncio.create_task(worker.run(lambda _e, _w: gate.wait(5)))
    second = asyncio.create_task(worker.run(lambda _e, _w: ran.append(1)))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    assert await first
    await worker.run(speak("word"))
    assert ran == []


async def test_close_fails_what_runs_and_what_waits(worker):
    running = threading.Event()

    def endless(espeak: Espeak, wanted: Wanted) -> None:
        def keep(_block: bytes, _events: object) -> bool:
            running.set()
            return wanted()

        while espeak.stream("word " * 100, keep):
            pass

    tasks = [asyncio.create_task(worker.run(endless)) for _ in range(3)]
    await asyncio.sleep(0)
    while not running.is_set():
        await asyncio.sleep(0.001)
    await asyncio.wait_for(worker.close(), 2)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [EngineError] * 3


async def test_opens_again_after_close(worker):
    await worker.close()
    assert await worker.run(speak("word"))
    await worker.close()
    await worker.close()
    assert await worker.run(speak("word"))


async def test_two_copies_run_at_the_same_time():
    worker = EspeakWorker(copies=2)
    meeting = threading.Barrier(2)
    try:
        await asyncio.gather(*(worker.run(lambda _e, _w: meeting.wait(5)) for _ in range(2)))
    finally:
        await worker.close()


async def test_a_full_queue_is_refused(worker, monkeypatch):
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    gate, running = threading.Event(), threading.Event()

    def blocks(_espeak: Espeak, _wanted: Wanted) -> None:
        running.set()
        gate.wait(5)

    first = asyncio.create_task(worker.run(blocks))
    await asyncio.sleep(0)
    while not running.is_set():
        await asyncio.sleep(0.001)
    others = [asyncio.create_task(worker.run(speak("word"))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(EngineBusyError):
        await worker.run(speak("word"))
    gate.set()
    await asyncio.gather(first, *others)


async def test_waiting_has_a_limit(worker, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAIT", 0.05)
    gate = threading.Event()
    with pytest.raises(EngineTimeoutError):
        await worker.run(lambda _e, _w: gate.wait(5))
    gate.set()


async def test_every_caller_hears_that_the_wheel_is_missing(worker, monkeypatch):
    monkeypatch.setattr("litestar_tts.espeak.library.is_installed", lambda: False)
    results = await asyncio.gather(*(worker.run(speak("word")) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [MissingExtraError] * 3


async def test_loads_again_once_the_cause_is_gone(worker, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("litestar_tts.espeak.library.is_installed", lambda: False)
        with pytest.raises(MissingExtraError):
            await worker.run(speak("word"))
    assert await worker.run(speak("word"))


def test_serves_several_event_loops():
    worker = EspeakWorker()

    async def once() -> int:
        return await worker.run(speak("word"))

    assert asyncio.run(once()) > 0
    assert asyncio.run(once()) > 0
    asyncio.run(worker.close())


async def test_a_process_that_was_forked_makes_its_own_threads(worker, monkeypatch):
    assert await worker.run(speak("word"))
    before = worker._crew
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert await worker.run(speak("word"))
    assert worker._crew is not before
    before.dismiss()
    before.join()


async def test_clients_take_turns(worker):
    gate, running = threading.Event(), threading.Event()
    order: list[str] = []

    def blocks(_espeak: Espeak, _wanted: Wanted) -> None:
        running.set()
        gate.wait(5)

    first = asyncio.create_task(worker.run(blocks))
    await asyncio.sleep(0)
    while not running.is_set():
        await asyncio.sleep(0.001)
    names = ["a1", "a2", "a3", "b1", "b2"]
    tasks = [asyncio.create_task(worker.run(lambda _e, _w, n=n: order.append(n), n[0])) for n in names]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *tasks)
    assert order == ["a1", "b1", "a2", "b2", "a3"]


async def test_a_full_queue_has_room_for_who_asks_for_little(worker, monkeypatch):
    monkeypatch.setattr(module, "MAX_PENDING", 3)
    gate, running = threading.Event(), threading.Event()

    def blocks(_espeak: Espeak, _wanted: Wanted) -> None:
        running.set()
        gate.wait(5)

    first = asyncio.create_task(worker.run(blocks, "a"))
    await asyncio.sleep(0)
    while not running.is_set():
        await asyncio.sleep(0.001)
    many = [asyncio.create_task(worker.run(speak("word"), "a")) for _ in range(3)]
    await asyncio.sleep(0)
    other = asyncio.create_task(worker.run(speak("word"), "b"))
    with pytest.raises(EngineBusyError):
        await many[2]
    gate.set()
    assert all(await asyncio.gather(other, *many[:2]))
    await first
