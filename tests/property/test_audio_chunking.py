"""However a stream is cut into chunks, the same bytes come out."""

import asyncio
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.join import PieceJoiner
from litestar_tts.audio.mp3 import FrameSplitter
from litestar_tts.audio.pcm import SILENCE_PEAK, first_loud, last_loud
from litestar_tts.audio.stage import AudioStage
from litestar_tts.models import SAMPLE_RATES, AudioFormat, Prosody
from tests.support.sound import EDGE, edge_mp3, pcm, silence, speech, tagged_mp3

SAID = speech(0.6)
PCM, MP3, TAGGED = pcm(SAID), edge_mp3(SAID), tagged_mp3(SAID)
PAUSED = [speech(0.3), silence(0.4), speech(0.2, seed=2), silence(0.5)]

cuts = st.lists(st.integers(min_value=0, max_value=len(PCM)), max_size=12)
prosody = st.builds(
    Prosody,
    speed=st.sampled_from([0.5, 0.9, 1.0, 1.3, 3.0]),
    pitch=st.sampled_from([-5.0, 0.0, 4.0]),
    volume=st.sampled_from([-6.0, 0.0, 8.0]),
)


def chunks(data: bytes, at: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(cut, len(data)) for cut in at), len(data)]
    return [data[start:end] for start, end in pairwise(borders)]


def staged(stage: AudioStage, parts: list[bytes]) -> bytes:
    async def run() -> bytes:
        out = [await stage.feed(part) for part in parts]
        return b"".join((*out, await stage.finish()))

    return asyncio.run(run())


@settings(max_examples=60, deadline=None)
@given(
    at=cuts,
    target=st.sampled_from(AudioFormat),
    rate=st.sampled_from(SAMPLE_RATES),
    effects=prosody,
    mp3=st.booleans(),
)
def test_stage(at: list[int], target: AudioFormat, rate: int, effects: Prosody, *, mp3: bool):
    source, data = (EDGE, MP3) if mp3 else (AudioSource(), PCM)

    def stage() -> AudioStage:
        return AudioStage(source, target, sample_rate=rate, effects=effects)

    whole = stage()
    wanted = staged(whole, [data])
    cut = stage()
    assert staged(cut, chunks(data, at)) == wanted
    assert cut.duration == whole.duration


@settings(max_examples=60, deadline=None)
@given(at=cuts, data=st.sampled_from([MP3, TAGGED, MP3[:-30], b"\xff\xf3junk" + MP3]))
def test_splitter(at: list[int], data: bytes):
    whole, cut = FrameSplitter(), FrameSplitter()
    wanted = [segment for segment in whole.feed(data) if segment.samples]
    found = [segment for part in chunks(data, at) for segment in cut.feed(part)]
    assert [segment for segment in found if segment.samples] == wanted
    assert b"".join(segment.data for segment in found) + cut.rest == data


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=3000), at=cuts)
def test_splitter_keeps_any_bytes(data: bytes, at: list[int]):
    splitter = FrameSplitter()
    found = b"".join(segment.data for part in chunks(data, at) for segment in splitter.feed(part))
    assert found + splitter.rest == data


@settings(max_examples=40, deadline=None)
@given(at=cuts, mp3=st.booleans(), pause=st.sampled_from([0.0, 0.2, 0.5, 1.5]))
def test_joiner(at: list[int], pause: float, *, mp3: bool):
    source = EDGE if mp3 else AudioSource()
    pieces = [edge_mp3(part) if mp3 else pcm(part) for part in PAUSED]

    async def join(at: list[int]) -> tuple[bytes, list[float]]:
        joiner, out, positions = PieceJoiner(source), b"", []
        for number, data in enumerate(pieces):
            if number:
                out += await joiner.next_piece(pause)
            for part in chunks(data, at):
                out += await joiner.feed(part)
            positions.append(joiner.position)
        return out + await joiner.finish(), positions

    assert asyncio.run(join(at)) == asyncio.run(join([]))


@given(st.lists(st.integers(min_value=-32768, max_value=32767) | st.sampled_from([0, 65, -65, 66, -66]), max_size=700))
def test_loudness_scan(samples: list[int]):
    data = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    loud = [index for index, sample in enumerate(samples) if abs(sample) > SILENCE_PEAK]
    assert first_loud(data) == (loud[0] if loud else None)
    assert last_loud(data) == (loud[-1] + 1 if loud else 0)
