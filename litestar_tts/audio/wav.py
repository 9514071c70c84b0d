"""The WAV header: 44 bytes in front of s16le mono."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ("HEADER_SIZE", "wav_header", "with_true_sizes")

HEADER_SIZE: Final = 44
_UNKNOWN: Final = 0xFFFFFFFF
_BYTES_PER_SAMPLE: Final = 2
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")


def wav_header(sample_rate: int, data_size: int | None = None) -> bytes:
    """The header of s16le mono at ``sample_rate`` Hz.

    Args:
        sample_rate: Hz.
        data_size: Bytes of audio behind the header; None while it is not known: both size fields are then 0xFFFFFFFF,
            which players read as "until the end of the stream".
    """
    # A file that outgrows the field says "unknown" too, as there is no true number to give.
    known = data_size is not None and data_size + HEADER_SIZE - 8 < _UNKNOWN
    size = data_size if known and data_size is not None else _UNKNOWN
    return _HEADER.pack(
        b"RIFF",
        size + HEADER_SIZE - 8 if known else _UNKNOWN,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        sample_rate,
        sample_rate * _BYTES_PER_SAMPLE,
        _BYTES_PER_SAMPLE,
        8 * _BYTES_PER_SAMPLE,
        b"data",
        size,
    )


def with_true_sizes(data: bytes) -> bytes:
    """A whole WAV of ours with its sizes written into the header; anything else comes back as it is."""
    if len(data) < HEADER_SIZE or data[:4] != b"RIFF" or data[36:40] != b"data":
        return data
    (sample_rate,) = struct.unpack_from("<I", data, 24)
    return wav_header(sample_rate, len(data) - HEADER_SIZE) + data[HEADER_SIZE:]
