"""MPEG audio frame arithmetic: what a header says, and where frames lie in a stream of bytes.

No decoding, no dependency. Layer III only, as that is what speech services send.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from litestar_tts.exceptions import EngineError

__all__ = ("FrameHeader", "FrameSplitter", "Segment", "main_data_begin", "parse_header", "silent_frames")

MAX_JUNK: Final = 64 * 1024
"""Bytes without any frame after which a stream is not MP3."""

_NOT_MP3: Final = "The engine's audio is not an MP3 stream."
_HEADER_SIZE: Final = 4
_ID3_HEADER_SIZE: Final = 10
_MAX_ID3_SIZE: Final = 1024 * 1024
_BIT_RATES: Final = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by MPEG version (2.5 counts as 2) and index; index 0 ("free") cannot be framed by arithmetic."""
_SAMPLE_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Hz by the header's version bits and index."""


class FrameHeader(NamedTuple):
    """The four bytes in front of a frame, understood."""

    version: int
    """1 for MPEG-1, 2 for MPEG-2 and 2.5."""
    bit_rate: int
    """Bits per second."""
    sample_rate: int
    channels: int
    size: int
    """Bytes of the whole frame."""
    samples: int
    """Samples that it decodes to, per channel."""
    checked: bool
    """Two bytes of checksum follow the header."""

    @property
    def side_info_size(self) -> int:
        """Bytes between the header (and checksum) and the main data."""
        if self.version == 1:
            return 17 if self.channels == 1 else 32
        return 9 if self.channels == 1 else 17


class Segment(NamedTuple):
    """A stretch of a stream: a frame of sound, or something else (tag, Info frame, junk)."""

    data: bytes
    samples: int
    """0: no sound."""


def parse_header(data: bytes | bytearray, position: int = 0) -> FrameHeader | None:
    """The frame header at ``position``; None if there is none."""
    if len(data) < position + _HEADER_SIZE:
        return None
    first, second, third, fourth = data[position : position + _HEADER_SIZE]
    version_bits, layer_bits = second >> 3 & 3, second >> 1 & 3
    if first != 0xFF or second < 0xE0 or version_bits == 1 or layer_bits != 1:
        return None
    rate_index, frequency_index = third >> 4, third >> 2 & 3
    if rate_index in (0, 15) or frequency_index == 3:
        return None
    version = 1 if version_bits == 3 else 2
    bit_rate = _BIT_RATES[version][rate_index] * 1000
    sample_rate = _SAMPLE_RATES[version_bits][frequency_index]
    samples = 1152 if version == 1 else 576
    return FrameHeader(
        version=version,
        bit_rate=bit_rate,
        sample_rate=sample_rate,
        channels=1 if fourth >> 6 == 3 else 2,
        size=samples // 8 * bit_rate // sample_rate + (third >> 1 & 1),
        samples=samples,
        checked=not second & 1,
    )


def main_data_begin(frame: bytes) -> int:
    """How many bytes before its own main data a frame's sound begins (the bit reservoir); 0: it needs no other frame.

    Raises:
        ValueError: ``frame`` is not a frame.
    """
    header = parse_header(frame)
    if header is None or len(frame) < _HEADER_SIZE + 4:
        raise ValueError("not an MPEG audio frame")
    position = _HEADER_SIZE + (2 if header.checked else 0)
    if header.version == 1:
        return frame[position] << 1 | frame[position + 1] >> 7
    return frame[position]


def silent_frames(before: Sequence[bytes], count: int, reservoir: int) -> list[bytes]:
    """Frames of silence behind which a frame sounds as it did behind the frames that they replace.

    A frame may keep the beginning of its sound in the frames before it. What these hold for it is carried over, or a
    decoder would make noise of whatever else lies there.

    Args:
        before: The frames that are replaced, or more of them, in order.
        count: How many to make.
        reservoir: What :func:`main_data_begin` says of the frame that follows.

    Returns:
        ``count`` frames, or none if they cannot hold that much.
    """
    header = parse_header(before[-1]) if before else None
    if header is None:
        return []
    start = _HEADER_SIZE + header.side_info_size
    room = header.size - start
    held = b"".join(_main_data(frame) for frame in before)
    if reservoir > min(len(held), count * room):
        return []
    kept = (held[-reservoir:] if reservoir else b"").rjust(count * room, b"\0")
    # The last bit of the second byte: no checksum follows. Side information of zeros: no sound, nothing kept before.
    head = bytes((before[-1][0], before[-1][1] | 1, *before[-1][2:_HEADER_SIZE])) + bytes(header.side_info_size)
    return [head + kept[at : at + room] for at in range(0, count * room, room)]


def _main_data(frame: bytes) -> bytes:
    header = parse_header(frame)
    if header is None:
        return b""
    return frame[_HEADER_SIZE + (2 if header.checked else 0) + header.side_info_size :]


class FrameSplitter:
    """Cuts a stream of bytes, however it is chunked, into frames and the rest.

    The segments and :attr:`rest` joined are exactly what was fed.
    """

    def __init__(self) -> None:
        self.header: FrameHeader | None = None
        """Of the first frame of sound; None before it."""
        self._buffer = bytearray()
        self._synced = True
        self._junk = 0

    @property
    def rest(self) -> bytes:
        """What has come of a segment that is not complete."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[Segment]:
        """Take the next bytes; return the segments that are complete now.

        Raises:
            EngineError: This is not an MP3 stream.
        """
        buffer = self._buffer
        buffer += data
        segments: list[Segment] = []
        position = 0
        while (segment := self._next(position)) is not None:
            position += len(segment.data)
            segments.append(segment)
        del buffer[:position]
        return segments

    def finish(self) -> None:
        """The stream has ended.

        Raises:
            EngineError: There were bytes, but no frame of sound.
        """
        if self.header is None and (self._junk or self._buffer):
            raise EngineError(_NOT_MP3)

    def _next(self, position: int) -> Segment | None:
        buffer = self._buffer
        available = len(buffer) - position
        if available < _HEADER_SIZE:
            return None
        if buffer.startswith(b"ID3", position):
            return self._tag(position)
        header = self._header_at(position)
        if header is None:
            return self._junk_at(position)
        if available < header.size + (0 if self._synced else _HEADER_SIZE):
            return None
        frame = bytes(buffer[position : position + header.size])
        self._synced, self._junk = True, 0
        if self.header is None:
            if _is_info(frame, header):
                return Segment(frame, 0)
            self.header = header
        return Segment(frame, header.samples)

    def _tag(self, position: int) -> Segment | None:
        buffer = self._buffer
        if len(buffer) - position < _ID3_HEADER_SIZE:
            return None
        size = _ID3_HEADER_SIZE
        for index, byte in enumerate(reversed(buffer[position + 6 : position + 10])):
            size += (byte & 0x7F) << 7 * index
        if size > _MAX_ID3_SIZE:
            raise EngineError("The engine's audio is not a usable MP3 stream: its tag is larger than any sound.")
        if len(buffer) - position < size:
            return None
        return Segment(bytes(buffer[position : position + size]), 0)

    def _header_at(self, position: int) -> FrameHeader | None:
        header = parse_header(self._buffer, position)
        if header is None or (self.header is not None and header.sample_rate != self.header.sample_rate):
            return None
        if self._synced:
            return header
        # Two bytes that look like a header turn up in any data; behind junk the next one has to confirm.
        following = position + header.size
        if len(self._buffer) >= following + _HEADER_SIZE and parse_header(self._buffer, following) is None:
            return None
        return header

    def _junk_at(self, position: int) -> Segment | None:
        buffer = self._buffer
        self._synced = False
        end = position + 1
        while (end := buffer.find(0xFF, end)) >= 0:
            if len(buffer) - end < _HEADER_SIZE or self._header_at(end) is not None:
                break
            end += 1
        if end < 0:
            end = len(buffer)
        self._junk += end - position
        if self._junk > MAX_JUNK:
            raise EngineError(_NOT_MP3)
        return Segment(bytes(buffer[position:end]), 0)


def _is_info(frame: bytes, header: FrameHeader) -> bool:
    """Whether this is the Xing, Info or VBRI frame, which describes the stream and is silent itself."""
    tag = _HEADER_SIZE + header.side_info_size + (2 if header.checked else 0)
    return frame[tag : tag + 4] in (b"Xing", b"Info") or frame[36:40] == b"VBRI"
