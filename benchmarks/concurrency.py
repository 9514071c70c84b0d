"""Many streams at the same time: all complete, what they cost in memory, and that the loop stays free."""

import asyncio
import statistics
import time

from benchmarks.server import forget_peak, memory, request, running
from tests.support.edge_service import EdgeService

STREAMS = 100
TEXT = (
    "It was the best of times, it was the worst of times. It was the age of wisdom, it was the age of foolishness. "
    "It was the season of light, it was the season of darkness. It was the spring of hope, it was the winter of "
    "despair. "
    "We had everything before us, we had nothing before us, and so we went on, all of us."
)[:300]
VOICES = {"espeak": "espeak:en-us", "piper": "piper:en_US-joe-medium", "edge": "edge:en-US-AriaNeural"}


async def volley(port: int, pid: int, name: str, form: str) -> None:
    body: dict[str, object] = {"text": TEXT, "voice": VOICES[name], "format": form}
    _, single = await request(port, body)
    before = memory(pid)["VmRSS"]
    forget_peak(pid)
    began = time.perf_counter()
    answers = await asyncio.gather(*(request(port, body) for _ in range(STREAMS)))
    seconds = time.perf_counter() - began
    firsts = sorted(first for first, _ in answers)
    same = sum(audio == single for _, audio in answers)
    shortest = min(len(audio) for _, audio in answers) / len(single)
    late = firsts[int(STREAMS * 0.95)] * 1000
    peak = (memory(pid)["VmHWM"] - before) * 1024 / STREAMS
    print(
        f"{name:7}{form:5} {STREAMS} streams in {seconds:6.2f} s"
        f"   first audio p50 {statistics.median(firsts) * 1000:6.0f} ms p95 {late:6.0f} ms"
        f"   identical {same:3}   shortest/single {shortest:.3f}"
        f"   peak memory {peak:6.0f} KiB a stream"
    )


def main() -> None:
    """Print one line for each engine and format."""
    with EdgeService() as edge, running(TTS_EDGE_URL=edge.url) as (port, pid):
        for name in VOICES:
            for form in ("mp3", "wav"):
                asyncio.run(volley(port, pid, name, form))
