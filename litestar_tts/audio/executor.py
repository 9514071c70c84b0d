"""The threads in which codecs work.

One pool of our own, because the event loop's default executor resolves names (a full one would delay every connection),
and codecs on the loop's own thread would hold up everybody. It is made on first use, and again after :func:`shutdown`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ("run", "shutdown")

T = TypeVar("T")

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


async def run(job: Callable[[], T]) -> T:
    """Run a short job in a thread; jobs start in the order in which they came.

    Cancelling drops a job that has not started; one that has runs on to its end, unseen.
    """
    return await asyncio.get_running_loop().run_in_executor(_get_pool(), job)


def shutdown() -> None:
    """End the threads once their jobs are done; harmless when there are none."""
    global _pool  # one pool per process is the point
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.shutdown(wait=False)


def _get_pool() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603
    with _lock:
        if _pool is None:
            # More threads than cores would only make everybody's next chunk later; codecs release the GIL.
            threads = min(4, max(2, os.cpu_count() or 2))
            _pool = ThreadPoolExecutor(threads, thread_name_prefix="litestar-tts-audio")
        return _pool


def _forget() -> None:
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    # A forked worker inherits the pool object but none of its threads: jobs would wait for ever.
    os.register_at_fork(after_in_child=_forget)
