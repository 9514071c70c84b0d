"""Plain arithmetic on s16le samples."""

from __future__ import annotations

import sys
from array import array
from typing import Final

__all__ = ("SAMPLE_SIZE", "SILENCE_PEAK", "fade_in", "fade_out", "first_loud", "last_loud")

SAMPLE_SIZE: Final = 2
SILENCE_PEAK: Final = 65
"""Largest sample that counts as silence: -54 dBFS, below the softest consonant of a voice and above a codec's noise."""

_BLOCK: Final = 256


def _samples(data: bytes | memoryview) -> array[int]:
    samples = array("h")
    samples.frombytes(data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _is_loud(samples: array[int]) -> bool:
    return max(samples) > SILENCE_PEAK or min(samples) < -SILENCE_PEAK


def last_loud(data: bytes | memoryview) -> int:
    """One past the last sample above silence; 0 if there is none."""
    samples = _samples(data)
    for end in range(len(samples), 0, -_BLOCK):
        start = max(0, end - _BLOCK)
        if _is_loud(samples[start:end]):
            return next(index + 1 for index in range(end - 1, start - 1, -1) if abs(samples[index]) > SILENCE_PEAK)
    return 0


def first_loud(data: bytes | memoryview) -> int | None:
    """The first sample above silence; None if there is none."""
    samples = _samples(data)
    for start in range(0, len(samples), _BLOCK):
        if _is_loud(samples[start : start + _BLOCK]):
            return next(index for index in range(start, len(samples)) if abs(samples[index]) > SILENCE_PEAK)
    return None


def fade_in(data: bytes, count: int) -> bytes:
    """``data`` with its first ``count`` samples led up from zero, so that it does not click behind something else."""
    count = min(count, len(data) // SAMPLE_SIZE)
    head = _samples(data[: count * SAMPLE_SIZE])
    for index in range(count):
        head[index] = head[index] * index // count
    if sys.byteorder == "big":
        head.byteswap()
    return head.tobytes() + data[count * SAMPLE_SIZE :]


def fade_out(data: bytes, count: int) -> bytes:
    """``data`` with its last ``count`` samples led to zero, so that what follows does not click."""
    count = min(count, len(data) // SAMPLE_SIZE)
    tail = _samples(data[len(data) - count * SAMPLE_SIZE :])
    for index in range(count):
        tail[index] = tail[index] * (count - 1 - index) // count
    if sys.byteorder == "big":
        tail.byteswap()
    return data[: len(data) - count * SAMPLE_SIZE] + tail.tobytes()
