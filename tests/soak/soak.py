"""Waves of visitors with quiet between them; what the server holds in the quiet must not grow."""

import asyncio
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import httpx
import msgspec

from tests.soak.server import Holding
from tests.soak.visitors import Visitors

FAULTS: Final = ("--fail", "0.3", "--silent", "--stall", "0.05", "--stall-seconds", "5")
QUIET_LIMIT: Final = 30.0
"""Seconds that the server has to become quiet when the last visitor has gone."""
WARM_UP: Final = 2
"""Waves after which all that is loaded or kept for later is."""


class Verdict(msgspec.Struct):
    """What a soak came to."""

    quiet: list[Holding]
    """What was held after each wave."""
    visits: int
    outcomes: dict[str, int]
    wrong: list[str]


def soak(seconds: float, *, at_a_time: int, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Run waves for about so many seconds."""
    with process("tests.support.edge_service", "--port", "0", *FAULTS) as address:
        edge = address.partition("=")[2]
        with process("tests.soak.server", edge) as line:
            port = int(next(word for word in line.split() if word.startswith("http")).rpartition(":")[2])
            return asyncio.run(_waves(port, edge, seconds, at_a_time, say))


@contextmanager
def process(module: str, *arguments: str) -> Iterator[str]:
    """A module in a process of its own; gives the first line that it prints."""
    # Behind everything else on this machine: tests that run beside it look at clocks.
    command = ["nice", "-n", "10"] if shutil.which("nice") else []
    command += [sys.executable, "-m", module, *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield running.stdout.readline().strip()
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            raise
        finally:
            running.stdout.close()


async def _waves(port: int, edge: str, seconds: float, at_a_time: int, say: Callable[[str], None]) -> Verdict:
    visitors = Visitors(port)
    await visitors.every_kind()
    length = min(60.0, max(4.0, seconds / 10))
    clock = asyncio.get_running_loop().time
    began = clock()
    quiet: list[Holding] = []
    while clock() - began < seconds or len(quiet) < WARM_UP + 3:
        await visitors.wave(length, at_a_time)
        try:
            quiet.append(await _when_quiet(port, edge))
        except TimeoutError:
            visitors.wrong.append(f"not quiet {QUIET_LIMIT:g} s after wave {len(quiet) + 1}: {_counters(edge)}")
            break
        say(f"{clock() - began:5.0f} s  {quiet[-1]}  {dict(visitors.outcomes.most_common())}")
    outcomes = dict(visitors.outcomes)
    return Verdict(
        quiet=quiet, visits=sum(outcomes.values()), outcomes=outcomes, wrong=visitors.wrong + grown(quiet, outcomes)
    )


async def _when_quiet(port: int, edge: str) -> Holding:
    """Wait until nobody speaks or waits and no socket to the service is open, then look."""
    async with asyncio.timeout(QUIET_LIMIT), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            queue = (await client.get("/health")).json()["queue"]
            if queue["active"] == queue["waiting"] == 0 == _counters(edge)["open"]:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # threads that are kept for a moment, goodbyes to the service
        return msgspec.convert((await client.get("/_holding")).json(), Holding)


def _counters(edge: str) -> dict[str, Any]:
    with urllib.request.urlopen(edge.replace("ws:", "http:") + "/counters", timeout=10) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def grown(quiet: Sequence[Holding], outcomes: dict[str, int]) -> list[str]:
    """What is more at the end than it was after the first waves.

    Single moments differ: a task that looks whether the service is back, a thread that is kept for later, a heap that
    is used in ever new orders. So the least of the last third is compared with the most of the first.
    """
    settled = quiet[WARM_UP:]
    third = max(1, len(settled) // 3)
    first, last = settled[:third], settled[-third:]
    found: list[str] = []
    visits = sum(outcomes.values())
    rooms = {"tasks": 0, "threads": 1, "files": 1, "objects": 500 + visits / 10, "memory": 8.0}
    for name, room in rooms.items():
        before, after = max(getattr(one, name) for one in first), min(getattr(one, name) for one in last)
        if after > before + room:
            found.append(f"{name} grew from {before:.0f} to {after:.0f} in {visits} visits")
    return found
