"""What a speech will look like, from its text alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from litestar_tts.engines.chain import Candidate
from litestar_tts.exceptions import EngineError
from litestar_tts.models import PhonedWord, Prosody, SpeechRequest, Viseme, VisemeSet, WordBoundary
from litestar_tts.text.segment import Piece, pieces
from litestar_tts.visemes.phonemes import Phonemizer
from litestar_tts.visemes.sets import view
from litestar_tts.visemes.timeline import estimate, planned_count, without_inner_pauses

__all__ = ("Plan", "count_visemes", "make_plan")

logger = logging.getLogger("litestar_tts")

COUNTED_CHARS: Final = 5_000
"""A longer text is counted on its beginning, so that its first sound does not wait for its last sentence."""

PHONEMIZING_ENGINE: Final = "espeak"
"""The engine that speaks as the phonemes of the plan are read, down to its smallest silences."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an utterance will look like, at the pace that a voice usually has."""

    visemes: list[Viseme]
    words: list[WordBoundary]
    duration: float


async def make_plan(text: str, candidate: Candidate, request: SpeechRequest, phonemizer: Phonemizer) -> Plan:
    """Visemes and words of a text.

    Raises:
        MissingExtraError: Phonemes need eSpeak NG.
    """
    parts = await _phonemize(text, candidate, request, phonemizer)
    spans, words, duration = estimate(
        [words for _, words in parts],
        speed=request.prosody.speed,
        language=candidate.voice.language,
        texts=[piece.text for piece, _ in parts],
        offsets=[piece.offset for piece, _ in parts],
    )
    chosen = request.visemes or VisemeSet.DEFAULT
    visemes = [viseme for span in spans for viseme in view(span, chosen, request.phonemes)]
    return Plan(visemes=visemes, words=words, duration=duration)


async def count_visemes(text: str, candidate: Candidate, request: SpeechRequest, phonemizer: Phonemizer) -> int | None:
    """How many visemes a text will have; None where nobody wants to know, or can."""
    if request.visemes is None or not phonemizer.available():
        return None
    counted = text[:COUNTED_CHARS]
    try:
        parts = await _phonemize(counted, candidate, request, phonemizer)
    except EngineError as error:
        # A number in a header is not worth a speech.
        logger.warning("visemes could not be counted: %s", error.detail)
        return None
    own = candidate.slot.name == PHONEMIZING_ENGINE
    capabilities = candidate.engine.capabilities
    told = [words for _, words in parts]
    if capabilities.words and not capabilities.phones:
        told = [without_inner_pauses(words, piece.text) for piece, words in parts]
    count = planned_count(told, request.visemes, breaks=own)
    return count if len(counted) == len(text) else round(count * len(text) / len(counted))


async def _phonemize(
    text: str, candidate: Candidate, request: SpeechRequest, phonemizer: Phonemizer
) -> list[tuple[Piece, Sequence[PhonedWord]]]:
    language = candidate.voice.language
    async with aclosing(pieces(text, candidate.engine.piece_limits(Prosody()))) as parts:
        return [(part, await phonemizer.phonemize(part.text, language, request.client)) async for part in parts]
