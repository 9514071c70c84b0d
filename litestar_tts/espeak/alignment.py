"""Makes words and phones, each at its place in the text and in the audio, of the library's raw events."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise, takewhile

import msgspec

from litestar_tts.espeak.library import EspeakEvent

__all__ = ("SpokenPhone", "SpokenWord", "align", "parse_phone", "separate")

_STRESS = {"ˈ": 1, "ˌ": 2}
_BEHIND_SPACE = re.compile(r"\s(\S+)")


class SpokenPhone(msgspec.Struct, frozen=True, gc=False):
    """A phone of the audio."""

    ipa: str
    """Without stress marks and tone digits; empty for a pause."""
    stress: int
    """0 none, 1 primary, 2 secondary."""
    start: int
    """In samples."""
    end: int
    """In samples; the start of the next phone. The library gives a few phones no time of their own."""


class SpokenWord(msgspec.Struct, frozen=True):
    """A stretch of the text with its sound."""

    start: int
    """First character."""
    end: int
    """One past the last character."""
    phones: tuple[SpokenPhone, ...]
    """Without pauses; empty where the library announced a word and said nothing."""
    pause: int
    """Samples of silence behind it."""
    breaks: int = 0
    """Silences inside it and behind it."""


@lru_cache(maxsize=4096)
def parse_phone(name: str) -> tuple[str, int]:
    """IPA and stress (0, 1, 2) of a phone as the library writes it.

    Left out are switch marks such as ``(en)``, tone digits and letters, and the stray capitals and punctuation that
    some languages' phoneme tables leak.
    """
    if name.startswith("("):
        name = name.partition(")")[2]
    stress = next((_STRESS[char] for char in name if char in _STRESS), 0)
    ipa = "".join(char for char in name if char not in _STRESS and _is_ipa(char))
    return ipa, stress


def _is_ipa(char: str) -> bool:
    if char.isascii():
        return char.islower()
    return unicodedata.category(char) in {"Ll", "Lu", "Lo", "Lm", "Mn"}


def align(text: str, events: Sequence[EspeakEvent], length: int) -> tuple[list[SpokenWord], list[SpokenPhone]]:
    """Put events in their places.

    Args:
        text: What was spoken.
        events: All events of the call, in order.
        length: Samples of the audio.

    Returns:
        The words in order, none of which overlap in the text, and the phones, which are contiguous from 0 to
        ``length``. Words that have no event of their own are part of the one before, as are further events of one word
        (numbers, letters that are spelled).
    """
    marks, starts = _marks(events, length)
    spans = _spans(text, _groups(events, starts))
    words = []
    for index, (start, end, first) in enumerate(spans):
        last = spans[index + 1][2] if index + 1 < len(spans) else len(marks)
        mine = marks[first:last]
        phones = tuple(mark.phone for mark in mine if mark.phone.ipa)
        behind = takewhile(lambda mark: not mark.phone.ipa, reversed(mine))
        silent = [not mark.phone.ipa for mark in mine if mark.phone.ipa or mark.phone.end > mark.phone.start]
        breaks = sum(now and not before for before, now in pairwise(silent))
        words.append(SpokenWord(start, end, phones, sum(mark.pause for mark in behind), breaks))
    return words, [mark.phone for mark in marks if mark.phone.ipa or mark.phone.end > mark.phone.start]


def separate(text: str, words: Sequence[SpokenWord], alone: Callable[[str], int]) -> list[SpokenWord]:
    """Part the words that the library speaks as one and reports as the first ("in the", "was a").

    Args:
        text: What was spoken.
        words: As :func:`align` found them.
        alone: The number of phones of a word that stands by itself. It decides how the joint phones are shared.
    """
    separated: list[SpokenWord] = []
    for index, word in enumerate(words):
        limit = words[index + 1].start if index + 1 < len(words) else len(text)
        places = [(word.start, word.end), *_silent_places(text, word.end, limit)] if word.phones else []
        if len(places) > 1:
            sizes = [alone(text[start:end]) for start, end in places]
            separated += _shared(word, places, sizes) if sizes[0] else [word]
        else:
            separated.append(word)
    return separated


def _shared(word: SpokenWord, places: Sequence[tuple[int, int]], sizes: Sequence[int]) -> list[SpokenWord]:
    """One word for each place that sounds, with its share of the phones; each keeps at least one."""
    sounding = [place for place, size in zip(places, sizes, strict=True) if size]
    ends = list(accumulate(size for size in sizes if size))
    count = len(word.phones)
    if len(sounding) > count:
        return [word]
    parts: list[SpokenWord] = []
    first = 0
    for number, ((start, end), reached) in enumerate(zip(sounding, ends, strict=True), 1):
        last = min(max(round(reached * count / ends[-1]), first + 1), count - len(sounding) + number)
        behind = (word.pause, word.breaks) if number == len(sounding) else (0, 0)
        parts.append(SpokenWord(start, end, word.phones[first:last], *behind))
        first = last
    return parts


def _silent_places(text: str, start: int, limit: int) -> list[tuple[int, int]]:
    """Where further words stand, without the punctuation around them."""
    places: list[tuple[int, int]] = []
    for match in _BEHIND_SPACE.finditer(text, start, limit):
        spoken = [position for position in range(match.start(1), match.end(1)) if _is_spoken(text[position])]
        if spoken:
            places.append((spoken[0], spoken[-1] + 1))
    return places


class _Mark(msgspec.Struct, frozen=True, gc=False):
    phone: SpokenPhone
    pause: int
    """Samples that the library pauses by itself; the closure of a stop behind it is silent too, but no pause."""


def _marks(events: Sequence[EspeakEvent], length: int) -> tuple[list[_Mark], list[int]]:
    """All phones and pauses, and for each word event the index of the first phone that sounds."""
    named: list[tuple[int, str, int, int]] = [(0, "", 0, 0)]
    starts: list[int] = []
    for index, event in enumerate(events):
        if event.kind == "word":
            starts.append(len(named))
        elif event.kind == "phoneme":
            ipa, stress = parse_phone(event.phone)
            following = events[index + 1].sample if index + 1 < len(events) else length
            pause = max(0, following - event.sample)
            if ipa:
                named.append((event.sample, ipa, stress, 0))
            elif pause and not event.phone:
                # Without a length it marks the border of a syllable.
                named.append((event.sample, "", 0, pause))
    ends = [min(start, length) for start, *_ in named[1:]] + [length]
    marks = [
        _Mark(SpokenPhone(ipa, stress, min(start, end), end), pause)
        for (start, ipa, stress, pause), end in zip(named, ends, strict=True)
    ]
    for index, first in enumerate(starts):
        while first < len(marks) and not marks[first].phone.ipa:
            first += 1  # noqa: PLW2901
        starts[index] = first
    return marks, starts


def _groups(events: Sequence[EspeakEvent], starts: Sequence[int]) -> list[tuple[int, int]]:
    """Position in the text and first phone of each word; events that fall into the word before are dropped."""
    groups: list[tuple[int, int]] = []
    covered = -1
    words = (event for event in events if event.kind == "word")
    for event, first in zip(words, starts, strict=True):
        # Further parts of a number are reported one character late, those of a spelled word at its beginning.
        if event.position >= covered:
            groups.append((event.position, first))
            covered = event.position + max(event.length, 1)
    return groups


def _spans(text: str, groups: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """First character, one past the last, and first phone of each word."""
    spans: list[tuple[int, int, int]] = []
    for index, (position, first) in enumerate(groups):
        limit = min(groups[index + 1][0], len(text)) if index + 1 < len(groups) else len(text)
        start = _first_character(text, position, limit)
        if start is None:
            continue
        end = start
        while end < limit and not text[end].isspace():
            end += 1
        spoken = end
        while spoken > start and not _is_spoken(text[spoken - 1]):
            spoken -= 1
        spans.append((start, spoken if spoken > start else end, first))
    if spans and spans[0][2]:
        # What sounds before the first word that has a place in the text belongs to it.
        spans[0] = (spans[0][0], spans[0][1], 0)
    return spans


def _first_character(text: str, position: int, limit: int) -> int | None:
    """Where a word starts that was reported at some character before it; None if nothing is there."""
    fallback = None
    for index in range(max(position, 0), limit):
        char = text[index]
        if _is_spoken(char):
            return index
        if fallback is None and not char.isspace():
            fallback = index
    return fallback


def _is_spoken(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"
