"""What came out, for people."""

from __future__ import annotations

from typing import Final

import msgspec

from litestar_tts.cli.progress import clock
from litestar_tts.models import SpeechInfo

__all__ = ("Spoken",)

LONG: Final = 60.0
"""Seconds from which on a clock reads better."""


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What came out."""

    target: str | None
    """The file, ``-`` for standard output; None: it was played only."""
    info: SpeechInfo
    duration: float
    size: int
    first_audio: float | None
    """Seconds; None: all of it had been there before."""
    resumed_at: float | None = None
    """Seconds of the speech that an earlier run has made; None: none did."""
    played_by: str | None = None

    def line(self) -> str:
        """All of it in one line."""
        info = self.info
        length = f"{self.duration:.2f} s"
        if self.duration >= LONG:
            length += f" ({clock(self.duration)})"
        if self.target is None:
            parts = [f"{length} played by {self.played_by}"]
        else:
            name = "standard output" if self.target == "-" else self.target
            parts = [f"{name}: {length} of {info.format.value}", _size(self.size)]
            if self.played_by:
                parts.append(f"played by {self.played_by}")
        instead = f" instead of {info.fallback_from}" if info.fallback_from else ""
        parts.append(f"voice {info.voice} ({info.engine}{instead})")
        if self.first_audio is not None:
            parts.append(f"first audio after {self.first_audio:.2f} s")
        if self.resumed_at is not None:
            parts.append(f"continued at {clock(self.resumed_at)}")
        return ", ".join(parts)


def _size(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
