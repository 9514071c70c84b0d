"""Blocks from shared encoders are a stream of their own, by every number and checksum in it."""

import asyncio
import io

import av
import numpy as np
import pytest

from litestar_tts.audio.flac import _CRC8, _CRC16, _coded_number, _crc, _number_size, _options_size
from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.models import SAMPLE_RATES, AudioFormat
from tests.support.sound import pcm, run, speech


def blocks_of(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("rate", SAMPLE_RATES)
async def test_numbers_and_checksums(rate: int):
    # Beyond 128 blocks the number takes two bytes, beyond 2048 three: the lengths of the heads then differ.
    seconds = 105 if rate == 8000 else 7
    said = np.resize(speech(3.0, rate=rate), seconds * rate + 7)
    await run(AudioStage(AudioSource(sample_rate=rate), AudioFormat.FLAC, sample_rate=rate), pcm(said[: rate * 2]))
    stage = AudioStage(AudioSource(sample_rate=rate), AudioFormat.FLAC, sample_rate=rate)
    data = await run(stage, pcm(said), 2 * rate)
    blocks = blocks_of(data)
    block = rate // 20
    assert len(blocks) == -(-len(said) // block)
    assert b"".join(blocks) == data[42:]
    for number, found in enumerate(blocks):
        coded = _coded_number(number)
        assert found[4 : 4 + len(coded)] == coded
        head = 4 + len(coded) + _options_size(found[2])
        assert _crc(found[: head + 1], _CRC8, 8) == 0
        assert _crc(found, _CRC16, 16) == 0, "a checksum over data and checksum is 0"


def test_checksums_are_those_of_the_format():
    assert _crc(b"123456789", _CRC8, 8) == 0xF4
    assert _crc(b"123456789", _CRC16, 16) == 0xFEE8


@pytest.mark.parametrize("number", [0, 127, 128, 2047, 2048, 65_535, 65_536, 0x10FFFF])
def test_numbers_are_coded_like_utf8(number: int):
    coded = _coded_number(number)
    assert coded == chr(number).encode("utf-8", "surrogatepass")
    assert _number_size(coded[0]) == len(coded)


def test_numbers_beyond_utf8():
    assert _coded_number(0x1FFFFF) == b"\xf7\xbf\xbf\xbf"
    assert _coded_number(0x200000) == b"\xf8\x88\x80\x80\x80"
    assert _coded_number((1 << 36) - 1) == b"\xfe\xbf\xbf\xbf\xbf\xbf\xbf"


async def test_many_streams_at_once_do_not_mix():
    said = [speech(0.6, seed=seed) for seed in range(12)]

    async def alone(samples: np.ndarray, rate: int) -> bytes:
        return await run(AudioStage(AudioSource(), AudioFormat.FLAC, sample_rate=rate), pcm(samples), 960)

    jobs = [(samples, rate) for samples in said for rate in (16_000, 24_000)]
    together = await asyncio.gather(*(alone(*job) for job in jobs))
    assert list(together) == [await alone(*job) for job in jobs]
    assert together[0] != together[2]
