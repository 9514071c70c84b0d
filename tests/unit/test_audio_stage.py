"""What the stage does with threads, errors, early ends and a missing PyAV."""

import asyncio
import gc
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from litestar_tts.audio import executor, flac, pyav
from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.exceptions import EngineError, MissingExtraError
from litestar_tts.models import AudioFormat, Prosody
from tests.support.sound import EDGE, edge_mp3, pcm, run, speech

SAID = speech(1.0)
PCM = pcm(SAID)
MP3 = edge_mp3(SAID)
CODED = [AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.AAC, AudioFormat.FLAC]


def native_threads() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


def codec_contexts() -> int:
    gc.collect()
    return sum(type(thing).__name__ in ("AudioCodecContext", "Graph") for thing in gc.get_objects())


async def all_threads_free() -> None:
    """Every thread of the pool meets at one barrier, so what they did before has ended."""
    threads = executor._get_pool()._max_workers
    barrier = threading.Barrier(threads)
    await asyncio.gather(*(executor.run(lambda: barrier.wait(10)) for _ in range(threads)))


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pyav, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "av", None)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch):
    async def refuse(job: object) -> None:
        raise AssertionError("this needs no thread")

    monkeypatch.setattr(executor, "run", refuse)


async def test_edge_mp3_goes_through_untouched_without_pyav_or_threads(no_pyav: None, no_threads: None):
    stage = AudioStage(EDGE, AudioFormat.MP3, sample_rate=24_000)
    assert stage.passthrough
    assert (stage.sample_rate, stage.skip_samples) == (24_000, 1105)
    out = [await stage.feed(MP3[at : at + 721]) for at in range(0, len(MP3), 721)]
    assert out[0] == MP3[:721]
    assert b"".join(out) + await stage.finish() == MP3
    assert stage.duration == pytest.approx((len(MP3) // 144 * 576 - 1105) / 24_000)


@pytest.mark.parametrize("target", [AudioFormat.PCM, AudioFormat.WAV])
async def test_pcm_needs_neither_pyav_nor_threads(target: AudioFormat, no_pyav: None, no_threads: None):
    stage = AudioStage(AudioSource(sample_rate=22_050), target, sample_rate=22_050)
    assert (await run(stage, PCM, 333)).endswith(PCM)
    assert stage.duration == pytest.approx(len(PCM) / 2 / 22_050)
    assert not stage.passthrough


@pytest.mark.parametrize("target", CODED)
def test_everything_else_names_the_extra(target: AudioFormat, no_pyav: None):
    with pytest.raises(MissingExtraError, match=r"litestar-tts\[audio\]"):
        AudioStage(AudioSource(), target, sample_rate=24_000)
    with pytest.raises(MissingExtraError):
        AudioStage(EDGE, AudioFormat.WAV, sample_rate=24_000)
    with pytest.raises(MissingExtraError):
        AudioStage(AudioSource(), AudioFormat.WAV, sample_rate=24_000, effects=Prosody(speed=1.5))


async def test_a_pyav_that_does_not_load_names_the_extra_too(monkeypatch: pytest.MonkeyPatch):
    stage = AudioStage(AudioSource(), AudioFormat.FLAC, sample_rate=24_000)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError):
        await stage.feed(PCM)
    await stage.aclose()


@pytest.mark.parametrize(
    ("sample_rate", "effects"),
    [(16_000, Prosody()), (24_000, Prosody(speed=1.1)), (24_000, Prosody(pitch=-1)), (24_000, Prosody(volume=3))],
)
async def test_mp3_that_changes_is_encoded_anew(sample_rate: int, effects: Prosody):
    stage = AudioStage(EDGE, AudioFormat.MP3, sample_rate=sample_rate, effects=effects)
    assert not stage.passthrough
    assert stage.skip_samples == 1105
    out = await run(stage, MP3)
    assert out[: len(MP3) // 2] != MP3[: len(MP3) // 2]
    assert stage.duration == pytest.approx(1.03 / effects.speed, abs=0.08)


def test_importing_the_room_imports_no_pyav():
    code = (
        "import sys, litestar_tts.audio.stage, litestar_tts.audio.join; "
        "sys.exit(any(name in sys.modules for name in ('av', 'numpy', 'litestar')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


# --- broken sources ---------------------------------------------------------------------------------------------------

BROKEN = {
    "html": b"<html><body>Service unavailable</body></html>" * 2000,
    "stereo": MP3[: 144 * 4].replace(b"\xff\xf3\x64\xc4", b"\xff\xf3\x64\x04"),
    "other rate": MP3[: 144 * 4].replace(b"\xff\xf3\x64", b"\xff\xf3\x68"),
    "short text": b"Bad Request",
}


@pytest.mark.parametrize("target", [AudioFormat.WAV, AudioFormat.OPUS, AudioFormat.MP3])
@pytest.mark.parametrize("broken", BROKEN)
async def test_what_is_not_the_declared_mp3_is_an_engine_error(broken: str, target: AudioFormat):
    stage = AudioStage(EDGE, target, sample_rate=24_000)
    with pytest.raises(EngineError, match="MP3"):
        await run(stage, BROKEN[broken])
    await stage.aclose()


async def test_a_frame_that_cannot_be_decoded_is_an_engine_error():
    garbage = b"".join(MP3[at : at + 4] + b"\xff" * 140 for at in range(0, len(MP3), 144))
    stage = AudioStage(EDGE, AudioFormat.WAV, sample_rate=24_000)
    with pytest.raises(EngineError, match="broken") as caught:
        await run(stage, garbage)
    await stage.aclose()
    assert caught.value.status == 502


# --- ends -------------------------------------------------------------------------------------------------------------


async def test_a_finished_stage_takes_no_more():
    stage = AudioStage(AudioSource(), AudioFormat.MP3, sample_rate=24_000)
    await run(stage, PCM)
    duration = stage.duration
    assert await stage.finish() == b""
    with pytest.raises(RuntimeError, match="new one"):
        await stage.feed(PCM)
    await stage.aclose()
    assert stage.duration == duration


async def test_a_closed_stage_is_silent():
    stage = AudioStage(AudioSource(), AudioFormat.MP3, sample_rate=24_000)
    await stage.feed(PCM)
    await stage.aclose()
    await stage.aclose()
    assert await stage.feed(PCM) == b""


@pytest.mark.parametrize("target", CODED)
async def test_fifty_streams_cut_off_leave_nothing_behind(target: AudioFormat):
    await run(AudioStage(AudioSource(), target, sample_rate=24_000), PCM)
    contexts, python_threads = codec_contexts(), threading.active_count()
    stages = [AudioStage(EDGE, target, sample_rate=24_000, effects=Prosody(speed=1.2, volume=3)) for _ in range(50)]
    before = native_threads()
    await asyncio.gather(*(stage.feed(MP3[:2880]) for stage in stages))
    assert codec_contexts() >= contexts + 100
    # The pool may still be growing to its size; codecs and filters bring no thread of their own.
    assert native_threads() <= before + 4
    await asyncio.gather(*(stage.aclose() for stage in stages))
    # A few FLAC encoders stay, shared by all streams.
    assert codec_contexts() <= contexts + (4 if target is AudioFormat.FLAC else 0)
    assert native_threads() <= before + 4
    assert threading.active_count() <= python_threads + 4


async def test_closing_while_a_chunk_is_in_work_frees_it_when_the_step_ends():
    contexts = codec_contexts()
    stages = [AudioStage(AudioSource(), AudioFormat.AAC, sample_rate=48_000) for _ in range(20)]
    feeds = [asyncio.ensure_future(stage.feed(PCM * 4)) for stage in stages]
    await asyncio.sleep(0)  # the first jobs are in the pool now
    for stage in stages:
        await stage.aclose()
    await asyncio.gather(*feeds)
    await all_threads_free()
    assert codec_contexts() <= contexts


async def test_a_cancelled_feed_leaves_a_stage_that_can_be_closed():
    contexts = codec_contexts()
    stage = AudioStage(AudioSource(), AudioFormat.MP3, sample_rate=48_000)
    feed = asyncio.ensure_future(stage.feed(PCM * 10))
    await asyncio.sleep(0)
    feed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feed
    await stage.aclose()
    await all_threads_free()
    assert codec_contexts() <= contexts


async def test_the_loop_runs_on_while_codecs_work():
    loop = asyncio.get_running_loop()
    stages = [AudioStage(AudioSource(), AudioFormat.MP3, sample_rate=48_000) for _ in range(8)]
    here = threading.get_ident()
    worked: set[int] = set()

    async def remember(stage: AudioStage) -> None:
        await run(stage, PCM)
        worked.add(await executor.run(threading.get_ident))

    await asyncio.gather(*map(remember, stages))
    assert here not in worked
    assert getattr(loop, "_default_executor", None) is None, "the loop's own executor is for name look-ups"


async def test_the_pool_comes_back_after_shutdown():
    stage = AudioStage(AudioSource(), AudioFormat.FLAC, sample_rate=24_000)
    first = await stage.feed(PCM[:9600])
    executor.shutdown()
    executor.shutdown()
    assert first
    assert await stage.feed(PCM[9600:19200])
    await stage.aclose()


@pytest.mark.parametrize("target", CODED)
async def test_pyav_without_the_inner_step_encodes_the_same(target: AudioFormat, monkeypatch: pytest.MonkeyPatch):
    wanted = await run(AudioStage(AudioSource(), target, sample_rate=24_000), PCM)
    used: list[object] = []

    def public(context: Any, frame: Any) -> Any:
        used.append(frame)
        return context.encode(frame)

    monkeypatch.setattr(pyav, "encode_frame", public)
    monkeypatch.setattr(flac, "_idle", deque(maxlen=4))
    assert await run(AudioStage(AudioSource(), target, sample_rate=24_000), PCM) == wanted
    assert used


@pytest.mark.parametrize("target", [*CODED, AudioFormat.WAV])
async def test_a_long_chunk_in_parts_sounds_early(target: AudioFormat):
    long = PCM * 5
    wanted = await run(AudioStage(AudioSource(), target, sample_rate=16_000), long, len(long))
    stage = AudioStage(AudioSource(), target, sample_rate=16_000)
    parts = stage.parts(long)
    assert b"".join(parts) == long
    assert len(parts[0]) == 12_000
    out = [await stage.feed(part) for part in parts]
    assert out[0]
    assert all(len(part) <= 24_000 for part in stage.parts(long))
    assert b"".join(out) + await stage.finish() == wanted
    assert AudioStage(AudioSource(), AudioFormat.PCM, sample_rate=24_000).parts(long) == [long]
    assert stage.parts(b"") == []
