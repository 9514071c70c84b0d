"""How the sections of a long speech are kept until the file is complete.

Samples, and MP3 and AAC whose frames stand for themselves, follow each other in the part file as they will in the file.
Opus and FLAC number their pages and blocks through to the end, so their sections are kept as samples and encoded last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from litestar_tts.audio.formats import AudioSource, skip_samples_of
from litestar_tts.audio.pcm import SAMPLE_SIZE, last_loud
from litestar_tts.audio.stage import AudioStage
from litestar_tts.audio.wav import HEADER_SIZE, wav_header
from litestar_tts.models import AudioFormat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from litestar_tts.recording import Recording

__all__ = ("SectionWriter", "is_encoded_last", "true_beginning")

_APPENDED: Final = (AudioFormat.MP3, AudioFormat.AAC)


def is_encoded_last(target: AudioFormat) -> bool:
    """Whether the sections are kept as samples although the file will hold something else."""
    return target in (AudioFormat.OPUS, AudioFormat.FLAC)


def true_beginning(target: AudioFormat, rate: int, size: int) -> bytes:
    """What a part file of ``size`` bytes has to begin with once nothing follows any more."""
    return wav_header(rate, size - HEADER_SIZE) if target is AudioFormat.WAV else b""


class SectionWriter:
    """Puts one section into a recording. An asynchronous context manager.

    Args:
        recording: Where to; None: the samples are only counted.
        target: Format of the file to be.
        rate: Hz of the samples.
        last: No section follows.
    """

    def __init__(self, recording: Recording | None, target: AudioFormat, rate: int, *, last: bool) -> None:
        self._recording = recording
        self._last = last
        self._samples = 0
        self._stage: AudioStage | None = None
        self._delay = 0
        self._held = b""
        self._rate = rate
        if recording is None:
            return
        recording.rewind()
        if target is AudioFormat.WAV and not recording.size:
            recording.write(wav_header(rate))
        if target in _APPENDED:
            self._stage = AudioStage(AudioSource(sample_rate=rate), target, sample_rate=rate)
            self._delay = skip_samples_of(target)

    async def write(self, pcm: bytes) -> None:
        """Add samples."""
        self._samples += len(pcm) // SAMPLE_SIZE
        if self._recording is None:
            return
        if self._stage is None:
            self._recording.write(pcm)
            return
        pcm = self._held + pcm
        free = len(pcm) if self._last else max(0, len(pcm) - self._delay * SAMPLE_SIZE)
        self._held = pcm[free:]
        if free:
            self._recording.write(await self._stage.feed(pcm[:free]))

    async def finish(self) -> int:
        """The section is complete.

        Returns:
            Samples that it takes in the file: the next section's clock begins behind them.
        """
        if self._recording is None or self._stage is None or not self._samples:
            return self._samples
        # The next section's encoder brings its own delay, which takes its place at the end of this one's pause.
        rest = self._held[: last_loud(self._held) * SAMPLE_SIZE]
        self._recording.write((await self._stage.feed(rest) if rest else b"") + await self._stage.finish())
        return round(self._stage.duration * self._rate) + self._delay

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stage is not None:
            await self._stage.aclose()
