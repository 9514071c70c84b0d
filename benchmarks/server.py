"""A real server in a process of its own, a bare HTTP client, and what the kernel knows about a process."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind."


@contextmanager
def running(**environment: str) -> Iterator[tuple[int, int]]:
    """The standalone server.

    Yields:
        Port and process id.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {**os.environ, "RATE_LIMIT_REQUESTS": "1000000", "TTS_LOG_LEVEL": "warning", **environment}
    command = [sys.executable, "-m", "litestar_tts", "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


async def request(
    port: int, body: dict[str, object], path: str = "/generate", headers: dict[str, str] | None = None
) -> tuple[float, bytes]:
    """One POST on a connection of its own.

    Returns:
        Seconds from the request to the first byte of the body, and the body.
    """
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        "Connection: close\r\n"
    )
    head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()) + "\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        began = time.perf_counter()
        writer.write(head.encode() + data)
        header = await reader.readuntil(b"\r\n\r\n")
        status = int(header.split(b" ", 2)[1])
        if status != 200:
            raise RuntimeError(f"status {status}: {(await reader.read())[:300]!r}")
        parts = []
        first = 0.0
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            first = first or time.perf_counter() - began
            await reader.readexactly(2)
    finally:
        writer.close()
    return first, b"".join(parts)


def memory(pid: int) -> dict[str, float]:
    """MiB of a process: ``VmRSS`` now, ``VmHWM`` at its peak."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {
        key: int(value.split()[0]) / 1024
        for key, value in (line.split(":", 1) for line in lines)
        if key in ("VmRSS", "VmHWM")
    }


def forget_peak(pid: int) -> None:
    """Let ``VmHWM`` start again from now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
