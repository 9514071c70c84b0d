"""Memory of streamed answers beside answers that are buffered whole, for the same text and the same readers."""

import asyncio
import json

from benchmarks.server import forget_peak, memory, running
from tests.support.edge_service import EdgeService

STREAMS = 50
TEXT = "It was the best of times, it was the worst of times, and nobody minded much. " * 100
VOICES = {"espeak": "espeak:en-us", "edge": "edge:en-US-AriaNeural"}


async def drain(port: int, body: dict[str, object]) -> int:
    """Read an answer of any kind to its end; returns its bytes on the wire."""
    data = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = (
            f"POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        )
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + data)
        received = 0
        while chunk := await reader.read(65_536):
            received += len(chunk)
    finally:
        writer.close()
    return received


async def peak(port: int, pid: int, body: dict[str, object]) -> tuple[float, float]:
    """KiB of peak memory and of answer, for each of many at a time."""
    before = memory(pid)["VmRSS"]
    forget_peak(pid)
    sizes = await asyncio.gather(*(drain(port, body) for _ in range(STREAMS)))
    return (memory(pid)["VmHWM"] - before) * 1024 / STREAMS, min(sizes) / 1024


def main() -> None:
    """Print one line for each engine and format."""
    # A process for each measurement: memory that was freed once is not asked for again, and would not be counted.
    for name, voice in VOICES.items():
        for form in ("mp3", "wav"):
            figures = []
            for stream in (True, False):
                with EdgeService() as edge, running(TTS_EDGE_URL=edge.url, MAX_TEXT_LENGTH="20000") as (port, pid):
                    body: dict[str, object] = {"text": TEXT, "voice": voice, "format": form, "stream": stream}
                    asyncio.run(drain(port, {**body, "text": TEXT[:200]}))
                    figures.append(asyncio.run(peak(port, pid, body)))
            (streamed, size), (whole, _) = figures
            saved = 100 * (1 - streamed / whole)
            print(
                f"{name:7}{form:4} answers of {size:6.0f} KiB, peak for each: streamed {streamed:6.0f} KiB,"
                f" buffered {whole:6.0f} KiB: {saved:.0f} % less"
            )
