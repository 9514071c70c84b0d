"""Listeners who leave: how soon the engine is told, and what is left behind.

Ten thousand clients ask the standalone server, in a process of its own, over raw sockets, and go: before the first
audio, amid the stream, or without ever reading. Each engine notes when its generator was closed, by the clock that all
processes of the machine share.
"""

import asyncio
import json
import logging
import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.server import memory, request
from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Engine
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.models import AudioChunk, EngineEvent, Utterance
from litestar_tts.server import serve
from litestar_tts.testing import ToneEngine
from tests.support.edge_service import EdgeService

STREAMS = {"edge": 2_016, "tone": 8_064}
WARM_UP = 504
"""Streams of each engine that nobody counts."""
CLIENTS = 12
"""At a time; each comes again when its engine was told."""
MOMENTS = ("before the first audio", "in mid-stream", "not reading")
STALL = 0.3
"""Seconds that a client who does not read stays."""
RECORD = struct.Struct("=idi")
"""Number of the stream, when its engine was told, tasks of the process."""

SENTENCE = "It was the best of times, it was the worst of times, and nobody minded much. "
TEXTS = {"before the first audio": SENTENCE, "in mid-stream": SENTENCE * 2, "not reading": SENTENCE * 40}


# --- the server's process ---------------------------------------------------------------------------------------------


class _Telling:
    """Goes in front of an engine, and notes when an utterance was closed and all behind it with it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.notes: IO[bytes] | None = None

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        number = utterance.text.split(" ", 1)[0]
        try:
            async with aclosing(super().synthesize(utterance)) as events:  # type: ignore[misc]
                async for event in events:
                    yield event
        finally:
            if self.notes is not None and number.isdecimal():
                self.notes.write(RECORD.pack(int(number), time.monotonic(), len(asyncio.all_tasks())))
                self.notes.flush()


class _Edge(_Telling, EdgeEngine):
    pass


class _Paced(ToneEngine):
    """Silent for ever, at the pace of a voice, or as fast as it can, as the number of the stream wants it."""

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        moment = MOMENTS[int(utterance.text.split(" ", 1)[0]) % 10]
        async with aclosing(super().synthesize(utterance)) as events:
            async for event in events:
                if isinstance(event, AudioChunk) and moment != "not reading":
                    await asyncio.sleep(0.1 if moment == "in mid-stream" else 3_600)
                yield event


class _Tone(_Telling, _Paced):
    pass


def _serve(engine: str, url: str, descriptor: int) -> None:
    speaker: Engine = _Edge(url=url, connections=2 * CLIENTS) if engine == "edge" else _Tone()
    speaker.notes = os.fdopen(descriptor, "wb")  # type: ignore[attr-defined]
    config = TTSConfig(
        path="/",
        engines=[speaker],
        default_voice="en-US-AriaNeural" if engine == "edge" else "tone-high",
        rate_limit=None,
        max_text_length=10_000,
        max_streams=4 * CLIENTS,
        max_streams_per_client=4 * CLIENTS,
    )
    serve(host="127.0.0.1", port=0, log_level="error", config=config)


@contextmanager
def _serving(engine: str, url: str) -> Iterator[tuple[int, int, IO[bytes]]]:
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "benchmarks.leavers", engine, url, str(writing)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[writing])
    os.close(writing)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline().split("http://127.0.0.1:")[1].split()[0])
        with os.fdopen(reading, "rb", buffering=0) as notes:
            yield port, process.pid, notes
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


# --- the clients ------------------------------------------------------------------------------------------------------


class _Notes:
    """What the engines wrote down."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.tasks = 0
        self._told: dict[int, float] = {}
        self._pipe = pipe
        self._rest = b""
        self._changed = asyncio.Event()
        os.set_blocking(pipe.fileno(), False)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read)

    async def told(self, number: int, left: float) -> float:
        """Seconds after which the engine was told that its listener had left."""
        async with asyncio.timeout(10):
            # A text may be spoken in several pieces, of which those that had ended before do not count.
            while self._told.get(number, 0.0) < left:
                self._changed.clear()
                await self._changed.wait()
        return self._told[number] - left

    def _read(self) -> None:
        self._rest += self._pipe.read(65_536) or b""
        while len(self._rest) >= RECORD.size:
            number, when, self.tasks = RECORD.unpack(self._rest[: RECORD.size])
            self._rest = self._rest[RECORD.size :]
            self._told[number] = when
        self._changed.set()


async def _leave(port: int, number: int, moment: str, *, reset: bool) -> float:
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        if moment == "not reading":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(client, ("127.0.0.1", port))
        # The number is the first word of each piece that an engine gets, since none is shorter than a sentence.
        text = " ".join(f"{number} {sentence}." for sentence in TEXTS[moment].strip().split(".") if sentence)
        body = json.dumps({"text": text, "format": "wav"}).encode()
        head = f"POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        await loop.sock_sendall(client, head.encode() + b"\r\n\r\n" + body)
        if moment == "in mid-stream":
            await loop.sock_recv(client, 16_384)
        else:
            await asyncio.sleep(STALL if moment == "not reading" else 0.05)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left = time.monotonic()
        client.close()
    return left


async def _round(port: int, notes: _Notes, moment: str, count: int) -> list[float]:
    """Seconds from leaving to the engine being told, of each client."""
    delays: list[float] = []

    async def come_and_go(client: int) -> None:
        for visit in range(count // CLIENTS):
            # The number says who it is, and what the engine should do; texts come again, or each would be
            # remembered with its phonemes, up to the bound of that cache.
            number = 10 * (client + 1) + MOMENTS.index(moment)
            left = await _leave(port, number, moment, reset=visit % 2 == 0)
            delays.append(await notes.told(number, left))

    async with asyncio.TaskGroup() as clients:
        for client in range(CLIENTS):
            clients.create_task(come_and_go(client))
    return sorted(delays)


async def _state(port: int, pid: int, notes: _Notes) -> str:
    """What the process holds, once nobody speaks any more."""
    await asyncio.sleep(1.5)  # sockets to the service that were told to close do
    # One more speech, to its end, says how many tasks there are beside its own.
    await request(port, {"text": f"{MOMENTS.index('not reading')} the end."})
    await asyncio.sleep(0.2)
    holds = Path(f"/proc/{pid}")
    threads, descriptors = (sum(1 for _ in (holds / name).iterdir()) for name in ("task", "fd"))
    return f"{notes.tasks} tasks, {threads} threads, {descriptors} descriptors, {memory(pid)['VmRSS']:.1f} MiB"


async def _measure(engine: str, url: str, edge: EdgeService) -> None:
    with _serving(engine, url) as (port, pid, pipe):
        notes = _Notes(pipe)
        before = ""
        for counted in (False, True):
            for moment in MOMENTS:
                # The service would be at its own pace, too, if it were far away.
                edge.first_delay = 30.0 if moment == "before the first audio" else 0.0
                edge.pace = 1.0 if moment == "in mid-stream" else 0.0
                count = (STREAMS[engine] if counted else WARM_UP) // len(MOMENTS)
                delays = await _round(port, notes, moment, count)
                if counted:
                    late = delays[int(len(delays) * 0.99)] * 1000
                    middle = statistics.median(delays) * 1000
                    print(
                        f"{engine:5} {moment:23} {len(delays):4} left by FIN or RST: engine told after {middle:5.2f} ms"
                        f" (median), {late:5.2f} ms (p99), {delays[-1] * 1000:5.2f} ms (most)",
                        flush=True,
                    )
            edge.first_delay = edge.pace = 0.0
            state = await _state(port, pid, notes)
            before = before or state
        print(f"{engine:5} before: {before}\n{engine:5} after:  {state}", flush=True)


def main() -> None:
    """Print a line for each engine and moment, and what the process held before and after."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the loopback service complains of leavers
    with EdgeService() as edge:
        for engine in STREAMS:
            asyncio.run(_measure(engine, edge.url, edge))


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
