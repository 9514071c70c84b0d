"""A flood of one client beside a few requests of another: how long each waits for its first audio."""

import asyncio
import statistics
import time

from benchmarks.server import request, running
from tests.support.edge_service import EdgeService

FLOOD = 500
FEW = 5
KEYS = ("flood-key", "few-key")
TEXT = "It was the best of times, it was the worst of times."
VOICE = "edge:en-US-AriaNeural"
FIRST_DELAY = 0.15
"""Seconds to the service's first audio, as from a real one."""
PACE = 8.0
"""Times real time at which the service sends."""


async def ask(port: int, key: str, answers: list[float], refused: list[str]) -> None:
    began = time.perf_counter()
    try:
        first, _ = await request(port, {"text": TEXT, "voice": VOICE, "format": "mp3"}, headers={"X-API-Key": key})
    except RuntimeError as error:
        refused.append(str(error))
    else:
        answers.append(first or time.perf_counter() - began)


async def volley(port: int, few_key: str) -> tuple[list[float], list[float], int, int]:
    """Waiting times of the flood and of the few, and how many of each were refused."""
    flood: list[float] = []
    few: list[float] = []
    refused_flood: list[str] = []
    refused_few: list[str] = []
    many = [asyncio.create_task(ask(port, KEYS[0], flood, refused_flood)) for _ in range(FLOOD)]
    await asyncio.sleep(1.0)  # all of the flood have asked
    await asyncio.gather(*(ask(port, few_key, few, refused_few) for _ in range(FEW)))
    await asyncio.gather(*many)
    return flood, few, len(refused_flood), len(refused_few)


def told(name: str, seconds: list[float], refused: int) -> None:
    middle, longest = (statistics.median(seconds), max(seconds)) if seconds else (float("nan"), float("nan"))
    waits = f"median {middle:6.2f} s   max {longest:6.2f} s"
    print(f"  {name:22} {len(seconds):4} spoken   waited for first audio: {waits}   refused {refused}")


def main() -> None:
    """Print the waiting times with the clients apart, then as one client, with a queue for all and with the default."""
    environment = {"TTS_API_KEYS": ",".join(KEYS)}
    with EdgeService(first_delay=FIRST_DELAY, pace=PACE) as edge:
        for queue, title in (("600", "a queue of 600"), ("200", "the default queue of 200")):
            for few_key, how in ((KEYS[1], "two clients"), (KEYS[0], "all one client, as if nobody told them apart")):
                print(f"{title}, {how}")
                with running(TTS_EDGE_URL=edge.url, TTS_MAX_QUEUE=queue, **environment) as (port, _):
                    flood, few, refused_flood, refused_few = asyncio.run(volley(port, few_key))
                told(f"{FLOOD} of the flood", flood, refused_flood)
                told(f"{FEW} of somebody else", few, refused_few)
