from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litestar_tts.exceptions import MissingExtraError
from litestar_tts.visemes import phonemes as module
from litestar_tts.visemes.phonemes import Phonemizer


@pytest.fixture
async def phonemizer():
    one = Phonemizer()
    yield one
    await one.close()


async def read(phonemizer: Phonemizer, text: str, language: str = "en-US") -> list[tuple[str, str]]:
    words = await phonemizer.phonemize(text, language)
    return [(text[word.start : word.end], "".join(phone.ipa for phone in word.phones)) for word in words]


async def test_words_with_phones_stress_and_pauses(phonemizer):
    hello, big, world, how = await phonemizer.phonemize("Hello, big world! How", "en-US")
    assert (hello.start, hello.end) == (0, 5)
    assert [(phone.ipa, phone.stress) for phone in hello.phones] == [("h", 0), ("ə", 0), ("l", 0), ("oʊ", 1)]
    assert hello.pause == pytest.approx(0.15, abs=0.02)
    assert big.pause == 0
    assert world.pause == pytest.approx(0.33, abs=0.03)
    assert how.pause == 0, "nothing follows"


async def test_the_dialect_is_that_of_the_locale(phonemizer):
    assert await read(phonemizer, "water", "en-US") == [("water", "wɔːɾɚ")]
    assert await read(phonemizer, "water", "en-GB") == [("water", "wɔːtə")]
    assert await read(phonemizer, "water", "en-AU") == [("water", "wɔːtə")]


async def test_the_sentence_decides_how_a_word_sounds(phonemizer):
    alone = dict(await read(phonemizer, "the"))
    inside = dict(await read(phonemizer, "He saw the end."))
    assert alone["the"] == "ðə"
    assert inside["the"] == "ðɪ"


async def test_words_that_the_library_joins_are_parted(phonemizer):
    assert await read(phonemizer, "We are in the house.") == [
        ("We", "wiː"),
        ("are", "ɑːɹ"),
        ("in", "ɪn"),
        ("the", "ðə"),
        ("house", "haʊs"),
    ]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("ru-RU", "Привет", "prʲivʲet"),
        ("xx", "привет", "prʲivʲet"),
        ("xx", "γεια", "ja"),
        ("fil-PH", "kumusta", "kumusta"),
        ("lo-LA", "ສະບາຍດີ", "sabaɲdi"),
        ("km-KH", "ភាសាខ្មែរ", "pasakmɛɹ"),
        ("km-KH", "សួស្តី", "suasti"),
        ("km-KH", "5", "five"),
        ("km-KH", "…", ""),
        ("iu-Cans-CA", "ᐃᓄᒃ", "inok"),
        ("zh-CN", "天", "thiɛn"),
    ],
)
async def test_languages_with_and_without_a_voice(phonemizer, language, text, expected):
    assert await read(phonemizer, text, language) == [(text, expected)]


@pytest.mark.parametrize("text", ["", " ", "...", "\n\n", "—", "\0", "()"])
async def test_what_has_no_sound_has_no_words(phonemizer, text):
    assert all(not word.phones for word in await phonemizer.phonemize(text, "en-US"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from(
                ["😀", "👩🏽‍🚀", "русский", "語", "12,345.6", "a\0b", "(x)", "\ud800", "e.g. ", "ก็", "[[a]]", "<b>"]
            ),
        ),
        max_size=12,
    ).map(" ".join),
    st.sampled_from(["en-US", "de-DE", "ja-JP", "ar-EG", "xx", "zh-HK"]),
)
def test_any_text_gives_words_in_order_inside_the_text(text, language):
    words = asyncio.run(one_off(text, language))
    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert all(one.end <= other.start for one, other in pairwise(words))
    assert all(word.pause == 0 or 0.05 <= word.pause <= 0.5 for word in words)
    assert all(phone.ipa for word in words for phone in word.phones)


async def one_off(text: str, language: str):
    phonemizer = Phonemizer()
    try:
        return await phonemizer.phonemize(text, language)
    finally:
        await phonemizer.close()


async def test_long_text_is_read_in_parts_and_nothing_is_lost(phonemizer):
    sentence = "The quick brown fox jumps. "
    words = await phonemizer.phonemize(sentence * 200, "en-US")
    assert len(words) == 5 * 200
    assert [word.start for word in words[:10]] == [0, 4, 10, 16, 20, 27, 31, 37, 43, 47]
    for n in range(0, len(words), 5):
        assert [word.phones for word in words[n : n + 5]] == [word.phones for word in words[:5]]
        assert words[n].start == n // 5 * len(sentence)
    assert words[4].pause == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("text", ["word " * 400, "x" * 2_000, "好" * 2_000, "wörter\n" * 300])
def test_parts_cover_the_text(text):
    parts = list(module._parts(text))
    assert "".join(text[start:end] for start, end in parts) == text
    assert all(0 < end - start <= module.MAX_CHARACTERS for start, end in parts)


async def test_a_sentence_is_read_once(phonemizer, monkeypatch):
    first = await phonemizer.phonemize("Hello world", "en-US")
    await phonemizer.close()
    monkeypatch.setattr(phonemizer._worker, "run", None)
    assert await phonemizer.phonemize("Hello world", "en-US") == first
    assert await phonemizer.phonemize("Hello world", "en-CA") == first, "same dialect"


async def test_the_cache_is_bounded():
    phonemizer = Phonemizer(cache_size=20)
    try:
        for n in range(6):
            await phonemizer.phonemize(f"word {n}", "en-US")
        assert len(phonemizer._cache) == 3
    finally:
        await phonemizer.close()


async def test_many_at_once(phonemizer):
    texts = [f"number {n}" for n in range(100)]
    results = await asyncio.gather(*(phonemizer.phonemize(text, "en-US") for text in texts))
    assert [await phonemizer.phonemize(text, "en-US") for text in texts] == results
    alone = Phonemizer(cache_size=0)
    for n in (0, 50, 99):
        assert (await alone.phonemize(texts[n], "en-US"))[1].phones == results[n][1].phones
    await alone.close()
    assert len({result[1].phones for result in results}) > 50


async def test_works_again_after_close(phonemizer):
    first = await phonemizer.phonemize("Hello", "en-US")
    await phonemizer.close()
    await phonemizer.close()
    assert (await phonemizer.phonemize("Hello there", "en-US"))[0].phones == first[0].phones


async def test_without_the_wheel(monkeypatch):
    monkeypatch.setattr("litestar_tts.visemes.phonemes.is_installed", lambda: False)
    phonemizer = Phonemizer()
    assert not phonemizer.available()
    with pytest.raises(MissingExtraError, match=r"litestar-tts\[espeak\]"):
        await phonemizer.phonemize("Hello", "en-US")
    await phonemizer.close()


async def test_with_the_wheel(phonemizer):
    assert phonemizer.available()


async def test_the_small_silences_of_spelled_letters_are_counted(phonemizer):
    (word,) = await phonemizer.phonemize("Hi", "ja")
    assert word.pause == 0.0
    assert word.breaks == 2  # "H I", and behind it
