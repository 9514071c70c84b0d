"""Views of a timeline: the phones of a sound as mouth shapes of a set."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from litestar_tts.models import PhoneSpan, Viseme, VisemeSet
from litestar_tts.visemes.phones import classify, shares, symbols
from litestar_tts.visemes.tables import TABLES, Shape

__all__ = ("count", "members", "names", "shapes", "view", "weight_names")

_NUMBERED: Final = (VisemeSet.DEFAULT, VisemeSet.AZURE)
"""Sets whose value is the index itself."""


def names(viseme_set: VisemeSet) -> tuple[str, ...] | None:
    """The official names in the order of their index, silence first; None for sets of weights."""
    table = TABLES[viseme_set]
    return table.names if table.weights is None else None


def shapes(viseme_set: VisemeSet) -> tuple[Shape, ...] | None:
    """For sets of weights: the weight objects in the order of their index, silence first; None for sets of names.

    A weight that an object does not name is 0.
    """
    weights = TABLES[viseme_set].weights
    return None if weights is None else tuple(dict(shape) for shape in weights)


def weight_names(viseme_set: VisemeSet) -> tuple[str, ...] | None:
    """All weights that the shapes of a set can name, in alphabetical order; None for sets of names."""
    weights = TABLES[viseme_set].weights
    return None if weights is None else tuple(sorted({name for shape in weights for name in shape}))


def members(viseme_set: VisemeSet) -> tuple[str, ...] | tuple[Shape, ...]:
    """What an index points at: :func:`names`, or :func:`shapes` for sets of weights."""
    return names(viseme_set) or shapes(viseme_set) or ()


def count(phone: str, viseme_set: VisemeSet) -> int:
    """Number of visemes that one phone becomes; 1 for silence (``""``)."""
    return len(_segments(phone, viseme_set))


def view(span: PhoneSpan, viseme_set: VisemeSet, phonemes: bool = False) -> list[Viseme]:  # noqa: FBT001, FBT002
    """One phone as the visemes of a set: contiguous, to the millisecond over the same time, each at least 1 ms long.

    Args:
        span: The phone; times in seconds.
        viseme_set: The set.
        phonemes: Whether each viseme also says its phone (``""`` for silence).

    Returns:
        1 to n visemes; fewer than :func:`count` says where the span has not a millisecond for each, none where it is
        shorter than that.
    """
    start = round(span.time * 1000)
    length = round((span.time + span.duration) * 1000) - start
    segments = _segments(span.phone, viseme_set)[: max(length, 0)]
    visemes: list[Viseme] = []
    begin, done = 0, 0.0
    for position, (index, share) in enumerate(segments):
        done += share
        left = len(segments) - position - 1
        # Every segment keeps a millisecond, this one and those behind it.
        end = length if not left else min(max(round(done * length), begin + 1), length - left)
        visemes.append(
            Viseme(
                time=(start + begin) / 1000,
                duration=(end - begin) / 1000,
                value=_value(index, viseme_set),
                phoneme=span.phone if phonemes else None,
                index=index,
            )
        )
        begin = end
    return visemes


def _value(index: int, viseme_set: VisemeSet) -> int | str | Shape:
    if viseme_set in _NUMBERED:
        return index
    table = TABLES[viseme_set]
    return table.names[index] if table.weights is None else dict(table.weights[index])


@lru_cache(maxsize=8192)
def _segments(phone: str, viseme_set: VisemeSet) -> tuple[tuple[int, float], ...]:
    """Index and share of time of each viseme of a phone."""
    table = TABLES[viseme_set]
    parts = symbols(phone)
    if not parts:
        return ((0, 1.0),)
    segments: list[tuple[int, float]] = []
    time = shares(parts)
    position = 0
    while position < len(parts):
        width = 2 if parts[position : position + 2] in table.sounds else 1
        key = parts[position : position + width]
        found = table.sounds.get(key) or table.classes[classify(key[0])]
        share = sum(time[position : position + width])
        for name, part in zip(found, _inner_shares(key, len(found)), strict=True):
            index = table.names.index(name)
            if segments and segments[-1][0] == index:
                segments[-1] = (index, segments[-1][1] + share * part)
            else:
                segments.append((index, share * part))
        position += width
    return tuple(segments)


def _inner_shares(key: tuple[str, ...], shapes_in_turn: int) -> tuple[float, ...]:
    if shapes_in_turn == 1:
        return (1.0,)
    if len(key) == shapes_in_turn:
        return shares(key)
    # ɚ and ɝ are a vowel and its r; an affricate is a stop and its release, about alike.
    return (0.65, 0.35) if classify(key[0]) <= 5 else (0.5, 0.5)
