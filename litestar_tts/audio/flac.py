"""FLAC, streamed: without the length and checksum that only a finished file knows (the format allows 0 for both).

FFmpeg's FLAC encoder takes 7 MB and several milliseconds to open, which a hundred streams cannot afford. But no block
of FLAC depends on another: only its number and the checksums over it tell streams apart. So a few encoders serve all
streams, and each stream writes its own numbers.
"""

from __future__ import annotations

import sys
import threading
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from litestar_tts.audio.codec import CodecFrames
from litestar_tts.audio.pcm import SAMPLE_SIZE

__all__ = ("FlacEncoder",)

_BLOCKS_PER_SECOND: Final = 20
"""FFmpeg's own choice, 105 ms a block, would keep the first sound back for as long."""
_RATE_CODES: Final = {8_000: 4, 16_000: 5, 22_050: 6, 24_000: 7, 44_100: 9, 48_000: 10}
_CRC8: Final = 0x107
_CRC16: Final = 0x18005

_idle: deque[tuple[int, CodecFrames]] = deque(maxlen=4)
_lock = threading.Lock()


class FlacEncoder:
    """s16le mono in, FLAC out."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._block = rate // _BLOCKS_PER_SECOND
        self._buffer = bytearray()
        self._number = 0
        self._started = False
        self.samples = 0

    def feed(self, pcm: bytes) -> bytes:
        """Take the next samples; return the blocks that they complete."""
        self.samples += len(pcm) // SAMPLE_SIZE
        self._buffer += pcm
        size = self._block * SAMPLE_SIZE
        whole = len(self._buffer) - len(self._buffer) % size
        if not whole:
            return b""
        with _borrowed(self._rate, self._block) as encoder:
            blocks = encoder.feed(bytes(self._buffer[:whole]))
        del self._buffer[:whole]
        return self._start() + b"".join(map(self._numbered, blocks))

    def finish(self) -> bytes:
        """The last block, which is shorter."""
        return self._start() + (self._verbatim(bytes(self._buffer)) if self._buffer else b"")

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        # STREAMINFO: block sizes, unknown frame sizes, rate, one channel, 16 bits, unknown length and MD5.
        sizes = self._block.to_bytes(2, "big") * 2 + bytes(6)
        layout = self._rate << 44 | 0 << 41 | 15 << 36
        return b"fLaC\x80\x00\x00\x22" + sizes + layout.to_bytes(8, "big") + bytes(16)

    def _numbered(self, block: bytes) -> bytes:
        """A block of a shared encoder as this stream's next one."""
        number_end = 4 + _number_size(block[4])
        options_end = number_end + _options_size(block[2])
        head = block[:4] + _coded_number(self._number) + block[number_end:options_end]
        head += bytes([_crc(head, _CRC8, 8)])
        self._number += 1
        # CRCs are linear: what the new head changes in the block's checksum follows from the two heads alone.
        difference = _crc(block[: options_end + 1], _CRC16, 16) ^ _crc(head, _CRC16, 16)
        rest = block[options_end + 1 : -2]
        crc = int.from_bytes(block[-2:], "big") ^ _shifted(difference, len(rest))
        return head + rest + crc.to_bytes(2, "big")

    def _verbatim(self, pcm: bytes) -> bytes:
        """A block without compression. An encoder takes a short block only as its very last, so it cannot be shared."""
        samples = array("h", pcm)
        if sys.byteorder == "little":
            samples.byteswap()
        # Block size in two bytes behind the number; the same rate, channel and depth codes as every other block, since
        # FFmpeg's parser takes a block that differs in them for part of the one before.
        head = bytes((0xFF, 0xF8, 7 << 4 | _RATE_CODES.get(self._rate, 0), 0x08))
        head += _coded_number(self._number) + (len(samples) - 1).to_bytes(2, "big")
        head += bytes([_crc(head, _CRC8, 8)])
        block = head + b"\x02" + samples.tobytes()
        return block + _crc(block, _CRC16, 16).to_bytes(2, "big")


@contextmanager
def _borrowed(rate: int, block: int) -> Iterator[CodecFrames]:
    with _lock:
        found = next((entry for entry in _idle if entry[0] == rate), None)
        if found is not None:
            _idle.remove(found)
    encoder = found[1] if found else CodecFrames("flac", rate, compression_level="5", frame_size=str(block))
    yield encoder
    # Not after an error: nobody knows what is still in it then.
    with _lock:
        _idle.append((rate, encoder))


def _coded_number(number: int) -> bytes:
    """A block's number, in the scheme of UTF-8 but up to 36 bits."""
    if number < 0x80:
        return bytes([number])
    size = next(size for size in range(2, 8) if number < 1 << 5 * size + 1)
    tail = bytes(0x80 | number >> 6 * index & 0x3F for index in range(size - 2, -1, -1))
    return bytes([0xFF00 >> size & 0xFF | number >> 6 * (size - 1)]) + tail


def _number_size(first: int) -> int:
    return max(1, 8 - (~first & 0xFF).bit_length())


def _options_size(codes: int) -> int:
    """Bytes that the block size and the rate take behind the number, by their codes in the third byte."""
    return {6: 1, 7: 2}.get(codes >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(codes & 15, 0)


def _crc_table(polynomial: int, bits: int) -> list[int]:
    table = []
    for byte in range(256):
        crc = byte << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 & 1 else 0)
        table.append(crc)
    return table


_TABLES: Final = {_CRC8: _crc_table(_CRC8, 8), _CRC16: _crc_table(_CRC16, 16)}


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    table, crc, mask = _TABLES[polynomial], 0, (1 << bits) - 1
    for byte in data:
        crc = (crc << 8 & mask) ^ table[crc >> bits - 8 ^ byte]
    return crc


def _times(left: int, right: int) -> int:
    """Product of two polynomials over GF(2), modulo the one of the 16-bit CRC."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 0x10000:
            left ^= _CRC16
        right >>= 1
    return product


def _zero_bytes(count: int) -> list[int]:
    powers = [1 << 8]
    while len(powers) < count:
        powers.append(_times(powers[-1], powers[-1]))
    return powers


_ZEROS: Final = _zero_bytes(20)
"""Factor by which 1, 2, 4, 8 … zero bytes behind some data multiply its CRC."""


def _shifted(crc: int, count: int) -> int:
    """The CRC of the same data with ``count`` zero bytes behind."""
    for power in range(count.bit_length()):
        if count >> power & 1:
            crc = _times(crc, _ZEROS[power])
    return crc
