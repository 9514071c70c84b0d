"""Speech while the read-aloud service fails: who gets all of it, how soon, and what it costs the service.

Every answer is decoded and compared with what the text sounds like. The service runs in a process of its own.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from benchmarks.server import SENTENCE, running
from tests.support.hearing import Heard, Truth, audible_seconds, decoded, hear, letters, missing, truth_of

REQUESTS = 1000
AT_A_TIME = 8
"""More than a core can decode, trim and give lips to would measure the core."""
TEXTS = 60
DOWN = {"refuses (503)": "503", "blocks (403)": "403", "silent": "handshake_hang", "mute": "hang_before"}
PHRASES = (
    "The harbour lay quiet under the morning fog.",
    "A cat slept on the warm stones, and nobody thought of waking it.",
    "Who left the gate open?",
    "Later that day the wind rose, the boats began to turn, and old men looked at the sky without a word.",
    "It was not the first time.",
    "Somewhere behind the hill a bell was ringing, slowly, as if it had all the time in the world.",
    "She counted the steps to the door: there were more than she remembered.",
    "Rain!",
)


def main() -> None:
    """Print what became of all requests, and how soon speech begins when the service is down for good."""
    with (
        edge("--fail", "0.3", "--stall", "0.05", "--stall-seconds", "120") as url,
        running(TTS_EDGE_URL=url) as (port, _),
    ):
        asyncio.run(storm(port, url))
    for name, fault in DOWN.items():
        with edge("--fault", fault) as url, running(TTS_EDGE_URL=url) as (port, _):
            asyncio.run(outage(port, url, name))
    with running(TTS_EDGE_URL="ws://127.0.0.1:9") as (port, _):
        asyncio.run(outage(port, None, "refused"))


@contextmanager
def edge(*flags: str) -> Iterator[str]:
    """The loopback service in a process of its own; gives its address."""
    command = [sys.executable, "-m", "tests.support.edge_service", "--port", "0", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip().partition("=")[2]
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def counters(url: str) -> dict[str, int]:
    """What the service has counted so far."""
    with urllib.request.urlopen(url.replace("ws:", "http:") + "/counters", timeout=10) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def texts() -> list[str]:
    """Texts of 20 to 900 characters."""
    dice = random.Random(7)  # noqa: S311
    made = []
    for number in range(TEXTS):
        length = 20 + round(880 * number / (TEXTS - 1))
        text = ""
        while len(text) < length:
            text += f" {dice.choice(PHRASES)}"
        made.append(text[1 : length + 1].rpartition(" ")[0] or text[1:])
    return made


async def storm(port: int, url: str) -> None:
    """Many requests while calls fail by chance."""
    dice = random.Random(3)  # noqa: S311
    pool = texts()
    truths = {text: truth_of(text) for text in pool}
    asked = [dice.choice(pool) for _ in range(REQUESTS)]
    turns = asyncio.Semaphore(AT_A_TIME)
    limits = httpx.Limits(max_connections=2 * AT_A_TIME)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=90, limits=limits) as client:

        async def one(number: int, text: str) -> Heard:
            async with turns:
                door = "/generate" if number % 4 == 0 else "/generate-stream"
                try:
                    return await hear(client, door, {"text": text, "format": "mp3"})
                except httpx.TimeoutException:
                    return Heard(status=0)

        began = time.perf_counter()
        answers = await asyncio.gather(*(one(number, text) for number, text in enumerate(asked)))
        seconds = time.perf_counter() - began
        seen = counters(url)
        judge = Judge(client, truths)
        verdicts = Counter([await judge.verdict(heard, text) for heard, text in zip(answers, asked, strict=True)])
    firsts = sorted(heard.first_audio for heard in answers if heard.status == 200 and heard.first_audio is not None)
    engines = Counter(heard.engine for heard in answers if heard.ended and heard.status == 200)
    whole = verdicts["whole"]
    print(f"{REQUESTS} requests of 20 to 900 characters, {AT_A_TIME} at a time, in {seconds:.0f} s")
    print(f"whole {whole / REQUESTS:.2%}   truncated but taken for whole {verdicts['truncated']}   {dict(verdicts)}")
    print("first audio  " + "  ".join(f"p{share} {percentile(firsts, share):.3f} s" for share in (50, 95, 99)))
    print(f"slowest first audio {firsts[-1]:.2f} s   by engine {dict(engines)}")
    faults = seen.pop("faults")
    print(f"upstream {seen['connections'] / REQUESTS:.2f} calls a request   {seen}   faults {faults}")


class Judge:
    """Tells whether an answer holds its whole text."""

    def __init__(self, client: httpx.AsyncClient, truths: dict[str, Truth]) -> None:
        self._client = client
        self._truths = truths
        self._spoken: dict[tuple[str, str], float] = {}

    async def verdict(self, heard: Heard, text: str) -> str:
        """``whole``, ``truncated`` where its client takes less for the whole, or what else became of it."""
        if heard.status != 200:
            return f"status {heard.status}"
        if not heard.ended:
            return "cut"
        audible = None if heard.engine == "edge" else await self._reference(heard, text)
        return "truncated" if missing(heard, text, self._truths[text], audible=audible) else "whole"

    async def _reference(self, heard: Heard, text: str) -> float:
        """Audible seconds of the same text when the engine is asked for it by name."""
        key = (heard.engine, text)
        if key not in self._spoken:
            voice = f"{heard.engine}:{heard.headers['x-tts-voice']}"
            again = await hear(self._client, "/generate-stream", {"text": text, "format": "mp3", "voice": voice})
            assert again.words is not None
            assert letters(again.words) == letters(text)
            self._spoken[key] = audible_seconds(decoded(again.audio))
        return self._spoken[key]


def percentile(values: list[float], share: int) -> float:
    """Of sorted values."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


async def outage(port: int, url: str | None, name: str) -> None:
    """One request after the other while no call succeeds."""
    firsts = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for _ in range(100):
            heard = await hear(client, "/generate", {"text": SENTENCE, "format": "mp3"})
            assert heard.ended, heard
            assert heard.status == 200, heard
            firsts.append(heard.first_audio or 0.0)
    calls = counters(url)["connections"] if url is not None else 0
    shown = "  ".join(f"{number}. {firsts[number - 1]:.3f} s" for number in (1, 2, 6, 20, 100))
    print(f"{name:14} first audio of request {shown}   slowest {max(firsts):.3f} s   upstream calls {calls}")
