"""The tables as published, sound by sound."""

from __future__ import annotations

import pytest

from litestar_tts.models import PhoneSpan, Viseme, VisemeSet
from litestar_tts.visemes.phones import CLASSES, classify, is_vowel, shares, symbols
from litestar_tts.visemes.sets import count, members, names, shapes, view, weight_names

BASE_SYMBOLS = (
    *"aæɑɐʌɶeɛεəɘɜɚɝøœɞɤiɪɨᵻyʏɯoɔɒɵuʊʉᵿpbmɓʙʘfvɱʋⱱɸΦβwʍɥɹrɻʀʁlɫɭʎʟɬɮɺǁtdnɾɽθðʈɖɳɲɗʔǀǂszʂʐʦʣʃʒɕʑɧkɡgŋqɢɴxɣχɠcɟɰǃjʝʄhɦħʕʜʢ",
    *("ts", "dz", "tʃ", "dʒ", "tɕ", "dʑ"),
)
NAMED = (VisemeSet.DEFAULT, VisemeSet.AZURE, VisemeSet.OCULUS, VisemeSet.POLLY, VisemeSet.RHUBARB)
WEIGHTED = (VisemeSet.VRM, VisemeSet.LIVE2D, VisemeSet.ARKIT)
ARKIT_SHAPES = {
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthPressLeft", "mouthPressRight", "mouthRollLower",
    "mouthRollUpper", "mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthSmileRight", "mouthUpperUpLeft",
    "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthShrugUpper", "mouthShrugLower", "tongueOut",
}  # fmt: skip


def values(phone: str, viseme_set: VisemeSet) -> list:
    return [viseme.value for viseme in view(PhoneSpan(phone=phone, time=0.0, duration=0.2), viseme_set)]


def expect(viseme_set: VisemeSet, table: dict) -> None:
    for value, phones in table.items():
        wanted = list(value) if isinstance(value, tuple) else [value]
        for phone in phones.split():
            assert values(phone, viseme_set) == wanted, phone


def test_default_classes() -> None:
    expect(
        VisemeSet.DEFAULT,
        {
            1: "a æ ɑ ɐ ʌ ɶ ɑ̃ ɑː",
            2: "e ɛ ə ɘ ɜ ɚ ɝ ø œ ɞ ɤ ɜː",
            3: "i ɪ ɨ ᵻ y ʏ ɯ iː",
            4: "o ɔ ɒ ɵ ɔ̃",
            5: "u ʊ ʉ ᵿ uː",
            6: "p b m ɓ ʙ ʘ pʰ bʲ",
            7: "f v ɱ ʋ ⱱ ɸ Φ β",
            8: "w ʍ ɥ ɹ r ɻ ʀ ʁ",
            9: "l ɫ ɭ ʎ ʟ ɬ ɮ ɺ ǁ",
            10: "t d n ɾ ɽ θ ð ʈ ɖ ɳ ɲ ɗ ʔ ǀ ǂ t̪ n̩",
            11: "s z ʂ ʐ ts dz ʦ ʣ t͡s",
            12: "tʃ dʒ tɕ dʑ t͡ʃ ʧ ʨ",
            13: "ʃ ʒ ɕ ʑ ɧ",
            14: "k ɡ g ŋ q ɢ ɴ x ɣ χ ɠ c ç ɟ ɰ ǃ",
            15: "j ʝ ʄ",
            16: "h ɦ ħ ʕ ʜ ʢ",
            (1, 5): "aʊ",
            (1, 3): "aɪ",
            (4, 3): "ɔɪ",
            (4, 8): "ɔːɹ",
            (2, 9): "əl",
            (1, 3, 2): "aɪɚ",
        },
    )
    assert values("", VisemeSet.DEFAULT) == [0]


def test_azure() -> None:
    expect(
        VisemeSet.AZURE,
        {
            1: "æ ə ʌ",
            2: "ɑ",
            3: "ɔ",
            4: "ɛ eɪ ʊ",
            5: "ɜː",
            6: "j i ɪ",
            7: "w u",
            8: "oʊ",
            9: "aʊ",
            10: "ɔɪ",
            11: "aɪ",
            12: "h",
            13: "ɹ",
            14: "l",
            15: "s z",
            16: "ʃ ʒ",
            17: "θ ð",
            18: "f v",
            19: "d t n",
            20: "k ɡ ŋ",
            21: "p b m",
            (19, 16): "tʃ dʒ",
            (1, 13): "ɚ ə˞",
            (5, 13): "ɝ ɜ˞",
            (6, 7): "ju juː",
            (3, 13): "ɔːɹ",
            (2, 13): "ɑːɹ",
            (4, 13): "ɛɹ ʊɹ",
            (6, 13): "ɪɹ",
        },
    )


def test_polly() -> None:
    expect(
        VisemeSet.POLLY,
        {
            "sil": "",
            "p": "p b m",
            "t": "t d n l",
            "S": "ʃ ʒ tʃ dʒ",
            "T": "θ ð",
            "f": "f v",
            "k": "k ɡ ŋ h",
            "i": "i ɪ j",
            "r": "ɹ",
            "s": "s z",
            "u": "u ʊ w",
            "@": "ə ɚ",
            "a": "a æ aɪ aʊ ɑ",
            "e": "eɪ",
            "E": "ɛ ɝ ʌ",
            "o": "oʊ",
            "O": "ɔ ɔɪ",
        },
    )


def test_oculus() -> None:
    expect(
        VisemeSet.OCULUS,
        {
            "PP": "p b m",
            "FF": "f v",
            "TH": "θ ð",
            "DD": "t d",
            "kk": "k ɡ",
            "CH": "tʃ dʒ ʃ",
            "SS": "s z",
            "nn": "n l",
            "RR": "ɹ",
            "aa": "ɑ æ",
            "E": "ɛ",
            "ih": "i ɪ",
            "oh": "ɔ o",
            "ou": "u ʊ w",
            ("oh", "ou"): "oʊ",
        },
    )
    assert " ".join(names(VisemeSet.OCULUS) or ()) == "sil PP FF TH DD kk CH SS nn RR aa E ih oh ou"


def test_rhubarb() -> None:
    expect(
        VisemeSet.RHUBARB,
        {
            "A": "p b m",
            "B": "i ɪ t d n k s z ʃ tʃ ɹ j θ",
            "C": "ɛ æ ʌ ə",
            "D": "ɑ a",
            "E": "ɔ ɝ ɜː",
            "F": "u ʊ w",
            "G": "f v",
            "H": "l",
            ("E", "F"): "oʊ",
            ("D", "E"): "aʊ",
            ("D", "B"): "aɪ",
            ("C", "B"): "eɪ",
            ("E", "B"): "ɔɪ",
        },
    )
    assert names(VisemeSet.RHUBARB) == tuple("XABCDEFGH")


def test_vrm_and_live2d_follow_the_lips() -> None:
    expect_one = {"a": {"aa": 1.0}, "i": {"ih": 1.0}, "u": {"ou": 1.0}, "e": {"ee": 1.0}, "o": {"oh": 1.0}}
    for phone, shape in expect_one.items():
        assert values(phone, VisemeSet.VRM) == [shape]
    assert values("m", VisemeSet.VRM) == values("", VisemeSet.VRM) == [{}]
    assert values("a", VisemeSet.LIVE2D) == [{"ParamMouthOpenY": 1.0, "ParamMouthForm": 0.0}]
    assert values("u", VisemeSet.LIVE2D) == [{"ParamMouthOpenY": 0.3, "ParamMouthForm": -1.0}]
    assert values("", VisemeSet.LIVE2D) == [{"ParamMouthOpenY": 0.0, "ParamMouthForm": 0.0}]


def test_arkit_opens_the_jaw_for_vowels_and_closes_the_lips_for_b() -> None:
    (a,), (b,), (th,) = (values(phone, VisemeSet.ARKIT) for phone in ("a", "b", "θ"))
    assert a["jawOpen"] > 0.5
    assert "jawOpen" not in b
    assert b["mouthPressLeft"] == b["mouthPressRight"] > 0
    assert th["tongueOut"] > 0
    assert set(weight_names(VisemeSet.ARKIT) or ()) <= ARKIT_SHAPES


@pytest.mark.parametrize("viseme_set", VisemeSet)
def test_every_sound_has_a_shape_of_the_set(viseme_set: VisemeSet) -> None:
    table = members(viseme_set)
    for phone in [*BASE_SYMBOLS, "", "ж", "ᶑ", "7", "(", "N", "ʰ"]:
        visemes = view(PhoneSpan(phone=phone, time=1.0, duration=0.2), viseme_set, True)
        assert len(visemes) == count(phone, viseme_set) >= 1
        for viseme in visemes:
            shown = viseme.value if isinstance(viseme.value, int) else table.index(viseme.value)  # type: ignore[arg-type]
            assert 0 <= viseme.index < len(table)
            assert viseme.value == (shown if isinstance(viseme.value, int) else table[viseme.index])
            assert viseme.phoneme == phone
        assert (visemes[0].index == 0) == (not symbols(phone))


def test_names_and_weights_are_either_or() -> None:
    for viseme_set in NAMED:
        assert names(viseme_set) == members(viseme_set)
        assert shapes(viseme_set) is weight_names(viseme_set) is None
    for viseme_set in WEIGHTED:
        assert names(viseme_set) is None
        assert shapes(viseme_set) == members(viseme_set)
        assert all(set(shape) <= set(weight_names(viseme_set) or ()) for shape in shapes(viseme_set) or ())
    assert [len(members(viseme_set)) for viseme_set in NAMED] == [17, 22, 15, 17, 9]


def test_shapes_are_copies() -> None:
    values("a", VisemeSet.VRM)[0]["aa"] = 0.0
    (shapes(VisemeSet.VRM) or ())[1].clear()
    assert values("a", VisemeSet.VRM) == [{"aa": 1.0}]


def test_a_phone_is_split_by_shares_and_to_the_millisecond() -> None:
    spans = view(PhoneSpan(phone="aʊ", time=1.0, duration=0.2), VisemeSet.DEFAULT)
    assert [(viseme.time, viseme.duration) for viseme in spans] == [(1.0, 0.11), (1.11, 0.09)]
    spans = view(PhoneSpan(phone="ɔːɹ", time=0.1, duration=0.1), VisemeSet.AZURE)
    assert [(viseme.time, viseme.duration) for viseme in spans] == [(0.1, 0.065), (0.165, 0.035)]


def test_too_little_time_drops_the_later_visemes() -> None:
    assert [viseme.value for viseme in view(PhoneSpan(phone="aɪɚ", time=0.0, duration=0.002), VisemeSet.DEFAULT)] == [
        1,
        3,
    ]
    assert view(PhoneSpan(phone="a", time=0.0, duration=0.0), VisemeSet.DEFAULT) == []


def test_phonemes_are_only_there_when_asked() -> None:
    span = PhoneSpan(phone="tʃ", time=0.0, duration=0.1)
    assert [viseme.phoneme for viseme in view(span, VisemeSet.AZURE)] == [None, None]
    assert view(span, VisemeSet.AZURE, True) == [
        Viseme(time=0.0, value=19, duration=0.05, phoneme="tʃ", index=19),
        Viseme(time=0.05, value=16, duration=0.05, phoneme="tʃ", index=16),
    ]


def test_unknown_letters_go_to_their_nearest_or_a_schwa() -> None:
    assert symbols("ᶑ") == ("d",)
    assert symbols("Z") == ("z",)
    assert symbols("ж") == ("ə",)
    assert symbols("ˈ1.-") == ()
    assert classify("?") == CLASSES["ə"]


def test_shares_add_up() -> None:
    for phone in ("a", "aʊ", "ɔɹ", "aɪə", "ju", "pf"):
        assert sum(shares(symbols(phone))) == pytest.approx(1.0)
    assert shares(("a", "ʊ")) == (0.55, 0.45)
    assert shares(("ɔ", "ɹ")) == (0.65, 0.35)
    assert is_vowel("ɚ")
    assert not is_vowel("j")
