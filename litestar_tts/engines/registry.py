"""From the names in the configuration to engines that open on first use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Final

import msgspec

from litestar_tts.config import DEFAULT_ENGINES, TTSConfig
from litestar_tts.engines.base import Engine
from litestar_tts.engines.breaker import Breakers
from litestar_tts.engines.recovery import Recovery
from litestar_tts.exceptions import ConfigurationError, MissingExtraError

__all__ = ("EngineSlot", "Extra", "build_slots")

logger = logging.getLogger("litestar_tts")


class Extra(msgspec.Struct, frozen=True):
    """What an engine needs from outside the core."""

    what: str
    extra: str
    modules: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether every module is there; imports none."""
        return all(find_spec(module) is not None for module in self.modules)


_EXTRAS: Final[Mapping[str, Extra]] = {
    "piper": Extra("Piper", "piper", ("piper",)),
    "espeak": Extra("eSpeak NG", "espeak", ("espeakng_loader",)),
}


def _edge(config: TTSConfig) -> Engine:
    from litestar_tts.engines.edge import EdgeEngine

    return EdgeEngine(url=config.edge_url, connections=config.edge_connections)


def _espeak(config: TTSConfig) -> Engine:  # noqa: ARG001
    from litestar_tts.engines.espeak import EspeakEngine

    return EspeakEngine()


def _piper(config: TTSConfig) -> Engine:
    from litestar_tts.engines.piper import PiperEngine

    return PiperEngine(voices_path=config.piper_voices)


_BUILDERS: Final[Mapping[str, Callable[[TTSConfig], Engine]]] = {"edge": _edge, "espeak": _espeak, "piper": _piper}


class EngineSlot:
    """One engine with what the service keeps about it: whether it is open, and its breakers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.breakers = Breakers(self._opened)
        self._recovery = Recovery(self.ready, self.breakers)
        self._opening = asyncio.Lock()
        self._open = False

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.engine.name

    def breaker_state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return self.breakers.engine.state

    async def ready(self) -> Engine:
        """The engine, opened if it was not."""
        if not self._open:
            async with self._opening:
                if not self._open:
                    await self.engine.open()
                    self._open = True
        return self.engine

    def _opened(self) -> None:
        self._recovery.watch()

    async def close(self) -> None:
        """Close the engine; it opens again when it is needed."""
        await self._recovery.close()
        self._open = False
        self._opening = asyncio.Lock()  # the next user may run on another event loop
        try:
            await self.engine.close()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other engines have to be closed too
            # Without its message, which may hold the address of a service.
            logger.error("closing the %s engine failed: %s", self.name, type(error).__name__)  # noqa: TRY400


def build_slots(config: TTSConfig) -> tuple[EngineSlot, ...]:
    """The configured engines in order of preference.

    Raises:
        MissingExtraError: A named engine is not installed.
        ConfigurationError: Nothing that could speak is installed.
    """
    if config.engines is None:
        names: list[str | Engine] = [name for name in DEFAULT_ENGINES if name not in _EXTRAS or _EXTRAS[name].installed]
    else:
        names = list(config.engines)
    engines = [engine if isinstance(engine, Engine) else _build(engine, config) for engine in names]
    if not engines:
        raise ConfigurationError('no engine is installed; run: pip install "litestar-tts[standard]"')
    return tuple(EngineSlot(engine) for engine in engines)


def _build(name: str, config: TTSConfig) -> Engine:
    needs = _EXTRAS.get(name)
    if needs is not None and not needs.installed:
        raise MissingExtraError(needs.what, needs.extra)
    return _BUILDERS[name](config)
