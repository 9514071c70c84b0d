"""The other side of :mod:`litestar_tts.cli.diagnosis.children`: does one thing that may crash or hang, and says how.

A broken wheel can take its process down, so it never gets the doctor's own.
"""

from __future__ import annotations

import array
import asyncio
import importlib
import json
import os
import sys
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from litestar_tts.engines.base import Engine

__all__ = ("main",)

WORD: Final = "Hello."
KEPT: Final = {"edge": "TTS_EDGE_URL", "piper": "TTS_PIPER_VOICES"}
"""Settings that an engine needs; a fault in any other is found elsewhere and must not look like a broken engine."""
NETWORK_LIMIT: Final = 5.0
"""Seconds for an engine that depends on a service elsewhere; loading it does not count."""
DEEPEST: Final = 4
"""Causes of an error that are told."""
AUDIBLE: Final = 500
"""Of 32768."""


def main(arguments: list[str]) -> None:
    """Do it and write one JSON object to standard output, or one a module for ``load``."""
    task, *rest = arguments
    if task == "speak":
        asyncio.run(_speak_and_leave(*rest))
    elif task == "load":
        for module in rest:
            _write({"loading": module})
            _write({"module": module, **_load(module)})


def _write(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _failure(error: Exception) -> dict[str, Any]:
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < DEEPEST:
        chain.append(f"{type(cause).__name__}: {cause}".splitlines()[0][:300])
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return {"kind": type(error).__name__, "error": str(error)[:500] or type(error).__name__, "chain": chain}


def _load(module: str) -> dict[str, Any]:
    started = time.monotonic()
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001  # likewise
        return _failure(error)
    return {"seconds": time.monotonic() - started}


async def _speak_and_leave(name: str, default_voice: str) -> None:
    try:
        answer = await _speak(name, default_voice)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what we are here to report
        answer = _failure(error)
    _write(answer)
    # Leaving in good order would wait for a name that is still being looked up.
    os._exit(0)


async def _speak(name: str, default_voice: str) -> dict[str, Any]:
    for variable in list(os.environ):
        if variable.startswith(("TTS_", "RATE_LIMIT_", "MAX_TEXT_", "WEB_CONC")) and variable != KEPT.get(name):
            del os.environ[variable]
    from litestar_tts.config import TTSConfig
    from litestar_tts.engines.registry import build_slots

    started = time.monotonic()
    (slot,) = build_slots(TTSConfig(engines=[name]))
    engine = await slot.ready()
    try:
        async with asyncio.timeout(NETWORK_LIMIT if engine.capabilities.network else None):
            answer = await _say(engine, default_voice.removeprefix(f"{name}:"))
    except TimeoutError:
        return {"kind": "TimeoutError", "error": f"no answer within {NETWORK_LIMIT:g} s", "timeout": True}
    return {"seconds": time.monotonic() - started, **answer}


async def _say(engine: Engine, default_voice: str) -> dict[str, Any]:
    from litestar_tts.models import AudioChunk, Utterance

    voices = await engine.voices()
    knows = await engine.find_voice(default_voice)
    voice = await engine.best_voice("en-US") or voices[0]
    audio = bytearray()
    async with aclosing(engine.synthesize(Utterance(text=WORD, voice=voice))) as events:
        async for event in events:
            if isinstance(event, AudioChunk):
                audio += event.data
    pcm = engine.capabilities.encoding == "pcm"
    return {
        "voices": len(voices),
        "voice": voice.id,
        "bytes": len(audio),
        "audible": not pcm or _peak(bytes(audio)) > AUDIBLE,
        "knows_default": knows is not None,
    }


def _peak(pcm: bytes) -> int:
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return max(map(abs, samples), default=0)


if __name__ == "__main__":
    main(sys.argv[1:])
