"""From the samples of a finished recording to the file that was asked for."""

from __future__ import annotations

import os
import struct
from contextlib import aclosing
from typing import TYPE_CHECKING, BinaryIO, Final

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.models import AudioFormat

if TYPE_CHECKING:
    from litestar_tts.cli.progress import Meter
    from litestar_tts.recording import Recording

__all__ = ("encode_file", "write_flac_length")

_BLOCK: Final = 1 << 18
_FLAC_LENGTH: Final = 18
"""Where STREAMINFO has its rate, channels, depth (28 bits) and the number of samples (36 bits)."""
_LAYOUT: Final = struct.Struct(">Q")


async def encode_file(recording: Recording, target: AudioFormat, rate: int, meter: Meter) -> int:
    """Encode what was recorded; the target appears when it is complete, and the recording stays.

    Returns:
        Bytes of the target.

    Raises:
        OSError: It cannot be written.
    """
    stage = AudioStage(AudioSource(sample_rate=rate), target, sample_rate=rate)
    encoded = recording.target.with_name(f"{recording.target.name}.part.{target.value}")
    meter.begin("Encoding", recording.size)
    done = 0
    try:
        with recording.part.open("rb") as samples, encoded.open("w+b") as file:
            async with aclosing(stage):
                while block := samples.read(min(_BLOCK, recording.size - done)):
                    file.write(await stage.feed(block))
                    done += len(block)
                    meter.at(done)
                file.write(await stage.finish())
            if target is AudioFormat.FLAC:
                write_flac_length(file, recording.size // 2)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0, os.SEEK_END)
            size = file.tell()
        encoded.replace(recording.target)
    finally:
        encoded.unlink(missing_ok=True)
    return size


def write_flac_length(file: BinaryIO, samples: int) -> None:
    """Write into a FLAC file's head how long it is: without that, players cannot tell, nor jump in it."""
    file.seek(_FLAC_LENGTH)
    (layout,) = _LAYOUT.unpack(file.read(_LAYOUT.size))
    file.seek(_FLAC_LENGTH)
    file.write(_LAYOUT.pack(layout >> 36 << 36 | samples & (1 << 36) - 1))
