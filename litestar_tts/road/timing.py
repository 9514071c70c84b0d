"""An engine's events with its silence limited: no engine may keep a listener waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from litestar_tts.engines.base import Engine, Timeouts
from litestar_tts.exceptions import EngineTimeoutError, NoAudioError
from litestar_tts.models import AudioChunk, EngineEvent, Utterance

__all__ = ("timed",)

MID_SPEECH_PATIENCE: Final = 60.0
"""Seconds more that a piece may take to begin when the listener has heard the one before, and still has audio of it."""


async def timed(engine: Engine, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
    """What an engine says; only the time that is spent waiting for it counts, not the listener's own.

    Raises:
        EngineTimeoutError: It said nothing for too long, or too little for very long.
        NoAudioError: It made no sound at all.
    """
    limits: Timeouts = engine.capabilities.timeouts
    now = asyncio.get_running_loop().time
    patience = limits.first_audio + (MID_SPEECH_PATIENCE if utterance.continues else 0.0)
    # Waited since the last audio, or for the first; and since the first, since the wait for a place has its own limit.
    silent = waited = 0.0
    heard = 0
    async with aclosing(engine.synthesize(utterance)) as events:
        while True:
            asked = now()
            try:
                async with asyncio.timeout_at(asked + patience - silent):
                    event = await anext(events)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise _late(engine, patience, heard) from None
            silent += now() - asked
            waited += now() - asked if heard else 0.0
            if isinstance(event, AudioChunk):
                patience, silent = limits.gap, 0.0
                heard += len(event.data)
            elif silent > patience:
                # One that always has words to say, and never a sound, does not run into the timer.
                raise _late(engine, patience, heard)
            if limits.whole is not None and waited > limits.whole + heard / engine.capabilities.bytes_per_second:
                raise EngineTimeoutError(f"The {engine.name} engine speaks too slowly to be listened to.")
            yield event
    if not heard:
        raise NoAudioError(f"The {engine.name} engine made no sound for this text.")


def _late(engine: Engine, patience: float, heard: int) -> EngineTimeoutError:
    what = "went silent" if heard else "gave no audio"
    return EngineTimeoutError(f"The {engine.name} engine {what} for {patience:g} seconds.")
