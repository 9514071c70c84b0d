from __future__ import annotations

import asyncio
import math
import threading
from array import array

import pytest

from litestar_tts.engines.espeak import EspeakEngine
from litestar_tts.espeak import takes
from litestar_tts.exceptions import EngineError, MissingExtraError, UnspeakableTextError
from litestar_tts.models import Prosody, Utterance
from litestar_tts.testing import Performance, listen

TEXTS = {
    "plain": "The quick brown fox jumps over the lazy dog and nobody said a word about it.",
    "full of pauses": "However, it was, in fact, a long day. Yes. No. Maybe.",
    "one long word": "Antidisestablishmentarianism",
    "short": "Hello there.",
}


@pytest.fixture
async def engine():
    one = EspeakEngine(threads=1)
    yield one
    await one.close()


async def say(engine: EspeakEngine, text: str, voice: str = "en-us", **prosody: float) -> Performance:
    found = await engine.find_voice(voice)
    assert found is not None
    return await listen(engine, Utterance(text=text, voice=found, prosody=Prosody(**prosody)))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("speed", [0.55, 0.8, 1.25, 1.5, 2.0])
async def test_speed_is_the_duration(engine, text, speed):
    plain = (await say(engine, text)).duration
    assert (await say(engine, text, speed=speed)).duration * speed == pytest.approx(plain, rel=0.04)


@pytest.mark.parametrize("decibels", [-20, -12, -6])
async def test_volume_is_in_decibels(engine, decibels):
    def power(heard: Performance) -> float:
        samples = array("h", heard.audio)
        return math.sqrt(sum(sample * sample for sample in samples) / len(samples))

    plain, quiet = await say(engine, TEXTS["plain"]), await say(engine, TEXTS["plain"], volume=decibels)
    assert 20 * math.log10(power(quiet) / power(plain)) == pytest.approx(decibels, abs=1.0)


def melody(heard: Performance) -> float:
    """Median pitch in Hz over pieces of vowels, by the first high peak of the autocorrelation."""
    samples = array("h", heard.audio)
    found = []
    for span in heard.phones:
        if span.phone in {"iː", "ɑː", "uː", "ɔː", "ɜː", "oʊ", "eɪ"}:
            start = int((span.time + span.duration / 2) * 22_050) - 400
            piece = samples[max(0, start) : start + 800]
            scores = {
                lag: sum(piece[n] * piece[n + lag] for n in range(0, len(piece) - lag, 2)) / (len(piece) - lag)
                for lag in range(55, 400)
            }
            best = max(scores.values())
            found.append(22_050 / next(lag for lag, score in scores.items() if score > 0.85 * best))
    return sorted(found)[len(found) // 2]


@pytest.mark.parametrize("semitones", [-5, 7])
async def test_pitch_is_in_semitones_and_leaves_the_duration(engine, semitones):
    text = "She keeps three green trees, two blue moons, and four small balls."
    plain, moved = await say(engine, text), await say(engine, text, pitch=semitones)
    assert moved.duration == pytest.approx(plain.duration, rel=0.03)
    assert 12 * math.log2(melody(moved) / melody(plain)) == pytest.approx(semitones, abs=2)


async def test_words_and_phones_fit_each_other(engine):
    heard = await say(engine, "Hello, big world!")
    assert [(word.text, word.offset) for word in heard.words] == [("Hello", 0), ("big", 7), ("world", 11)]
    spans = [span for span in heard.phones if span.phone]
    assert [span.phone for span in spans] == ["h", "ə", "l", "oʊ", "b", "ɪ", "ɡ", "w", "ɜː", "l", "d"]
    starts = {span.time for span in spans}
    assert all(word.time in starts for word in heard.words)
    hello, big, _ = heard.words
    assert big.time - (hello.time + hello.duration) == pytest.approx(0.16, abs=0.03), "the comma's pause"


async def test_little_silence_lies_around_an_utterance(engine):
    for text in ("Hello there.", "What is this?", "Stop!", "well"):
        samples = array("h", (await say(engine, text)).audio)
        loud = [n for n, sample in enumerate(samples) if abs(sample) > 65]
        assert loud[0] < 0.06 * 22_050
        assert len(samples) - loud[-1] < 0.03 * 22_050


async def test_voices_are_found_by_code_alias_and_timbre(engine):
    assert (await engine.find_voice("EN-US+F3")).id == "en-us+f3"
    assert (await engine.find_voice("en-us+f3")).gender == "Female"
    assert (await engine.find_voice("fr")).id == "fr-fr"
    assert (await engine.find_voice("zh")).id == "cmn"
    for name in ("en-us+nobody", "en-us+../f3", "gmw/en-US", "fo", "+f3", "en-us+"):
        assert await engine.find_voice(name) is None


@pytest.mark.parametrize(
    ("language", "gender", "expected"),
    [
        ("en-US", "Female", "en-us+f3"),
        ("en-AU", "Male", "en-gb"),
        ("en", None, "en-us"),
        ("zh-CN", None, "cmn"),
        ("zh-HK", "Female", "yue+f3"),
        ("es-MX", None, "es-419"),
        ("nb-NO", None, "nb"),
        ("ca-ES-x-ba", None, "ca-ba"),
        ("fil-PH", None, None),
        ("gl-ES", "Female", None),
    ],
)
async def test_the_best_voice(engine, language, gender, expected):
    voice = await engine.best_voice(language, gender)
    assert (voice.id if voice else None) == expected


async def test_lists_every_voice_that_can_speak(engine):
    voices = await engine.voices()
    assert len(voices) >= 138
    assert {voice.id for voice in voices}.isdisjoint({"fo", "kaa", "xex"})
    assert next(voice for voice in voices if voice.id == "en-us").name == "English (America)"


async def test_long_text_is_spoken_in_takes_without_a_lost_word(engine, monkeypatch):
    monkeypatch.setattr(takes, "MAX_SECONDS", 3.0)
    text = "one two three four five six seven eight nine ten " * 3
    heard = await say(engine, text)
    assert [word.text for word in heard.words] == text.split()
    assert [word.offset for word in heard.words] == sorted({word.offset for word in heard.words})
    assert all(text[word.offset :].startswith(word.text) for word in heard.words)
    assert heard.phones[-1].time + heard.phones[-1].duration == pytest.approx(heard.duration, abs=0.001)


async def test_a_word_that_never_ends_is_an_error(engine, monkeypatch):
    monkeypatch.setattr(takes, "MAX_SECONDS", 0.5)
    monkeypatch.setattr(takes, "MAX_WORD_SECONDS", 1.0)
    with pytest.raises(EngineError, match="one word"):
        await say(engine, "Donaudampfschifffahrtsgesellschaftskapitän" * 3)


async def test_more_characters_than_a_call_takes(engine, monkeypatch):
    monkeypatch.setattr("litestar_tts.engines.espeak.MAX_CHARACTERS", 20)
    text = "one two three four five six seven eight nine ten"
    assert [word.text for word in (await say(engine, text)).words] == text.split()
    assert (await say(engine, "a" * 50)).duration > 1


async def test_punctuation_alone_is_a_moment_of_silence(engine):
    heard = await say(engine, "...")
    assert heard.chunks
    assert heard.duration < 0.1


async def test_text_that_the_voice_cannot_say_fails_before_any_audio(engine):
    found = await engine.find_voice("chr")
    events = engine.synthesize(Utterance(text="123", voice=found))
    with pytest.raises(UnspeakableTextError, match="choose a voice of its language"):
        await anext(events)


async def test_two_hundred_share_one_thread(engine):
    found = await engine.find_voice("en-us")
    utterance = Utterance(text="Good morning to everybody.", voice=found)
    performances = await asyncio.gather(*(listen(engine, utterance) for _ in range(200)))
    assert {len(heard.words) for heard in performances} == {4}


async def test_a_listener_who_stops_reading_delays_nobody(engine):
    found = await engine.find_voice("en-us")
    slow = engine.synthesize(Utterance(text=TEXTS["plain"] * 5, voice=found))
    await anext(slow)
    assert (await asyncio.wait_for(say(engine, "Hello"), 5)).chunks
    await slow.aclose()


async def test_close_joins_the_threads():
    others = set(threading.enumerate())
    engine = EspeakEngine(threads=2)
    await engine.open()
    own = set(threading.enumerate()) - others
    assert {thread.name.rpartition("-")[0] for thread in own} == {"espeak"}
    await engine.close()
    assert not any(thread.is_alive() for thread in own)


async def test_a_missing_wheel_is_told_at_open(monkeypatch):
    monkeypatch.setattr("litestar_tts.espeak.library.is_installed", lambda: False)
    engine = EspeakEngine()
    with pytest.raises(MissingExtraError):
        await engine.open()
    await engine.close()


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        (
            "en-us",
            "In the year 2024, it was a day. He did not have any of it, and I would have been in a hurry.",
        ),
        ("ko", "안녕하세요, 오늘 날씨가 어때요?"),
        ("fr-fr", "Il y a 3 000 personnes qui l'ont dit."),
    ],
)
@pytest.mark.parametrize("speed", [1.0, 1.7])
async def test_every_word_is_reported(engine, voice, text, speed):
    heard = await say(engine, text, voice, speed=speed)
    assert [word.text for word in heard.words] == [word.strip(",.?") for word in text.split()]
    times = [word.time for word in heard.words]
    assert times == sorted(times)
    assert all(word.duration > 0 for word in heard.words)


@pytest.mark.parametrize("speed", [0.6, 1.0, 2.0])
async def test_the_silence_before_a_burst_belongs_to_the_stop(engine, speed):
    heard = await say(engine, "A papa at a kaka.", speed=speed)
    samples = array("h", heard.audio)
    stops = [span for span in heard.phones if span.phone in {"p", "k"}]
    assert len(stops) == 4
    for span in stops:
        start, end = round(span.time * 22_050), round((span.time + span.duration) * 22_050)
        silent = sum(abs(sample) < 16 for sample in samples[start:end]) / (end - start)
        assert silent > 0.3, span
        assert max(abs(sample) for sample in samples[start - 220 : start]) > 100, span
