"""From Piper's symbols to phones and to the words of the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from litestar_tts.models import PhoneSpan

__all__ = ("Token", "match_words", "phones_of", "spoken_words", "tokens_of", "with_closures")

LABEL_LAG: Final = 0.008
"""Seconds by which the model's durations lag its sound, with the pads between symbols shared; measured on sibilants."""

LONGEST_CLOSURE: Final = 0.12
"""Seconds for which a stop is silent at most, before its burst."""
SHORTEST_SOUND: Final = 0.02
"""Seconds that the phone before a closure keeps."""
CLOSED_LEVEL: Final = 0.05
"""Level of a closure, beside the loudest moment of the phone before it."""

_STOPS: Final = frozenset("pbtdkɡgqcɟʈɖʔ")
_STRESS: Final = "ˈˌ"
_DIPHTHONGS: Final = frozenset(("aɪ", "aʊ", "ɔɪ", "eɪ", "oʊ", "əʊ"))
_AFFRICATES: Final = frozenset(("tʃ", "dʒ", "tɕ", "dʑ"))
_TOKEN: Final = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\s\u2e80-\u9fff\uf900-\ufaff]+")


class Token(NamedTuple):
    """A word of the text."""

    text: str
    offset: int
    sounds: tuple[int, int]
    """Which sounds it is: first and one past the last, counted through the whole utterance."""


class _Unit:
    """A phone that is being put together."""

    def __init__(self, ipa: str, start: float, end: float, word: int | None) -> None:
        self.ipa = ipa
        self.start = start
        self.end = end
        self.word = word
        """Which word of the sentence; None for silence."""
        self.stressed = False


def _is_sound(symbol: str) -> bool:
    return unicodedata.category(symbol[0]) in ("Ll", "Lu", "Lo", "Lt")


def _is_mark(symbol: str) -> bool:
    """Marks belong to the sound before them; stress, which is written like one, to the vowel behind."""
    return symbol not in _STRESS and unicodedata.category(symbol[0]) in ("Mn", "Lm", "Sk")


def spoken_words(sentence: Sequence[str]) -> list[str]:
    """The words of a sentence's symbols, as plain sounds without stress and marks."""
    words: list[str] = []
    current = ""
    for symbol in [*sentence, " "]:
        if _is_sound(symbol):
            current += symbol
        elif not _is_mark(symbol) and symbol not in _STRESS:
            if current:
                words.append(current)
            current = ""
    return words


def phones_of(sentence: Sequence[str], ends: Sequence[float]) -> tuple[list[PhoneSpan], list[tuple[float, float]]]:
    """The phones of a sentence, and when each of its sounds begins and ends.

    Args:
        sentence: The symbols, without the marks of begin and end.
        ends: Where each symbol ends, in seconds, begin and end included.

    Returns:
        Contiguous spans from 0 to the last end, and one (start, end) for each letter of :func:`spoken_words`.
    """
    units = _units(sentence, ends)
    borders = [0.0]
    borders += [max(0.0, _border(before, unit) - LABEL_LAG) for before, unit in pairwise(units)]
    borders.append(ends[-1])
    for unit, start, end in zip(units, borders, borders[1:], strict=False):
        unit.start, unit.end = start, end
    sounds = [(unit.start, unit.end) for unit in units if unit.ipa]
    spans = [
        PhoneSpan(phone=unit.ipa, time=unit.start, duration=unit.end - unit.start)
        for unit in _join(units)
        if unit.end > unit.start
    ]
    return spans, sounds


def with_closures(spans: Sequence[PhoneSpan], levels: Sequence[float], step: float) -> list[PhoneSpan]:
    """Give the silence in front of a stop to the stop, whose mouth is closed by then; the model counts it to the vowel.

    Args:
        spans: Contiguous phones.
        levels: Loudness of the sound (root mean square), one for each step.
        step: Seconds.
    """
    closed: list[PhoneSpan] = []
    for span in spans:
        before = closed[-1] if closed else None
        if before is not None and before.phone and span.phone[:1] in _STOPS:
            start, end = round(before.time / step), round(span.time / step)
            silence = CLOSED_LEVEL * max(levels[start:end], default=0.0)
            first = max(start + round(SHORTEST_SOUND / step), end - round(LONGEST_CLOSURE / step))
            silent = end
            while silent > first and levels[silent - 1] < silence:
                silent -= 1
            if silent < end:
                closed[-1] = PhoneSpan(phone=before.phone, time=before.time, duration=silent * step - before.time)
                until = span.time + span.duration
                span = PhoneSpan(phone=span.phone, time=silent * step, duration=until - silent * step)  # noqa: PLW2901
        closed.append(span)
    return closed


def _border(before: _Unit, unit: _Unit) -> float:
    """Where one unit ends and the next begins: a space between two sounds is no pause, and shared by them."""
    if before.ipa and unit.ipa:
        return (before.end + unit.start) / 2
    return before.end if before.ipa else unit.start


def _units(sentence: Sequence[str], ends: Sequence[float]) -> list[_Unit]:
    """Sounds with their marks, and silences; the time of spaces lies between them."""
    units = [_Unit("", 0.0, ends[0], None)]
    word, inside = -1, False
    stress: float | None = None
    for symbol, start, end in zip(sentence, ends, ends[1:], strict=False):
        if symbol in _STRESS:
            stress = start
        elif _is_sound(symbol):
            word += not inside
            inside = True
            unit = _Unit(symbol, start if stress is None else stress, end, word)
            unit.stressed, stress = stress is not None, None
            units.append(unit)
        elif _is_mark(symbol) and units[-1].ipa:
            units[-1].ipa += symbol
            units[-1].end = end
        else:
            inside, stress = False, None
            if symbol != " ":
                if units[-1].ipa:
                    units.append(_Unit("", start, end, None))
                units[-1].end = end
    if units[-1].ipa:
        units.append(_Unit("", units[-1].end, ends[-1], None))
    units[-1].end = ends[-1]
    return units


def _join(units: Sequence[_Unit]) -> list[_Unit]:
    """Diphthongs and affricates, which Piper writes as two symbols, become one phone."""
    joined: list[_Unit] = []
    for unit in units:
        last = joined[-1] if joined else None
        if last is not None and last.word is not None and last.word == unit.word:
            pair = last.ipa + unit.ipa[:1]
            if (pair in _DIPHTHONGS and not unit.stressed) or pair in _AFFRICATES:
                last.ipa += unit.ipa
                last.end = unit.end
                continue
        joined.append(unit)
    return joined


# --- words of the text ------------------------------------------------------------------------------------------------


def tokens_of(text: str) -> list[tuple[str, int]]:
    """The words of a text with their positions: what stands between spaces, without punctuation around it."""
    tokens: list[tuple[str, int]] = []
    for found in _TOKEN.finditer(text):
        word = found.group()
        inner = [position for position, character in enumerate(word) if _is_spoken(character)]
        if inner:
            tokens.append((word[inner[0] : inner[-1] + 1], found.start() + inner[0]))
    return tokens


def _is_spoken(character: str) -> bool:
    """Letters and digits, and signs that are read out ("$5", "20 %")."""
    return character.isalnum() or character in "%#&@" or unicodedata.category(character) in ("Sc", "Sm", "So")


def match_words(text: str, spoken: Sequence[str], alone: Callable[[str], Sequence[str]]) -> list[Token]:
    """Find out which sounds each word of the text became.

    A word mostly becomes as many spoken words in its sentence as it does alone ("24" two, "well-known" two). Where the
    sum does not fit (some short words are run together: "of the"), the sounds of both are laid beside each other.

    Args:
        text: The utterance.
        spoken: All spoken words of the utterance.
        alone: The spoken words of a word by itself.
    """
    tokens = tokens_of(text)
    single = [list(alone(word)) for word, _ in tokens]
    ends = list(accumulate(map(len, spoken), initial=0))
    if sum(map(len, single)) == len(spoken):
        borders = [ends[count] for count in accumulate(map(len, single), initial=0)]
    else:
        borders = _borders(["".join(words) for words in single], "".join(spoken), ends)
    return [
        Token(word, offset, (first, last))
        for (word, offset), first, last in zip(tokens, borders, borders[1:], strict=False)
        if last > first
    ]


def _borders(single: Sequence[str], spoken: str, ends: Sequence[int]) -> list[int]:
    """For each border between words of the text, how many sounds lie before it."""
    alone = "".join(single)
    anchors = [(0, 0)]
    for block in SequenceMatcher(None, alone, spoken, autojunk=False).get_matching_blocks():
        anchors += [(block.a, block.b), (block.a + block.size, block.b + block.size)]
    anchors.append((len(alone), len(spoken)))
    borders = [0]
    index = 0
    for position in accumulate(map(len, single)):
        while index + 2 < len(anchors) and anchors[index + 1][0] < position:
            index += 1
        (left, left_spoken), (right, right_spoken) = anchors[index], anchors[index + 1]
        share = (position - left) / (right - left) if right > left else 1.0
        mapped = left_spoken + share * (right_spoken - left_spoken)
        nearest = min(ends, key=lambda end: abs(end - mapped))
        # A sound or two off a border between spoken words is that border: alone, words sound a little different.
        borders.append(max(borders[-1], nearest if abs(nearest - mapped) <= 1 else round(mapped)))
    for place, sounds in enumerate(single[1:], 1):
        if sounds and borders[place + 1] == borders[place] and borders[place] - borders[place - 1] > 1:
            borders[place] -= 1  # a word that has melted into the one before keeps its last sound
    return borders
