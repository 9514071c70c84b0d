"""What a text sounds like: words, their phones, and the pauses between them, from the text alone (G2P)."""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Final

import msgspec

from litestar_tts.espeak.alignment import SpokenWord, align, separate
from litestar_tts.espeak.library import MAX_RATE, Espeak, EspeakEvent, is_installed
from litestar_tts.espeak.takes import phone_count
from litestar_tts.espeak.voices import voice_for
from litestar_tts.espeak.worker import EspeakWorker
from litestar_tts.exceptions import EngineError, MissingExtraError
from litestar_tts.models import Phone, PhonedWord
from litestar_tts.visemes.letters import guess_phones

__all__ = ("Phonemizer",)

MAX_CHARACTERS: Final = 500
"""Of one call and one entry of the cache."""

PAUSE_SCALE: Final = 12.0
"""Measured: at the fastest rate pauses last a twelfth of what they last at the normal one (comma 150 ms, full stop 301
ms), while the phones are the same in every language tried. The fastest rate costs less than half."""
MIN_PAUSE: Final = 0.05
MAX_PAUSE: Final = 0.5

_SENTENCE_END: Final = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？।॥؟۔]+[」』”）]*\s*|\n\s*")

_SCRIPTS: Final = {
    "LATIN": "id",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "ORIYA": "or",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "THAI": "th",
    "MYANMAR": "my",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am",
    "CHEROKEE": "chr",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "cmn",
}
"""First word of a letter's Unicode name → voice that reads the script. Indonesian for Latin: it has one sound for each
letter, no silent ones, and stress where most languages have it."""


class Phonemizer:
    """Reads text in the dialect of a language tag, through a private copy of libespeak-ng.

    The copy and its thread are made when they are first needed, and again after :meth:`close`. One instance serves any
    number of utterances and event loops.

    Args:
        cache_size: Characters of text whose phones are remembered; each costs some 50 bytes.
    """

    def __init__(self, *, cache_size: int = 400_000) -> None:
        self._worker = EspeakWorker()
        self._cache: OrderedDict[tuple[str, str], tuple[PhonedWord, ...]] = OrderedDict()
        self._cache_size = cache_size
        self._cached = 0

    @staticmethod
    def available() -> bool:
        """Whether the library is installed (extra ``espeak``)."""
        return is_installed()

    async def phonemize(self, text: str, language: str, client: str = "") -> tuple[PhonedWord, ...]:
        """Words with their phones, in order, at their places in the text.

        Args:
            text: Any text of any length; it is read by the sentence.
            language: BCP 47 tag, which chooses the dialect. A language that the library does not speak is read by a
                close relative of the same script; where there is none, by a language that reads the script of the text,
                Latin letters one by one as they stand. Words of a script that nothing can read (Khmer, Lao, Inuktitut
                syllabics) come with phones guessed from the names of their letters.
            client: Who is waiting for it; clients take turns.

        Returns:
            Words do not overlap. ``pause`` is what the library makes behind the word, 0.05 to 0.5 s, and 0 behind the
            last word of the text.

        Raises:
            MissingExtraError: The library is not installed.
            EngineError: The library cannot be loaded, is overloaded, or was closed meanwhile; never for what the text
                is.
        """
        if not is_installed():
            raise MissingExtraError("eSpeak NG", "espeak")
        voice = voice_for(language) or _voice_for_script(text)
        words: list[PhonedWord] = []
        for start, end in _parts(text):
            part = text[start:end]
            spoken = _unread(part) if voice is None else await self._read(part, voice, client)
            words.extend(_moved(word, start) for word in spoken) if start else words.extend(spoken)
        if words and words[-1].pause:
            words[-1] = msgspec.structs.replace(words[-1], pause=0.0)
        return tuple(words)

    async def close(self) -> None:
        """Free the copy of the library and its thread. Harmless when closed."""
        await self._worker.close()

    async def _read(self, text: str, voice: str, client: str) -> tuple[PhonedWord, ...]:
        key = (voice, text)
        known = self._cache.get(key)
        if known is None:
            known = await self._worker.run(partial(_spell, text, voice), client)
            # Somebody else may have asked for the same meanwhile.
            self._cached += len(text) if key not in self._cache else 0
            self._cache[key] = known
            while self._cached > self._cache_size:
                (_, forgotten), _ = self._cache.popitem(last=False)
                self._cached -= len(forgotten)
        else:
            self._cache.move_to_end(key)
        return known


def _spell(text: str, voice: str, espeak: Espeak, wanted: Callable[[], bool]) -> tuple[PhonedWord, ...]:
    events: list[EspeakEvent] = []
    samples = 0

    def keep(block: bytes, its_events: list[EspeakEvent]) -> bool:
        nonlocal samples
        samples += len(block) // 2
        events.extend(its_events)
        return wanted()

    # A high voice has fewer harmonics to add up: a fifth less work.
    if not espeak.stream(text, keep, voice=voice, rate=MAX_RATE, pitch=100, end_pause=True):
        raise EngineError("nobody waits for these phones any more")
    words, _ = align(text, events, samples)
    words = separate(text, words, lambda word: phone_count(espeak, word, voice))
    return tuple(_phoned(word, espeak.sample_rate) for word in words)


def _phoned(word: SpokenWord, sample_rate: int) -> PhonedWord:
    pause = PAUSE_SCALE * word.pause / sample_rate
    return PhonedWord(
        start=word.start,
        end=word.end,
        phones=tuple(_phone(phone.ipa, phone.stress) for phone in word.phones),
        pause=min(round(pause, 2), MAX_PAUSE) if pause >= MIN_PAUSE else 0.0,
        breaks=word.breaks,
    )


@lru_cache(maxsize=4096)
def _phone(ipa: str, stress: int) -> Phone:
    return Phone(ipa=ipa, stress=stress)


def _moved(word: PhonedWord, by: int) -> PhonedWord:
    return msgspec.structs.replace(word, start=word.start + by, end=word.end + by)


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Parts of at most ``MAX_CHARACTERS``: as many whole sentences as fit, else up to a space, else as it comes."""
    start = 0
    while len(text) - start > MAX_CHARACTERS:
        limit = start + MAX_CHARACTERS
        ends = [match.end() for match in _SENTENCE_END.finditer(text, start, limit)]
        space = text.rfind(" ", start, limit) + 1
        end = ends[-1] if ends else space if space > start else limit
        yield start, end
        start = end
    if start < len(text):
        yield start, len(text)


def _unread(text: str) -> tuple[PhonedWord, ...]:
    return tuple(
        PhonedWord(start=match.start(), end=match.end(), phones=guess_phones(match.group()))
        for match in re.finditer(r"\S+", text)
    )


def _voice_for_script(text: str) -> str | None:
    counts: dict[str, int] = {}
    for char in text[:MAX_CHARACTERS]:
        if char.isalpha():
            script = unicodedata.name(char, "").partition(" ")[0]
            counts[script] = counts.get(script, 0) + 1
    if not counts:
        return None
    return _SCRIPTS.get(max(counts, key=counts.__getitem__))
