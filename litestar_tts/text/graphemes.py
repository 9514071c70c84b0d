"""Where a text may be cut without tearing a character apart."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ("cluster_start", "joins")

_ZWJ: Final = "\u200d"
_ALSO_EXTENDS: Final = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")
_VIRAMA_CLASS: Final = 9


def joins(text: str, index: int, start: int = 0) -> bool:
    """Whether ``text[index - 1]`` and ``text[index]`` belong to one character as a reader sees it.

    Follows the rules for extended grapheme clusters of Unicode Standard Annex 29, from what :mod:`unicodedata` knows.

    Args:
        text: Any text.
        index: Position of the possible cut; 0 < index < len(text).
        start: A position known to lie between two characters; runs of flags are counted from there.
    """
    before, after = text[index - 1], text[index]
    if before < "\u0300" and after < "\u0300":
        return before == "\r" and after == "\n"
    if after in _ALSO_EXTENDS or before == _ZWJ:
        return True
    if unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return True
    if unicodedata.combining(before) == _VIRAMA_CLASS and after.isalpha():
        return True
    if "\u0600" <= before <= "\u0605":
        return True
    if _is_flag(before) and _is_flag(after):
        return _flags_before(text, index, start) % 2 == 1
    return _joins_hangul(before, after)


def cluster_start(text: str, index: int, start: int) -> int:
    """The nearest cut at or before ``index`` and behind ``start``; ``index`` itself where there is none."""
    at = index
    while at > start and at < len(text) and joins(text, at, start):
        at -= 1
    if at > start:
        return at
    # One character that is longer than any limit: torn anywhere but inside a surrogate pair.
    return index - 1 if index - 1 > start and "\udc00" <= text[index : index + 1] <= "\udfff" else index


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flags_before(text: str, index: int, start: int) -> int:
    at = index
    while at > start and _is_flag(text[at - 1]):
        at -= 1
    return index - at


def _joins_hangul(before: str, after: str) -> bool:
    leading = "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c"
    if leading and ("\u1100" <= after <= "\u11ff" or "\uac00" <= after <= "\ud7a3" or "\ua960" <= after <= "\ua97c"):
        return True
    tail = "\u1160" <= after <= "\u11ff" or "\ud7b0" <= after <= "\ud7fb"
    return tail and ("\uac00" <= before <= "\ud7fb" or "\u1160" <= before <= "\u11ff")
