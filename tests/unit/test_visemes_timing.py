from __future__ import annotations

from itertools import pairwise

import pytest

from litestar_tts.models import Phone, PhonedWord
from litestar_tts.visemes.timing import allot, predict, seconds, spread, weigh


def phones(text: str) -> tuple[Phone, ...]:
    """``"k ˈæ t"`` as phones; a stress mark belongs to its vowel."""
    return tuple(
        Phone(ipa=phone.strip("ˈˌ"), stress=1 if "ˈ" in phone else 2 if "ˌ" in phone else 0) for phone in text.split()
    )


def word(text: str, pause: float = 0.0) -> PhonedWord:
    return PhonedWord(start=0, end=1, phones=phones(text), pause=pause)


def test_english_weights_are_phone_times_stress_times_edge() -> None:
    assert weigh(phones("k ˈæ t"), "en-US") == pytest.approx([53 * 1.25, 58 * 2.2, 49 * 1.4])
    assert weigh(phones("k ˌæ t"), "en") == pytest.approx([53 * 1.25, 58 * 1.6, 49 * 1.4])
    assert weigh(phones("k æ t"), "en_GB", pause=True) == pytest.approx([53 * 1.25, 58, 49 * 1.4 * 1.2])
    assert weigh(phones("ɑː"), "en") == pytest.approx([67 * 1.25 * 1.4])


def test_only_the_first_half_of_a_diphthong_is_stressed() -> None:
    assert weigh(phones("h ˈaʊ s"), "en")[1] == pytest.approx(50 * 2.2 + 47)


def test_japanese_is_split_evenly_but_for_length() -> None:
    assert weigh(phones("k a ˈi t o"), "ja-JP", pause=True) == [50.0] * 5
    long, short = weigh(phones("oː k"), "ja")
    assert long > short


def test_other_languages_take_stress_or_edges_only() -> None:
    assert weigh(phones("t ˈa s k"), "es-ES") == pytest.approx([62.5, 50, 50, 70])
    assert weigh(phones("t ˈa s k"), "de-DE") == pytest.approx([62.5, 110, 50, 70])
    assert weigh(phones("t a s k"), "") == pytest.approx([62.5, 50, 50, 70])


def test_unknown_phones_have_weight() -> None:
    assert all(weight > 0 for language in ("en", "ja", "fr") for weight in weigh(phones("ж 5 ǂ"), language))
    assert weigh((), "en") == []


def test_spread_is_contiguous_from_start_to_end() -> None:
    spans = spread(phones("s t ɹ ˈɛ ŋ θ s"), 1.0, 1.7, language="en")
    assert spans[0].time == 1.0
    assert spans[-1].time + spans[-1].duration == pytest.approx(1.7)
    for span, later in pairwise(spans):
        assert span.time + span.duration == pytest.approx(later.time)
    assert max(spans, key=lambda span: span.duration).phone == "ɛ"
    assert spread((), 0.0, 1.0, language="en") == []


def test_allot_gives_everyone_a_millisecond_and_drops_the_lightest() -> None:
    assert allot([1, 1000, 1], 10, 15) == [(0, 10, 11), (1, 11, 14), (2, 14, 15)]
    assert allot([1, 3, 2], 0, 2) == [(1, 0, 1), (2, 1, 2)]
    assert allot([1, 3, 2], 5, 5) == []
    assert allot([], 0, 9) == []


def test_prediction_has_the_pace_of_a_natural_voice() -> None:
    """A Harvard sentence that a natural voice speaks in 2.4 s, without its edges."""
    said = [
        word("ð ə"),
        word("b ˈɜː tʃ"),
        word("k ə n ˈuː"),
        word("s l ˈɪ d"),
        word("ˌɔ n"),
        word("ð ə"),
        word("s m ˈuː ð"),
        word("p l ˈæ ŋ k s"),
    ]
    times = predict(said, language="en-US")
    assert times[-1][2] == pytest.approx(2.2, rel=0.15)
    count = sum(len(each.phones) for each in said)
    assert 11 < count / times[-1][2] < 15
    assert predict(said, speed=2.0, language="en")[-1][2] == pytest.approx(times[-1][2] / 2)


def test_prediction_keeps_the_planned_pauses() -> None:
    times = predict([word("a", pause=0.3), word(""), word("o")], speed=2.0, language="fr")
    assert [found.phones for found, _, _ in times] == [phones("a"), (), phones("o")]
    assert times[1][1] == pytest.approx(times[0][2] + 0.15)
    assert times[1][1] == times[1][2] == times[2][1]
    assert times[0][2] == pytest.approx(seconds(word("a", pause=0.3), speed=2.0, language="fr"))
    assert predict([]) == []
