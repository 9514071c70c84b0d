"""A rendering that broke off goes on with another one."""

import numpy as np
import pytest

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.join import PieceJoiner
from litestar_tts.audio.mp3 import FrameSplitter, main_data_begin, silent_frames
from litestar_tts.audio.stage import AudioStage
from litestar_tts.models import AudioFormat
from tests.support.sound import EDGE, Samples, edge_mp3, pcm, run, samples_of, silence, sound_spans, speech, tone

PLAIN = AudioSource()
RATE = 24_000
FRAME = 0.024


async def heard(data: bytes) -> Samples:
    return samples_of(await run(AudioStage(EDGE, AudioFormat.PCM, sample_rate=RATE), data))


async def spliced(first: bytes, second: bytes, drop: float, source: AudioSource = EDGE) -> tuple[bytes, float, float]:
    joiner = PieceJoiner(source)
    out = [await joiner.feed(first)]
    fed = joiner.fed
    dropped = joiner.splice(drop)
    out += [await joiner.feed(second[at : at + 700]) for at in range(0, len(second), 700)]
    out.append(await joiner.finish())
    return b"".join(out), fed, dropped


@pytest.mark.parametrize("cut", [30, 41, 57, 60])
async def test_an_mp3_goes_on_without_noise(cut: int):
    sound = speech(3.0)
    data = edge_mp3(sound)
    assert any(main_data_begin(data[at : at + 144]) for at in range(0, len(data), 144)), "the encoder keeps a reservoir"
    whole = await heard(data)
    out, fed, dropped = await spliced(data[: cut * 144 + 50], data, cut * FRAME)
    assert fed == dropped == pytest.approx(cut * FRAME)
    assert len(out) == len(data)
    got = await heard(out)
    assert len(got) == len(whole)
    wrong = np.flatnonzero(np.abs(got - whole) > 200) / RATE
    assert not len(wrong) or wrong[-1] - wrong[0] < 4 * FRAME
    # What is wrong is too soft; never a bang.
    assert np.abs(got).max() <= np.abs(whole).max() * 1.3


async def test_the_frames_are_what_a_decoder_takes():
    data = edge_mp3(speech(2.0))
    out, _, _ = await spliced(data[: 31 * 144], data, 31 * FRAME)
    segments = FrameSplitter().feed(out)
    assert {segment.samples for segment in segments} == {576}
    assert {len(segment.data) for segment in segments} == {144}


async def test_samples_go_on_without_a_click():
    first, second = tone(1.0), tone(1.2)
    out, fed, dropped = await spliced(pcm(first[: RATE // 2]) + b"\x01", pcm(second), 0.5, PLAIN)
    assert fed == dropped == 0.5
    got = samples_of(out)
    assert len(got) == round(1.2 * RATE)
    assert np.abs(np.diff(got[RATE // 2 :])).max() < 700


async def test_silence_that_was_held_back_is_part_of_it():
    sound = np.concatenate((silence(0.1), tone(0.3), silence(0.5), tone(0.3), silence(0.2)))
    data = edge_mp3(sound)
    cut = round(0.8 / FRAME)
    out, fed, _ = await spliced(data[: cut * 144], data, cut * FRAME)
    assert fed == pytest.approx(cut * FRAME)
    spans = sound_spans(await heard(out), RATE)
    assert [start for start, _ in spans] == pytest.approx([0.1, 0.9], abs=0.01)


async def test_less_than_nothing_is_dropped_and_the_next_piece_is_whole():
    data = edge_mp3(tone(0.5))
    joiner = PieceJoiner(EDGE)
    await joiner.feed(data)
    assert joiner.splice(-1.0) == 0
    await joiner.feed(data)
    await joiner.next_piece(0.1)
    assert joiner.fed == 0
    assert await joiner.feed(data) + await joiner.finish() == data


def test_what_frames_of_silence_can_carry():
    data = edge_mp3(speech(1.0))
    frames = [data[at : at + 144] for at in range(0, 1440, 144)]
    (silent,) = silent_frames(frames[:3], 1, 100)
    assert len(silent) == 144
    assert main_data_begin(silent) == 0
    assert silent[-100:] == frames[2][-100:]
    assert len(silent_frames(frames[:3], 2, 200)) == 2
    assert silent_frames(frames[:3], 1, 200) == []
    assert silent_frames([], 1, 0) == []


@pytest.mark.parametrize("source", [PLAIN, EDGE], ids=["pcm", "mp3"])
async def test_a_rendering_that_is_too_short_is_noticed(source: AudioSource):
    data = edge_mp3(tone(1.0)) if source is EDGE else pcm(tone(1.0))
    joiner = PieceJoiner(source)
    await joiner.feed(data)
    joiner.splice(0.6)
    assert joiner.dropping == pytest.approx(0.6, abs=FRAME)
    await joiner.feed(data[: len(data) // 4])
    assert joiner.dropping == pytest.approx(0.35, abs=3 * FRAME)
    await joiner.feed(data[len(data) // 4 :])
    assert joiner.dropping == 0
