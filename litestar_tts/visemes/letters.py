"""A guess at the sounds of scripts that no voice of the phoneme library reads, from the Unicode names of their letters.

It is wrong about tones, clusters and silent letters, but the mouth opens on vowels and closes on "m", "b" and "p",
which looks like speech; a mouth that stays shut does not.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from litestar_tts.models import Phone

__all__ = ("guess_phones",)

_SOUNDS: Final = {
    "nh": "ɲ", "ny": "ɲ", "ng": "ŋ", "ch": "tʃ", "sh": "ʃ", "kh": "k", "ph": "p", "th": "t", "oe": "ə", "ae": "ɛ",
    "c": "tʃ", "j": "dʒ", "q": "ʔ", "x": "s", "y": "j", "r": "ɹ", "g": "ɡ",
}  # fmt: skip
_SOUND: Final = re.compile(r"nh|ny|ng|[cskpt]h|oe|ae|([aeiou])\1*|[a-z]")
_VOWELS: Final = frozenset("aeiou")


@lru_cache(maxsize=4096)
def guess_phones(word: str) -> tuple[Phone, ...]:
    """Phones of a word; none where its characters are neither letters nor digits."""
    spelled = ""
    inherent = False
    for char in word:
        name = unicodedata.name(char, "")
        if " VOWEL " in name:
            spelled += _vowel(name)
            inherent = False
            continue
        if "COENG" in name or "VIRAMA" in name:
            inherent = False
            continue
        letter = _letter(name)
        if not letter:
            continue
        if inherent:
            spelled += "a"
        if letter[0] in _VOWELS or name.startswith(("CANADIAN", "LATIN")) or "DIGIT" in name:
            spelled += letter
            inherent = False
        else:
            # A letter is called by its consonant and the vowel that is spoken where none is written.
            spelled += letter.rstrip("aeiou")
            inherent = name.startswith("KHMER")
    if spelled and not _VOWELS.intersection(spelled):
        spelled += "a"
    return tuple(Phone(ipa=_SOUNDS.get(found.group(), found.group()[:1])) for found in _SOUND.finditer(spelled))


def _vowel(name: str) -> str:
    called = name.rpartition(" ")[2].lower()
    return called if _VOWELS.issuperset(called) else "a"


def _letter(name: str) -> str:
    """What a letter or a digit is called, in Latin letters; empty for anything else."""
    whole = "SYLLABICS" in name or "DIGIT" in name
    called = (name.rpartition(" ")[2] if whole else name.partition(" LETTER ")[2].partition(" ")[0]).lower()
    return called if called.isascii() and called.isalpha() else ""
