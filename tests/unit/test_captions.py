from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.captions import LINE_WIDTH, make_cues, to_json, to_srt, to_vtt
from litestar_tts.models import WordBoundary

PROSE = (
    "Although the train was late, we arrived in plenty of time for the concert. Please remember to bring your "
    "passport, a warm jacket, and a pair of comfortable shoes. The old lighthouse stood alone on the cliff."
)


def spoken(text: str, *, per_word: float = 0.3, gap: float = 0.05, pause: float = 0.4) -> list[WordBoundary]:
    """Every word of a text, one after the other, with pauses behind sentences."""
    words, clock = [], 0.1
    for found in re.finditer(r"[\w'’-]+|[&<>]+", text):
        words.append(WordBoundary(text=found.group(), time=clock, duration=per_word, offset=found.start()))
        clock += per_word + (pause if text[found.end() : found.end() + 1] in ".!?" else gap)
    return words


def test_sentences_and_clauses_end_cues() -> None:
    cues = make_cues(spoken(PROSE), PROSE)
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == PROSE
    assert all(cue.text[-1] in ".," for cue in cues)


def test_lines_fit_and_two_are_enough() -> None:
    for cue in make_cues(spoken(PROSE), PROSE):
        lines = cue.text.split("\n")
        assert len(lines) <= 2
        assert all(len(line) <= LINE_WIDTH for line in lines)


def test_times_are_those_of_the_words() -> None:
    words = spoken(PROSE)
    cues = make_cues(words, PROSE)
    assert [word for cue in cues for word in cue.words] == words
    for cue in cues:
        assert cue.start == pytest.approx(cue.words[0].time, abs=5e-4)
        assert cue.end >= cue.words[-1].time + cue.words[-1].duration - 5e-4
        assert 1.0 <= cue.end - cue.start <= 7.0
    assert all(cue.end <= later.start for cue, later in pairwise(cues))


def test_a_short_last_word_stays_readable_but_not_beyond_the_audio() -> None:
    words = [WordBoundary(text="Yes", time=0.2, duration=0.2, offset=0)]
    assert make_cues(words, "Yes.")[0].end == pytest.approx(1.2)
    assert make_cues(words, "Yes.", duration=0.6)[0].end == pytest.approx(0.6)


def test_a_long_pause_divides() -> None:
    words = [
        WordBoundary(text="well", time=0.0, duration=0.4, offset=0),
        WordBoundary(text="then", time=3.0, duration=0.4, offset=5),
    ]
    assert [cue.text for cue in make_cues(words, "well then")] == ["well", "then"]


def test_punctuation_stays_with_its_word() -> None:
    text = 'He said: "Come (now)!" — and left.'
    parts = [part.text for cue in make_cues(spoken(text), text) for line in cue.lines for part in line]
    assert parts == ["He ", "said: ", '"Come ', '(now)!" — ', "and ", "left."]


def test_chinese_has_no_spaces_and_wide_characters() -> None:
    text = "今天天气很好，我们一起去公园散步吧。晚上还要去看电影，然后吃饭。"
    words = [
        WordBoundary(text=text[i], time=i * 0.2, duration=0.2, offset=i) for i in range(len(text)) if text[i].isalpha()
    ]
    cues = make_cues(words, text)
    assert "".join(cue.text.replace("\n", "") for cue in cues) == text
    assert all(2 * len(line) <= LINE_WIDTH for cue in cues for line in cue.text.split("\n"))


def test_one_word_event_for_a_whole_sentence_is_cut_and_timed_by_width() -> None:
    text = "วันนี้อากาศดีมากเราจึงไปเดินเล่นที่สวนสาธารณะด้วยกันและกินข้าวเย็นที่ร้านอาหารริมแม่น้ำ" * 2
    cues = make_cues([WordBoundary(text=text, time=1.0, duration=9.0, offset=0)], text)
    assert "".join(cue.text.replace("\n", "") for cue in cues) == text
    assert len(cues) > 1
    assert [len(cue.words) for cue in cues] == [1] + [0] * (len(cues) - 1)
    assert cues[0].start == 1.0
    assert cues[-1].end >= 10.0


def test_paragraphs_do_not_share_a_line() -> None:
    text = "One\nTwo"
    cues = make_cues(spoken(text), text)
    assert [cue.text for cue in cues] == ["One\nTwo"]


def test_words_without_offsets_are_found_and_unknown_ones_are_shown_as_written() -> None:
    words = [WordBoundary(text="Hello", time=0.0, duration=0.4), WordBoundary(text="there", time=0.5, duration=0.4)]
    assert make_cues(words, "Hello, there!")[0].text == "Hello, there!"
    assert make_cues(words, "Bonjour")[0].text == "Bonjour"
    assert make_cues(words)[0].text == "Hello there"
    assert make_cues([], "nothing was spoken") == []


def test_srt() -> None:
    words = [WordBoundary(text="Hi", time=3661.5, duration=1.25, offset=0)]
    assert to_srt(make_cues(words, "Hi --> you")) == "1\n01:01:01,500 --> 01:01:02,750\nHi -> you\n\n"
    assert to_srt([]) == ""


def test_vtt_has_word_times_and_escapes() -> None:
    text = "Tom & <Jerry> run."
    vtt = to_vtt(make_cues(spoken(text, gap=0.2), text))
    assert vtt.startswith("WEBVTT\n\n1\n00:00:00.100 --> 00:00:02.")
    assert "Tom <00:00:00.600>&amp; " in vtt
    assert "<Jerry>" not in vtt
    assert "&lt;" in vtt
    assert re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", vtt) == sorted(re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", vtt))
    assert to_vtt([]) == "WEBVTT\n"


def test_json() -> None:
    words = [WordBoundary(text="Hello", time=0.25, duration=1.0, offset=0)]
    assert to_json(make_cues(words, "Hello!", duration=1.5)) == {
        "captions": [
            {
                "index": 1,
                "start": 0.25,
                "end": 1.25,
                "text": "Hello!",
                "words": [{"text": "Hello", "time": 0.25, "duration": 1.0}],
            }
        ]
    }


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(alphabet="ab.,! \n犬。「」—é&<", max_size=200),
    times=st.lists(st.tuples(st.floats(-1, 20), st.floats(-1, 5)), max_size=30),
    offsets=st.lists(st.one_of(st.none(), st.integers(-2, 210)), max_size=30),
)
def test_cues_never_overlap_whatever_the_words_are(
    text: str, times: list[tuple[float, float]], offsets: list[int | None]
) -> None:
    words = [
        WordBoundary(text=text[offset or 0 : (offset or 0) + 3], time=time, duration=duration, offset=offset)
        for (time, duration), offset in zip(times, offsets, strict=False)
    ]
    cues = make_cues(words, text)
    for cue in cues:
        assert 0 <= round(cue.start * 1000) < round(cue.end * 1000)
        assert cue.text.strip()
        assert len(cue.text.split("\n")) <= 2
    assert all(cue.end <= later.start + 1e-9 for cue, later in pairwise(cues))
    assert to_vtt(cues).count("-->") == len(cues)
    assert to_srt(cues).count("-->") == len(cues)


def test_an_engine_without_words_has_subtitles_too() -> None:
    cues = make_cues([], PROSE, duration=14.0)
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == PROSE
    assert cues[0].start == 0
    assert cues[-1].end == pytest.approx(14.0)
    assert all(cue.start < cue.end <= later.start for cue, later in pairwise(cues))
    assert all(cue.words == [] for cue in cues)
    assert make_cues([], PROSE) == make_cues([], " ", duration=1.0) == []


def test_words_that_were_read_otherwise_are_shown_as_written() -> None:
    text = "It costs $25, my friend, and not (I swear) 3.5 dollars!"
    words = spoken("It costs twenty five my friend and not I swear three point five dollars")
    placed = [
        WordBoundary(text=word.text, time=word.time, duration=word.duration, offset=at if at >= 0 else None)
        for word in words
        for at in [text.find(word.text)]
    ]
    cues = make_cues(placed, text)
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == text
    shown = {word.text: word for cue in cues for word in cue.words}
    assert shown["25"].time == words[2].time
    assert shown["25"].duration == pytest.approx(words[3].time + words[3].duration - words[2].time)
    assert shown["dollars"] == placed[-1]


def test_words_of_another_text_do_not_lose_the_text() -> None:
    words = [WordBoundary(text="xyz", time=n, duration=0.5, offset=None) for n in range(9)]
    cues = make_cues(words, PROSE, duration=10.0)
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == PROSE
