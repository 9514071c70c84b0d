"""Half an hour of text, read at a tenth of real time: what one such reader costs.

The server runs in a process of its own, with a route that tells what it holds: audio that has come from the service and
that the reader has not taken is somewhere in our memory or in our kernel's.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from typing import Any, Final

from litestar import Litestar, get

from benchmarks.server import SENTENCE, forget_peak, memory
from litestar_tts.config import TTSConfig
from litestar_tts.engines.edge_conversation import Conversation
from litestar_tts.server import SEND_BUFFER, create_app
from tests.support.edge_service import EdgeService

SECONDS: Final = 40
MINUTES: Final = 30
CHARACTERS_PER_MINUTE: Final = 900
BYTES_PER_SECOND: Final = 6_000
"""Of 48 kbit/s."""
SLOWNESS: Final = 0.1
LIMIT: Final = 256 * 1024


# --- the server -------------------------------------------------------------------------------------------------------


class Books:
    """What has come from the service, and what waits to be sent."""

    def __init__(self) -> None:
        self.received = 0
        self.server: Any = None
        plain = Conversation._put  # noqa: SLF001

        async def put(conversation: Conversation, chunk: Any) -> None:
            if chunk["type"] == "audio":
                self.received += len(chunk["data"])
            await plain(conversation, chunk)

        Conversation._put = put  # type: ignore[method-assign]  # noqa: SLF001

    def waiting(self) -> dict[str, int]:
        """Bytes on their way to clients, in our process and in the kernel."""
        process = kernel = 0
        for protocol in self.server.server_state.connections:
            transport = protocol.transport
            process += transport.get_write_buffer_size()
            number = transport.get_extra_info("socket").fileno()
            with contextlib.suppress(OSError):
                kernel += struct.unpack("i", fcntl.ioctl(number, 0x5411, bytes(4)))[0]  # SIOCOUTQ
        return {"received": self.received, "transport": process, "kernel": kernel}


def serve(port: int) -> None:
    """Serve on a port as the standalone server does, or without the bounds that it puts on connections."""
    import uvicorn

    from litestar_tts.connections import Connection

    books = Books()

    @get("/books")
    async def waiting() -> dict[str, int]:
        return books.waiting()

    app: Litestar = create_app(TTSConfig(path="/", rate_limit=None, max_text_length=100_000, engines=["edge"]))
    app.register(waiting)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not os.environ.get("UNBOUNDED"):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    options: dict[str, Any] = {} if os.environ.get("UNBOUNDED") else {"http": Connection}
    books.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **options))
    books.server.run([listening])


# --- the reader -------------------------------------------------------------------------------------------------------


def books_of(port: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/books", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
    return found


async def read_slowly(port: int, pid: int, edge: EdgeService, form: str) -> None:
    text = (SENTENCE + " ") * (MINUTES * CHARACTERS_PER_MINUTE // len(SENTENCE))
    body = json.dumps({"text": text, "format": form}).encode()
    head = (
        f"POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    before = await asyncio.to_thread(books_of, port)
    rss = memory(pid)["VmRSS"]
    forget_peak(pid)
    slow = socket.socket()
    # What the reader's own kernel takes does not count against the server.
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(slow, ("127.0.0.1", port))
    await loop.sock_sendall(slow, head.encode() + body)
    # Real time of what arrives: MP3 has so many bytes a second, WAV eight times that.
    pace = SLOWNESS * BYTES_PER_SECOND * (8 if form == "wav" else 1)
    taken, most, worst, sockets = 0, 0, {}, []
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        due = int(pace * (time.monotonic() - began)) + 1024
        if due > taken:
            taken += len(await loop.sock_recv(slow, due - taken))
        now = await asyncio.to_thread(books_of, port)
        heard = taken // 8 if form == "wav" else taken
        held = now["received"] - before["received"] - heard
        if held > most:
            most, worst = held, now
        sockets.append(edge.counters.open)
        await asyncio.sleep(0.25)
    slow.close()
    seconds = {at: sockets[min(len(sockets) - 1, at * len(sockets) // SECONDS)] for at in (1, 2, 5, 10, 20, SECONDS)}
    print(
        f"  {form}: asked the service for {(now['received'] - before['received']) / BYTES_PER_SECOND:.0f} s of audio "
        f"in {SECONDS} s, of which the reader took {heard / BYTES_PER_SECOND:.1f} s\n"
        f"       held at most {most / 1024:.0f} KiB of MP3 for the reader (limit {LIMIT // 1024}), and of the answer "
        f"{worst['transport'] / 1024:.0f} KiB in the transport, {worst['kernel'] / 1024:.0f} KiB in the kernel\n"
        f"       memory of the process: +{memory(pid)['VmRSS'] - rss:.1f} MiB, at its peak "
        f"+{memory(pid)['VmHWM'] - rss:.1f} MiB\n"
        f"       sockets open to the service after so many seconds: {seconds}"
    )


def measure(*, bounded: bool) -> None:
    with EdgeService() as edge:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = {**os.environ, "TTS_EDGE_URL": edge.url, "NO_PROXY": "127.0.0.1"}
        if not bounded:
            settings["UNBOUNDED"] = "1"
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.slow_reader", str(port)], env=settings)
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    books_of(port)
                    break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise
                    time.sleep(0.05)
            for form in ("mp3", "wav"):
                asyncio.run(read_slowly(port, process.pid, edge, form))
        finally:
            process.kill()
            process.wait(20)


def main() -> None:
    """Print what a reader costs who takes a tenth: of the standalone server, and of uvicorn without its bounds."""
    print("as the standalone server serves")
    measure(bounded=True)
    print("as uvicorn serves by itself")
    measure(bounded=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
