"""The rate limiter's arithmetic, in this process and on a real Valkey server."""

import asyncio
import copy
import logging
import math
import os
import signal
import subprocess
import sys
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litestar_tts import limits
from litestar_tts.config import RateLimit
from litestar_tts.limits import RateLimiter
from tests.support.valkey import valkey_server

BUSY = 1.5
"""Seconds that other work on the machine may add."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def valkey():
    with valkey_server() as server:
        yield server
        if not server.is_running():
            server.start()  # its own clean-up expects a running server


@pytest.fixture
def patient(monkeypatch):
    """No hurry, so that a busy machine cannot make the store look absent."""
    monkeypatch.setattr(limits, "STORE_TIMEOUT", 20)
    monkeypatch.setattr(limits, "STORE_DEADLINE", 20)


async def spend_many(limiter: RateLimiter, client: str, times: int) -> int:
    decisions = await asyncio.gather(*(limiter.spend(client) for _ in range(times)))
    return sum(decision.allowed for decision in decisions)


# --- in memory --------------------------------------------------------------------------------------------------------


async def test_300_at_once_pass_exactly_the_limit():
    limiter = RateLimiter(RateLimit(requests=10, window=60))
    assert await spend_many(limiter, "a", 300) == 10
    assert await spend_many(limiter, "b", 300) == 10


async def test_decision_counts_down_and_says_when_to_come_back(clock):
    limiter = RateLimiter(RateLimit(requests=2, window=60), clock=clock)
    first = await limiter.spend("a")
    assert (first.allowed, first.limit, first.window, first.remaining, first.reset) == (True, 2, 60, 1, 60.0)
    assert first.retry_after == 0.0
    clock.now += 25
    assert (await limiter.spend("a")).allowed
    clock.now += 5
    refused = await limiter.spend("a")
    assert (refused.allowed, refused.remaining, refused.reset, refused.retry_after) == (False, 0, 30.0, 30.0)


async def test_peek_counts_nothing(clock):
    limiter = RateLimiter(RateLimit(requests=1, window=60), clock=clock)
    for _ in range(3):
        decision = await limiter.peek("a")
        assert (decision.allowed, decision.remaining, decision.reset) == (True, 1, 0.0)
    assert (await limiter.spend("a")).allowed
    assert not (await limiter.peek("a")).allowed


async def test_refused_requests_do_not_prolong_the_wait(clock):
    limiter = RateLimiter(RateLimit(requests=1, window=10), clock=clock)
    await limiter.spend("a")
    for _ in range(9):
        clock.now += 1
        assert not (await limiter.spend("a")).allowed
    clock.now += 1.001
    assert (await limiter.spend("a")).allowed


async def test_no_burst_at_a_window_edge(clock):
    limiter = RateLimiter(RateLimit(requests=10, window=60), clock=clock)
    clock.now = 1199.9  # the end of a whole minute
    assert await spend_many(limiter, "a", 20) == 10
    clock.now = 1200.1
    assert await spend_many(limiter, "a", 20) == 0


@given(
    requests=st.integers(1, 5),
    window=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 15, allow_nan=False), min_size=1, max_size=60),
)
def test_no_window_holds_more_than_the_limit_and_no_place_is_wasted(requests, window, pauses):
    clock = Clock()
    limiter = RateLimiter(RateLimit(requests=requests, window=window), clock=clock)

    async def run() -> None:
        accepted: list[float] = []
        for pause in pauses:
            clock.now += pause
            recent = sum(clock.now - window <= moment for moment in accepted)
            decision = await limiter.spend("a")
            assert decision.allowed == (recent < requests)
            if decision.allowed:
                accepted.append(clock.now)
                assert decision.remaining == requests - recent - 1
            assert 0 <= decision.reset <= window

    asyncio.run(run())


async def test_coming_back_after_retry_after_is_allowed(clock):
    limiter = RateLimiter(RateLimit(requests=3, window=7), clock=clock)
    for pause in (0, 1.3, 2.9):
        clock.now += pause
        assert (await limiter.spend("a")).allowed
    refused = await limiter.spend("a")
    clock.now += math.ceil(refused.retry_after)
    assert (await limiter.spend("a")).allowed


async def test_clients_that_left_cost_no_memory(clock):
    limiter = RateLimiter(RateLimit(requests=100, window=60), clock=clock)
    sizes = []
    tracemalloc.start()
    try:
        for wave in range(5):
            for number in range(4000):
                await limiter.spend(f"{wave}-{number}")
            clock.now += 61
            await limiter.spend("late")
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # One wave that stays would be several hundred kilobytes; other threads of the tests allocate a little, too.
    assert sizes[-1] < sizes[0] + 100_000
    assert sizes[-1] < 300_000, "only the table that held 4000 clients is left"


async def test_memory_is_bounded_while_new_clients_keep_coming(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CLIENTS", 100)
    limiter = RateLimiter(RateLimit(requests=1, window=60))
    busy = 0
    for number in range(1000):
        await limiter.spend(str(number))
        busy += (await limiter.spend("999")).allowed if number < 50 else 0
    assert busy == 1
    assert (await limiter.peek("0")).allowed, "the client that was quiet for longest starts afresh"
    assert not (await limiter.peek("998")).allowed


async def test_a_copy_is_the_same_budget():
    limiter = RateLimiter(RateLimit(requests=1, window=60))
    assert (await copy.deepcopy({"limiter": limiter})["limiter"].spend("a")).allowed
    assert not (await limiter.spend("a")).allowed


async def test_nothing_runs_in_the_background_or_in_the_default_executor():
    limiter = RateLimiter(RateLimit(requests=5, window=1))
    await spend_many(limiter, "a", 50)
    assert len(asyncio.all_tasks()) == 1
    assert asyncio.get_running_loop()._default_executor is None


async def test_workers_without_a_store_take_their_share_and_say_so_once(caplog):
    with caplog.at_level(logging.WARNING):
        limiter = RateLimiter(RateLimit(requests=10, window=60), workers=4)
    assert [record.name for record in caplog.records] == ["litestar_tts.limits"]
    assert "TTS_STORE_URL" in caplog.text
    assert await spend_many(limiter, "a", 50) == 2
    assert len(caplog.records) == 1


async def test_a_share_is_at_least_one():
    limiter = RateLimiter(RateLimit(requests=3, window=60), workers=8)
    assert await spend_many(limiter, "a", 50) == 1


def test_missing_client_package_names_the_command():
    code = (
        "import sys; sys.modules['valkey'] = None\n"
        "from litestar_tts.config import RateLimit; from litestar_tts.limits import RateLimiter\n"
        "from litestar_tts.exceptions import MissingExtraError\n"
        "try: RateLimiter(RateLimit(requests=1, window=1), store_url='redis://127.0.0.1:1')\n"
        "except MissingExtraError as error: print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert 'pip install "litestar-tts[valkey]"' in result.stdout


# --- on a store -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["valkey", "redis"])
async def test_two_limiters_share_one_budget(valkey, patient, scheme):
    url = f"{scheme}://127.0.0.1:{valkey.port}"
    first, second = (RateLimiter(RateLimit(requests=50, window=60), store_url=url, workers=2) for _ in range(2))
    try:
        counts = await asyncio.gather(spend_many(first, "a", 150), spend_many(second, "a", 150))
        assert sum(counts) == 50
        assert not (await second.peek("a")).allowed
        refused = await first.spend("a")
        assert 0 < refused.retry_after <= 60
        assert (await second.spend("b")).remaining == 49
    finally:
        await first.aclose()
        await second.aclose()


def test_processes_share_one_budget(valkey):
    code = (
        "import asyncio, sys\n"
        "from litestar_tts import limits; limits.STORE_TIMEOUT = limits.STORE_DEADLINE = 20\n"
        "from litestar_tts.config import RateLimit; from litestar_tts.limits import RateLimiter\n"
        "async def main():\n"
        "    limiter = RateLimiter(RateLimit(requests=100, window=60), store_url=sys.argv[1], workers=3)\n"
        "    decisions = await asyncio.gather(*(limiter.spend('a') for _ in range(100)))\n"
        "    print(sum(d.allowed for d in decisions)); await limiter.aclose()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code, f"valkey://127.0.0.1:{valkey.port}"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(run.communicate(timeout=30)[0]) for run in runs) == 100


async def test_the_store_learns_no_client_names(valkey, patient):
    limiter = RateLimiter(RateLimit(requests=5, window=60), store_url=valkey.connection_url, namespace="app")
    await limiter.spend("key:secret")
    with valkey.client() as client:
        keys = [key.decode() for key in client.keys("*")]
        assert len(keys) == 1
        assert keys[0].startswith("app:")
        assert "secret" not in keys[0]
        assert 0 < client.ttl(keys[0]) <= 60
    await limiter.aclose()


async def test_cancelled_requests_leave_the_connections_sound(valkey, patient):
    limiter = RateLimiter(RateLimit(requests=1000, window=60), store_url=valkey.connection_url)
    for _ in range(20):
        tasks = [asyncio.create_task(limiter.spend("a")) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await limiter.spend("b")).allowed
    assert (await limiter.peek("b")).remaining == 980
    await limiter.aclose()


async def test_a_store_that_is_killed_degrades_within_a_second_and_heals(valkey, monkeypatch, caplog):
    monkeypatch.setattr(limits, "COOL_DOWN", 0.3)
    limiter = RateLimiter(RateLimit(requests=20, window=60), store_url=valkey.connection_url, workers=2)
    port = valkey.port
    assert await spend_many(limiter, "a", 8) == 8
    valkey.terminate()
    started = time.monotonic()
    with caplog.at_level(logging.INFO, "litestar_tts.limits"):
        # Eight of the worker's share of ten are spent already.
        assert await spend_many(limiter, "a", 30) == 2
        assert await spend_many(limiter, "b", 30) == 10
        assert time.monotonic() - started < 1 + BUSY
        assert [record.levelname for record in caplog.records] == ["WARNING"]

        valkey._desired_port = port
        valkey.start()
        async with asyncio.timeout(5):
            while (await limiter.peek("c")).limit != 20:
                await asyncio.sleep(0.05)
        assert await spend_many(limiter, "c", 30) == 20
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    await limiter.aclose()


async def test_a_store_that_hangs_delays_nobody_by_a_second(valkey):
    limiter = RateLimiter(RateLimit(requests=20, window=60), store_url=valkey.connection_url, workers=2)
    await limiter.spend("a")
    os.kill(valkey._process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert await spend_many(limiter, "b", 100) == 10
        assert time.monotonic() - started < 1 + BUSY
        started = time.monotonic()
        assert await spend_many(limiter, "c", 100) == 10
        assert time.monotonic() - started < 0.1 + BUSY / 2, "a store that is known to hang is not asked again at once"
    finally:
        os.kill(valkey._process.pid, signal.SIGCONT)
        await limiter.aclose()


async def test_a_store_that_never_was_there_degrades(unused_tcp_port):
    limiter = RateLimiter(
        RateLimit(requests=4, window=60), store_url=f"valkey://127.0.0.1:{unused_tcp_port}", workers=2
    )
    assert await spend_many(limiter, "a", 20) == 2
    await limiter.aclose()
