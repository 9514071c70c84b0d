"""Pieces spoken one after the other sound as one."""

from itertools import pairwise

import numpy as np
import pytest

from litestar_tts.audio import executor, pyav
from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.join import PieceJoiner
from litestar_tts.audio.mp3 import FrameSplitter, main_data_begin
from litestar_tts.audio.stage import AudioStage
from litestar_tts.exceptions import EngineError
from litestar_tts.models import AudioFormat
from tests.support.sound import (
    EDGE,
    Samples,
    edge_mp3,
    pcm,
    run,
    samples_of,
    silence,
    sound_spans,
    speech,
    tagged_mp3,
    tone,
)

PLAIN = AudioSource()
RATE = 24_000
FRAME = 0.024
DELAY = 1105 / RATE
SOURCES = pytest.mark.parametrize("source", [PLAIN, EDGE], ids=["pcm", "mp3"])


def piece(seconds: float, *, lead: float = 0.1, tail: float = 0.8, frequency: float = 300) -> Samples:
    """As Edge speaks: silence around the sound."""
    return np.concatenate((silence(lead), tone(seconds, frequency=frequency), silence(tail)))


def encoded(source: AudioSource, samples: Samples) -> bytes:
    return edge_mp3(samples) if source is EDGE else pcm(samples)


async def joined(joiner: PieceJoiner, pieces: list[bytes], pause: float, chunk: int = 720) -> tuple[bytes, list[float]]:
    out: list[bytes] = []
    positions: list[float] = []
    for number, data in enumerate(pieces):
        if number:
            out.append(await joiner.next_piece(pause))
            positions.append(joiner.position)
        out += [await joiner.feed(data[at : at + chunk]) for at in range(0, len(data), chunk)]
    out.append(await joiner.finish())
    return b"".join(out), positions


async def heard(source: AudioSource, data: bytes) -> Samples:
    return samples_of(await run(AudioStage(source, AudioFormat.PCM, sample_rate=RATE), data))


@SOURCES
@pytest.mark.parametrize("chunk", [1, 719, 100_000])
async def test_one_piece_is_byte_identical(source: AudioSource, chunk: int):
    data = encoded(source, piece(0.1, tail=0.3))[: -50 if source is EDGE else -1]
    joiner = PieceJoiner(source)
    out, _ = await joined(joiner, [data], 0, chunk)
    assert out == data


async def test_tags_go():
    plain, tagged = edge_mp3(speech(0.5)), tagged_mp3(speech(0.5))
    for pieces in ([tagged], [plain, tagged]):
        out, _ = await joined(PieceJoiner(EDGE), pieces, 0.2)
        assert b"ID3" not in out
        assert b"Info" not in out
        assert len(out) % 144 == 0


@SOURCES
@pytest.mark.parametrize("pause", [0.2, 0.35, 0.6])
async def test_the_gap_is_the_pause_and_the_position_is_true(source: AudioSource, pause: float):
    lengths = (0.7, 0.5, 0.6)
    pieces = [encoded(source, piece(length, frequency=200 + 100 * i)) for i, length in enumerate(lengths)]
    joiner = PieceJoiner(source)
    out, positions = await joined(joiner, pieces, pause)
    sound = await heard(source, out)
    spans = sound_spans(sound, RATE)
    assert [end - start for start, end in spans] == pytest.approx(lengths, abs=0.006), "no sound is lost"
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    assert gaps == pytest.approx([pause, pause], abs=0.004 if source is PLAIN else FRAME / 2 + 0.004)
    # Times that the engine reports count from the position: its sound starts 0.1 s later.
    assert [start for start, _ in spans[1:]] == pytest.approx([position + 0.1 for position in positions], abs=0.003)
    delay = DELAY if source is EDGE else 0
    assert joiner.position - delay == pytest.approx(len(sound) / RATE, abs=1e-6)
    assert joiner.silence == 0


@SOURCES
async def test_a_first_piece_that_begins_late_shortens_no_pause(source: AudioSource):
    pieces = [encoded(source, piece(0.5, lead=lead)) for lead in (0.35, 0.1, 0.1, 0.1)]
    out, _ = await joined(PieceJoiner(source), pieces, 0.4)
    spans = sound_spans(await heard(source, out), RATE)
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    # What an engine puts in front is known from the second piece on.
    assert gaps[1:] == pytest.approx([0.4, 0.4], abs=0.004 if source is PLAIN else FRAME / 2 + 0.004)


@SOURCES
async def test_joins_do_not_click(source: AudioSource):
    pieces = [encoded(source, piece(0.4, frequency=f) + 20) for f in (210, 330, 270)]
    out, positions = await joined(PieceJoiner(source), pieces, 0.3)
    sound = await heard(source, out)
    for position in positions:
        around = sound[round((position - 0.03) * RATE) : round((position + 0.07) * RATE)]
        # 20 steps of s16 is where this material idles; -64 dBFS at the very most.
        assert np.abs(np.diff(around)).max() <= 20


async def test_cut_mp3_is_whole_frames_that_refer_to_nothing_lost():
    pieces = [edge_mp3(np.concatenate((speech(0.8), silence(0.9)))), edge_mp3(speech(0.8, seed=2))]
    out, _ = await joined(PieceJoiner(EDGE), pieces, 0.3)
    segments = FrameSplitter().feed(out)
    assert all(segment.samples == 576 for segment in segments)
    assert len(out) % 144 == 0
    start = len(out) - len(pieces[1])
    assert out[start:] == pieces[1]
    assert out[:start] == pieces[0][:start]
    assert main_data_begin(out[start:]) == 0


async def test_pcm_is_lengthened_where_the_engine_leaves_too_little():
    pieces = [pcm(tone(0.4)), pcm(tone(0.4))]
    out, (position,) = await joined(PieceJoiner(PLAIN), pieces, 0.35)
    assert position == pytest.approx(0.75, abs=0.002)
    (_, first), (second, _) = sound_spans(samples_of(out), RATE)
    assert second - first == pytest.approx(0.35, abs=0.01)


@SOURCES
async def test_a_pause_shorter_than_what_cannot_be_cut_keeps_the_margin(source: AudioSource):
    pieces = [encoded(source, piece(0.3)), encoded(source, piece(0.3))]
    out, _ = await joined(PieceJoiner(source), pieces, 0.0)
    (start, first), (second, end) = sound_spans(await heard(source, out), RATE)
    least = 0.1 + 0.04 + (DELAY if source is EDGE else 0)
    assert least - 0.01 <= second - first <= least + FRAME + 0.01
    assert first - start == pytest.approx(0.3, abs=0.006)
    assert end - second == pytest.approx(0.3, abs=0.006)


@SOURCES
async def test_a_soft_ending_is_kept(source: AudioSource):
    """A consonant that fades to -50 dBFS, and what lies 40 ms behind it."""
    ending = np.concatenate((tone(0.3), tone(0.15, frequency=2000, peak=150)))
    pieces = [encoded(source, np.concatenate((ending, silence(0.8)))), encoded(source, piece(0.3))]
    out, (position,) = await joined(PieceJoiner(source), pieces, 0.05)
    assert position - (DELAY if source is EDGE else 0) >= 0.45 + 0.03
    sound = await heard(source, out)
    assert np.abs(sound[round(0.42 * RATE) : round(0.44 * RATE)]).max() > 100


@SOURCES
async def test_silent_and_empty_pieces_break_nothing(source: AudioSource):
    quiet, loud = encoded(source, silence(1.0)), encoded(source, piece(0.3))
    joiner = PieceJoiner(source)
    out, positions = await joined(joiner, [quiet, b"", quiet, loud, b"", quiet, loud, quiet], 0.2)
    spans = sound_spans(await heard(source, out), RATE)
    assert len(spans) == 2
    assert positions == sorted(positions)
    # The second silent piece, and the one between the sounds, shrink to pauses.
    assert spans[1][0] - spans[0][1] < 0.2 + 0.2 + 3 * FRAME
    assert spans[1][0] == pytest.approx(positions[5] + 0.1, abs=0.003)


@SOURCES
async def test_silence_in_mid_speech_is_whole(source: AudioSource):
    said = np.concatenate((tone(0.3), silence(1.5), tone(0.3), silence(0.2)))
    data = encoded(source, said)
    joiner = PieceJoiner(source)
    out = b""
    most = 0.0
    for at in range(0, len(data), 480):
        out += await joiner.feed(data[at : at + 480])
        most = max(most, joiner.silence)
    assert 1.3 < most < 1.6
    assert out + await joiner.finish() == data


async def test_what_is_held_is_bounded():
    joiner = PieceJoiner(PLAIN)
    held = 0.0
    out = await joiner.feed(pcm(tone(0.2)))
    for _ in range(40):
        out += await joiner.feed(bytes(2 * RATE))
        held = max(held, joiner.silence)
    assert held <= 10.0
    out += await joiner.finish()
    assert len(out) == 2 * RATE * 40 + round(0.2 * RATE) * 2


@SOURCES
async def test_leading_silence_of_the_first_piece_does_not_wait(source: AudioSource):
    joiner = PieceJoiner(source)
    data = encoded(source, piece(0.3, lead=0.3))
    assert await joiner.feed(data[:2880])


async def test_mp3_is_not_trimmed_where_pyav_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pyav, "find_spec", lambda name: None)
    monkeypatch.setattr(executor, "run", None)
    pieces = [edge_mp3(piece(0.3)), edge_mp3(piece(0.4))]
    joiner = PieceJoiner(EDGE)
    out, (position,) = await joined(joiner, pieces, 0.2)
    assert out == b"".join(pieces)
    assert position == len(pieces[0]) / 6000
    assert joiner.position == len(out) / 6000


async def test_a_frame_cut_off_at_a_pieces_end_does_not_disturb_the_next(monkeypatch: pytest.MonkeyPatch):
    pieces = [edge_mp3(piece(0.3))[:-44], edge_mp3(piece(0.4))]
    monkeypatch.setattr(pyav, "find_spec", lambda name: None)
    out, (position,) = await joined(PieceJoiner(EDGE), pieces, 0.2)
    assert out == pieces[0][:-100] + pieces[1]
    assert position == (len(pieces[0]) - 100) / 6000


async def test_undecodable_frames_are_never_cut():
    good = edge_mp3(piece(0.3))
    garbage = b"".join(good[at : at + 4] + b"\xff" * 140 for at in range(0, 1440, 144))
    out, _ = await joined(PieceJoiner(EDGE), [good + garbage, good], 0.2)
    assert out == good + garbage + good


async def test_something_else_than_mp3_is_an_engine_error():
    with pytest.raises(EngineError, match="not an MP3"):
        await joined(PieceJoiner(EDGE), [b"<html>" * 20_000], 0.2)


@SOURCES
async def test_the_silence_at_the_end_can_be_limited(source: AudioSource):
    data = encoded(source, piece(0.5))

    async def end(longest: float | None) -> tuple[float, float]:
        joiner = PieceJoiner(source)
        sound = await heard(source, await joiner.feed(data) + await joiner.finish(longest))
        ((start, end),) = sound_spans(sound, RATE)
        return end - start, len(sound) / RATE - end

    length, untouched = await end(None)
    assert untouched == pytest.approx(0.8, abs=2 * FRAME)
    assert await end(2.0) == (length, untouched)
    cut, rest = await end(0.3)
    assert cut == pytest.approx(length, abs=0.002)
    assert rest == pytest.approx(0.3, abs=2 * FRAME)
    cut, rest = await end(0.0)
    assert cut == pytest.approx(length, abs=0.002)
    assert rest < 0.1
