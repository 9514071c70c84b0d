"""How much silence is at the end of a section, and more of it, in each format that can be joined.

Nothing is decoded: a frame of MP3 says how loud it is, one of AAC is small where it is silent, and in both a frame
without any coefficients is silence.
"""

from __future__ import annotations

from typing import Final, Protocol

from litestar_tts.audio.mp3 import FrameHeader, FrameSplitter, parse_header
from litestar_tts.audio.pcm import SAMPLE_SIZE, last_loud
from litestar_tts.exceptions import EngineError
from litestar_tts.models import AudioFormat

__all__ = ("Ending", "ending_of")

_KEPT_SECONDS: Final = 2
_MP3_QUIET: Final = 145
"""Global gain of a frame that nobody hears: measured, noise at -70 dBFS has 142 and speech 150 and more. It tells
nothing of how loud a single tone is, but voices are none."""
_AAC_QUIET: Final = 16
"""Bytes of a frame that can hold no sound. What AAC says of its gain tells nothing of how loud it is."""
_AAC_FRAME: Final = 1024
_ADTS_HEADER: Final = 7
_ADTS_RATES: Final = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_AAC_SILENCE: Final = b"\0\0\0\7"
"""One channel whose highest band is 0, and the end of the frame."""


class Ending(Protocol):
    """The end of a stream that is still coming."""

    @property
    def quiet(self) -> float:
        """Seconds of silence at the end of what has come."""
        ...

    def feed(self, data: bytes) -> None:
        """What comes next."""
        ...

    def silence(self, seconds: float) -> bytes:
        """About so much silence, to be put behind it."""
        ...


def ending_of(format: AudioFormat, rate: int) -> Ending:  # noqa: A002
    """The watch over a new stream.

    Args:
        format: One that can be joined. Of ``wav`` only the samples are fed.
        rate: Hz.
    """
    if format is AudioFormat.MP3:
        return _Mp3Ending()
    if format is AudioFormat.AAC:
        return _AacEnding()
    return _SampledEnding(rate)


class _SampledEnding:
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._tail = bytearray()

    @property
    def quiet(self) -> float:
        whole = bytes(self._tail[: len(self._tail) // SAMPLE_SIZE * SAMPLE_SIZE])
        return (len(whole) // SAMPLE_SIZE - last_loud(whole)) / self._rate

    def feed(self, data: bytes) -> None:
        self._tail += data
        # Whole samples from the front, so that what stays is whole samples too.
        surplus = max(0, len(self._tail) - _KEPT_SECONDS * self._rate * SAMPLE_SIZE)
        del self._tail[: surplus // SAMPLE_SIZE * SAMPLE_SIZE]

    def silence(self, seconds: float) -> bytes:
        return bytes(round(max(0.0, seconds) * self._rate) * SAMPLE_SIZE)


class _Mp3Ending:
    def __init__(self) -> None:
        self.quiet = 0.0
        self._splitter = FrameSplitter()
        self._last: bytes | None = None

    def feed(self, data: bytes) -> None:
        try:
            segments = self._splitter.feed(data)
        except EngineError:
            # Whatever it is, it is not for us to judge; it gets no pause.
            self._last = None
            return
        for segment in segments:
            header = parse_header(segment.data) if segment.samples else None
            if header is None or header.channels != 1:
                continue
            self._last = segment.data
            quiet = _is_quiet(segment.data, header)
            self.quiet = self.quiet + header.samples / header.sample_rate if quiet else 0.0

    def silence(self, seconds: float) -> bytes:
        if self._last is None:
            return b""
        # The header of its neighbours, without checksum and padding; no main data, and none of another frame's.
        first, second, third, fourth = self._last[:4]
        head = bytes((first, second | 1, third & ~2, fourth))
        header = parse_header(head)
        if header is None:
            return b""
        frame = head + bytes(header.size - len(head))
        return frame * round(max(0.0, seconds) * header.sample_rate / header.samples)


def _is_quiet(frame: bytes, header: FrameHeader) -> bool:
    start = 4 + 2 * header.checked
    side = int.from_bytes(frame[start : start + header.side_info_size], "big")
    bits = 8 * header.side_info_size
    # In front of the first granule: where the main data begins, private bits, and in MPEG-1 what is shared.
    ahead = 18 if header.version == 1 else 9
    size = side >> bits - ahead - 12 & 0xFFF
    gain = side >> bits - ahead - 29 & 0xFF
    return size == 0 or gain <= _MP3_QUIET


class _AacEnding:
    def __init__(self) -> None:
        self.quiet = 0.0
        self._buffer = bytearray()
        self._head: bytes | None = None

    def feed(self, data: bytes) -> None:
        self._buffer += data
        position = 0
        while position + _ADTS_HEADER <= len(self._buffer):
            head = bytes(self._buffer[position : position + _ADTS_HEADER])
            size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
            if head[0] != 0xFF or head[1] & 0xF7 != 0xF1 or size < _ADTS_HEADER + 2 or not _aac_rate(head):
                self._head = None
                position = len(self._buffer)
                break
            if position + size > len(self._buffer):
                break
            position += size
            self._head = head
            self.quiet = self.quiet + _AAC_FRAME / _aac_rate(head) if size <= _ADTS_HEADER + _AAC_QUIET else 0.0
        del self._buffer[:position]

    def silence(self, seconds: float) -> bytes:
        if self._head is None:
            return b""
        head = bytearray(self._head)
        size = _ADTS_HEADER + len(_AAC_SILENCE)
        head[3] = head[3] & 0xFC | size >> 11
        head[4] = size >> 3 & 0xFF
        head[5] = (size & 7) << 5 | head[5] & 0x1F
        return (bytes(head) + _AAC_SILENCE) * round(max(0.0, seconds) * _aac_rate(self._head) / _AAC_FRAME)


def _aac_rate(head: bytes) -> int:
    index = head[2] >> 2 & 15
    return _ADTS_RATES[index] if index < len(_ADTS_RATES) else 0
