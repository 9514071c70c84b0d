"""The voices of the read-aloud service: its own list once it is known, a snapshot until then."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from litestar_tts.exceptions import EngineError
from litestar_tts.models import Voice

__all__ = ("VoiceList", "long_name", "snapshot", "voices_of")

logger = logging.getLogger("litestar_tts.engines.edge")

_SUFFIX: Final = "Neural"
_GENDERS: Final = {"F": "Female", "M": "Male"}
_VARIANT: Final = re.compile(r"(?<=[a-z])(Multilingual|Expressive|Turbo)")
_CHILDLIKE: Final = frozenset({"Ana", "Eloise", "Maisie", "Yunxia"})


@lru_cache(maxsize=1)
def snapshot() -> tuple[Voice, ...]:
    """The voices that were known when this version was made."""
    text = files("litestar_tts.engines").joinpath("edge_voices.txt").read_text("utf-8")
    voices = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        locale, *entries = line.split()
        for entry in entries:
            name, _, gender = entry.partition(":")
            voices.append(_voice(f"{locale}-{name}{_SUFFIX}", locale, _GENDERS[gender], None))
    return tuple(voices)


def voices_of(entries: Sequence[Any]) -> tuple[Voice, ...]:
    """The voices of the service's answer, children's last within a locale; entries that are no voices are left out."""
    voices = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("Status") == "Deprecated":
            continue
        name, locale, gender = entry.get("ShortName"), entry.get("Locale"), entry.get("Gender")
        if not (isinstance(name, str) and isinstance(locale, str) and re.fullmatch(r"[\w-]+-\w+", name)):
            continue
        tag = entry.get("VoiceTag")
        traits = (tag.get("VoicePersonalities") or ()) if isinstance(tag, dict) else ()
        description = ", ".join(trait.strip() for trait in traits if isinstance(trait, str)) or None
        voices.append(_voice(name, locale, gender if gender in _GENDERS.values() else None, description))
    return tuple(sorted(voices, key=lambda voice: (voice.language, voice.name in _CHILDLIKE, voice.id)))


def long_name(voice: Voice) -> str:
    """The name that the service wants to hear."""
    # edge-tts makes this from the short name too, but not for all locales (iu-Latn-CA).
    locale, _, name = voice.id.rpartition("-")
    return f"Microsoft Server Speech Text to Speech Voice ({locale}, {name})"


def _voice(name: str, locale: str, gender: str | None, description: str | None) -> Voice:
    plain = name.rpartition("-")[2].removesuffix(_SUFFIX)
    return Voice(
        id=name,
        name=_VARIANT.sub(r" \1", plain),
        engine="edge",
        language=locale,
        gender=gender,
        description=description,
    )


class VoiceList:
    """Knows the voices without keeping anybody waiting for a service that does not answer.

    Args:
        fetch: Asks the service; bounded in time; raises :class:`EngineError`.
        ttl: Seconds after which the service's list is asked for again, in the background.
        retry: Seconds for which a failure is remembered.
        patience: Seconds that a caller waits for the first list.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Sequence[Any]]], *, ttl: float, retry: float, patience: float
    ) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._retry = retry
        self._patience = patience
        self._live: tuple[Voice, ...] | None = None
        self._index: dict[str, Voice] = {}
        self._fetched_at = 0.0
        self._failed_at: float | None = None
        self.failure: EngineError | None = None
        """Why the last question had no answer; None: it had one, or was never asked."""
        self._task: asyncio.Task[None] | None = None

    async def get(self) -> tuple[Voice, ...]:
        """All voices: the service's list, or the snapshot while there is none."""
        await self._update()
        return self._live if self._live is not None else snapshot()

    async def find(self, name: str, *, ask: bool = True) -> Voice | None:
        """The voice of this short name, compared without case; ``ask``: ask the service if nothing is known of it."""
        wanted = name.casefold()
        if self._live is None:
            known = _snapshot_index().get(wanted)
            if known is not None:
                return known
        if ask:
            await self._update()
        return (self._index if self._live is not None else _snapshot_index()).get(wanted)

    async def check(self) -> None:
        """Ask the service now, however long it may take.

        Raises:
            EngineError: It gave no list.
        """
        await self._update()
        if self._task is not None:
            await asyncio.wait({self._task})
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        """Stop asking; what is known stays known."""
        task, self._task = self._task, None
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait({task}, timeout=1)

    async def _update(self) -> None:
        now = time.monotonic()
        if self._live is not None and now - self._fetched_at < self._ttl:
            return
        if self._failed_at is not None and now - self._failed_at < self._retry:
            return
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._task = asyncio.create_task(self._ask(), name="edge-voices")
        if self._live is None:
            await asyncio.wait({task}, timeout=self._patience)

    async def _ask(self) -> None:
        try:
            live = voices_of(await self._fetch())
        except EngineError as error:
            self._fail(error)
            return
        if not live:
            self._fail(EngineError("The Edge speech service listed no voices."))
            return
        self._live, self._index = live, {voice.id.casefold(): voice for voice in live}
        self._fetched_at, self._failed_at, self.failure = time.monotonic(), None, None

    def _fail(self, error: EngineError) -> None:
        self._failed_at, self.failure = time.monotonic(), error
        known = "the last list" if self._live is not None else "the list that came with this package"
        logger.info("Edge voices: %s Using %s.", error.detail, known)


@lru_cache(maxsize=1)
def _snapshot_index() -> dict[str, Voice]:
    return {voice.id.casefold(): voice for voice in snapshot()}
