"""Subtitles of a long speech, written section by section."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import click
import msgspec

from litestar_tts.captions import Cue, make_cues, to_srt, to_vtt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from litestar_tts.models import WordBoundary

__all__ = ("Subtitles", "check_suffix")

_KINDS: Final = (".srt", ".vtt")
_VTT_HEAD: Final = "WEBVTT\n\n"


def check_suffix(path: str) -> None:
    """Make sure that the file's suffix tells its kind.

    Raises:
        click.UsageError: It does not.
    """
    if Path(path).suffix.lower() not in _KINDS:
        raise click.UsageError(f"subtitles are written as {' or '.join(_KINDS)}; name such a file with --captions")


class Subtitles:
    """A file of subtitles that appears when it is complete.

    Raises:
        OSError: It cannot be written there.
    """

    def __init__(self, path: str) -> None:
        file = Path(path)
        self._vtt = file.suffix.lower() == ".vtt"
        # A link stays a link to what will be written.
        self._path = file.resolve() if file.is_symlink() else file
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._file: TextIO | None = None
        self._count = 0
        # Only to see that it can be written: there are no words for hours, and whoever is killed cannot tidy up.
        try:
            self._part.touch(exist_ok=False)
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(self._path.parent)) from error
        self._part.unlink()

    def add(self, text: str, words: Sequence[WordBoundary], *, start: float, duration: float) -> None:
        """Add a section.

        Args:
            text: What was spoken.
            words: With times from the section's start, and offsets in its text.
            start: Seconds from the start of everything to the section.
            duration: Seconds of the section.
        """
        cues = [self._moved(cue, start) for cue in make_cues(words, text, duration=duration)]
        self._count += len(cues)
        if cues:
            self._opened().write("\n" + to_vtt(cues).removeprefix(_VTT_HEAD) if self._vtt else to_srt(cues))

    def finish(self) -> None:
        """All sections are there: give the file its name."""
        self._opened().close()
        self._part.replace(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def _opened(self) -> TextIO:
        if self._file is None:
            self._file = self._part.open("x", encoding="utf-8", newline="\n")
            if self._vtt:
                self._file.write("WEBVTT\n")
        return self._file

    def _moved(self, cue: Cue, by: float) -> Cue:
        def moved(time: float) -> float:
            return round(time + by, 3)

        lines = tuple(
            tuple(msgspec.structs.replace(part, start=moved(part.start), end=moved(part.end)) for part in line)
            for line in cue.lines
        )
        index = cue.index + self._count
        return msgspec.structs.replace(cue, index=index, start=moved(cue.start), end=moved(cue.end), lines=lines)
