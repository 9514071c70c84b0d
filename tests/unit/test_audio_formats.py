"""Every format at every rate, decoded back by FFmpeg's own demuxers and decoders."""

import struct

import numpy as np
import pytest

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.audio.wav import wav_header, with_true_sizes
from litestar_tts.models import SAMPLE_RATES, AudioFormat
from tests.support.sound import EDGE, decode, edge_mp3, lag, likeness, pcm, resampled, run, speech, tone

FRAME = {AudioFormat.MP3: 1152, AudioFormat.AAC: 1024}


PLAIN = AudioSource()


def stage_for(target: AudioFormat, source: AudioSource = PLAIN, rate: int = 24_000) -> AudioStage:
    return AudioStage(source, target, sample_rate=rate)


@pytest.mark.parametrize("source_rate", [22_050, 24_000])
@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("target", list(AudioFormat))
async def test_decodes_to_the_same_sound_at_the_same_time(target: AudioFormat, rate: int, source_rate: int):
    said = speech(1.3, rate=source_rate)
    stage = stage_for(target, AudioSource(sample_rate=source_rate), rate)
    data = await run(stage, pcm(said))
    heard, decoded_rate = decode(data, target)

    assert decoded_rate in (stage.sample_rate, 0)
    assert stage.sample_rate == (48_000 if target is AudioFormat.OPUS else rate)
    heard = heard[stage.skip_samples :]
    assert stage.duration == pytest.approx(len(heard) / stage.sample_rate, abs=1e-9)
    wanted = resampled(said, source_rate, stage.sample_rate)
    # Opus at a low rate counts in that rate's samples.
    assert -6 <= len(heard) - len(wanted) <= FRAME.get(target, 6)
    assert abs(lag(heard, wanted)) <= stage.sample_rate / 1000
    assert likeness(heard, wanted) > (0.999 if target in (AudioFormat.WAV, AudioFormat.PCM, AudioFormat.FLAC) else 0.97)


@pytest.mark.parametrize("target", [AudioFormat.WAV, AudioFormat.PCM, AudioFormat.FLAC])
async def test_lossless_formats_lose_nothing(target: AudioFormat):
    said = pcm(speech(0.7))
    heard, _ = decode(await run(stage_for(target), said), target)
    assert pcm(heard) == said


@pytest.mark.parametrize(
    "target", [AudioFormat.WAV, AudioFormat.PCM, AudioFormat.FLAC, AudioFormat.OPUS, AudioFormat.AAC]
)
async def test_mp3_of_an_engine_starts_without_its_delay(target: AudioFormat):
    said = speech(1.0)
    stage = stage_for(target, EDGE)
    heard, rate = decode(await run(stage, edge_mp3(said), 720), target)
    wanted = resampled(said, 24_000, rate or 24_000)
    heard = heard[stage.skip_samples :]
    assert abs(lag(heard, wanted)) <= (rate or 24_000) / 1000
    assert likeness(heard, wanted) > 0.97
    assert 0 <= len(heard) - len(wanted) <= (rate or 24_000) * 0.1


@pytest.mark.parametrize("target", list(AudioFormat))
async def test_same_sound_same_bytes(target: AudioFormat):
    said = pcm(speech(0.5))
    assert await run(stage_for(target), said) == await run(stage_for(target), said)


@pytest.mark.parametrize("target", list(AudioFormat))
async def test_the_first_chunk_already_sounds(target: AudioFormat):
    stage = stage_for(target)
    said = pcm(speech(0.24))
    assert len(await stage.feed(said[: len(said) // 2])) > 100
    assert await stage.feed(said[len(said) // 2 :])
    assert 0 < stage.duration <= 0.24
    await stage.aclose()


@pytest.mark.parametrize("target", list(AudioFormat))
@pytest.mark.parametrize("count", [0, 1, 479, 480, 481, 960, 24_001])
async def test_odd_lengths_come_out_whole(target: AudioFormat, count: int):
    stage = stage_for(target)
    said = np.round(speech(1.1))[:count]
    data = await run(stage, pcm(said))
    if count == 0:
        assert stage.duration <= 0.05
        assert len(data) < 500
        return
    heard, _ = decode(data, target)
    if target is AudioFormat.AAC:
        count = max(count, FRAME[target] + 1)  # three frames at least, by which players tell what it is
    assert 0 <= len(heard) - stage.skip_samples - count * stage.sample_rate // 24_000 <= FRAME.get(target, 0)


async def test_mp3_has_no_tag_and_no_info_frame():
    data = await run(stage_for(AudioFormat.MP3), pcm(speech(0.5)))
    assert data[:2] == b"\xff\xf3"
    assert b"Info" not in data
    assert b"Xing" not in data
    assert b"LAME" not in data[:200]


async def test_opus_declares_its_delay_and_its_length():
    data = await run(stage_for(AudioFormat.OPUS), pcm(speech(0.5)))
    head = data.index(b"OpusHead")
    (pre_skip,) = struct.unpack_from("<H", data, head + 10)
    last = data.rindex(b"OggS")
    kind, granule = struct.unpack_from("<Bq", data, last + 5)
    assert kind == 4
    assert granule == pre_skip + 24_000
    assert data.count(b"OggS") >= 5, "short pages let the sound start early"


def test_wav_header_of_a_stream_says_unknown():
    header = wav_header(24_000)
    assert len(header) == 44
    assert header[4:8] == header[40:44] == b"\xff\xff\xff\xff"
    assert struct.unpack_from("<HHIIHH", header, 20) == (1, 1, 24_000, 48_000, 2, 16)


def test_true_sizes():
    whole = with_true_sizes(wav_header(8000) + bytes(1000))
    assert struct.unpack_from("<I", whole, 4) == (1036,)
    assert struct.unpack_from("<I", whole, 40) == (1000,)
    assert struct.unpack_from("<I", whole, 24) == (8000,)
    assert with_true_sizes(whole) == whole
    assert with_true_sizes(b"something else") == b"something else"
    assert wav_header(8000, 0xFFFFFFFF) == wav_header(8000), "what the field cannot hold is unknown"


@pytest.mark.parametrize("target", [AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.AAC, AudioFormat.FLAC])
@pytest.mark.parametrize("rate", [8_000, 48_000])
async def test_the_shortest_sound_is_recognised_by_its_bytes(target: AudioFormat, rate: int):
    data = await run(stage_for(target, rate=rate), pcm(tone(0.03)))
    samples, _ = decode(data, target)
    assert np.abs(samples).max() > 4_000
    if target is AudioFormat.AAC:
        assert data.count(b"\xff\xf1") >= 3
