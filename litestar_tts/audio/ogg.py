"""Ogg pages with Opus in them (RFC 3533, RFC 7845), written as the packets come.

A muxer of our own, because FFmpeg's puts a random serial number into each stream and decides by itself when a page is
full: the same speech should always be the same bytes, and its first page should leave after its first 20 ms.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

__all__ = ("OggOpusWriter",)

_SERIAL: Final = 0x54545321
_PAGE: Final = struct.Struct("<4sBBqIIIB")
_CONTINUES, _FIRST, _LAST = 0, 2, 4
_SHORT_PAGES: Final = 5
"""Pages with one packet each at the start, so that sound starts early."""
_PACKETS_PER_PAGE: Final = 5
"""Later on: 100 ms a page, 28 bytes of header each."""
_VENDOR: Final = b"litestar-tts"

_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(page: bytes) -> int:
    # Ogg's CRC is zlib's polynomial with the bits of every byte the other way round and without the inversions.
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)


class OggOpusWriter:
    """One logical stream of 20 ms mono Opus packets.

    Args:
        head: The ``OpusHead`` packet.
        packet_samples: Samples at 48 kHz in each packet.
    """

    def __init__(self, head: bytes, packet_samples: int) -> None:
        self.pre_skip: int = struct.unpack_from("<H", head, 10)[0]
        """Samples at 48 kHz that a decoder drops at the start."""
        self._head = head
        self._packet_samples = packet_samples
        self._pages = 0
        self._packets = 0
        self._waiting: list[bytes] = []

    def start(self) -> bytes:
        """The two header pages."""
        tags = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)
        return self._page([self._head], _FIRST, 0) + self._page([tags], _CONTINUES, 0)

    def packet(self, packet: bytes) -> bytes:
        """Take a packet; return the page that it completes."""
        self._waiting.append(packet)
        if self._packets < _SHORT_PAGES or len(self._waiting) == _PACKETS_PER_PAGE:
            return self._flush(_CONTINUES, None)
        return b""

    def finish(self, packets: list[bytes], samples: int) -> bytes:
        """The last packets and the true length.

        Args:
            packets: The position that cuts the encoder's padding off stands on the page of the last one, so there has
                to be one, unless there is no sound at all.
            samples: Length of the sound at 48 kHz.
        """
        out = bytearray()
        for packet in packets[:-1]:
            out += self.packet(packet)
        self._waiting += packets[-1:]
        return bytes(out) + self._flush(_LAST, self.pre_skip + samples)

    def _flush(self, kind: int, position: int | None) -> bytes:
        packets, self._waiting = self._waiting, []
        self._packets += len(packets)
        return self._page(packets, kind, self._packets * self._packet_samples if position is None else position)

    def _page(self, packets: list[bytes], kind: int, position: int) -> bytes:
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
        header = _PAGE.pack(b"OggS", 0, kind, position, _SERIAL, self._pages, 0, len(lacing))
        page = header + lacing + b"".join(packets)
        self._pages += 1
        return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]
