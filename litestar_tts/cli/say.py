"""Speech into a file: all of it, or no file."""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from litestar_tts.audio.wav import HEADER_SIZE, wav_header
from litestar_tts.models import AudioChunk, AudioFormat, SpeechEnd, SpeechInfo, WordBoundary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from litestar_tts.service import SpeechService

__all__ = ("Spoken", "say_to")

LONG_TEXT: Final = 400
"""Characters from which on a bar shows how far the voice is."""


class Spoken(msgspec.Struct, frozen=True):
    """What came out."""

    target: str
    info: SpeechInfo
    duration: float
    size: int
    first_audio: float

    def line(self) -> str:
        """All of it in one line for people."""
        name = "standard output" if self.target == "-" else self.target
        instead = f" instead of {self.info.fallback_from}" if self.info.fallback_from else ""
        return (
            f"{name}: {self.duration:.2f} s of {self.info.format.value}, {_size(self.size)}, "
            f"voice {self.info.voice} ({self.info.engine}{instead}), first audio after {self.first_audio:.2f} s"
        )


async def say_to(service: SpeechService, text: str, target: str, options: dict[str, Any]) -> Spoken:
    """Speak a text into a file.

    Args:
        service: Who speaks.
        text: What to say.
        target: Path, or ``-`` for standard output. A file appears under its name when it is complete.
        options: As for :meth:`SpeechService.request`.

    Raises:
        TTSError: It cannot be spoken; no file is left.
        OSError: It cannot be written; no file is left.
    """
    speech = service.speak(text, service.request(visemes=None, **options))
    started = time.monotonic()
    size, end = 0, None
    async with aclosing(speech):
        info = await speech.start()
        first_audio = time.monotonic() - started
        with _output(target) as file, _progress(len(text)) as advance:
            async for event in speech:
                if isinstance(event, AudioChunk):
                    file.write(event.data)
                    size += len(event.data)
                elif isinstance(event, WordBoundary) and event.offset is not None:
                    advance(event.offset)
                elif isinstance(event, SpeechEnd):
                    end = event
            if info.format is AudioFormat.WAV:
                _write_sizes(file, info.sample_rate, size)
            file.flush()
    assert end is not None  # noqa: S101
    return Spoken(target=target, info=info, duration=end.duration, size=size, first_audio=first_audio)


@contextmanager
def _output(target: str) -> Iterator[BinaryIO]:
    """What to write to; a regular file can be sought in, and appears when all went well."""
    if target == "-":
        yield sys.stdout.buffer
        return
    path = Path(target)
    if path.exists() and not path.is_file():
        with path.open("wb", buffering=0) as device:
            yield device
        return
    # Beside the target, so that renaming is one step on one file system.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent)) from error
    finally:
        part.unlink(missing_ok=True)


def _write_sizes(file: BinaryIO, sample_rate: int, size: int) -> None:
    if file is not sys.stdout.buffer and Path(file.name).is_file():
        file.seek(0)
        file.write(wav_header(sample_rate, size - HEADER_SIZE))


@contextmanager
def _progress(length: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error for long texts, if somebody sees it."""
    console = Console(stderr=True)
    if length < LONG_TEXT or not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("Speaking"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=length)
        yield lambda offset: bar.update(task, completed=offset)


def _size(count: int) -> str:
    return (
        f"{count} bytes"
        if count < 1024
        else f"{count / 1024:.1f} KiB"
        if count < 1 << 20
        else f"{count / (1 << 20):.1f} MiB"
    )
