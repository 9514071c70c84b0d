"""Threads that own copies of libespeak-ng, and the async door to them.

The unit of work is one *call*: a function that gets the copy for itself, in the thread that owns it. Clients take
turns, and each client's calls are taken in the order in which they came, so that nobody waits longer than everybody's
current sentence. A call returns its result whole: no consumer can ever hold up a thread by reading slowly.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, TypeVar

from litestar_tts.espeak.library import Espeak
from litestar_tts.exceptions import EngineBusyError, EngineError, EngineTimeoutError
from litestar_tts.fairness import FairLine, LineFullError

__all__ = ("EspeakWorker", "Wanted")

T = TypeVar("T")

Wanted = Callable[[], bool]
"""Whether somebody still waits for the result; a call looks at it in every block and stops when it turns False."""

MAX_PENDING: Final = 2_000
"""Calls that may wait for their turn."""
MAX_WAIT: Final = 60.0
"""Seconds that a call may take, its turn included."""
BUFFER_MS: Final = 5_000
"""Audio per callback, which is made in some 5 ms. Results are handed over whole, so no first block is waited for, and
each callback costs a turn with the interpreter's lock."""


class EspeakWorker:
    """One or more copies of the library, each with its own thread, behind one queue.

    Threads start with the first call, and again with the first call after :meth:`close`. Calls may come from any event
    loop.

    Args:
        copies: Calls that can run at the same time.
    """

    def __init__(self, *, copies: int = 1) -> None:
        self._copies = copies
        self._crew: _Crew | None = None
        self._lock = threading.Lock()

    async def run(self, call: Callable[[Espeak, Wanted], T], client: str = "") -> T:
        """Run one call; cancelling stops it at its next block and lets the next one in.

        Args:
            call: What to run.
            client: Whose it is.

        Raises:
            MissingExtraError: The library is not installed.
            EngineBusyError: Too many calls wait.
            EngineTimeoutError: It did not get its turn, or did not end, within a minute.
            EngineError: The library failed, or the worker was closed meanwhile.
        """
        job = _Job(call, client)
        crew = self._current_crew()
        crew.add(job)
        try:
            async with asyncio.timeout(MAX_WAIT):
                result: T = await asyncio.wrap_future(job.result)
        except TimeoutError:
            raise EngineTimeoutError("eSpeak NG did not answer in time") from None
        finally:
            job.wanted = False
            crew.drop(job)
        return result

    async def close(self) -> None:
        """Stop what runs, fail what waits, end the threads and free the copies. Harmless when closed."""
        with self._lock:
            crew, self._crew = self._crew, None
        if crew is not None:
            crew.dismiss()
            await asyncio.gather(*(asyncio.wrap_future(gone) for gone in crew.gone))
            crew.join()

    def _current_crew(self) -> _Crew:
        with self._lock:
            # Threads do not survive a fork; the child starts its own.
            if self._crew is None or self._crew.process != os.getpid():
                self._crew = _Crew(self._copies)
            return self._crew


class _Job:
    __slots__ = ("call", "client", "result", "wanted")

    def __init__(self, call: Callable[[Espeak, Wanted], Any], client: str) -> None:
        self.call = call
        self.client = client
        self.result: Future[Any] = Future()
        self.wanted = True


class _Crew:
    def __init__(self, copies: int) -> None:
        self.process = os.getpid()
        self.gone: list[Future[None]] = [Future() for _ in range(copies)]
        self._jobs: FairLine[_Job] = FairLine(max_waiting=MAX_PENDING)
        self._changed = threading.Condition()
        self._dismissed = False
        self._threads = [
            threading.Thread(target=self._own_copy, args=(gone,), name=f"espeak-{index}", daemon=True)
            for index, gone in enumerate(self.gone)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, job: _Job) -> None:
        with self._changed:
            if self._dismissed:
                raise EngineError("eSpeak NG is closed")
            try:
                displaced = self._jobs.join(job.client, job)
            except LineFullError:
                raise _too_many() from None
            self._changed.notify()
        if displaced is not None and displaced.result.set_running_or_notify_cancel():
            displaced.result.set_exception(_too_many())

    def drop(self, job: _Job) -> None:
        with self._changed:
            self._jobs.drop(job.client, job)

    def dismiss(self) -> None:
        with self._changed:
            self._dismissed = True
            jobs = self._jobs.clear()
            self._changed.notify_all()
        for job in jobs:
            if job.result.set_running_or_notify_cancel():
                job.result.set_exception(EngineError("eSpeak NG was closed"))

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _own_copy(self, gone: Future[None]) -> None:
        espeak: Espeak | None = None
        while (job := self._next()) is not None:
            if job.result.set_running_or_notify_cancel():
                try:
                    # Not once and for all: what kept the library from being loaded may be gone by the next call.
                    espeak = espeak or Espeak(buffer_ms=BUFFER_MS)
                    result = job.call(espeak, partial(self._wants, job))
                except BaseException as error:  # noqa: BLE001  belongs to who waits for it
                    job.result.set_exception(error)
                else:
                    self._deliver(job, result)
            with self._changed:
                self._jobs.give_back(job.client)
            del job
        if espeak is not None:
            espeak.close()
        # Whoever waited for this thread may have stopped waiting.
        if gone.set_running_or_notify_cancel():
            gone.set_result(None)

    def _wants(self, job: _Job) -> bool:
        return job.wanted and not self._dismissed

    def _deliver(self, job: _Job, result: Any) -> None:
        if self._dismissed:
            job.result.set_exception(EngineError("eSpeak NG was closed"))
        else:
            job.result.set_result(result)

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._jobs and not self._dismissed:
                self._changed.wait()
            served = self._jobs.next()
            return served[1] if served is not None else None


def _too_many() -> EngineBusyError:
    return EngineBusyError("eSpeak NG has too many sentences waiting; try again in a moment", retry_after=1)
