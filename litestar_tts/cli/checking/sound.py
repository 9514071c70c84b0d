"""From an answer's bytes to samples: whether it decodes, how long it lasts, and when something is heard."""

from __future__ import annotations

import array
import io
import struct
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from litestar_tts.audio import pyav
from litestar_tts.cli.checking.notes import Fault

__all__ = ("AUDIBLE", "MAGIC", "SKIP", "Sound", "can_decode", "decode", "first_audible")

AUDIBLE: Final = 300
"""Of 32768, some -40 dB: above the noise of any encoder, below any vowel."""
CONTAINERS: Final = {"mp3": "mp3", "aac": "aac", "opus": "ogg", "flac": "flac"}
SKIP: Final = {"mp3": 1105, "aac": 1024}
"""Samples of encoder delay that are no part of the clock."""
MAGIC: Final[dict[str, Sequence[bytes]]] = {
    "wav": (b"RIFF",),
    "mp3": (b"\xff", b"ID3"),
    "opus": (b"OggS",),
    "aac": (b"\xff\xf1", b"\xff\xf9"),
    "flac": (b"fLaC",),
    "pcm": (b"",),
}
_WAV_HEADER: Final = 44


class Sound(msgspec.Struct, frozen=True):
    """Mono samples."""

    samples: array.array[int]
    rate: int

    def duration(self, skip: int = 0) -> float:
        """Seconds behind the encoder delay."""
        return max(0, len(self.samples) - skip) / self.rate


def can_decode(audio_format: str) -> bool:
    """Whether it can be decoded here."""
    return audio_format in ("pcm", "wav") or pyav.available()


def decode(data: bytes, audio_format: str, rate: int = 24_000) -> Sound:
    """Decode a whole answer.

    Args:
        data: The bytes.
        audio_format: As asked for.
        rate: Hz of ``pcm``, which does not say it.

    Raises:
        Fault: The bytes are not in that format.
    """
    if not data:
        raise Fault(f"{audio_format}: no audio at all")
    if not data.startswith(tuple(MAGIC[audio_format])):
        raise Fault(f"{audio_format}: begins with {data[:12]!r}, which is not {audio_format}")
    if audio_format == "pcm":
        return Sound(_samples(data), rate)
    if audio_format == "wav":
        return _read_wav(data)
    return _decode_with_av(data, audio_format)


def first_audible(samples: Sequence[int]) -> int | None:
    """Position of the first sample that is heard."""
    return next((at for at, sample in enumerate(samples) if abs(sample) > AUDIBLE), None)


def _samples(data: bytes) -> array.array[int]:
    samples = array.array("h", data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _read_wav(data: bytes) -> Sound:
    if len(data) < _WAV_HEADER or data[8:16] != b"WAVEfmt " or data[36:40] != b"data":
        raise Fault("wav: the header is not that of plain PCM")
    size, kind, channels, rate = struct.unpack_from("<IHHI", data, 16)
    (bits,) = struct.unpack_from("<H", data, 34)
    if (size, kind, channels, bits) != (16, 1, 1, 16):
        raise Fault(f"wav: format {kind} with {channels} channels of {bits} bits, not mono PCM of 16")
    return Sound(_samples(data[_WAV_HEADER:]), rate)


def _decode_with_av(data: bytes, audio_format: str) -> Sound:
    av = pyav.load()
    resampler = av.AudioResampler(format="s16", layout="mono")
    samples, rate = array.array("h"), 0
    try:
        with av.open(io.BytesIO(data), format=CONTAINERS[audio_format]) as container:
            stream: Any = container.streams.audio[0]
            for frame in container.decode(stream):
                for part in resampler.resample(frame):
                    rate = part.sample_rate
                    samples.frombytes(pyav.plane_bytes(part, 2))
    except (av.FFmpegError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Fault(f"{audio_format}: does not decode: {reason}") from None
    if not samples:
        raise Fault(f"{audio_format}: decodes to nothing")
    return Sound(samples, rate)
