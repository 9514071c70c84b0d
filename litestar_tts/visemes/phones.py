"""What an IPA phone is made of: base symbols, the shares of its time that they take, and their mouth class.

A phone (``aʊ``, ``tʃ``, ``ɔːɹ``, ``kʰ``) is a string of base symbols with marks on them. Stress, length, diacritics,
tone digits and stray characters do not change the lips, so only the base symbols count here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

__all__ = ("CLASSES", "SILENCE", "classify", "is_long", "is_vowel", "shares", "symbols")

SILENCE: Final = ""
"""The phone of a pause."""

SCHWA: Final = "ə"

_CLASS_MEMBERS: Final[Mapping[int, str]] = {
    1: "a æ ɑ ɐ ʌ ɶ",
    2: "e ɛ ε ə ɘ ɜ ɚ ɝ ø œ ɞ ɤ",
    3: "i ɪ ɨ ᵻ y ʏ ɯ",
    4: "o ɔ ɒ ɵ",
    5: "u ʊ ʉ ᵿ",
    6: "p b m ɓ ʙ ʘ",
    7: "f v ɱ ʋ ⱱ ɸ Φ β",
    8: "w ʍ ɥ ɹ r ɻ ʀ ʁ",
    9: "l ɫ ɭ ʎ ʟ ɬ ɮ ɺ ǁ",
    10: "t d n ɾ ɽ θ ð ʈ ɖ ɳ ɲ ɗ ʔ ǀ ǂ",
    11: "s z ʂ ʐ ts dz",
    12: "tʃ dʒ tɕ dʑ ʈʂ ɖʐ",
    13: "ʃ ʒ ɕ ʑ ɧ",
    14: "k ɡ g ŋ q ɢ ɴ x ɣ χ ɠ c ɟ ɰ ǃ",
    15: "j ʝ ʄ",
    16: "h ɦ ħ ʕ ʜ ʢ",
}

CLASSES: Final[Mapping[str, int]] = {
    symbol: number for number, members in _CLASS_MEMBERS.items() for symbol in members.split()
}
"""Base symbol → class of the ``default`` set (1–5 vowels, 6–16 consonants)."""

_AFFRICATES: Final = frozenset(symbol for symbol in CLASSES if len(symbol) == 2)
_LIGATURES: Final = {"ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tɕ", "ʥ": "dʑ"}
_RHOTIC: Final = "˞"
_LATIN: Final = re.compile(r"\bLETTER (?:[A-Z]+ )*?([A-Z])\b")


@lru_cache(maxsize=4096)
def symbols(phone: str) -> tuple[str, ...]:
    """The base symbols of a phone, in order; empty for silence and for marks that are no sound.

    Two symbols of an affricate are joined to one. A letter that is no IPA becomes the Latin letter that it is drawn
    from, and a schwa when it is none, so that every sound has a shape.
    """
    found: list[str] = []
    for character in unicodedata.normalize("NFD", phone):
        if character == _RHOTIC and found:
            found[-1] = {"ə": "ɚ", "ɜ": "ɝ"}.get(found[-1], found[-1])
            if found[-1] not in "ɚɝ":
                found.append("ɹ")
        elif symbol := _symbol(character):
            if found and found[-1] + symbol in _AFFRICATES:
                found[-1] += symbol
            else:
                found.append(symbol)
    return tuple(found)


def _symbol(character: str) -> str:
    if character in CLASSES:
        return character
    if character in _LIGATURES:
        return _LIGATURES[character]
    if unicodedata.category(character) not in ("Ll", "Lu", "Lo"):
        return ""
    if character.lower() in CLASSES:
        return character.lower()
    drawn_from = _LATIN.search(unicodedata.name(character, ""))
    nearest = drawn_from.group(1).lower() if drawn_from else SCHWA
    return nearest if nearest in CLASSES else SCHWA


def classify(symbol: str) -> int:
    """Class 1–16 of a base symbol; an unknown one counts as a schwa."""
    return CLASSES.get(symbol, CLASSES[SCHWA])


def is_vowel(symbol: str) -> bool:
    """Whether a base symbol is a vowel."""
    return classify(symbol) <= 5


def is_long(phone: str) -> bool:
    """Whether a phone carries a length mark."""
    return "ː" in phone


def shares(parts: tuple[str, ...]) -> tuple[float, ...]:
    """How the parts of one phone divide its time; they add up to 1.

    Two vowels take 55 : 45, a vowel and a consonant 65 : 35; longer phones follow the same proportions.
    """
    if len(parts) == 2 and is_vowel(parts[0]) and is_vowel(parts[1]):
        return (0.55, 0.45)
    weights = [0.65 if is_vowel(part) else 0.35 for part in parts]
    total = sum(weights)
    return tuple(weight / total for weight in weights)
