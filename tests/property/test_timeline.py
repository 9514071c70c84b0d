"""Whatever an engine reports, in whatever order: the timeline's promises hold."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.models import Phone, PhonedWord, PhoneSpan, VisemeSet, WordBoundary
from litestar_tts.visemes.sets import view
from litestar_tts.visemes.timeline import TimelineBuilder, estimate, planned_count

IPA = st.sampled_from(["a", "aʊ", "t", "tʃ", "ɚ", "m", "s", "ŋ", "ɔːɹ", "h", "?", "ж"])
PHONES = st.lists(st.builds(Phone, ipa=IPA, stress=st.integers(0, 2)), max_size=8).map(tuple)
TEXTS = st.lists(st.sampled_from(["a", "dog", "24", "well-known", "—", "ß", "犬", "Don't"]), min_size=0, max_size=12)
NUMBERS = st.one_of(
    st.floats(-1, 12),
    st.floats(-1, 12).map(lambda n: round(n, 2)),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e300]),
)


@st.composite
def plans(draw: st.DrawFn) -> tuple[str, list[PhonedWord]]:
    tokens = draw(TEXTS)
    text, words = "", []
    for token in tokens:
        start = len(text)
        text += token
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 0]))):
            pause = draw(st.sampled_from([0.0, 0.0, 0.2]))
            words.append(PhonedWord(start=start, end=len(text), phones=draw(PHONES), pause=pause))
        text += " "
    return text, words


@st.composite
def calls(draw: st.DrawFn) -> list[tuple[str, tuple]]:
    made: list[tuple[str, tuple]] = []
    for _ in range(draw(st.integers(0, 3))):
        text, words = draw(plans())
        made.append(("begin_piece", (draw(NUMBERS), words, draw(st.sampled_from([text, ""])))))
        for _ in range(draw(st.integers(0, 14))):
            kind = draw(st.sampled_from(["word", "word", "word", "phone", "phone", "heard", "end"]))
            if kind == "word":
                offset = draw(st.one_of(st.none(), st.integers(-3, len(text) + 3)))
                token = draw(st.sampled_from([*text.split(), "and", "", "."]))
                word = WordBoundary(text=token, time=draw(NUMBERS), duration=draw(NUMBERS), offset=offset)
                made.append(("add_word", (word,)))
            elif kind == "phone":
                span = PhoneSpan(phone=draw(st.one_of(IPA, st.just(""))), time=draw(NUMBERS), duration=draw(NUMBERS))
                made.append(("add_phone", (span,)))
            elif kind == "heard":
                made.append(("heard", (draw(st.floats(0, 12)),)))
            else:
                made.append(("end_piece", (draw(NUMBERS),)))
    return made


def check(spans: list[PhoneSpan], end: float) -> None:
    clock = 0
    for span in spans:
        start, stop = round(span.time * 1000), round((span.time + span.duration) * 1000)
        assert start == clock
        assert stop > start
        clock = stop
    assert clock == round(end * 1000)
    if spans:
        assert spans[0].phone == ""
        assert spans[-1].phone == ""


def merged(spans: list[PhoneSpan]) -> list[tuple[str, int]]:
    """Phones and their starts; silence that was handed out in parts is one again."""
    found: list[tuple[str, int]] = []
    for span in spans:
        if span.phone or not found or found[-1][0]:
            found.append((span.phone, round(span.time * 1000)))
    return found


def play(
    made: list[tuple[str, tuple]], end: float, *, words: bool, phones: bool, eager: bool
) -> tuple[list[PhoneSpan], float]:
    builder = TimelineBuilder(words=words, phones=phones, language="en-US")
    spans: list[PhoneSpan] = []
    heard = 0.0
    for name, arguments in made:
        getattr(builder, name)(*arguments)
        if name == "heard":
            heard = max(heard, arguments[0])
        if eager:
            spans += builder.take()
            until = spans[-1].time + spans[-1].duration if spans else 0.0
            assert abs(builder.final_until - until) < 5e-4
            assert builder.final_until <= heard
    end = max(end, heard)
    builder.finish(end)
    spans += builder.take()
    assert builder.take() == []
    assert builder.final_until >= end
    return spans, end


@settings(max_examples=400, deadline=None)
@given(made=calls(), end=st.floats(0, 15), words=st.booleans(), phones=st.booleans())
def test_promises_hold_and_pieces_join_to_the_whole(
    *, made: list[tuple[str, tuple]], end: float, words: bool, phones: bool
) -> None:
    spans, end = play(made, end, words=words, phones=phones, eager=True)
    check(spans, end)
    at_once, _ = play(made, end, words=words, phones=phones, eager=False)
    assert at_once == spans
    for viseme_set in VisemeSet:
        visemes = [viseme for span in spans for viseme in view(span, viseme_set)]
        clock = 0
        for viseme in visemes:
            assert round(viseme.time * 1000) == clock
            assert viseme.duration > 0
            clock = round((viseme.time + viseme.duration) * 1000)
        assert clock == round(end * 1000)


@settings(max_examples=200, deadline=None)
@given(plan=plans(), steps=st.lists(st.floats(0.001, 0.6), max_size=60), words=st.booleans(), gap=st.floats(0, 0.2))
def test_streaming_changes_nothing_for_a_well_behaved_engine(
    *, plan: tuple[str, list[PhonedWord]], steps: list[float], words: bool, gap: float
) -> None:
    """Words come before their audio; how the audio is cut into chunks does not matter."""
    text, planned = plan
    reported = []
    clock = 0.1
    for word in planned:
        if not reported or reported[-1].offset != word.start:
            token = text[word.start : word.end]
            reported.append(WordBoundary(text=token, time=clock, duration=0.3, offset=word.start))
            clock += 0.3 + gap
    end = clock + 0.5

    def run(*, streamed: bool) -> list[PhoneSpan]:
        builder = TimelineBuilder(words=words, phones=False, language="en")
        builder.begin_piece(0.0, planned, text)
        if streamed:
            heard, left = 0.0, list(reported)
            for step in steps:
                heard = min(heard + step, end)
                while left and left[0].time < heard + 0.2:
                    builder.add_word(left.pop(0))
                builder.heard(heard)
            for word in left:
                builder.add_word(word)
        else:
            for word in reported:
                builder.add_word(word)
        builder.end_piece(end)
        builder.finish(end)
        return builder.take()

    streamed, whole = run(streamed=True), run(streamed=False)
    check(streamed, end)
    if words and all(word.phones for word in planned):
        assert merged(streamed) == merged(whole)


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(plans(), max_size=4), speed=st.floats(0.25, 4), viseme_set=st.sampled_from(list(VisemeSet)))
def test_an_estimate_keeps_the_promises_and_the_count(
    pieces: list[tuple[str, list[PhonedWord]]], speed: float, viseme_set: VisemeSet
) -> None:
    planned = [words for _, words in pieces]
    spans, words, duration = estimate(planned, speed=speed, texts=[text for text, _ in pieces])
    check(spans, duration)
    assert len([viseme for span in spans for viseme in view(span, viseme_set)]) == planned_count(planned, viseme_set)
    assert all(word.time >= 0 and word.time + word.duration <= duration + 5e-4 for word in words)
    assert [word.time for word in words] == sorted(word.time for word in words)
