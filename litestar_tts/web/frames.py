"""The frames of ``/generate-stream`` and of the realtime socket: audio, visemes and control messages in one stream.

Every frame is a header of three big-endian unsigned 32-bit integers and a payload::

    viseme index     0xFFFFFFFF: none starts here; 0xFFFFFFFE: the payload is a control message
    time             milliseconds: where the viseme starts, or this payload's audio when there is none
    payload length   at most 1 MiB

It is written and read here, so that one file says what the other side has to expect.
"""

import struct
from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from litestar_tts.models import AudioChunk, SpeechEnd, SpeechEvent, SpeechInfo, Viseme, VisemeSet, WordBoundary
from litestar_tts.visemes import sets

__all__ = (
    "CONTROL",
    "HEADER_SIZE",
    "MAX_PAYLOAD",
    "MEDIA_TYPE",
    "NO_VISEME",
    "Frame",
    "FrameError",
    "FrameParser",
    "encode_audio",
    "encode_control",
    "encode_viseme",
    "frames",
)

MEDIA_TYPE: Final = "application/vnd.litestar-tts.frames"
NO_VISEME: Final = 0xFFFF_FFFF
CONTROL: Final = 0xFFFF_FFFE
RESERVED: Final = 0xFFFF_FF00
"""From here up indices mean something else than a viseme; readers skip those that they do not know."""
MAX_PAYLOAD: Final = 1 << 20
VERSION: Final = 1

_HEADER: Final = struct.Struct(">III")
HEADER_SIZE: Final = _HEADER.size
_CHANNELS: Final = 1


class Frame(msgspec.Struct, frozen=True):
    """One frame."""

    index: int
    time: int
    """Milliseconds."""
    payload: bytes

    @property
    def is_control(self) -> bool:
        """Whether the payload is a control message."""
        return self.index == CONTROL

    @property
    def viseme(self) -> int | None:
        """Position in the viseme set of the viseme that starts at ``time``; None if none does."""
        return self.index if self.index < RESERVED else None

    def control(self) -> dict[str, Any]:
        """The control message.

        Raises:
            FrameError: The payload is no such object.
        """
        try:
            message = msgspec.json.decode(self.payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise FrameError("a control frame holds no JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise FrameError("a control frame holds no object with a type")
        return message


class FrameError(ValueError):
    """Bytes that are not a stream of frames."""


# --- writing ----------------------------------------------------------------------------------------------------------


def encode_control(message: Mapping[str, Any], time: float = 0.0) -> bytes:
    """A control frame; ``time`` in seconds."""
    payload = msgspec.json.encode(message)
    if len(payload) > MAX_PAYLOAD:
        raise FrameError(f"a control message of {len(payload)} bytes is longer than a frame may be")
    return _HEADER.pack(CONTROL, _milliseconds(time), len(payload)) + payload


def encode_viseme(index: int, time: float, data: bytes = b"") -> bytes:
    """A viseme that starts at ``time`` (seconds), and audio that may come along."""
    if not 0 <= index < RESERVED:
        raise FrameError(f"{index} is no position in a viseme set")
    return _HEADER.pack(index, _milliseconds(time), len(data)) + data


def encode_audio(data: bytes, time: float, duration: float = 0.0) -> bytes:
    """Audio that starts at ``time`` and lasts for ``duration`` seconds; more than one frame if it is long."""
    if len(data) <= MAX_PAYLOAD:
        return _HEADER.pack(NO_VISEME, _milliseconds(time), len(data)) + data
    parts: list[bytes] = []
    for start in range(0, len(data), MAX_PAYLOAD):
        piece = data[start : start + MAX_PAYLOAD]
        parts.append(_HEADER.pack(NO_VISEME, _milliseconds(time + duration * start / len(data)), len(piece)) + piece)
    return b"".join(parts)


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def start_message(info: SpeechInfo, viseme_set: VisemeSet) -> dict[str, Any]:
    """The control message that comes first."""
    # Weights say what a shape looks like; every other set is known by its names.
    described = {"viseme_names": sets.names(viseme_set), "viseme_shapes": sets.shapes(viseme_set)}
    return {
        "type": "start",
        "v": VERSION,
        "format": info.format.value,
        "sample_rate": info.sample_rate,
        "channels": _CHANNELS,
        "skip_samples": info.skip_samples,
        "viseme_set": viseme_set.value,
        **{name: values for name, values in described.items() if values is not None},
        "viseme_count": info.viseme_count,
        "engine": info.engine,
        "voice": info.voice,
    }


def words_message(words: Sequence[WordBoundary]) -> dict[str, Any]:
    """The control message for spoken words."""
    return {"type": "words", "words": [{"text": w.text, "time": w.time, "duration": w.duration} for w in words]}


def end_message(end: SpeechEnd) -> dict[str, Any]:
    """The control message that comes last."""
    return {"type": "end", "duration": end.duration, "visemes": end.visemes, "bytes": end.bytes}


def error_message(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The control message that comes last when the speech failed.

    The problem is a member of its own, since its ``type`` is not the message's; what a client is likely to show stands
    beside it too.
    """
    return {"type": "error", "title": problem["title"], "status": problem["status"], "detail": problem["detail"]} | {
        "error": dict(problem)
    }


MAX_PENDING: Final = 512
"""Words and visemes that may wait for audio before they go out on their own."""


async def frames(
    events: AsyncIterable[SpeechEvent], info: SpeechInfo, viseme_set: VisemeSet = VisemeSet.DEFAULT
) -> AsyncGenerator[bytes, None]:
    """The frames of one speech. The caller closes ``events``.

    Yields:
        Whole frames. Words and visemes go out together with the audio that follows them, in one piece.
    """
    yield encode_control(start_message(info, viseme_set))
    words: list[WordBoundary] = []
    visemes: list[Viseme] = []
    async for event in events:
        if isinstance(event, WordBoundary):
            words.append(event)
        elif isinstance(event, Viseme):
            visemes.append(event)
        elif isinstance(event, AudioChunk):
            last = visemes.pop() if visemes and len(event.data) <= MAX_PAYLOAD else None
            ahead = _flush(words, visemes)
            if last is None:
                yield ahead + encode_audio(event.data, event.time, event.duration)
            else:
                yield ahead + encode_viseme(last.index, last.time, event.data)
        else:
            yield _flush(words, visemes) + encode_control(end_message(event), event.duration)
        if len(words) + len(visemes) >= MAX_PENDING:
            yield _flush(words, visemes)


def _flush(words: list[WordBoundary], visemes: list[Viseme]) -> bytes:
    parts = [encode_control(words_message(words), words[0].time)] if words else []
    parts.extend(encode_viseme(viseme.index, viseme.time) for viseme in visemes)
    words.clear()
    visemes.clear()
    return b"".join(parts)


# --- reading ----------------------------------------------------------------------------------------------------------


class FrameParser:
    """Reads frames from pieces of any size. Holds no more than one unfinished frame and the piece that was fed last."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.started = False
        """Whether the ``start`` message was read."""
        self.complete = False
        """Whether ``end`` or ``error`` was read; if not, the stream was cut."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Read on; iterate to the end before feeding more.

        Raises:
            FrameError: The bytes are not a stream of frames.
        """
        self._buffer += data
        position = 0
        try:
            while len(self._buffer) - position >= HEADER_SIZE:
                index, time, length = _HEADER.unpack_from(self._buffer, position)
                if length > MAX_PAYLOAD:
                    raise FrameError(f"a frame of {length} bytes is longer than the {MAX_PAYLOAD} that are allowed")
                end = position + HEADER_SIZE + length
                if end > len(self._buffer):
                    break
                frame = Frame(index, time, bytes(self._buffer[position + HEADER_SIZE : end]))
                position = end
                if index < RESERVED or index in (CONTROL, NO_VISEME):
                    self._follow(frame)
                    yield frame
        finally:
            del self._buffer[:position]

    def finish(self) -> None:
        """Say that no more bytes will come.

        Raises:
            FrameError: The stream was cut.
        """
        if self._buffer:
            raise FrameError("the stream was cut inside a frame")
        if not self.complete:
            raise FrameError("the stream was cut: neither an end nor an error came")

    def _follow(self, frame: Frame) -> None:
        if self.complete:
            raise FrameError("a frame came after the end")
        kind = frame.control()["type"] if frame.is_control else None
        if not self.started:
            if kind not in ("start", "error"):
                raise FrameError("the stream does not begin with a start message")
            self.started = True
        elif kind == "start":
            raise FrameError("a second start message came")
        self.complete = kind in ("end", "error")
