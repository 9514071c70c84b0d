"""The frame format: what is written is read back from pieces of any size, and what is not a stream is refused."""

import json
import struct
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litestar_tts.frames import (
    CONTROL,
    MAX_PAYLOAD,
    NO_VISEME,
    Frame,
    FrameError,
    FrameParser,
    encode_audio,
    encode_control,
    encode_viseme,
)
from litestar_tts.models import AudioChunk, AudioFormat, SpeechEnd, SpeechInfo, Viseme, VisemeSet, WordBoundary
from litestar_tts.web.frames import error_message, frames

START = encode_control({"type": "start", "v": 1})
END = encode_control({"type": "end", "duration": 1.0, "visemes": 0, "bytes": 0})
INFO = SpeechInfo(
    engine="tone",
    voice="tone-a",
    format=AudioFormat.MP3,
    sample_rate=24_000,
    skip_samples=1105,
    text_length=5,
    viseme_count=3,
)


def read(data: bytes, *sizes: int) -> list[Frame]:
    parser = FrameParser()
    found: list[Frame] = []
    position = 0
    for size in sizes:
        found += parser.feed(data[position : position + size])
        position += size
    found += parser.feed(data[position:])
    parser.finish()
    return found


async def written(events: list[object], viseme_set: VisemeSet = VisemeSet.DEFAULT) -> list[bytes]:
    async def source() -> AsyncGenerator[object, None]:
        for event in events:
            yield event

    return [piece async for piece in frames(source(), INFO, viseme_set)]  # type: ignore[arg-type]


def test_the_header_is_three_big_endian_integers():
    assert encode_viseme(6, 1.5) == bytes.fromhex("00000006 000005dc 00000000")
    assert encode_audio(b"\x01\x02", 0.25) == bytes.fromhex("ffffffff 000000fa 00000002 0102")
    assert encode_control({"type": "x"})[:12] == bytes.fromhex("fffffffe 00000000 0000000c")


frame_bytes = st.one_of(
    st.builds(encode_viseme, st.integers(0, 90), st.floats(0, 3600)),
    st.builds(encode_audio, st.binary(max_size=300), st.floats(0, 3600)),
    st.builds(encode_control, st.fixed_dictionaries({"type": st.just("words"), "words": st.just([])})),
)


@given(st.lists(frame_bytes, max_size=20), st.lists(st.integers(1, 40), max_size=60))
def test_any_cut_reads_the_same(parts: list[bytes], sizes: list[int]):
    data = b"".join([START, *parts, END])
    assert read(data, *sizes) == read(data)
    assert len(read(data)) == len(parts) + 2


@given(st.binary(max_size=200))
def test_rubbish_is_refused_and_never_anything_else(data: bytes):
    parser = FrameParser()
    with pytest.raises(FrameError):
        list(parser.feed(data))
        parser.finish()


def test_a_cut_stream_is_known_as_such():
    for data in (START, START + encode_audio(b"abc", 0), (START + END)[:-1], b""):
        parser = FrameParser()
        list(parser.feed(data))
        with pytest.raises(FrameError, match="cut"):
            parser.finish()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (struct.pack(">III", NO_VISEME, 0, MAX_PAYLOAD + 1), "longer"),
        (encode_audio(b"x", 0), "begin with a start"),
        (END, "begin with a start"),
        (START + START, "second start"),
        (START + END + encode_viseme(0, 0), "after the end"),
        (START + struct.pack(">III", CONTROL, 0, 2) + b"{}", "type"),
        (START + struct.pack(">III", CONTROL, 0, 2) + b"[]", "type"),
        (START + struct.pack(">III", CONTROL, 0, 1) + b"{", "JSON"),
        (START + struct.pack(">III", CONTROL, 0, 1) + b"\xff", "JSON"),
    ],
)
def test_what_is_refused(data: bytes, why: str):
    with pytest.raises(FrameError, match=why):
        list(FrameParser().feed(data))


def test_a_frame_of_a_mebibyte_is_read_and_one_byte_more_is_written_as_two():
    data = bytes(MAX_PAYLOAD)
    (_, frame, _) = read(START + encode_audio(data, 0) + END)
    assert frame.payload == data
    (_, first, second, _) = read(START + encode_audio(data + b"x", 1.0, 2.0) + END)
    assert (len(first.payload), second.payload, first.time, second.time) == (MAX_PAYLOAD, b"x", 1000, 3000)


def test_unknown_indices_and_messages_are_skipped():
    unknown = struct.pack(">III", 0xFFFF_FF00, 5, 3) + b"abc"
    message = encode_control({"type": "from-the-future"})
    found = read(START + unknown + message + encode_viseme(0xFFFF_FEFF, 0) + END)
    assert [frame.viseme for frame in found] == [None, None, 0xFFFF_FEFF, None]


def test_an_error_ends_a_stream_even_before_it_started():
    error = encode_control(error_message({"type": "urn:x", "title": "T", "status": 502, "detail": "D", "instance": ""}))
    (frame,) = read(error)
    assert frame.control()["type"] == "error"
    assert frame.control()["error"] == {"type": "urn:x", "title": "T", "status": 502, "detail": "D", "instance": ""}
    assert read(START + error)


def test_a_control_message_beyond_a_frame_is_refused_when_it_is_written():
    with pytest.raises(FrameError):
        encode_control({"type": "words", "words": "x" * MAX_PAYLOAD})


@pytest.mark.parametrize("index", [-1, 0xFFFF_FF00, NO_VISEME])
def test_no_viseme_can_take_a_reserved_index(index: int):
    with pytest.raises(FrameError):
        encode_viseme(index, 0)


async def test_frames_of_a_speech():
    pieces = await written(
        [
            WordBoundary(text="hi", time=0.1, duration=0.2),
            Viseme(time=0.0, value=0, duration=0.1, index=0),
            Viseme(time=0.1, value=16, duration=0.1, index=16),
            AudioChunk(data=b"one", time=0.0, duration=0.2),
            AudioChunk(data=b"two", time=0.2, duration=0.2),
            Viseme(time=0.2, value=4, duration=0.2, index=4),
            AudioChunk(data=b"three", time=0.4, duration=0.2),
            SpeechEnd(duration=0.6, visemes=3, bytes=11),
        ]
    )
    assert len(pieces) == 5, "the start, one piece for each chunk of audio, the end"
    found = read(b"".join(pieces))
    first, words, *rest, end = found
    assert first.control() == {
        "type": "start",
        "v": 1,
        "format": "mp3",
        "sample_rate": 24_000,
        "channels": 1,
        "skip_samples": 1105,
        "viseme_set": "default",
        "viseme_names": first.control()["viseme_names"],
        "viseme_count": 3,
        "engine": "tone",
        "voice": "tone-a",
    }
    assert len(first.control()["viseme_names"]) == 17
    assert words.control() == {"type": "words", "words": [{"text": "hi", "time": 0.1, "duration": 0.2}]}
    assert [(frame.viseme, frame.time, frame.payload) for frame in rest] == [
        (0, 0, b""),
        (16, 100, b"one"),
        (None, 200, b"two"),
        (4, 200, b"three"),
    ]
    assert end.control() == {"type": "end", "duration": 0.6, "visemes": 3, "bytes": 11}


async def test_what_comes_after_the_last_audio_is_not_lost():
    pieces = await written(
        [
            AudioChunk(data=b"one", time=0.0, duration=0.2),
            Viseme(time=0.2, value=0, duration=0.1, index=0),
            SpeechEnd(duration=0.3, visemes=1, bytes=3),
        ]
    )
    assert [frame.viseme for frame in read(b"".join(pieces))] == [None, None, 0, None]


@pytest.mark.parametrize("viseme_set", list(VisemeSet))
async def test_the_start_says_what_the_indices_mean(viseme_set: VisemeSet):
    pieces = await written([SpeechEnd(duration=0.0, visemes=0, bytes=0)], viseme_set)
    start = read(b"".join(pieces))[0].control()
    weights = viseme_set in (VisemeSet.VRM, VisemeSet.LIVE2D, VisemeSet.ARKIT)
    assert ("viseme_shapes" in start, "viseme_names" in start) == (weights, not weights)
    described = start["viseme_shapes"] if weights else start["viseme_names"]
    assert all(isinstance(entry, dict if weights else str) for entry in described)


async def test_visemes_without_audio_do_not_pile_up():
    events = [Viseme(time=i / 100, value=1, duration=0.01, index=1) for i in range(2000)]
    pieces = await written([*events, SpeechEnd(duration=20.0, visemes=2000, bytes=0)])
    assert max(map(len, pieces)) < 20_000
    assert json.loads(read(b"".join(pieces))[-1].payload)["visemes"] == 2000
