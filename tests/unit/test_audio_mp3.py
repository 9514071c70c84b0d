"""Frame arithmetic, checked against streams from a real encoder."""

import av
import pytest

from litestar_tts.audio.mp3 import FrameSplitter, main_data_begin, parse_header
from litestar_tts.exceptions import EngineError
from tests.support.sound import edge_mp3, speech, tagged_mp3

STREAM = edge_mp3(speech(1.0))


def test_edge_frames_are_144_bytes_and_24_ms():
    header = parse_header(STREAM)
    assert header is not None
    assert (header.size, header.samples, header.sample_rate, header.bit_rate, header.channels) == (
        144,
        576,
        24_000,
        48_000,
        1,
    )
    segments = FrameSplitter().feed(STREAM)
    assert {len(segment.data) for segment in segments} == {144}
    assert sum(segment.samples for segment in segments) == len(STREAM) // 144 * 576


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_every_rate_is_framed_as_the_encoder_framed_it(rate: int, layout: str):
    context = av.CodecContext.create("libmp3lame", "w")
    context.sample_rate, context.layout, context.format, context.bit_rate = rate, layout, "s16p", 64_000
    frame = av.AudioFrame(format="s16p", layout=layout, samples=rate)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts = rate, 0
    packets = [bytes(packet) for part in (frame, None) for packet in context.encode(part)]
    segments = FrameSplitter().feed(b"".join(packets))
    assert [segment.data for segment in segments] == packets
    header = parse_header(packets[0])
    assert header is not None
    assert (header.sample_rate, header.channels) == (rate, 1 if layout == "mono" else 2)
    assert segments[0].samples == (1152 if rate >= 32_000 else 576)
    assert main_data_begin(packets[0]) == 0


def test_reservoir_is_read():
    segments = FrameSplitter().feed(STREAM)
    depths = [main_data_begin(segment.data) for segment in segments]
    assert depths[0] == 0
    assert max(depths) > 0
    with pytest.raises(ValueError, match="not an MPEG"):
        main_data_begin(b"not a frame at all")


def test_tag_and_info_frame_are_no_sound():
    stream = tagged_mp3(speech(1.0))
    assert stream.startswith(b"ID3")
    segments = FrameSplitter().feed(stream)
    silent = [segment for segment in segments if not segment.samples]
    assert silent[0].data.startswith(b"ID3")
    assert any(b"Info" in segment.data for segment in silent[1:])
    assert b"".join(segment.data for segment in segments) == stream
    # 24 kHz of sound, the encoder's delay, and less than two frames of padding.
    assert 0 <= sum(segment.samples for segment in segments) - 24_000 - 1105 < 2 * 576


def test_junk_between_frames_is_passed_over():
    splitter = FrameSplitter()
    junk = b"\x00\xff\xf3junk" + b"\xff" * 5
    stream = STREAM[:288] + junk + STREAM[288:]
    segments = splitter.feed(stream)
    assert b"".join(segment.data for segment in segments) + splitter.rest == stream
    assert sum(1 for segment in segments if segment.samples) == len(STREAM) // 144


def test_an_incomplete_frame_is_the_rest():
    splitter = FrameSplitter()
    assert len(splitter.feed(STREAM[: 144 + 100])) == 1
    assert splitter.rest == STREAM[144:244]


def test_something_else_is_refused_before_it_fills_the_memory():
    splitter = FrameSplitter()
    with pytest.raises(EngineError, match="not an MP3"):
        for _ in range(100):
            splitter.feed(b"<html>no audio here</html>" * 100)
    with pytest.raises(EngineError, match="tag"):
        FrameSplitter().feed(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff\xf3\x64",
        b"\xff\xfb\x00\x00",  # free bit rate
        b"\xff\xfb\xf4\x00",  # forbidden bit rate
        b"\xff\xfb\x9c\x00",  # reserved sample rate
        b"\xff\xeb\x90\x00",  # reserved version
        b"\xff\xfd\x90\x00",  # layer II
        b"\xff\xf1\x50\x80",  # ADTS
        b"\xfe\xfb\x90\x00",
    ],
)
def test_what_is_no_header(header: bytes):
    assert parse_header(header) is None
