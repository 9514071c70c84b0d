"""The whole road without any web: real engines, the loopback Edge service, and tones for faults."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import (
    EngineError,
    EngineTimeoutError,
    InvalidRequestError,
    NoEngineError,
    OverloadedError,
    TextTooLongError,
    UnspeakableTextError,
    VoiceNotFoundError,
)
from litestar_tts.models import AudioChunk, AudioFormat, SpeechEnd, Viseme, VisemeSet, WordBoundary
from litestar_tts.service import SpeechService
from litestar_tts.testing import ToneEngine
from tests.support.edge_service import EdgeService
from tests.support.sound import decode
from tests.support.timeline import check_timeline, payloads

TEXT = "Hello there, my old friend. This is a second sentence, and it is longer! Is the third one short?"


@pytest.fixture(scope="module")
def edge() -> Iterator[EdgeService]:
    with EdgeService() as service:
        yield service


@pytest.fixture(autouse=True)
def _healthy(edge: EdgeService) -> Iterator[None]:
    yield
    edge.reset()


@pytest.fixture
async def service(edge: EdgeService) -> AsyncIterator[SpeechService]:
    async with SpeechService(TTSConfig(engines=["edge", "piper", "espeak"], edge_url=edge.url)) as service:
        yield service


VOICES = ["edge:en-US-AriaNeural", "piper:en_US-joe-medium", "espeak:en-us"]


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("form", list(AudioFormat))
async def test_every_engine_in_every_format(service: SpeechService, voice: str, form: AudioFormat):
    result = await service.speak(TEXT, voice=voice, format=form).collect()
    assert f"{result.info.engine}:{result.info.voice}" == voice
    samples, rate = decode(result.audio, form)
    rate = rate or 24_000  # pcm does not say
    assert rate == result.info.sample_rate == (48_000 if form is AudioFormat.OPUS else 24_000)
    heard = (len(samples) - result.info.skip_samples) / rate
    assert heard == pytest.approx(result.duration, abs=0.03)
    check_timeline(payloads(result.visemes), heard)
    assert [word.text for word in result.words] == [word.strip(",.!?") for word in TEXT.split()]
    assert all(a.time <= b.time for a, b in zip(result.words, result.words[1:], strict=False))
    assert result.words[-1].time + result.words[-1].duration <= result.duration


@pytest.mark.parametrize("voice", VOICES)
async def test_what_was_planned_is_what_comes(service: SpeechService, voice: str):
    result = await service.speak(TEXT, voice=voice).collect()
    assert result.info.viseme_count == pytest.approx(len(result.visemes), rel=0.1)


@pytest.mark.parametrize(
    "text", ["Write to me@example.com, or not.", "See a,b;c:d and http://example.com/x for it.", "Hi."]
)
async def test_signs_inside_a_word_are_no_pauses_for_edge(service: SpeechService, text: str):
    result = await service.speak(text, voice="edge:en-US-AriaNeural").collect()
    assert result.info.viseme_count == pytest.approx(len(result.visemes), rel=0.1)


@pytest.mark.parametrize("voice", VOICES)
async def test_words_and_visemes_come_before_their_audio(service: SpeechService, voice: str):
    heard = 0.0
    last = None
    async for event in service.speak(TEXT, voice=voice, format="pcm"):
        if isinstance(event, AudioChunk):
            assert event.time == pytest.approx(heard, abs=0.002)
            heard = event.time + event.duration
        elif isinstance(event, Viseme | WordBoundary):
            assert event.time >= heard - 0.03, event
        last = event
    assert isinstance(last, SpeechEnd)


@pytest.mark.parametrize("viseme_set", list(VisemeSet))
async def test_every_set(service: SpeechService, viseme_set: VisemeSet):
    result = await service.speak(TEXT, voice="espeak:en-us", visemes=viseme_set, phonemes=True).collect()
    check_timeline(payloads(result.visemes), result.duration, viseme_set=viseme_set)
    assert all(viseme.phoneme is not None for viseme in result.visemes)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("speed", [0.25, 4.0])
async def test_speed(service: SpeechService, voice: str, speed: float):
    plain = await service.speak(TEXT, voice=voice, format="pcm").collect()
    result = await service.speak(TEXT, voice=voice, format="pcm", speed=speed).collect()
    assert result.duration * speed == pytest.approx(plain.duration, rel=0.12)
    check_timeline(payloads(result.visemes), len(result.audio) / 48_000)
    assert result.words[-1].time * speed == pytest.approx(plain.words[-1].time, rel=0.12)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("pitch", [-12.0, 12.0])
async def test_pitch_leaves_the_duration(service: SpeechService, voice: str, pitch: float):
    plain = await service.speak(TEXT, voice=voice, format="pcm").collect()
    result = await service.speak(TEXT, voice=voice, format="pcm", pitch=pitch).collect()
    assert result.duration == pytest.approx(plain.duration, rel=0.05)


async def test_edge_mp3_passes_through_untouched(service: SpeechService, edge: EdgeService):
    result = await service.speak("One short sentence.", voice="edge:en-US-AriaNeural", format="mp3").collect()
    assert result.audio == edge.spoken(edge.requests[-1]).mp3


async def test_pieces_sound_as_one(service: SpeechService, edge: EdgeService):
    text = "This is the first sentence. " + "Here is one more of them, quite long as it is. " * 4
    result = await service.speak(text, voice="edge:en-US-AriaNeural", format="pcm").collect()
    assert len(edge.requests) == 2
    words = result.words
    border = next(index for index, word in enumerate(words) if word.text == "Here")
    gap = words[border].time - (words[border - 1].time + words[border - 1].duration)
    assert 0.3 < gap < 0.7


async def test_an_unreachable_engine_is_replaced_before_the_first_byte(service: SpeechService, edge: EdgeService):
    edge.fail("refuse", None)
    result = await service.speak("Hello.", voice="en-US-AriaNeural").collect()
    assert (result.info.engine, result.info.fallback_from) == ("piper", "edge")
    german = await service.speak("Guten Tag.", voice="de-DE-KatjaNeural").collect()
    assert german.info.engine == "espeak"
    assert german.info.voice.startswith("de")


async def test_a_hanging_engine_is_overtaken(edge: EdgeService):
    edge.fail("hang_before", None)
    config = TTSConfig(engines=["edge", "espeak"], edge_url=edge.url, hedge_after=0.05)
    async with SpeechService(config) as service:
        result = await service.speak("Hello.", voice="en-US-AriaNeural").collect()
        assert (result.info.engine, result.info.fallback_from) == ("espeak", "edge")
    edge.wait(lambda counters: counters.cancelled == 1)


async def test_without_fallback_the_error_is_the_engines(service: SpeechService, edge: EdgeService):
    edge.fail("no_audio", None)
    with pytest.raises(EngineError) as raised:
        await service.speak("Hello.", voice="en-US-AriaNeural", fallback=False).collect()
    assert raised.value.status == 502
    with pytest.raises(EngineError) as raised:
        await service.speak("Hello.", voice="edge:en-US-AriaNeural").collect()
    assert raised.value.status == 502


async def test_a_cut_stream_is_never_complete(service: SpeechService, edge: EdgeService):
    edge.fail("close_mid", None)
    events = []
    with pytest.raises(EngineError):
        async for event in service.speak("Hello there, my friend, how are you?", voice="edge:en-US-AriaNeural"):
            events.append(event)
    assert not any(isinstance(event, SpeechEnd) for event in events)


async def test_text_that_is_still_being_written(service: SpeechService):
    spoken = asyncio.Event()

    async def tokens() -> AsyncIterator[str]:
        yield "The first sentence is "
        yield "here. And"
        await asyncio.wait_for(spoken.wait(), 20)  # nothing more is written before the first sentence was heard
        yield " now the second."

    async with service.speak(tokens(), voice="espeak:en-us", format="mp3") as speech:
        words = []
        async for event in speech:
            if isinstance(event, AudioChunk):
                spoken.set()
            elif isinstance(event, WordBoundary):
                words.append(event.text)
    assert words == ["The", "first", "sentence", "is", "here", "And", "now", "the", "second"]
    assert speech.info is not None
    assert speech.info.viseme_count is None


async def test_leaving_stops_the_engine():
    tone = ToneEngine()
    async with SpeechService(TTSConfig(engines=[tone])) as service:
        async with service.speak("many words " * 50, format="pcm") as speech:
            async for event in speech:
                if isinstance(event, AudioChunk):
                    break
            assert tone.active == 1
        assert tone.active == 0
        assert (await service.health()).queue.active == 0


async def test_being_cancelled_before_the_first_audio_stops_the_engine():
    tone = ToneEngine(gate=asyncio.Event())
    async with SpeechService(TTSConfig(engines=[tone])) as service:
        task = asyncio.create_task(service.speak("Hello.").collect())
        while not tone.started:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert tone.active == 0
        assert (await service.health()).queue.active == 0


async def test_failing_between_sentences_is_tried_once_more():
    class Stumbling(ToneEngine):
        async def synthesize(self, utterance):  # type: ignore[no-untyped-def]
            self.fail = EngineError("stumbled") if self.started == 1 else None
            async for event in super().synthesize(utterance):
                yield event

    tone = Stumbling()
    async with SpeechService(TTSConfig(engines=[tone])) as service:
        text = "The first sentence. " + "The second sentence is here. " * 10
        result = await service.speak(text).collect()
    assert tone.started == 3
    assert [word.text for word in result.words] == text.replace(".", "").split()


BREAKABLE = "A sentence that is long enough to break."


async def test_failing_in_mid_speech_is_said():
    tone = ToneEngine(fail=EngineError("broke"), fail_after=0.5)
    async with SpeechService(TTSConfig(engines=[tone, "espeak"])) as service:
        heard = 0
        with pytest.raises(EngineError, match="broke"):
            async for data in service.speak(BREAKABLE, voice="tone-high", format="pcm").audio():
                heard += len(data)
        assert heard
        assert tone.started == 2
        assert (await service.health()).queue.active == 0


class Recovering(ToneEngine):
    """Breaks off the first time."""

    def _fail_at(self, seconds: float) -> None:
        if self.started == 1:
            super()._fail_at(seconds)


async def test_a_whole_that_broke_off_unheard_is_spoken_again_by_the_same_voice():
    tone = Recovering(fail=EngineError("broke"), fail_after=0.5)
    async with SpeechService(TTSConfig(engines=[tone, "espeak"])) as service:
        result = await service.speak(BREAKABLE, voice="tone-high", format="pcm").collect()
        assert (result.info.engine, result.info.fallback_from) == ("tone", None)
        assert [word.text for word in result.words] == BREAKABLE.strip(".").split()
        assert result.duration == pytest.approx(len(result.audio) / 48_000, abs=0.001)
        check_timeline(payloads(result.visemes), result.duration)


@pytest.mark.parametrize(("error", "tries"), [(EngineError("broke"), 2), (EngineTimeoutError("silent"), 2)])
async def test_a_whole_that_keeps_breaking_off_is_spoken_by_another_engine(error: EngineError, tries: int):
    tone = ToneEngine(fail=error, fail_after=0.5)
    async with SpeechService(TTSConfig(engines=[tone, "espeak"])) as service:
        result = await service.speak(BREAKABLE, voice="tone-high", format="wav").collect()
        assert (result.info.engine, result.info.fallback_from) == ("espeak", "tone")
        assert [word.text for word in result.words] == BREAKABLE.strip(".").split()
        check_timeline(payloads(result.visemes), result.duration)
        assert tone.started == tone.closed == tries
        assert (await service.health()).queue.active == 0


async def test_a_whole_that_nobody_finishes():
    tone = ToneEngine(fail=EngineError("broke"), fail_after=0.5)
    async with SpeechService(TTSConfig(engines=[tone])) as service:
        with pytest.raises(NoEngineError) as raised:
            await service.speak(BREAKABLE, voice="tone-high").collect()
        assert raised.value.retry_after
        with pytest.raises(EngineError, match="broke"):
            await service.speak(BREAKABLE, voice="tone-high", fallback=False).collect()
        assert tone.active == 0
        assert (await service.health()).queue.active == 0


async def test_silence_has_a_limit():
    tone = ToneEngine(gate=asyncio.Event())
    tone.capabilities = type(tone.capabilities)(words=True, timeouts=type(tone.capabilities.timeouts)(first_audio=0.05))
    async with SpeechService(TTSConfig(engines=[tone])) as service:
        with pytest.raises(EngineTimeoutError):
            await service.speak("Hello.", fallback=False).collect()
        with pytest.raises(NoEngineError):
            await service.speak("Hello.").collect()


async def test_the_queue_is_bounded():
    tone = ToneEngine(gate=asyncio.Event())
    async with SpeechService(TTSConfig(engines=[tone], max_streams=1, max_queue=1)) as service:
        first, second = (asyncio.create_task(service.speak("Hello.").collect()) for _ in range(2))
        while (await service.health()).queue.waiting != 1:
            await asyncio.sleep(0)
        with pytest.raises(OverloadedError) as raised:
            await service.speak("Hello.").collect()
        assert raised.value.retry_after >= 1
        tone.gate.set()
        await asyncio.gather(first, second)


async def test_voices_and_their_names(service: SpeechService):
    voices = await service.voices(language="en", gender="male")
    assert {"edge", "piper", "espeak"} == {voice.engine for voice in voices}
    assert all(voice.language.startswith("en-") for voice in voices)
    assert (await service.check_voice(service.request(voice="EN-US-ariaNEURAL"))).id == "en-US-AriaNeural"
    with pytest.raises(VoiceNotFoundError) as raised:
        await service.check_voice(service.request(voice="en-US-AriaNeurl"))
    assert raised.value.extra["matches"][0] == "en-US-AriaNeural"
    with pytest.raises(VoiceNotFoundError):
        await service.check_voice(service.request(voice="festival:en"))
    with pytest.raises(VoiceNotFoundError):
        await service.check_voice(service.request(voice="espeak:../../etc/passwd"))


async def test_aliases_and_the_default_voice():
    config = TTSConfig(engines=["espeak"], voice_aliases={"Narrator": "espeak:en-gb"})
    async with SpeechService(config) as service:
        assert (await service.check_voice(service.request(voice="narrator"))).id == "en-gb"
        assert (await service.check_voice(service.request())).language == "en-US"
        with pytest.raises(VoiceNotFoundError):
            await service.check_voice(service.request(voice="en-US-AriaNeural"))


@pytest.mark.parametrize("text", ["", "  \n ", "...", "🙂🙂", "—"])
async def test_nothing_to_say(service: SpeechService, text: str):
    with pytest.raises(InvalidRequestError):
        service.speak(text)


async def test_too_much_to_say(service: SpeechService):
    service.speak("x" * 1000)
    with pytest.raises(TextTooLongError) as raised:
        service.speak("x" * 1001)
    assert raised.value.extra["limit"] == 1000


@pytest.mark.parametrize(
    "options",
    [
        {"speed": 0.2},
        {"speed": 4.1},
        {"speed": float("nan")},
        {"speed": True},
        {"pitch": 13},
        {"volume": -21},
        {"sample_rate": 11_025},
        {"format": "ogg"},
        {"visemes": "none"},
        {"voice": " "},
    ],
)
async def test_options_are_checked(service: SpeechService, options: dict[str, object]):
    with pytest.raises(InvalidRequestError) as raised:
        service.speak("Hello.", **options)
    assert raised.value.extra["parameter"] == next(iter(options))


async def test_health(service: SpeechService, edge: EdgeService):
    report = await service.health()
    assert report.status == "ok"
    edge.fail("refuse", None)
    for _ in range(5):
        await service.speak("Hello.", voice="en-US-AriaNeural").collect()
    report = await service.health()
    assert report.status == "degraded"
    assert report.engines[0].breaker == "open"
    requests = len(edge.requests)
    await service.speak("Hello.", voice="en-US-AriaNeural").collect()
    assert len(edge.requests) == requests


async def test_health_does_not_wait_for_a_list_of_voices(edge: EdgeService):
    edge.voices_fault = "hang"
    async with SpeechService(TTSConfig(engines=["edge"], edge_url=edge.url)) as service:
        await service.open()
        began = time.monotonic()
        report = await service.health()
        assert time.monotonic() - began < 0.5
        assert (report.status, report.engines[0].voices) == ("ok", 0)
        await service.voices()
        assert (await service.health()).engines[0].voices > 300


async def test_it_opens_again_after_closing(service: SpeechService):
    await service.speak("Hello.", voice="espeak:en-us").collect()
    await service.close()
    await service.speak("Hello.", voice="espeak:en-us").collect()


async def test_warming_up_finds_out_who_is_in_reach(service: SpeechService, edge: EdgeService):
    await service.warm_up()
    assert (await service.health()).status == "ok"
    assert not edge.requests
    async with SpeechService(TTSConfig(engines=["edge", "espeak"], edge_url="ws://127.0.0.1:9")) as lonely:
        await lonely.warm_up()
        assert [engine.status for engine in (await lonely.health()).engines] == ["failing", "ok"]
        assert (await lonely.speak("Hello.").collect()).info.fallback_from == "edge"


async def test_texts_that_a_voice_cannot_say_do_not_stop_the_engine(service: SpeechService):
    for _ in range(6):
        with pytest.raises(UnspeakableTextError):
            await service.speak("٣٤٥", voice="espeak:en-us").collect()
    with pytest.raises(UnspeakableTextError):
        await service.speak("١٢٣ १२३", voice="piper:en_US-joe-medium").collect()
    assert (await service.speak("Hello.", voice="espeak:en-us").collect()).duration > 0.3


async def test_a_sentence_that_the_voice_cannot_say_is_left_out(service: SpeechService):
    text = "٣٤٥ ٣٤٥ ٣٤٥!\nHello there, my old friend.\n٣٤٥ ٣٤٥ ٣٤٥!\nGood bye, and good night.\n٣٤٥ ٣٤٥!"
    result = await service.speak(text, voice="piper:en_US-joe-medium").collect()
    spoken = [word.text for word in result.words]
    assert spoken == ["Hello", "there", "my", "old", "friend", "Good", "bye", "and", "good", "night"]
    samples, rate = decode(result.audio, AudioFormat.WAV)
    check_timeline(payloads(result.visemes), len(samples) / rate)


@pytest.mark.parametrize(
    ("voice", "text"), [("ja", "Hi."), ("ja", "2024"), ("ja", "Hello, world"), ("hi", "3.14"), ("cmn", "مرحبا 123")]
)
async def test_what_is_spelled_is_planned_too(service: SpeechService, voice: str, text: str):
    result = await service.speak(text, voice=f"espeak:{voice}").collect()
    assert result.info.viseme_count == pytest.approx(len(result.visemes), rel=0.1)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("speed", [1.5, 4.0])
async def test_speed_divides_the_duration_of_a_short_text(service: SpeechService, voice: str, speed: float):
    plain = await service.speak(TEXT, voice=voice).collect()
    fast = await service.speak(TEXT, voice=voice, speed=speed).collect()
    # Piper speaks a little differently each time.
    tolerance = 0.12 if "piper" in voice else 0.05
    assert fast.duration * speed == pytest.approx(plain.duration, rel=tolerance)
