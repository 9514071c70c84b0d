"""Which engines may speak for a request, and with which voices."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Sequence

import msgspec

from litestar_tts.config import TTSConfig
from litestar_tts.engines.chain import Candidate
from litestar_tts.engines.registry import EngineSlot
from litestar_tts.exceptions import EngineError, MissingExtraError, NoEngineError, VoiceNotFoundError
from litestar_tts.models import SpeechRequest, Voice

__all__ = ("Casting", "CastingDirector")

logger = logging.getLogger("litestar_tts")

_LOCALE = re.compile(r"^([A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_][A-Za-z]{2})?)(?:[-_]|$)")
MATCHES = 5


class Casting(msgspec.Struct, frozen=True):
    """Who may speak, in order, and whether only the first will do."""

    candidates: tuple[Candidate, ...]
    strict: bool


class CastingDirector:
    """Finds voices by name, and stand-ins for engines that cannot answer."""

    def __init__(self, slots: Sequence[EngineSlot], config: TTSConfig) -> None:
        self._slots = tuple(slots)
        self._default = config.default_voice
        self._aliases = {alias.casefold(): voice for alias, voice in config.voice_aliases.items()}

    async def cast(self, request: SpeechRequest) -> Casting:
        """The candidates for a request: the wanted voice first, then each other engine's nearest voice.

        Raises:
            VoiceNotFoundError: Nobody has such a voice.
            NoEngineError: No engine can be opened.
        """
        chosen, named = await self._choose(request)
        strict = named or not request.fallback
        candidates = [chosen]
        if not strict:
            for slot in self._slots:
                if slot is not chosen.slot:
                    voice = await self._nearest(slot, chosen.voice.language, chosen.voice.gender)
                    if voice is not None:
                        candidates.append(Candidate(slot, voice))
        return Casting(tuple(candidates), strict)

    async def choose(self, request: SpeechRequest) -> Candidate:
        """The wanted voice alone; raises as :meth:`cast` does."""
        return (await self._choose(request))[0]

    async def _choose(self, request: SpeechRequest) -> tuple[Candidate, bool]:
        asked = request.voice or self._default
        name = self._aliases.get(asked.casefold(), asked)
        prefix, colon, rest = name.partition(":")
        if colon:
            for slot in self._slots:
                if slot.name == prefix.lower():
                    engine = await slot.ready()
                    voice = await engine.find_voice(rest)
                    if voice is None:
                        raise await self._unknown(asked, rest)
                    return Candidate(slot, voice), True
            raise await self._unknown(asked, rest)
        for slot in self._slots:
            voice = await self._find(slot, name)
            if voice is not None:
                return Candidate(slot, voice), False
        if request.voice is None:
            return await self._nearest_to_default(), False
        raise await self._unknown(asked, name)

    async def _nearest_to_default(self) -> Candidate:
        """The default voice's engine may not be installed: its language is what the host meant."""
        locale = _LOCALE.match(self._default.rpartition(":")[2])
        for language in (locale.group(1) if locale else "en-US", "en-US"):
            for slot in self._slots:
                voice = await self._nearest(slot, language, None)
                if voice is not None:
                    return Candidate(slot, voice)
        for slot in self._slots:  # an engine without any English voice still has a voice
            try:
                voices = await (await slot.ready()).voices()
            except (EngineError, MissingExtraError):
                continue
            if voices:
                return Candidate(slot, voices[0])
        raise NoEngineError("No speech engine has a voice just now; see /health.", retry_after=5.0)

    async def _find(self, slot: EngineSlot, name: str) -> Voice | None:
        try:
            return await (await slot.ready()).find_voice(name)
        except (EngineError, MissingExtraError) as error:
            logger.warning("engine %s cannot be asked for its voices: %s", slot.name, error.detail)
            return None

    async def _nearest(self, slot: EngineSlot, language: str, gender: str | None) -> Voice | None:
        try:
            return await (await slot.ready()).best_voice(language, gender)
        except (EngineError, MissingExtraError) as error:
            logger.warning("engine %s cannot stand in: %s", slot.name, error.detail)
            return None

    async def _unknown(self, asked: str, name: str) -> VoiceNotFoundError:
        known: dict[str, str] = {}
        for slot in self._slots:
            try:
                voices = await (await slot.ready()).voices()
            except (EngineError, MissingExtraError):
                continue
            known.update((voice.id.casefold(), voice.id) for voice in voices)
        near = difflib.get_close_matches(name.casefold(), known, n=MATCHES, cutoff=0.5)
        matches = [known[key] for key in near]
        hint = f"did you mean {' or '.join(matches[:3])}?" if matches else "GET /voices lists all."
        shown = asked if len(asked) <= 80 and asked.isprintable() else "the given name"
        return VoiceNotFoundError(f"There is no voice {shown!r}; {hint}", parameter="voice", matches=matches)
