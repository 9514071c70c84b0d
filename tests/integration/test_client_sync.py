"""The client without an event loop, against a real server in a thread."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from litestar_tts.client import (
    AudioChunk,
    Caption,
    ConnectError,
    StreamClosedError,
    StreamTruncatedError,
    TTSClient,
    Viseme,
    VoiceNotFoundError,
)
from litestar_tts.exceptions import EngineError
from tests.support.scripted import SOUND, ScriptedEngine, application
from tests.support.serving import served_in_a_thread

LONG = " ".join(["word"] * 40)


class Watched(ScriptedEngine):
    """Tells other threads that it stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    async def synthesize(self, utterance: Any) -> Any:
        events = super().synthesize(utterance)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()
            self.over.set()


@pytest.fixture
def engine() -> Watched:
    return Watched()


@pytest.fixture
def client(engine: Watched) -> Iterator[TTSClient]:
    with served_in_a_thread(application(engine)) as url, TTSClient(url, timeout=20) as client:
        yield client


def test_every_method(client: TTSClient, tmp_path: Path):
    with client.stream_audio("one two", format="pcm") as stream:
        assert stream.info.engine == "tone"
        assert b"".join(stream) == SOUND * 2
    assert list(stream) == []
    framed = client.stream_audio_with_visemes("one two", format="pcm", visemes="oculus")
    events = list(framed)
    assert b"".join(event.data for event in events if isinstance(event, AudioChunk)) == SOUND * 2
    assert next(event for event in events if isinstance(event, Viseme)).value == "sil"
    assert framed.end is not None
    assert client.generate("one", format="pcm").audio == SOUND
    assert client.generate_visemes("one", timing="exact").duration == pytest.approx(0.1)
    assert client.generate_captions("one").startswith("1\n")
    assert isinstance(client.generate_captions("one", format="json")[0], Caption)
    assert [voice.id for voice in client.voices(language="de")] == ["tone-b"]
    assert client.health().can_speak
    done = client.download("one", tmp_path / "one.wav")
    assert done.path.stat().st_size == done.size == 44 + len(SOUND)


@pytest.mark.parametrize("how", ["with", "break", "close", "client"])
def test_leaving_early_stops_the_engine(client: TTSClient, engine: Watched, how: str):
    engine.middle.clear()
    stream = client.stream_audio(LONG, format="pcm")
    if how == "with":
        with stream:
            next(stream)
    else:
        for _ in stream:
            break
    if how == "close":
        stream.close()
    elif how == "client":
        client.close()
    if how == "break":
        del stream
        gc.collect()
    else:
        with pytest.raises(StreamClosedError):
            next(stream)
    assert engine.over.wait(5)


def test_errors(client: TTSClient, engine: Watched):
    with pytest.raises(VoiceNotFoundError):
        client.generate("Hello", voice="tone-c")
    engine.breaks = EngineError("x")
    with pytest.raises(StreamTruncatedError):
        list(client.stream_audio(LONG, format="pcm"))
    with TTSClient("http://127.0.0.1:9", retries=1) as nobody, pytest.raises(ConnectError):
        nobody.voices()


def test_threads_share_it(client: TTSClient):
    def speak(number: int) -> bytes:
        return b"".join(client.stream_audio(" ".join(["word"] * number), format="pcm"))

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(speak, range(1, 33)))
    assert [len(answer) // len(SOUND) for answer in answers] == list(range(1, 33))


def test_an_own_http_client_stays_open(engine: Watched):
    with served_in_a_thread(application(engine)) as url, httpx.Client() as own:
        with TTSClient(url, http_client=own) as client:
            assert client.generate("one", format="pcm").audio == SOUND
        assert not own.is_closed
