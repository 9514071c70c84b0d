from __future__ import annotations

import math

import pytest

from litestar_tts.models import Phone, PhonedWord, PhoneSpan, VisemeSet, WordBoundary
from litestar_tts.visemes.sets import view
from litestar_tts.visemes.timeline import TimelineBuilder, estimate, planned_count


def plain(text: str) -> tuple[Phone, ...]:
    """One unstressed phone for each letter."""
    return tuple(Phone(ipa=letter) for letter in text)


TEXT = "big cats, eat 24 fish"
PLAN = [
    PhonedWord(start=0, end=3, phones=(Phone(ipa="b"), Phone(ipa="ɪ", stress=1), Phone(ipa="ɡ"))),
    PhonedWord(start=4, end=8, phones=plain("kæts"), pause=0.2),
    PhonedWord(start=10, end=13, phones=(Phone(ipa="iː", stress=1), Phone(ipa="t"))),
    PhonedWord(start=14, end=16, phones=plain("twɛnti")),
    PhonedWord(start=14, end=16, phones=plain("fɔɹ")),
    PhonedWord(start=17, end=21, phones=plain("fɪʃ")),
]


def boundary(text: str, time: float, duration: float, offset: int | None = None) -> WordBoundary:
    return WordBoundary(text=text, time=time, duration=duration, offset=offset)


WORDS = [
    boundary("big", 0.1, 0.3, 0),
    boundary("cats", 0.4, 0.4, 4),
    boundary("eat", 1.0, 0.2, 10),
    boundary("24", 1.22, 0.6, 14),
    boundary("fish", 2.0, 0.4, 17),
]


def build(
    words: list[WordBoundary], end: float = 2.6, *, plan: list[PhonedWord] | None = None, text: str = TEXT
) -> list[PhoneSpan]:
    builder = TimelineBuilder(words=True, phones=False, language="en-US")
    builder.begin_piece(0.0, PLAN if plan is None else plan, text)
    for word in words:
        builder.add_word(word)
    builder.end_piece(end)
    builder.finish(end)
    return builder.take()


def within(spans: list[PhoneSpan], start: float, end: float) -> str:
    return "".join(
        span.phone or "_" for span in spans if span.time >= start - 1e-9 and span.time + span.duration <= end + 1e-9
    )


def phones(spans: list[PhoneSpan]) -> str:
    return "".join(span.phone or "_" for span in spans)


def test_phones_fill_the_words_and_pauses_stay_silent() -> None:
    spans = build(WORDS)
    assert phones(spans) == "_bɪɡkæts_iːttwɛntifɔɹ_fɪʃ_"
    assert within(spans, 0.1, 0.4) == "bɪɡ"
    assert within(spans, 0.4, 0.8) == "kæts"
    assert within(spans, 0.8, 1.0) == "_"
    assert within(spans, 1.82, 2.0) == "_"
    assert within(spans, 2.0, 2.4) == "fɪʃ"
    assert spans[-1] == PhoneSpan(phone="", time=2.4, duration=pytest.approx(0.2))


def test_a_small_gap_is_shared() -> None:
    border = next(span for span in build(WORDS) if span.phone == "t" and span.time > 1.0)
    assert border.time + border.duration == pytest.approx(1.21)


def test_a_planned_pause_is_a_silence_however_short() -> None:
    words = [boundary("big", 0.1, 0.3, 0), boundary("cats", 0.4, 0.59, 4), *WORDS[2:]]
    assert phones(build(words)) == "_bɪɡkæts_iːttwɛntifɔɹ_fɪʃ_"
    words[1] = boundary("cats", 0.4, 0.6, 4)
    # An engine may count the pause to the word before it.
    assert phones(build(words)) == "_bɪɡkæts_iːttwɛntifɔɹ_fɪʃ_"


def test_words_without_offsets_are_found_in_the_text() -> None:
    bare = [boundary(word.text, word.time, word.duration) for word in WORDS]
    assert build(bare) == build(WORDS)


def test_words_without_offsets_and_text_are_taken_in_turn() -> None:
    plan = [word for number, word in enumerate(PLAN) if number not in (3, 4)]
    bare = [
        boundary("?!", 0.0, 0.05),
        *(boundary("x", word.time, word.duration) for word in WORDS if word.text != "24"),
    ]
    assert phones(build(bare, plan=plan, text="")) == "_bɪɡkæts_iːt_fɪʃ_"


def test_a_number_read_out_word_by_word() -> None:
    words = [*WORDS[:3], boundary("twenty", 1.22, 0.3), boundary("four", 1.52, 0.3), WORDS[4]]
    spans = build([boundary(word.text, word.time, word.duration) for word in words])
    assert within(spans, 1.21, 1.82) == "twɛntifɔɹ"
    assert within(spans, 2.0, 2.4) == "fɪʃ"


def test_two_words_for_one_planned_one() -> None:
    plan = [PhonedWord(start=0, end=5, phones=plain("doʊnt")), PLAN[5]]
    words = [boundary("Do", 0.1, 0.2, 0), boundary("n't", 0.3, 0.2, 2), boundary("fish", 1.0, 0.3, 17)]
    spans = build(words, end=1.5, plan=plan, text="Don't")
    assert within(spans, 0.1, 0.5) == "doʊnt"
    assert within(spans, 1.0, 1.3) == "fɪʃ"


def test_a_skipped_word_takes_the_gap_that_it_left() -> None:
    spans = build([WORDS[0], *WORDS[2:]])
    assert "kæts" in within(spans, 0.4, 1.0)
    assert phones(spans).replace("_", "") == "bɪɡkætsiːttwɛntifɔɹfɪʃ"


def test_a_skipped_word_without_a_gap_joins_the_one_before() -> None:
    words = [boundary("big", 0.1, 0.7, 0), boundary("eat", 0.8, 0.2, 10)]
    spans = build(words, end=1.1, plan=PLAN[:3])
    assert within(spans, 0.1, 0.8) == "bɪɡkæts_"


def test_missing_words_at_both_ends() -> None:
    spans = build([boundary("eat", 1.0, 0.2, 10)], end=2.6)
    assert phones(spans).replace("_", "") == "bɪɡkætsiːttwɛntifɔɹfɪʃ"
    assert within(spans, 1.0, 1.2 + 1e-3) == "iːt"


def test_a_word_that_only_has_a_start() -> None:
    spans = build([boundary(word.text, word.time, 0.0, word.offset) for word in WORDS])
    assert phones(spans).replace("_", "") == "bɪɡkætsiːttwɛntifɔɹfɪʃ"
    assert all(span.duration >= 0.02 for span in spans if span.phone)


def test_without_any_times_the_plan_is_stretched_over_the_piece() -> None:
    for reports in (True, False):
        builder = TimelineBuilder(words=reports, phones=False, language="en")
        builder.begin_piece(0.0, PLAN, TEXT)
        builder.heard(2.0)
        assert builder.take() == []
        assert builder.final_until == 0.0
        builder.end_piece(3.0)
        builder.finish(3.2)
        spans = builder.take()
        assert phones(spans) == "_bɪɡkæts_iːttwɛntifɔɹfɪʃ_"
        assert spans[-1].time == pytest.approx(3.0)
        assert spans[0].duration == pytest.approx(0.02)


def test_exact_phones_stay_exact_and_go_before_words() -> None:
    exact = [
        PhoneSpan(phone="", time=0.0, duration=0.05),
        PhoneSpan(phone="b", time=0.05, duration=0.1),
        PhoneSpan(phone="aɪ", time=0.15, duration=0.25),
        PhoneSpan(phone="", time=0.4, duration=0.1),
    ]
    builder = TimelineBuilder(words=True, phones=True, language="en")
    builder.begin_piece(0.0, PLAN[:1], "big")
    builder.add_word(boundary("big", 0.3, 0.1, 0))
    for span in exact:
        builder.add_phone(span)
    builder.end_piece(0.5)
    builder.finish(0.5)
    assert [(s.phone, round(s.time, 3), round(s.duration, 3)) for s in builder.take()] == [
        (s.phone, s.time, s.duration) for s in exact
    ]


def test_an_engine_that_owes_its_phones_is_followed_by_its_words() -> None:
    builder = TimelineBuilder(words=True, phones=True, language="en-US")
    builder.begin_piece(0.0, PLAN, TEXT)
    for word in WORDS:
        builder.add_word(word)
    builder.end_piece(2.6)
    builder.finish(2.6)
    assert builder.take() == build(WORDS)


def test_audio_is_released_as_soon_as_the_next_word_is_known() -> None:
    builder = TimelineBuilder(words=True, phones=False, language="en-US")
    builder.begin_piece(0.0, PLAN, TEXT)
    builder.add_word(WORDS[0])
    builder.heard(0.5)
    assert builder.take() == []
    builder.add_word(WORDS[1])
    assert phones(builder.take()) == "_bɪɡ"
    assert builder.final_until == pytest.approx(0.4)
    builder.add_word(WORDS[2])
    builder.heard(0.6)
    assert builder.final_until <= 0.6
    assert phones(builder.take()) in "kæts"


def test_an_engine_whose_words_stop_does_not_hold_the_audio_back() -> None:
    builder = TimelineBuilder(words=True, phones=False, language="en-US")
    builder.begin_piece(0.0, PLAN, TEXT)
    builder.add_word(WORDS[0])
    builder.heard(3.3)
    assert builder.final_until == 0.0
    builder.heard(3.6)
    assert builder.final_until > 1.0
    spoken = builder.take()
    assert phones(spoken).startswith("_bɪɡ")
    builder.add_word(WORDS[1])
    builder.heard(20.0)
    assert builder.final_until > 15.0
    builder.end_piece(20.0)
    builder.finish(20.0)
    spans = spoken + builder.take()
    assert phones(spans).replace("_", "") == "bɪɡkætsiːttwɛntifɔɹfɪʃ"
    assert spans[-1].time + spans[-1].duration == pytest.approx(20.0)


def test_an_engine_without_times_is_not_waited_for_without_end() -> None:
    builder = TimelineBuilder(words=False, phones=False, language="en")
    builder.begin_piece(0.0, PLAN, TEXT)
    builder.heard(30.0)
    assert builder.final_until == 0.0
    builder.heard(31.0)
    assert builder.final_until > 1.0


def test_nothing_planned_is_silence_that_waits_for_nobody() -> None:
    builder = TimelineBuilder(words=True, phones=True, language="en")
    builder.begin_piece(0.0, [], "…")
    builder.heard(4.0)
    assert builder.final_until > 3.5
    builder.end_piece(4.0)
    builder.finish(4.5)
    spans = builder.take()
    assert set(phones(spans)) == {"_"}
    assert spans[-1].time + spans[-1].duration == pytest.approx(4.5)


def test_pieces_follow_each_other_with_one_silence_between() -> None:
    builder = TimelineBuilder(words=True, phones=False, language="en")
    for start in (0.0, 2.0):
        builder.begin_piece(start, PLAN[:1], "big")
        builder.add_word(boundary("big", start + 0.1, 0.5, 0))
        builder.end_piece(start + 1.5)
    builder.finish(4.0)
    spans = builder.take()
    assert phones(spans) == "_bɪɡ_bɪɡ_"
    assert planned_count([PLAN[:1], PLAN[:1]], VisemeSet.DEFAULT) == len(spans)


@pytest.mark.parametrize(
    "reported",
    [
        [boundary("big", 0.0, 9.0, 0), boundary("cats", 0.2, 9.0, 4)],
        [boundary("cats", 0.9, 0.2, 4), boundary("big", 0.1, -5.0, 0)],
        [boundary("big", math.nan, 0.1, 0), boundary("cats", 0.3, math.nan, 4)],
        [boundary("big", 50.0, 1.0, 0), boundary("cats", math.inf, 1.0, 4)],
        [boundary("big", -3.0, 1.0, -7), boundary("cats", 0.5, 0.1, 900)],
    ],
)
def test_nonsense_from_the_engine_keeps_the_promises(reported: list[WordBoundary]) -> None:
    spans = build(reported, end=1.0)
    assert spans[0].phone == spans[-1].phone == ""
    clock = 0
    for span in spans:
        assert round(span.time * 1000) == clock
        clock += round(span.duration * 1000)
    assert clock == 1000


def test_speech_from_edge_to_edge_leaves_room_for_a_closed_mouth() -> None:
    builder = TimelineBuilder(words=False, phones=True, language="en")
    builder.begin_piece(0.0, [])
    builder.add_phone(PhoneSpan(phone="a", time=0.0, duration=0.5))
    builder.add_phone(PhoneSpan(phone="m", time=0.5, duration=0.5))
    builder.finish(1.0)
    assert [(span.phone, span.time, round(span.duration, 3)) for span in builder.take()] == [
        ("", 0.0, 0.02),
        ("a", 0.02, 0.48),
        ("m", 0.5, 0.48),
        ("", 0.98, 0.02),
    ]


def test_too_short_for_speech() -> None:
    assert [span.phone for span in build(WORDS, end=0.001)] == [""]
    assert build(WORDS, end=0.0) == []


def test_planned_count_counts_phones_by_set_and_pauses() -> None:
    plan = [
        PhonedWord(start=0, end=1, phones=(Phone(ipa="aʊ"), Phone(ipa="tʃ"))),
        PhonedWord(start=2, end=3, phones=()),
    ]
    assert planned_count([plan], VisemeSet.DEFAULT) == 1 + 3 + 1
    assert planned_count([plan], VisemeSet.AZURE) == 1 + 3 + 1
    assert planned_count([plan], VisemeSet.POLLY) == 1 + 2 + 1
    assert planned_count([PLAN], VisemeSet.DEFAULT) == len(phones(build(WORDS)).replace("ː", "")) - 1  # its own pause
    assert planned_count([], VisemeSet.DEFAULT) == 1


def test_an_estimate_is_a_timeline_with_words() -> None:
    spans, words, duration = estimate([PLAN, PLAN[:1]], language="en", texts=[TEXT, "big"], offsets=[0, 30])
    assert phones(spans) == "_bɪɡkæts_iːttwɛntifɔɹfɪʃ_bɪɡ_"
    assert [word.text for word in words] == ["big", "cats", "eat", "24", "fish", "big"]
    assert [word.offset for word in words] == [0, 4, 10, 14, 17, 30]
    assert spans[-1].time + spans[-1].duration == pytest.approx(duration)
    assert len([v for span in spans for v in view(span, VisemeSet.RHUBARB)]) == planned_count(
        [PLAN, PLAN[:1]], VisemeSet.RHUBARB
    )
    faster = estimate([PLAN, PLAN[:1]], speed=2.0, language="en")[2]
    assert faster == pytest.approx(duration / 2, rel=0.02)


def test_an_estimate_of_nothing_is_silence() -> None:
    spans, words, duration = estimate([])
    assert [span.phone for span in spans] == [""]
    assert words == []
    assert duration == pytest.approx(0.15)


def test_the_plan_of_espeaks_own_voice_counts_its_small_silences() -> None:
    spelled = PhonedWord(start=0, end=2, phones=plain("eti"), breaks=3)
    assert planned_count([[spelled]], VisemeSet.DEFAULT) == 5
    assert planned_count([[spelled]], VisemeSet.DEFAULT, breaks=True) == 7
    plan = [[spelled, PhonedWord(start=3, end=4, phones=plain("o"))]]
    assert planned_count(plan, VisemeSet.DEFAULT, breaks=True) == 9
