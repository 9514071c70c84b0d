"""Where one stream of MP3 frames goes on with the middle of another."""

from __future__ import annotations

from collections import deque
from typing import Final

from litestar_tts.audio.mp3 import Segment, main_data_begin, silent_frames

__all__ = ("Seam",)

_LONGEST_SILENCE: Final = 4
"""Frames; no reservoir reaches further back."""


class Seam:
    """Drops the beginning of a stream so that what follows needs nothing of it.

    A frame that keeps part of its sound in dropped ones would be noise behind the frames of another stream. So the
    first frames behind the seam (at most some 70 ms) may become silence that carries what the next ones need.

    Args:
        drop: Frames to drop.
    """

    def __init__(self, drop: int) -> None:
        self._drop = drop
        self._before: deque[bytes] = deque(maxlen=_LONGEST_SILENCE)
        self._silenced = 0
        self.passed = False
        """Frames go through untouched now."""

    @property
    def left(self) -> int:
        """Frames that are still to be dropped."""
        return self._drop

    def take(self, segment: Segment) -> list[Segment]:
        """The next frame of the new stream; gives those that go on."""
        if self.passed:
            return [segment]
        if self._drop:
            self._drop -= 1
            self._before.append(segment.data)
            return []
        reservoir = main_data_begin(segment.data)
        if not self._silenced and not reservoir:
            self.passed = True
            return [segment]
        carried = silent_frames(list(self._before), self._silenced, reservoir) if self._silenced else []
        if carried or self._silenced == _LONGEST_SILENCE:
            self.passed = True
            return [*(Segment(data, segment.samples) for data in carried), segment]
        self._silenced += 1
        self._before.append(segment.data)
        return []
