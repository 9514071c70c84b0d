"""How the standalone server is told to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from litestar_tts.service import SpeechService

__all__ = ("ends_well_when_told", "tell_of_signals")

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ends_well_when_told() -> Iterator[None]:
    """Within this block SIGTERM ends the process with status 0: the server passes it on once it has shut down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(*_: object) -> None:
    raise SystemExit(0)


def tell_of_signals(service: SpeechService) -> None:
    """Let a service know at once when this process is told to stop.

    A server lets its streams end before it tells the application, which would be too late for whoever waits for a
    place, and for speech that has to be cut in time to say so. Call it on the event loop, when the server has set its
    own handlers; those stay in force.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def told(number: int, frame: FrameType | None, before: object = before) -> None:
            with suppress(RuntimeError):  # the loop is over
                loop.call_soon_threadsafe(service.begin_closing)
            assert callable(before)  # noqa: S101
            before(number, frame)

        signal.signal(number, told)
