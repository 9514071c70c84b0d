"""The frames of ``/generate-stream`` and of the realtime socket: one at a time, written and read.

Every frame is a header of three big-endian unsigned 32-bit integers and a payload::

    viseme index     0xFFFFFFFF: none starts here; 0xFFFFFFFE: the payload is a control message
    time             milliseconds: where the viseme starts, or this payload's audio when there is none
    payload length   at most 1 MiB

It is written and read here, so that one file says what the other side has to expect.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

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
)

MEDIA_TYPE: Final = "application/vnd.litestar-tts.frames"
NO_VISEME: Final = 0xFFFF_FFFF
CONTROL: Final = 0xFFFF_FFFE
RESERVED: Final = 0xFFFF_FF00
"""From here up indices mean something else than a viseme; readers skip those that they do not know."""
MAX_PAYLOAD: Final = 1 << 20

_HEADER: Final = struct.Struct(">III")
HEADER_SIZE: Final = _HEADER.size


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
