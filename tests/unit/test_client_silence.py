"""Silence at the end of a section, and more of it, as a decoder hears it."""

import io
import random
import struct

import pytest

from litestar_tts.client.silence import ending_of
from litestar_tts.models import AudioFormat
from tests.support.scripted import tone

av = pytest.importorskip("av")
from litestar_tts.audio.encode import AacEncoder, Mp3Encoder  # noqa: E402

RATE = 24_000
_chance = random.Random(7)  # noqa: S311
SOUND = b"".join(struct.pack("<h", _chance.randint(-8000, 8000)) for _ in range(RATE))
"""Many frequencies at once, as a voice has them: a frame of MP3 spends little gain on a single tone."""


def encoded(format_: AudioFormat, pcm: bytes) -> bytes:
    if format_ is AudioFormat.PCM:
        return pcm
    encoder = Mp3Encoder(RATE) if format_ is AudioFormat.MP3 else AacEncoder(RATE)
    return encoder.feed(pcm) + encoder.finish()


def heard(format_: AudioFormat, data: bytes) -> list[int]:
    if format_ is AudioFormat.PCM:
        return list(struct.unpack(f"<{len(data) // 2}h", data))
    with av.open(io.BytesIO(data), format=format_.value) as file:
        return [round(float(x) * 32767) for frame in file.decode(audio=0) for x in frame.to_ndarray().reshape(-1)]


@pytest.mark.parametrize("format_", [AudioFormat.PCM, AudioFormat.MP3, AudioFormat.AAC])
@pytest.mark.parametrize("step", [1, 7, 333, 100_000])
def test_silence_at_the_end_is_seen(format_: AudioFormat, step: int):
    for seconds in (0.0, 0.5, 1.0):
        data = encoded(format_, SOUND + bytes(2 * round(seconds * RATE)))
        ending = ending_of(format_, RATE)
        for at in range(0, len(data), step):
            ending.feed(data[at : at + step])
        assert ending.quiet == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("format_", [AudioFormat.PCM, AudioFormat.MP3, AudioFormat.AAC])
def test_what_is_added_is_silence_between_the_same_sounds(format_: AudioFormat):
    # AAC decoders make up noise, so that it never sounds the same twice.
    data = encoded(format_, tone(1.0))
    ending = ending_of(format_, RATE)
    ending.feed(data)
    added = ending.silence(0.5)
    alone, joined = heard(format_, data), heard(format_, data + added + data)
    more = len(joined) - 2 * len(alone)
    assert more / RATE == pytest.approx(0.5, abs=0.03)
    middle = joined[len(alone) + 2100 : len(alone) + more - 2100]
    assert set(middle) == {0}
    # Behind the encoder's delay the second sound is the first one again.
    assert max(abs(a - b) for a, b in zip(joined[-len(alone) + 3000 :], alone[3000:], strict=True)) <= 1
    assert ending.silence(-1.0) == b""


@pytest.mark.parametrize("format_", [AudioFormat.MP3, AudioFormat.AAC])
@pytest.mark.parametrize("data", [b"", b"\xff", b"<html>" * 30_000, bytes(100), b"\xff\xf1" + bytes(50)], ids=len)
def test_other_bytes_get_none(format_: AudioFormat, data: bytes):
    ending = ending_of(format_, RATE)
    ending.feed(data)
    ending.feed(data)
    assert (ending.quiet, ending.silence(1.0)) == (0.0, b"")
