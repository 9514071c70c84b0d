"""The real server, with one route more: what its process holds."""

import argparse
import asyncio
import ctypes
import gc
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, get

from litestar_tts import server
from litestar_tts.config import RateLimit, TTSConfig
from litestar_tts.engines.base import Timeouts
from litestar_tts.engines.edge import EdgeEngine

KEY = "soak-key-that-nobody-would-guess"


class Holding(msgspec.Struct, frozen=True):
    """What a process holds at one moment."""

    tasks: int
    threads: int
    files: int
    objects: int
    """That the collector knows."""
    memory: float
    """MiB; 0 where it cannot be told."""


def holding() -> Holding:
    """Of this process, once it has let go of what nobody needs."""
    for _ in range(2):
        gc.collect()
    files, status = Path("/dev/fd"), Path("/proc/self/statm")
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        # What the allocator keeps for later would look like a leak.
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(status.read_text(encoding="ascii").split()[1]) if status.exists() else 0
    return Holding(
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        files=len(list(files.iterdir())) if files.exists() else 0,
        objects=len(gc.get_objects()),
        memory=pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20),
    )


@get("/_holding", sync_to_thread=False, include_in_schema=False)
def tell() -> Holding:
    """See :class:`Holding`."""
    return holding()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("edge", help="address of the loopback read-aloud service")
    edge = parser.parse_args().edge
    made = server.create_app

    def with_probe(*args: Any, **options: Any) -> Litestar:
        app = made(*args, **options)
        app.register(tell)
        return app

    server.create_app = with_probe
    engine = EdgeEngine(url=edge, connect_timeout=2, timeouts=Timeouts(first_audio=2.0, gap=1.5, whole=15.0))
    options = TTSConfig(
        path="/",
        engines=[engine, "piper", "espeak"],
        rate_limit=RateLimit(requests=1_000_000, window=60),
        api_keys=[KEY],
        warm_up=True,
        body_timeout=2.0,
        metrics=True,
    )
    server.serve(host="127.0.0.1", port=0, log_level="error", config=options)


if __name__ == "__main__":
    main()
