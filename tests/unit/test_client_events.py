"""From frames to events, however the network cuts them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litestar_tts.client import APIError, AudioChunk, ProtocolError, StreamTruncatedError, Viseme, WordBoundary
from litestar_tts.client.events import EventReader
from litestar_tts.frames import encode_audio, encode_control, encode_viseme
from litestar_tts.models import AudioFormat, VisemeSet

START = {
    "type": "start",
    "v": 1,
    "format": "pcm",
    "sample_rate": 24000,
    "channels": 1,
    "skip_samples": 0,
    "viseme_set": "oculus",
    "viseme_names": ["sil", "PP", "FF"],
    "viseme_count": 2,
    "engine": "tone",
    "voice": "a",
    "something_new": {"x": 1},
}
END = {"type": "end", "duration": 0.2, "visemes": 2, "bytes": 9600}
STREAM = (
    encode_control(START)
    + encode_control({"type": "words", "words": [{"text": "Hi", "time": 0.0, "duration": 0.1}]})
    + encode_viseme(0, 0.0)
    + encode_viseme(1, 0.05, b"\1\2" * 2400)
    + encode_control({"type": "from the future"})
    + encode_viseme(2, 0.1, b"\3\4" * 1200)
    + encode_audio(b"\5\6" * 1200, 0.15)
    + encode_control(END, 0.2)
)
EVENTS = [
    WordBoundary(text="Hi", time=0.0, duration=0.1),
    Viseme(time=0.0, value="sil", index=0),
    Viseme(time=0.05, value="PP", index=1),
    AudioChunk(b"\1\2" * 2400, 0.0),
    Viseme(time=0.1, value="FF", index=2),
    AudioChunk(b"\3\4" * 1200, 0.1),
    AudioChunk(b"\5\6" * 1200, 0.15),
]


def read(data: bytes, *cuts: int) -> EventReader:
    reader = EventReader("id")
    events = []
    edges = [0, *sorted(cuts), len(data)]
    for begin, end in pairwise(edges):
        events += reader.feed(data[begin:end])
    reader.finish()
    assert events == EVENTS
    return reader


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cuts_give_the_same_events(cuts: list[int]):
    reader = read(STREAM, *cuts)
    assert reader.info is not None
    assert reader.end is not None
    assert (reader.info.format, reader.info.viseme_set) == (AudioFormat.PCM, VisemeSet.OCULUS)
    assert (reader.info.voice, reader.info.viseme_count, reader.info.request_id) == ("a", 2, "id")
    assert (reader.end.duration, reader.end.visemes, reader.end.bytes) == (0.2, 2, 9600)


def test_byte_by_byte():
    read(STREAM, *range(0, len(STREAM), 7))


@given(st.integers(0, len(STREAM) - 1))
def test_a_stream_that_ends_early_is_cut(size: int):
    reader = EventReader()
    list(reader.feed(STREAM[:size]))
    with pytest.raises(StreamTruncatedError, match="cut"):
        reader.finish()


@given(st.binary(max_size=300))
def test_other_bytes_are_a_protocol_error_or_a_cut(data: bytes):
    reader = EventReader()
    with pytest.raises((ProtocolError, StreamTruncatedError)):
        list(reader.feed(data))
        reader.finish()


@pytest.mark.parametrize(
    "message",
    [
        {**START, "v": 2},
        {**START, "format": "ape"},
        {**START, "sample_rate": "fast"},
        {**START, "viseme_set": "mouths"},
        {key: value for key, value in START.items() if key != "sample_rate"},
        {key: value for key, value in START.items() if key != "viseme_set"},
        {"type": "words", "words": []},
    ],
    ids=str,
)
def test_a_start_that_cannot_be_used(message: dict[str, object]):
    with pytest.raises(ProtocolError):
        list(EventReader().feed(encode_control(message)))


@pytest.mark.parametrize("bad", [{"type": "words", "words": [{"text": 1}]}, {"type": "end"}, START], ids=str)
def test_later_messages_that_cannot_be_used(bad: dict[str, object]):
    with pytest.raises(ProtocolError):
        list(EventReader().feed(encode_control(START) + encode_control(bad)))


def test_a_viseme_outside_of_its_set():
    with pytest.raises(ProtocolError, match="Viseme 3"):
        list(EventReader().feed(encode_control(START) + encode_viseme(3, 0.0)))


def test_an_error_is_an_error_of_its_kind():
    problem = {"type": "urn:litestar-tts:problem:engine-failed", "title": "x", "status": 502, "detail": "It broke."}
    reader = EventReader("abc")
    events = reader.feed(STREAM[: len(STREAM) // 3] and encode_control(START) + encode_viseme(1, 0.0, b"ab"))
    assert len(list(events)) == 2
    with pytest.raises(APIError, match="It broke") as caught:
        list(reader.feed(encode_control({"type": "error", "status": 502, "error": problem})))
    assert (type(caught.value).__name__, caught.value.status) == ("EngineFailedError", 502)
    assert caught.value.request_id == "abc"


def test_weights_and_numbers():
    shapes = [{}, {"aa": 1.0}]
    start = {**START, "viseme_set": "vrm", "viseme_shapes": shapes}
    del start["viseme_names"]
    (viseme,) = EventReader().feed(encode_control(start) + encode_viseme(1, 0.5))
    assert isinstance(viseme, Viseme)
    assert (viseme.value, viseme.index, viseme.duration) == ({"aa": 1.0}, 1, None)
    (viseme,) = EventReader().feed(encode_control({**START, "viseme_set": "default"}) + encode_viseme(2, 0.5))
    assert isinstance(viseme, Viseme)
    assert viseme.value == 2


def test_times_of_compressed_audio_never_go_back():
    data = encode_control({**START, "format": "mp3"}) + encode_audio(b"x", 0.3) + encode_viseme(1, 0.9, b"y")
    times = [
        event.time for event in EventReader().feed(data + encode_audio(b"z", 0.5)) if isinstance(event, AudioChunk)
    ]
    assert times == [0.3, 0.3, 0.5]


def test_times_of_wav_do_not_count_its_header():
    data = encode_control({**START, "format": "wav"}) + encode_audio(bytes(44), 0) + encode_audio(bytes(4800), 0)
    times = [event.time for event in EventReader().feed(data + encode_viseme(1, 0.1, b"ab"))]
    assert times == [0.0, 0.0, 0.1, 0.1]
