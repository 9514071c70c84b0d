"""Long texts into files, in sections that outlive interruptions."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from litestar_tts.audio.wav import wav_header
from litestar_tts.client import (
    AsyncTTSClient,
    AudioFormat,
    BadRequestError,
    ConnectError,
    DownloadProgress,
    NotJoinableError,
    ProtocolError,
    StreamTruncatedError,
    VoiceNotFoundError,
)
from litestar_tts.exceptions import UnspeakableTextError
from litestar_tts.models import EngineEvent, Utterance
from litestar_tts.recording import RecordingInUseError
from tests.support.scripted import SOUND, ScriptedEngine, application
from tests.support.serving import Exchange, head, scripted, served, served_in_a_thread

SENTENCES = [f"This is sentence number {name} of them." for name in ("one", "two", "three", "four", "five", "six")]
BOOK = " ".join(SENTENCES)
WORDS = 7
"""In a sentence."""


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


def loud(pcm: bytes) -> int:
    """How many tenths of a second of sound there are."""
    step = len(SOUND)
    silent = bytes(200)
    return round(sum(len(pcm[at : at + 200]) for at in range(0, len(pcm), 200) if pcm[at : at + 200] != silent) / step)


def sound_of(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
        return file.readframes(file.getnframes())


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# --- all of it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["wav", "pcm"])
async def test_a_text_of_many_sections(engine: ScriptedEngine, tmp_path: Path, suffix: str):
    seen: list[DownloadProgress] = []
    target = tmp_path / f"book.{suffix}"
    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        done = await client.download(BOOK, target, on_progress=seen.append)
    assert (done.sections, done.resumed, done.voice, done.engine) == (6, 0, "tone-a", "tone")
    assert done.size == target.stat().st_size
    pcm = sound_of(target) if suffix == "wav" else target.read_bytes()
    assert loud(pcm) == 6 * WORDS
    # A reader's pause between the sections, and none behind the last.
    seconds = len(pcm) / 48000
    assert seconds == pytest.approx(6 * WORDS * 0.1 + 5 * (0.45 - 0.03), abs=0.01)
    assert left(tmp_path) == [target.name]
    assert [one.characters for one in seen] == sorted(one.characters for one in seen)
    assert [one.size for one in seen] == sorted(one.size for one in seen)
    assert (seen[0].sections, seen[-1].sections) == (0, 6)
    assert seen[-1].characters == seen[-1].total == len(BOOK)


async def test_a_short_text_is_one_request(engine: ScriptedEngine, tmp_path: Path):
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        done = await client.download(f"  {BOOK}\n", tmp_path / "book.wav")
        whole = await client.generate(BOOK)
    assert done.sections == 1
    assert done.path.read_bytes() == whole.audio


@pytest.mark.parametrize("suffix", ["mp3", "aac", "wav"])
async def test_joined_formats_decode_to_all_of_it(tmp_path: Path, suffix: str):
    av = pytest.importorskip("av")
    from litestar import Litestar

    from litestar_tts.config import TTSConfig
    from litestar_tts.plugin import TTSPlugin

    plugin = TTSPlugin(TTSConfig(engines=["espeak"], rate_limit=None, max_text_length=120))
    app = Litestar(plugins=[plugin], logging_config=None)
    async with served(app) as url, AsyncTTSClient(url) as client:
        done = await client.download(BOOK, tmp_path / f"book.{suffix}")
        parts = [await client.generate_visemes(sentence, timing="exact") for sentence in SENTENCES]
    assert done.sections > 1
    with av.open(str(done.path)) as file:
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    pauses = seconds - sum(part.duration for part in parts)
    assert pauses == pytest.approx(5 * (0.45 - 0.03), abs=0.15)


async def test_speed_shortens_pauses_too(engine: ScriptedEngine, tmp_path: Path):
    pytest.importorskip("av")
    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        await client.download(BOOK, tmp_path / "book.pcm", speed=2.0)
    seconds = (tmp_path / "book.pcm").stat().st_size / 48000
    assert seconds == pytest.approx((6 * WORDS * 0.1 + 5 * 0.45) / 2, rel=0.1)


@pytest.mark.parametrize("suffix", ["opus", "ogg", "flac"])
async def test_formats_that_cannot_be_joined(engine: ScriptedEngine, tmp_path: Path, suffix: str):
    pytest.importorskip("av")
    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        with pytest.raises(NotJoinableError, match=r"pieces of (opus|flac) cannot be joined"):
            await client.download(BOOK, tmp_path / f"book.{suffix}")
        assert left(tmp_path) == []
        done = await client.download(SENTENCES[0], tmp_path / f"short.{suffix}")
    assert done.format in (AudioFormat.OPUS, AudioFormat.FLAC)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [("book", {}, "tells no format"), ("book.wma", {}, "tells no format"), ("book", {"format": "wma"}, "no format")],
)
async def test_unknown_formats(tmp_path: Path, name: str, options: dict[str, Any], says: str):
    async with AsyncTTSClient("http://127.0.0.1:9") as client:
        with pytest.raises(ValueError, match=says):
            await client.download("x", tmp_path / name, **options)
        with pytest.raises(TypeError, match="unknown option"):
            await client.download("x", tmp_path / "x.wav", sped=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("text", ["", "…", "?! " * 60], ids=["empty", "dots", "many marks"])
async def test_texts_without_a_word(engine: ScriptedEngine, tmp_path: Path, text: str):
    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        with pytest.raises(BadRequestError):
            await client.download(text, tmp_path / "book.wav")
    assert left(tmp_path) == []


async def test_a_stretch_without_sound_is_left_out(tmp_path: Path):
    class English(ScriptedEngine):
        async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
            if not utterance.text.isascii():
                raise UnspeakableTextError("This voice has no sound for this text.")
            async with aclosing(super().synthesize(utterance)) as events:
                async for event in events:
                    yield event

    foreign = "Одно предложение на другом языке, вот и всё."
    async with served(application(English(), max_text_length=50)) as url, AsyncTTSClient(url) as client:
        done = await client.download(f"{foreign} {BOOK} {foreign}", tmp_path / "book.wav")
        with pytest.raises(BadRequestError, match="no sound"):
            await client.download(f"{foreign} {foreign}", tmp_path / "foreign.wav")
    assert done.sections == 6
    assert loud(sound_of(tmp_path / "book.wav")) == 6 * WORDS
    assert left(tmp_path) == ["book.wav"]


async def test_an_error_at_the_start_leaves_nothing(engine: ScriptedEngine, tmp_path: Path):
    async with served(application(engine)) as url, AsyncTTSClient(url) as client:
        with pytest.raises(VoiceNotFoundError):
            await client.download(BOOK, tmp_path / "book.wav", voice="tone-c")
        with pytest.raises(FileNotFoundError):
            await client.download(BOOK, tmp_path / "missing" / "book.wav")
    assert left(tmp_path) == []
    assert engine.speeches == 0


# --- going on ---------------------------------------------------------------------------------------------------------


async def test_going_on_after_a_cancellation(engine: ScriptedEngine, tmp_path: Path):
    target = tmp_path / "book.wav"
    enough = asyncio.Event()

    def look(progress: DownloadProgress) -> None:
        if progress.sections == 2:
            engine.gate.clear()
            enough.set()

    app = application(engine, max_text_length=50)
    async with served(app) as url, AsyncTTSClient(url) as client:
        task = asyncio.create_task(client.download(BOOK, target, on_progress=look))
        await asyncio.wait_for(enough.wait(), 5)
        with pytest.raises(RecordingInUseError):
            await client.download(BOOK, target)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left(tmp_path) == ["book.wav.part", "book.wav.part.journal"]
        engine.gate.set()
        spoken = engine.speeches
        done = await client.download(BOOK, target)
    assert (done.sections, done.resumed) == (6, 2)
    assert engine.speeches - spoken == 4
    assert loud(sound_of(target)) == 6 * WORDS
    assert left(tmp_path) == ["book.wav"]


async def test_a_cancellation_while_a_section_goes_to_the_disk(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "book.wav"
    loop, real = asyncio.get_running_loop(), os.fsync
    writing, calls = asyncio.Event(), 0

    def slow(number: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # the header's, two of the first section, and now the second section's
            loop.call_soon_threadsafe(writing.set)
            time.sleep(0.3)
        real(number)

    monkeypatch.setattr("litestar_tts.recording.os.fsync", slow)
    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        task = asyncio.create_task(client.download(BOOK, target))
        await asyncio.wait_for(writing.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done = await client.download(BOOK, target)
    assert (done.sections, done.resumed) == (6, 2)
    assert loud(sound_of(target)) == 6 * WORDS


async def test_another_limit_and_another_server_go_on_too(engine: ScriptedEngine, tmp_path: Path):
    def stop(progress: DownloadProgress) -> None:
        if progress.sections == 2:
            raise KeyboardInterrupt

    target = tmp_path / "book.wav"
    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        with pytest.raises(KeyboardInterrupt):
            await client.download(BOOK, target, on_progress=stop)
    other = ScriptedEngine()
    async with served(application(other, max_text_length=90)) as url, AsyncTTSClient(url) as client:
        done = await client.download(BOOK, target)
    assert (done.resumed, done.sections) == (2, 5)
    assert other.speeches
    assert loud(sound_of(target)) == 6 * WORDS


@pytest.mark.parametrize("change", [{"text": BOOK + " More."}, {"speed": 1.5}, {"voice": "tone-b"}, {"resume": False}])
async def test_another_request_begins_anew(engine: ScriptedEngine, tmp_path: Path, change: dict[str, Any]):
    if "speed" in change:
        pytest.importorskip("av")

    def stop(progress: DownloadProgress) -> None:
        if progress.sections == 2:
            raise KeyboardInterrupt

    async with served(application(engine, max_text_length=50)) as url, AsyncTTSClient(url) as client:
        with pytest.raises(KeyboardInterrupt):
            await client.download(BOOK, tmp_path / "book.wav", on_progress=stop)
        options = {"text": BOOK, **change}
        done = await client.download(options.pop("text"), tmp_path / "book.wav", **options)
    assert done.resumed == 0
    assert done.sections >= 6


def test_going_on_after_a_kill(tmp_path: Path):
    code = """
import os, signal, sys
from litestar_tts.client import TTSClient
def look(progress):
    if progress.sections == 3 and progress.size > 0 and look.seen == 3:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    look.seen = progress.sections
look.seen = 0
with TTSClient(sys.argv[1]) as client:
    client.download(sys.argv[2], sys.argv[3], on_progress=look)
"""
    target = tmp_path / "book.wav"
    engine = ScriptedEngine()
    with served_in_a_thread(application(engine, max_text_length=50)) as url:
        command = [sys.executable, "-c", code, url, BOOK]
        killed = subprocess.run([*command, str(target)], check=False, timeout=60)
        assert killed.returncode in (-signal.SIGKILL, 1)
        assert not target.exists()
        again = code.replace("== 3 and", "== 99 and")
        subprocess.run([sys.executable, "-c", again, url, BOOK, str(target)], check=True, timeout=60)
    assert 6 <= engine.speeches <= 7
    assert loud(sound_of(target)) == 6 * WORDS
    assert left(tmp_path) == ["book.wav"]


# --- networks that break ----------------------------------------------------------------------------------------------


class Server:
    """Speaks two sections, and cuts the second as often as it is told to."""

    def __init__(self, cuts: int, *, ranges: bool = False, voice: str = "v") -> None:
        self.cuts = cuts
        self.ranges = ranges
        self.voice = voice
        self.asked: list[dict[str, Any]] = []
        self.ranged: list[str] = []
        self.breaks: Any = None

    async def __call__(self, exchange: Exchange) -> None:
        if exchange.head.startswith("GET"):
            health = {"status": "ok", "version": "1", "engines": [], "max_text_length": 50}
            await exchange.answer(200, "application/json", json.dumps(health).encode())
            return
        self.asked.append(json.loads(exchange.body))
        data = wav_header(24000) + bytes([len(self.asked[-1]["text"])]) * 6000
        headers = {"x-tts-engine": "e", "x-tts-voice": self.voice}
        if self.ranges:
            headers |= {"etag": f'"{hash(exchange.body)}"', "accept-ranges": "bytes"}
        asked = exchange.header("range")
        first = 0
        if asked and exchange.header("if-range") == headers.get("etag"):
            self.ranged.append(asked)
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["content-range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        if self.breaks is not None:
            await self.breaks(exchange, data, headers)
            return
        cut = len(self.asked) > 1 and self.cuts > 0
        rest = data[first:]
        length = {"content-length": str(len(rest))}
        await exchange.send(
            head(206 if first else 200, "audio/wav", **headers, **length), rest[: 1000 if cut else None]
        )
        self.cuts -= cut


TWO = "A first sentence which is quite long indeed. And a second one, not much shorter."


def expected() -> bytes:
    parts = TWO.partition(". ")
    return bytes([len(parts[0]) + 1]) * 6000 + bytes(2 * round(0.42 * 24000)) + bytes([len(parts[2])]) * 6000


@pytest.mark.parametrize("ranges", [False, True])
async def test_a_cut_section_is_asked_again(tmp_path: Path, ranges: bool):  # noqa: FBT001
    server = Server(2, ranges=ranges)
    async with scripted(server) as url, AsyncTTSClient(url, retries=2) as client:
        done = await client.download(TWO, tmp_path / "x.wav")
    assert done.sections == 2
    assert sound_of(tmp_path / "x.wav") == expected()
    assert server.ranged == (["bytes=1000-", "bytes=2000-"] if ranges else [])
    assert len(server.asked) == 4
    assert [one.get("voice") for one in server.asked] == [None, "e:v", "e:v", "e:v"]
    assert server.asked[1]["fallback"] is False


async def test_a_rate_limit_is_waited_for(tmp_path: Path):
    server = Server(0)
    refused = 0

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        nonlocal refused
        if len(server.asked) in (2, 3):
            refused += 1
            await exchange.answer(429, "text/plain", b"", retry_after="1")
        else:
            await exchange.answer(200, "audio/wav", data, **headers)

    server.breaks = breaks
    # However little a single call may wait: this is long work.
    async with scripted(server) as url, AsyncTTSClient(url, max_retry_wait=0) as client:
        done = await client.download(TWO, tmp_path / "x.wav")
    assert refused == 2
    assert sound_of(done.path) == expected()


async def test_ranges_make_progress_without_end(tmp_path: Path):
    server = Server(5, ranges=True)
    async with scripted(server) as url, AsyncTTSClient(url, retries=1) as client:
        await client.download(TWO, tmp_path / "x.wav")
    assert sound_of(tmp_path / "x.wav") == expected()
    assert len(server.ranged) == 5


async def test_too_many_cuts_keep_what_is_finished(tmp_path: Path):
    server = Server(9)
    async with scripted(server) as url, AsyncTTSClient(url, retries=1) as client:
        with pytest.raises(StreamTruncatedError):
            await client.download(TWO, tmp_path / "x.wav")
        assert len(server.asked) == 3
        server.cuts = 0
        done = await client.download(TWO, tmp_path / "x.wav")
    assert (done.sections, done.resumed) == (2, 1)
    assert sound_of(tmp_path / "x.wav") == expected()


async def test_a_server_that_is_gone_keeps_what_is_finished(tmp_path: Path):
    server = Server(1)
    async with AsyncTTSClient("http://127.0.0.1:9", retries=0) as nobody:
        async with scripted(server) as url, AsyncTTSClient(url, retries=0) as client:
            with pytest.raises(StreamTruncatedError):
                await client.download(TWO, tmp_path / "x.wav")
        with pytest.raises(ConnectError):
            await nobody.download(TWO, tmp_path / "x.wav")
    assert left(tmp_path) == ["x.wav.part", "x.wav.part.journal"]


async def test_ranges_that_lie(tmp_path: Path):
    server = Server(1, ranges=True)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        if exchange.header("range"):
            headers["content-range"] = "bytes 5-9/10"
            await exchange.send(head(206, "audio/wav", **headers, content_length="5"), b"wrong")
        elif len(server.asked) == 2:
            await exchange.send(head(200, "audio/wav", **headers, content_length=str(len(data))), data[:500])
        else:
            await exchange.send(head(200, "audio/wav", **headers, content_length=str(len(data))), data)

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        await client.download(TWO, tmp_path / "x.wav")
    assert sound_of(tmp_path / "x.wav") == expected()


async def test_a_range_that_the_server_has_lost(tmp_path: Path):
    server = Server(1, ranges=True)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        if exchange.header("range"):
            await exchange.answer(416, "text/plain", b"")
            return
        part = data[:500] if len(server.asked) == 2 else data
        await exchange.send(head(200, "audio/wav", **headers, content_length=str(len(data))), part)

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        await client.download(TWO, tmp_path / "x.wav")
    assert sound_of(tmp_path / "x.wav") == expected()


@pytest.mark.parametrize(
    "body",
    [b"", b"RIFF", b"ID3" + bytes(99), wav_header(24000)[:43], wav_header(24000)],
    ids=["nothing", "little", "other", "half a header", "header"],
)
async def test_sound_that_is_none(tmp_path: Path, body: bytes):
    server = Server(0)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        await exchange.answer(200, "audio/wav", body)

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        with pytest.raises(ProtocolError):
            await client.download(TWO, tmp_path / "x.wav")
    assert left(tmp_path) == []


@pytest.mark.parametrize("status", [206, 416])
async def test_a_server_that_loses_its_ranges_again_and_again_is_given_up(tmp_path: Path, status: int):
    server = Server(0, ranges=True)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        if exchange.header("range"):
            await exchange.send(head(status, "audio/wav", content_length="5", **headers), b"wrong")
        else:
            await exchange.send(head(200, "audio/wav", content_length=str(len(data)), **headers), data[:500])

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url, retries=1) as client, asyncio.timeout(20):
        with pytest.raises(StreamTruncatedError):
            await client.download(TWO, tmp_path / "x.wav")
    assert left(tmp_path) == []


async def test_another_format_than_was_asked_for_is_refused(tmp_path: Path):
    server = Server(0)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        await exchange.answer(200, "audio/wav", data)

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        with pytest.raises(ProtocolError, match="answered wav, and was asked for mp3"):
            await client.download(TWO, tmp_path / "x.mp3")
    assert left(tmp_path) == []


async def test_half_a_sample_is_a_cut_that_nobody_told(tmp_path: Path):
    server = Server(0)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        await exchange.answer(200, "audio/wav", data[:501] if len(server.asked) == 1 else data)

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        await client.download(TWO, tmp_path / "x.wav")
    assert sound_of(tmp_path / "x.wav") == expected()


async def test_a_section_of_another_rate_is_refused(tmp_path: Path):
    server = Server(0)

    async def breaks(exchange: Exchange, data: bytes, headers: dict[str, str]) -> None:
        rate = 24000 if len(server.asked) == 1 else 22050
        await exchange.answer(200, "audio/wav", wav_header(rate) + data[44:])

    server.breaks = breaks
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        with pytest.raises(ProtocolError, match="22050 Hz"):
            await client.download(TWO, tmp_path / "x.wav")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit for the size of files")
def test_a_full_disk_is_that_error_and_keeps_what_is_finished(tmp_path: Path):
    code = """
import resource, sys
from litestar_tts.client import TTSClient
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
try:
    with TTSClient(sys.argv[1]) as client:
        client.download(sys.argv[2], sys.argv[3])
except OSError as error:
    print(type(error).__name__, error.errno)
"""
    target = tmp_path / "book.wav"
    with served_in_a_thread(application(ScriptedEngine(), max_text_length=50)) as url:
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, url, BOOK, str(target)]
        run = subprocess.run([*command, "120000"], capture_output=True, text=True, check=True, timeout=60)
        assert (run.stdout, run.stderr) == (f"OSError {errno.EFBIG}\n", "")
        assert left(tmp_path) == ["book.wav.part", "book.wav.part.journal"]
        subprocess.run([*command, "9999999"], check=True, timeout=60)
    assert loud(sound_of(target)) == 6 * WORDS
