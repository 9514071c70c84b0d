"""The real edge-tts client against a loopback service that speaks the real protocol."""

import asyncio
import hashlib
import logging
import time
from contextlib import aclosing

import av
import numpy as np
import pytest

from litestar_tts.engines import edge_conversation
from litestar_tts.engines.base import Timeouts
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.engines.edge_voices import snapshot
from litestar_tts.exceptions import (
    EngineBusyError,
    EngineError,
    EngineRejectedError,
    EngineThrottledError,
    EngineTimeoutError,
    EngineUnreachableError,
    NoAudioError,
)
from litestar_tts.models import AudioChunk, Prosody, Utterance, Voice, WordBoundary
from tests.support.edge_service import EdgeService

ARIA = next(voice for voice in snapshot() if voice.id == "en-US-AriaNeural")
GUY = next(voice for voice in snapshot() if voice.id == "en-US-GuyNeural")
TEXT = "Hello world, this & that is a <test> of 3.14 things."
LONG = "The quick brown fox jumps over the lazy dog. " * 17


@pytest.fixture(scope="module")
def shared_service():
    with EdgeService() as running:
        yield running


@pytest.fixture
def service(shared_service, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shared_service.reset()
    shared_service.pace = shared_service.first_delay = shared_service.handshake_delay = 0.0
    return shared_service


@pytest.fixture
async def engine(service):
    running = EdgeEngine(url=service.url, connect_timeout=1, timeouts=Timeouts(first_audio=1.2, gap=0.6))
    yield running
    await running.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await service.until(lambda counters: counters.open == 0)


async def speak(engine: EdgeEngine, text: str = TEXT, voice: Voice = ARIA, **prosody: float):
    audio, words = [], []
    utterance = Utterance(text=text, voice=voice, prosody=Prosody(**prosody))
    async with aclosing(engine.synthesize(utterance)) as events:
        async for event in events:
            if isinstance(event, AudioChunk):
                assert event.data
                audio.append(event.data)
            else:
                assert isinstance(event, WordBoundary)
                words.append(event)
    return b"".join(audio), words


def decode(mp3: bytes) -> np.ndarray:
    context = av.CodecContext.create("mp3", "r")
    packets = [*context.parse(mp3), *context.parse(b"")]
    frames = [frame for packet in packets for frame in context.decode(packet)]
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames]) / 32_768


async def test_audio_and_words(service, engine) -> None:
    audio, words = await speak(engine)
    spoken = service.spoken(service.requests[-1])
    assert audio == spoken.mp3
    assert [word.text for word in words] == [
        "Hello",
        "world",
        "this",
        "that",
        "is",
        "a",
        "test",
        "of",
        "3.14",
        "things",
    ]
    assert [TEXT[word.offset :].startswith(word.text) for word in words] == [True] * len(words)
    assert [word.time for word in words] == [pytest.approx(word.offset / 1e7) for word in spoken.words]
    assert words[0].time == pytest.approx(0.1)
    assert service.texts == [TEXT]


async def test_event_times_count_from_behind_the_encoder_delay(service, engine) -> None:
    audio, _ = await speak(engine)
    heard = decode(audio)
    # The clock of the word events is that of the sound before it was encoded.
    sent = np.frombuffer(service.spoken(service.requests[-1]).pcm, "<i2") / 32_768
    span = 20_000
    delay = max(range(2400), key=lambda shift: float(np.dot(heard[shift : shift + span], sent[:span])))
    assert delay == engine.capabilities.skip_samples == 1105


async def test_words_are_unescaped(service, engine) -> None:
    _, words = await speak(engine, "AT&T's R&D, 5<6")
    assert not any(";" in word.text for word in words)
    assert all("AT&T's R&D, 5<6"[word.offset :].startswith(word.text) for word in words if word.offset is not None)
    assert "AT&amp;T's R&amp;D, 5&lt;6" in service.last_ssml


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("zh-CN-XiaoxiaoNeural", "你好世界，今天天气很好。", "你好 世界 今天 天气 很好"),
        ("hi-IN-SwaraNeural", "यह एक शब्द है।", "यह एक शब्द है"),
        ("fr-FR-DeniseNeural", "C'est l’été : 25 °C !", "C'est l’été 25 °C"),
    ],
)
async def test_words_of_other_languages(service, engine, name, text, expected) -> None:
    voice = await engine.find_voice(name)
    _, words = await speak(engine, text, voice)
    assert [word.text for word in words] == expected.split()
    assert [text[word.offset : word.offset + len(word.text)] for word in words] == expected.split()


async def test_prosody_is_what_the_service_hears(service, engine) -> None:
    plain, plain_words = await speak(engine, voice=GUY)
    fast, fast_words = await speak(engine, voice=GUY, speed=2.0)
    assert service.requests[-1].prosody == (100, 0, 0)
    assert len(plain) > 1.4 * len(fast)
    assert plain_words[-1].time > 1.6 * fast_words[-1].time
    soft, _ = await speak(engine, voice=GUY, volume=-20.0, pitch=7.0)
    assert service.requests[-1].prosody == (0, 60, -90)
    assert np.abs(decode(soft)).max() < 0.15 * np.abs(decode(plain)).max()


async def test_a_voice_whose_short_name_edge_tts_does_not_know(service, engine) -> None:
    voice = next(voice for voice in snapshot() if voice.id == "iu-Latn-CA-TaqqiqNeural")
    audio, _ = await speak(engine, voice=voice)
    assert audio
    assert service.requests[-1].voice.endswith("(iu-Latn-CA, TaqqiqNeural)")


async def test_strange_characters_are_sent_as_spaces(service, engine) -> None:
    text = "One\x0btwo \ud83d three\uffff four"
    _, words = await speak(engine, text)
    assert [word.text for word in words] == ["One", "two", "three", "four"]
    assert [word.offset for word in words] == [0, 4, 10, 17]


async def test_a_text_of_several_messages_is_spoken_whole(service) -> None:
    # The service makes minutes of speech before it sends the first; on a busy machine that takes a while.
    engine = EdgeEngine(url=service.url, timeouts=Timeouts(first_audio=60, gap=60))
    text = "Nothing but words and more of them here. " * 110
    audio, words = await speak(engine, text)
    assert len(service.texts) == 2
    assert audio == b"".join(service.spoken(request).mp3 for request in service.requests)
    assert len(words) == len(text.split())
    assert words[-1].time == pytest.approx(len(audio) / 6000 - 1.2, abs=0.4)
    await engine.close()


async def test_a_hundred_streams_share_the_connections_and_the_bytes(service) -> None:
    engine = EdgeEngine(url=service.url, connections=8, queue_timeout=30)
    audios = await asyncio.gather(*(speak(engine) for _ in range(100)))
    assert len({hashlib.sha256(audio).digest() for audio, _ in audios}) == 1
    assert service.counters.most_open <= 8
    assert service.counters.completed == 100
    await engine.close()


@pytest.mark.parametrize(
    ("fault", "error", "connections"),
    [
        ("403", EngineRejectedError, 2),
        ("403_no_date", EngineRejectedError, 1),
        ("429", EngineThrottledError, 1),
        ("503", EngineThrottledError, 1),
        ("handshake_reset", EngineUnreachableError, 2),
        ("handshake_hang", EngineTimeoutError, 1),
        ("close_before", NoAudioError, 1),
        ("abort_before", NoAudioError, 1),
        ("hang_before", EngineTimeoutError, 1),
        ("no_audio", NoAudioError, 1),
        ("refuse", NoAudioError, 1),
    ],
)
async def test_failure_before_the_first_audio(service, engine, caplog, fault, error, connections) -> None:
    caplog.set_level(logging.DEBUG, "litestar_tts")
    service.fail(fault, times=None)
    started = time.monotonic()
    with pytest.raises(EngineError) as caught:
        await speak(engine)
    assert time.monotonic() - started < 3
    assert type(caught.value) is error
    assert caught.value.retryable is (error is not EngineRejectedError)
    assert service.counters.connections == connections
    assert ("upgrade edge-tts" in caplog.text) is fault.startswith("403")
    for told in (str(caught.value), caplog.text):
        assert not any(secret in told for secret in ("127.0.0.1", "TrustedClientToken", "Sec-MS-GEC", "Hello", "://"))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("close_mid", EngineError),
        ("abort_mid", EngineError),
        ("hang_mid", EngineTimeoutError),
        ("garbage_frame", EngineError),
        ("garbage_path", EngineError),
        ("garbage_type", EngineError),
        ("garbage_metadata", EngineError),
        ("garbage_json", EngineError),
        ("empty_audio", EngineError),
        ("no_turn_end", EngineTimeoutError),
        ("no_turn_end_close", EngineError),
    ],
)
async def test_speech_that_is_cut_never_passes_for_whole(service, engine, fault, error) -> None:
    service.fail(fault)
    heard = []
    with pytest.raises(EngineError) as caught:
        async for event in engine.synthesize(Utterance(text=TEXT, voice=ARIA)):
            heard.append(event)
    assert type(caught.value) is error
    audio = b"".join(event.data for event in heard if isinstance(event, AudioChunk))
    assert service.spoken(service.requests[-1]).mp3.startswith(audio)
    assert audio
    assert (await speak(engine))[0]


async def test_a_single_refusal_is_survived(service, engine) -> None:
    service.fail("403")
    assert (await speak(engine))[0]
    assert service.counters.connections == 2


async def test_the_service_says_when_to_come_back(service, engine) -> None:
    service.fail("429")
    with pytest.raises(EngineError) as caught:
        await speak(engine)
    assert caught.value.retry_after == 7


async def test_a_pause_of_the_service_is_no_failure(service, engine) -> None:
    service.fail("stall")
    assert (await speak(engine))[0] == service.spoken(service.requests[-1]).mp3


async def test_nobody_at_home(service, unused_tcp_port_factory) -> None:
    engine = EdgeEngine(url=f"ws://127.0.0.1:{unused_tcp_port_factory()}", connect_timeout=1)
    started = time.monotonic()
    with pytest.raises(EngineError) as caught:
        await speak(engine)
    assert await engine.voices() == snapshot()
    assert await engine.find_voice("xx-XX-NobodyNeural") is None
    assert time.monotonic() - started < 2
    assert caught.value.detail == "The Edge speech service cannot be reached."
    await engine.close()


async def test_an_unknown_voice_gives_no_audio(service, engine) -> None:
    voice = Voice(id="en-US-NobodyNeural", name="Nobody", engine="edge", language="en-US")
    with pytest.raises(EngineError, match="no audio"):
        await speak(engine, voice=voice)


async def test_ten_minutes_are_a_cut(service, engine, monkeypatch) -> None:
    monkeypatch.setattr(edge_conversation, "_CUT_AT_BYTES", 6000)
    with pytest.raises(EngineError, match="ten minutes"):
        await speak(engine)


# --- leaving ----------------------------------------------------------------------------------------------------------


async def test_leaving_closes_the_socket_at_once(service) -> None:
    engine = EdgeEngine(url=service.url)
    service.pace = 4
    events = engine.synthesize(Utterance(text=LONG, voice=ARIA))
    await anext(events)
    started = time.monotonic()
    await events.aclose()
    assert time.monotonic() - started < 0.2
    await service.until(lambda counters: counters.cancelled == 1 and counters.open == 0, 0.5)
    await engine.close()


async def test_a_cancelled_listener_closes_the_socket_at_once(service, engine) -> None:
    service.first_delay = 30
    task = asyncio.create_task(speak(engine))
    await service.until(lambda counters: counters.requests == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await service.until(lambda counters: counters.cancelled == 1 and counters.open == 0, 0.5)


async def test_a_cancelled_handshake_frees_its_place(service) -> None:
    engine = EdgeEngine(url=service.url, connections=1)
    service.fail("handshake_hang")
    task = asyncio.create_task(speak(engine))
    await service.until(lambda counters: counters.connections == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await speak(engine))[0]
    await engine.close()


@pytest.mark.parametrize("fault", [None, "hang_mid", "no_close_ack"])
async def test_leaving_while_the_service_is_held_back(service, engine, monkeypatch, fault) -> None:
    monkeypatch.setattr(edge_conversation, "BUFFER_BYTES", 4096)
    if fault:
        service.fail(fault)
    session = await engine._ready()
    conversation = await session.start(
        LONG, "Microsoft Server Speech Text to Speech Voice (en-US, AriaNeural)", Timeouts(), single=True, patience=5
    )
    async with asyncio.timeout(5):
        while conversation._size < 4096:
            await asyncio.sleep(0.01)
    assert conversation._size < 4096 + 2048
    started = time.monotonic()
    await conversation.leave()
    assert conversation.task.done()
    assert time.monotonic() - started < 0.4
    await service.until(lambda counters: counters.open == 0, 0.5)


async def test_a_slow_listener_hears_everything(service, engine, monkeypatch) -> None:
    monkeypatch.setattr(edge_conversation, "BUFFER_BYTES", 2048)
    assert (await speak(engine, LONG))[0] == service.spoken(service.requests[-1]).mp3


async def test_the_end_does_not_wait_for_the_closing_handshake(service) -> None:
    engine = EdgeEngine(url=service.url, connections=1, queue_timeout=5)
    await speak(engine)
    service.fail("no_close_ack")
    started = time.monotonic()
    audio, _ = await speak(engine)
    assert time.monotonic() - started < 0.5
    assert audio == service.spoken(service.requests[-1]).mp3
    # The socket that is being closed still counts.
    assert service.counters.open == 1
    await speak(engine)
    assert 0.5 < time.monotonic() - started < 3
    await engine.close()


async def test_a_full_house_is_busy_and_not_broken(service) -> None:
    engine = EdgeEngine(url=service.url, connections=1, queue_timeout=0.1)
    service.pace = 4
    events = engine.synthesize(Utterance(text=LONG, voice=ARIA))
    await anext(events)
    with pytest.raises(EngineBusyError):
        await speak(engine)
    await events.aclose()
    service.pace = 0
    assert (await speak(engine))[0]
    await engine.close()


async def test_close_ends_speech_with_an_error_and_open_starts_anew(service, engine) -> None:
    service.pace = 4
    events = engine.synthesize(Utterance(text=LONG, voice=ARIA))
    await anext(events)
    await engine.close()
    await service.until(lambda counters: counters.open == 0, 0.5)
    with pytest.raises(EngineError, match="closed"):
        async for _ in events:
            pass
    service.pace = 0
    await engine.open()
    assert (await speak(engine))[0]


# --- addresses and voices ---------------------------------------------------------------------------------------------


async def test_nothing_is_sent_before_it_is_needed(service) -> None:
    engine = EdgeEngine(url=service.url)
    await engine.open()
    assert (await engine.find_voice("en-us-arianeural")) == ARIA
    await engine.close()
    assert (service.counters.connections, service.counters.voice_lists) == (0, 0)


async def test_two_addresses_at_once(service, engine) -> None:
    with EdgeService() as other_service:
        other = EdgeEngine(url=other_service.url)
        jobs = [speak(engine, "one"), speak(other, "two"), engine.voices(), other.voices()] * 5
        await asyncio.gather(*jobs)
        assert set(service.texts) == {"one"}
        assert set(other_service.texts) == {"two"}
        assert (service.counters.voice_lists, other_service.counters.voice_lists) == (1, 1)
        await other.close()


async def test_without_an_address_it_goes_where_the_package_goes(service, monkeypatch) -> None:
    import edge_tts.communicate
    import edge_tts.voices

    # Only the host is exchanged: the real service is never contacted from tests.
    for module, name, scheme in ((edge_tts.communicate, "WSS_URL", "ws"), (edge_tts.voices, "VOICE_LIST", "http")):
        path = getattr(module, name).partition("speech.platform.bing.com")[2]
        assert path
        monkeypatch.setattr(module, name, f"{scheme}://127.0.0.1:{service.port}{path}")
    engine = EdgeEngine()
    assert (await speak(engine))[0]
    assert len(await engine.voices()) == len(service.voices)
    await engine.close()


async def test_the_live_list_of_voices(service, engine) -> None:
    service.voices = [entry for entry in service.voices if entry["Locale"] == "de-DE"]
    try:
        voices = await engine.voices()
        assert {voice.language for voice in voices} == {"de-DE"}
        assert voices[0].description == "Friendly, Positive"
        assert await engine.find_voice("en-US-AriaNeural") is None
        assert (await engine.best_voice("de-AT", "Male")).id == "de-DE-ConradNeural"
        assert service.counters.voice_lists == 1
    finally:
        service.voices = EdgeService().voices


@pytest.mark.parametrize("fault", ["403", "503", "hang", "garbage", "empty"])
async def test_no_list_of_voices(service, fault) -> None:
    service.voices_fault = fault
    engine = EdgeEngine(url=service.url, voices_timeout=0.4)
    started = time.monotonic()
    assert await engine.voices() == snapshot()
    assert time.monotonic() - started < 0.8
    assert (await engine.find_voice("de-DE-KatjaNeural")).gender == "Female"
    await engine.close()


def test_one_engine_in_two_event_loops(service) -> None:
    engine = EdgeEngine(url=service.url)

    async def once():
        audio, _ = await speak(engine)
        await engine.voices()
        await engine.close()
        return audio

    assert asyncio.run(once()) == asyncio.run(once())


async def test_a_text_that_is_being_heard_waits_for_its_next_connection(service) -> None:
    engine = EdgeEngine(url=service.url, connections=1, queue_timeout=0.1)
    voice = await engine.find_voice("en-US-AriaNeural")
    assert voice is not None
    service.fail("hang_mid")
    busy = engine.synthesize(Utterance(text="Hello there.", voice=voice))
    await anext(busy)
    with pytest.raises(EngineBusyError):
        await anext(engine.synthesize(Utterance(text="Hello.", voice=voice)))
    waiting = engine.synthesize(Utterance(text="Hello.", voice=voice, continues=True))
    first = asyncio.ensure_future(anext(waiting))
    done, _ = await asyncio.wait([first], timeout=0.3)
    assert not done
    await busy.aclose()
    assert await first
    await waiting.aclose()
    await engine.close()
