"""The published tables: which mouth shape of a set a sound has.

Each table starts from the 17 classes and then names the sounds that its set keeps apart, because the classes alone
would merge what a set tells from each other (th and t, w and r).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from litestar_tts.models import VisemeSet

__all__ = ("TABLES", "Shape", "Table")

Shape = dict[str, float]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One set. Every entry is a tuple of names: a sound may be several shapes in turn."""

    names: tuple[str, ...]
    """All shapes in order; the first is silence. Sets of weights name their shapes here for their own table only."""
    classes: tuple[tuple[str, ...], ...]
    """Shapes of class 0 to 16."""
    sounds: Mapping[tuple[str, ...], tuple[str, ...]]
    """Shapes of single sounds, and of sounds in a row (diphthongs), which go before their class."""
    weights: tuple[Shape, ...] | None = None
    """For sets of weights: one object for each name. Absent weights are 0."""


def _classes(text: str) -> tuple[tuple[str, ...], ...]:
    """Reads a table row: 17 columns; ``19+16`` is one after the other."""
    return tuple(tuple(column.split("+")) for column in text.split())


def _sounds(rows: Mapping[str, str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Reads ``{shapes: sounds}``; several shapes in turn, and sounds in a row, are joined by ``+``."""
    return {
        tuple(sound.split("+")): tuple(shapes.split("+")) for shapes, sounds in rows.items() for sound in sounds.split()
    }


_DEFAULT: Final = Table(
    names=("sil", "a", "e", "i", "o", "u", "bmp", "fv", "wr", "l", "dnt", "sz", "jch", "sh", "kg", "y", "h"),
    classes=_classes("sil a e i o u bmp fv wr l dnt sz jch sh kg y h"),
    sounds={},
)

_AZURE: Final = Table(
    names=tuple(str(number) for number in range(22)),
    classes=_classes("0 1 4 6 3 7 21 18 13 14 19 15 19+16 16 20 6 12"),
    sounds=_sounds(
        {
            "1": "ə",
            "2": "a ɑ",
            "4": "ʊ ᵿ e+ɪ e+i ɛ+ɪ",
            "5": "ɜ",
            "7": "w ʍ ɥ y ʏ",
            "8": "o+ʊ ə+ʊ",
            "9": "a+ʊ ɑ+ʊ æ+ʊ",
            "10": "ɔ+ɪ o+ɪ",
            "11": "a+ɪ ɑ+ɪ",
            "17": "θ ð",
            "1+13": "ɚ",
            "5+13": "ɝ",
            "19+15": "ts dz",
        }
    ),
)

_POLLY: Final = Table(
    names=("sil", "p", "t", "S", "T", "f", "k", "i", "r", "s", "u", "@", "a", "e", "E", "o", "O"),
    classes=_classes("sil a E i O u p f r t t s S S k i k"),
    sounds=_sounds(
        {
            "@": "ə ɚ ɘ",
            "E": "ʌ",
            "O": "œ ɔ+ɪ",
            "T": "θ ð",
            "a": "a+ɪ a+ʊ",
            "e": "e e+ɪ",
            "o": "o ø o+ʊ ə+ʊ",
            "u": "w ʍ ɥ y ʏ",
        }
    ),
)

_OCULUS: Final = Table(
    names=("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou"),
    classes=_classes("sil aa E ih oh ou PP FF RR nn DD SS CH CH kk ih kk"),
    sounds=_sounds({"TH": "θ ð", "nn": "n ɳ ɲ", "oh": "ø œ", "ou": "w ʍ ɥ y ʏ"}),
)

_RHUBARB: Final = Table(
    names=("X", "A", "B", "C", "D", "E", "F", "G", "H"),
    classes=_classes("X D C B E F A G B H B B B B B B C"),
    sounds=_sounds({"C": "æ ʌ ɐ", "E": "ɜ ɝ ɚ ɞ ø œ", "F": "w ʍ ɥ y ʏ", "D+E": "a+ʊ"}),
)

# --- sets of weights --------------------------------------------------------------------------------------------------

_MOUTHS: Final = (
    "sil", "a", "æ", "e", "ə", "ɜ", "i", "ɪ", "y", "ø", "o", "ɔ", "u", "ʊ",
    "p", "f", "w", "r", "l", "t", "θ", "s", "tʃ", "ʃ", "k", "j", "h",
)  # fmt: skip
"""The shapes that the sets of weights tell from each other, named by one of their sounds."""

_MOUTH_CLASSES: Final = _classes("sil a e ɪ o u p f r l t s tʃ ʃ k j h")
_MOUTH_SOUNDS: Final = _sounds(
    {
        "æ": "æ ʌ ɐ",
        "ə": "ə ɘ ɤ",
        "ɜ": "ɜ ɝ ɚ ɞ",
        "i": "i",
        "y": "y ʏ",
        "ø": "ø œ",
        "ɔ": "ɔ ɒ",
        "ʊ": "ʊ ᵿ",
        "w": "w ʍ ɥ",
        "θ": "θ ð",
    }
)


def _weighted(shapes: Mapping[str, Shape]) -> Table:
    return Table(
        names=_MOUTHS, classes=_MOUTH_CLASSES, sounds=_MOUTH_SOUNDS, weights=tuple(shapes[mouth] for mouth in _MOUTHS)
    )


_VRM: Final = _weighted(
    {
        "sil": {},
        "a": {"aa": 1.0},
        "æ": {"aa": 0.8, "ee": 0.2},
        "e": {"ee": 1.0},
        "ə": {"aa": 0.2, "ee": 0.4},
        "ɜ": {"ee": 0.4, "oh": 0.4},
        "i": {"ih": 1.0},
        "ɪ": {"ee": 0.2, "ih": 0.8},
        "y": {"ih": 0.3, "ou": 0.7},
        "ø": {"ee": 0.3, "oh": 0.6},
        "o": {"oh": 1.0},
        "ɔ": {"aa": 0.2, "oh": 0.8},
        "u": {"ou": 1.0},
        "ʊ": {"oh": 0.2, "ou": 0.7},
        "p": {},
        "f": {"ih": 0.15},
        "w": {"ou": 0.8},
        "r": {"ou": 0.6},
        "l": {"ih": 0.3},
        "t": {"ih": 0.25},
        "θ": {"aa": 0.1, "ih": 0.2},
        "s": {"ih": 0.3},
        "tʃ": {"ou": 0.35},
        "ʃ": {"ou": 0.35},
        "k": {"aa": 0.2},
        "j": {"ih": 0.6},
        "h": {"aa": 0.3},
    }
)


def _live2d(openness: float, form: float) -> Shape:
    return {"ParamMouthOpenY": openness, "ParamMouthForm": form}


_LIVE2D: Final = _weighted(
    {
        "sil": _live2d(0.0, 0.0),
        "a": _live2d(1.0, 0.0),
        "æ": _live2d(0.85, 0.3),
        "e": _live2d(0.6, 0.4),
        "ə": _live2d(0.4, 0.1),
        "ɜ": _live2d(0.45, -0.3),
        "i": _live2d(0.3, 0.9),
        "ɪ": _live2d(0.3, 0.7),
        "y": _live2d(0.25, -0.8),
        "ø": _live2d(0.5, -0.5),
        "o": _live2d(0.7, -0.5),
        "ɔ": _live2d(0.8, -0.3),
        "u": _live2d(0.3, -1.0),
        "ʊ": _live2d(0.35, -0.7),
        "p": _live2d(0.0, 0.0),
        "f": _live2d(0.1, 0.2),
        "w": _live2d(0.2, -0.9),
        "r": _live2d(0.2, -0.6),
        "l": _live2d(0.35, 0.2),
        "t": _live2d(0.2, 0.2),
        "θ": _live2d(0.25, 0.2),
        "s": _live2d(0.1, 0.6),
        "tʃ": _live2d(0.15, -0.3),
        "ʃ": _live2d(0.15, -0.3),
        "k": _live2d(0.25, 0.0),
        "j": _live2d(0.2, 0.6),
        "h": _live2d(0.3, 0.0),
    }
)

_PAIRS: Final = ("mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp")
"""Blend shapes that come as a left and a right one."""


def _arkit(**shapes: float) -> Shape:
    both: Shape = {}
    for name, weight in shapes.items():
        both |= {name + side: weight for side in ("Left", "Right")} if name in _PAIRS else {name: weight}
    return both


_ARKIT: Final = _weighted(
    {
        "sil": {},
        "a": _arkit(jawOpen=0.6, mouthLowerDown=0.3, mouthUpperUp=0.15),
        "æ": _arkit(jawOpen=0.5, mouthLowerDown=0.3, mouthUpperUp=0.2, mouthStretch=0.2),
        "e": _arkit(jawOpen=0.35, mouthLowerDown=0.25, mouthSmile=0.2, mouthStretch=0.2),
        "ə": _arkit(jawOpen=0.25, mouthLowerDown=0.15),
        "ɜ": _arkit(jawOpen=0.25, mouthFunnel=0.35),
        "i": _arkit(jawOpen=0.12, mouthLowerDown=0.15, mouthSmile=0.45, mouthStretch=0.25),
        "ɪ": _arkit(jawOpen=0.18, mouthLowerDown=0.15, mouthSmile=0.3, mouthStretch=0.15),
        "y": _arkit(jawOpen=0.12, mouthFunnel=0.2, mouthPucker=0.6),
        "ø": _arkit(jawOpen=0.25, mouthFunnel=0.45, mouthPucker=0.25),
        "o": _arkit(jawOpen=0.35, mouthFunnel=0.5, mouthPucker=0.2),
        "ɔ": _arkit(jawOpen=0.45, mouthFunnel=0.45),
        "u": _arkit(jawOpen=0.15, mouthFunnel=0.25, mouthPucker=0.7),
        "ʊ": _arkit(jawOpen=0.2, mouthFunnel=0.3, mouthPucker=0.45),
        "p": _arkit(mouthPress=0.35, mouthRollLower=0.25, mouthRollUpper=0.2),
        "f": _arkit(jawOpen=0.06, mouthRollLower=0.45, mouthShrugUpper=0.2, mouthUpperUp=0.2),
        "w": _arkit(jawOpen=0.1, mouthFunnel=0.15, mouthPucker=0.75),
        "r": _arkit(jawOpen=0.15, mouthFunnel=0.35, mouthPucker=0.2),
        "l": _arkit(jawOpen=0.25, mouthLowerDown=0.15, tongueOut=0.05),
        "t": _arkit(jawOpen=0.12, mouthLowerDown=0.15, mouthStretch=0.1),
        "θ": _arkit(jawOpen=0.15, mouthLowerDown=0.15, tongueOut=0.35),
        "s": _arkit(jawOpen=0.05, mouthLowerDown=0.2, mouthSmile=0.15, mouthStretch=0.25),
        "tʃ": _arkit(jawOpen=0.1, mouthFunnel=0.5, mouthShrugLower=0.1),
        "ʃ": _arkit(jawOpen=0.1, mouthFunnel=0.45, mouthPucker=0.1),
        "k": _arkit(jawOpen=0.2, mouthLowerDown=0.1),
        "j": _arkit(jawOpen=0.12, mouthSmile=0.3, mouthStretch=0.15),
        "h": _arkit(jawOpen=0.25, mouthLowerDown=0.1),
    }
)

TABLES: Final[Mapping[VisemeSet, Table]] = {
    VisemeSet.DEFAULT: _DEFAULT,
    VisemeSet.AZURE: _AZURE,
    VisemeSet.OCULUS: _OCULUS,
    VisemeSet.POLLY: _POLLY,
    VisemeSet.RHUBARB: _RHUBARB,
    VisemeSet.VRM: _VRM,
    VisemeSet.LIVE2D: _LIVE2D,
    VisemeSet.ARKIT: _ARKIT,
}
