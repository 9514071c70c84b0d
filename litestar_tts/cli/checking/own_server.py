"""Servers that the check starts for itself, and ends in any case."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

from litestar_tts.cli.checking.notes import Fault
from litestar_tts.cli.diagnosis.children import python_environment

__all__ = ("OwnServers",)

START_PATIENCE: Final = 40.0
STOP_PATIENCE: Final = 12.0
"""Seconds; the server gives its streams ten."""
LISTENS: Final = re.compile(rb"listens on (http://\S+)")
GENEROUS: Final = "100000"


class OwnServers:
    """Starts ``litestar-tts serve`` with the caller's environment, but limits of its own."""

    @asynccontextmanager
    async def server(self, *, requests: int | None = None) -> AsyncGenerator[str, None]:
        """A running server's address.

        Args:
            requests: Its rate limit; None: one that the check never meets.

        Raises:
            Fault: It does not start.
        """
        environment = python_environment()
        # A store would be spent from, and other workers would not know this limit.
        environment.pop("TTS_STORE_URL", None)
        environment["RATE_LIMIT_REQUESTS"] = GENEROUS if requests is None else str(requests)
        environment["RATE_LIMIT_WINDOW"] = "60"
        environment.setdefault("TTS_LOG_LEVEL", "error")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "litestar_tts"),
            *("serve", "--host", "127.0.0.1", "--port", "0", "--workers", "1"),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        last = bytearray()
        reading: list[asyncio.Task[None]] = []
        try:
            assert process.stdout is not None  # noqa: S101
            assert process.stderr is not None  # noqa: S101
            reading.append(asyncio.create_task(_drain(process.stderr, last)))
            address = await _announced(process, process.stdout, last)
            reading.append(asyncio.create_task(_drain(process.stdout, bytearray())))
            yield address
        finally:
            await _end(process)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)


async def _announced(process: asyncio.subprocess.Process, out: asyncio.StreamReader, last: bytearray) -> str:
    try:
        async with asyncio.timeout(START_PATIENCE):
            while line := await out.readline():
                found = LISTENS.search(line)
                if found:
                    return found[1].decode()
            await process.wait()
    except TimeoutError:
        figure = f"our own server was not ready within {START_PATIENCE:g} s"
        raise Fault(figure, advice="Run litestar-tts doctor.") from None
    reasons = last.decode("utf-8", "replace").strip().splitlines()
    reason = reasons[-1] if reasons else f"code {process.returncode}"
    raise Fault(f"our own server does not start: {reason}", advice="Run litestar-tts doctor.")


async def _drain(stream: asyncio.StreamReader, last: bytearray) -> None:
    # Read always, so that the server never waits for us; kept only as far as it may explain an end.
    while data := await stream.read(4096):
        last += data
        del last[:-2000]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    try:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_PATIENCE)
    finally:
        # Also when somebody presses Ctrl-C once more.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
