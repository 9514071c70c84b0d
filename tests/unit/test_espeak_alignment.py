from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.espeak.alignment import SpokenPhone, SpokenWord, align, parse_phone, separate
from litestar_tts.espeak.library import Espeak, EspeakEvent


@pytest.fixture(scope="module")
def espeak():
    copy = Espeak()
    yield copy
    copy.close()


def spoken(espeak: Espeak, text: str, voice: str = "en-us") -> list[SpokenWord]:
    pcm, _, events = espeak.synthesize(text, voice=voice)
    return align(text, events, len(pcm) // 2)[0]


def texts(espeak: Espeak, text: str, voice: str = "en-us") -> list[str]:
    return [text[word.start : word.end] for word in spoken(espeak, text, voice)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world!", ["Hello", "world"]),
        ("It doesn't cost $5.50 in 2024, does it?", ["It", "doesn't", "cost", "$", "5.50", "in", "2024", "does", "it"]),
        ("He is (well-known).", ["He", "is", "well-known"]),
        ("Cats, e.g. lions", ["Cats", "e.g", "lions"]),
        ("no - maybe", ["no", "maybe"]),
        ("go 😀 and 🚀", ["go", "😀", "and", "🚀"]),
        ("on 3/4/2021", ["on", "3", "/", "4", "/", "2021"]),
        ("  two  \n\t spaces ", ["two", "spaces"]),
        ("say русский now", ["say", "русский", "now"]),
        ("", []),
        ("...", []),
    ],
)
def test_words_are_found_in_the_text(espeak, text, expected):
    assert texts(espeak, text) == expected


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("fr-fr", "L'été, c'est lui.", ["L'été", "c'est", "lui"]),
        ("hi", "आप कैसे हैं?", ["आप", "कैसे", "हैं"]),
        ("cmn", "你好，世界。", ["你好", "世", "界"]),
        ("th", "วันนี้ ดี", ["วันนี้", "ดี"]),
    ],
)
def test_words_of_other_scripts(espeak, voice, text, expected):
    assert texts(espeak, text, voice) == expected


def test_every_phone_belongs_to_a_word(espeak):
    text = "Dr. Smith's 2nd (well-known) 😀 e.g. 10:30 a.m. — C++ русский, ok?"
    pcm, _, events = espeak.synthesize(text)
    words, phones = align(text, events, len(pcm) // 2)
    assert sum(len(word.phones) for word in words) == sum(1 for phone in phones if phone.ipa)


def test_stress_is_told_apart_from_the_phone(espeak):
    word = spoken(espeak, "pronunciation")[0]
    assert [(phone.ipa, phone.stress) for phone in word.phones if phone.stress] == [("ʌ", 2), ("eɪ", 1)]


def test_pauses_are_those_of_the_punctuation(espeak):
    one, two, three, four = spoken(espeak, "One, two; three four.")
    assert [round(word.pause / 22.05) for word in (one, two, three)] == [150, 226, 0]
    assert four.pause < 300


def test_switch_marks_are_no_phones(espeak):
    names = [phone.ipa for word in spoken(espeak, "Das Office ist cool.", "de") for phone in word.phones]
    assert "(" not in "".join(names)
    assert "".join(names) == "dasɒfɪsɪstkuːl"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ˈoʊ", ("oʊ", 1)),
        ("ˌɪ", ("ɪ", 2)),
        ("tʃ", ("tʃ", 0)),
        ("i5", ("i", 0)),
        ("(en)", ("", 0)),
        ("(en)ˈɛ", ("ɛ", 1)),
        ("ɛ̃", ("ɛ̃", 0)),
        ("tʰ", ("tʰ", 0)),
        ("N", ("", 0)),
        ('"^', ("", 0)),
        ("", ("", 0)),
    ],
)
def test_phone_names_are_cleaned(name, expected):
    assert parse_phone(name) == expected


events = st.lists(
    st.builds(
        EspeakEvent,
        st.sampled_from(["word", "phoneme", "end"]),
        st.integers(0, 900),
        st.integers(-2, 40),
        st.integers(0, 9),
        st.sampled_from(["", "a", "ˈb", "(en)"]),
    ),
    max_size=30,
).map(lambda found: sorted(found, key=lambda event: event.sample))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), events)
def test_whatever_the_library_reports_the_result_is_in_order(text, found):
    words, phones = align(text, found, 1_000)
    assert phones[0].start == 0
    assert phones[-1].end == 1_000
    assert all(one.end == other.start for one, other in pairwise(phones))
    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert all(one.end <= other.start for one, other in pairwise(words))


def joined(sounds: str, end: int, pause: int = 7) -> SpokenWord:
    phones = tuple(SpokenPhone(sound, 0, place, place + 1) for place, sound in enumerate(sounds))
    return SpokenWord(0, end, phones, pause, 1)


@pytest.mark.parametrize(
    ("text", "sounds", "alone", "expected"),
    [
        ("in the.", "ɪnðə", {"in": 2, "the": 2}, [("in", "ɪn"), ("the", "ðə")]),
        (
            "would have been",
            "wʊdəvbɪn",
            {"would": 3, "have": 3, "been": 3},
            [("would", "wʊd"), ("have", "əv"), ("been", "bɪn")],
        ),
        ("was (a)", "wʌzɐ", {"was": 3, "a": 2}, [("was", "wʌ"), ("a", "zɐ")]),
        ("so ٣٤", "soʊ", {"so": 3}, [("so", "soʊ")]),
        ("so — ...", "soʊ", {"so": 3}, [("so", "soʊ")]),
        ("a b c", "xy", {"a": 1, "b": 1, "c": 1}, [("a", "xy")]),
        ("? the", "ðə", {"the": 2}, [("?", "ðə")]),
    ],
)
def test_joined_words_share_their_phones(text, sounds, alone, expected):
    words = separate(text, [joined(sounds, len(text.split()[0]))], lambda word: alone.get(word, 0))
    assert [(text[word.start : word.end], "".join(phone.ipa for phone in word.phones)) for word in words] == expected
    assert [word.pause for word in words] == [0] * (len(words) - 1) + [7]
