"""A text spoken in one go, into a file or a pipe: all of it, or no file."""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import ExitStack, aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from litestar_tts.audio.wav import HEADER_SIZE, wav_header
from litestar_tts.cli.progress import Meter
from litestar_tts.cli.spoken import Spoken
from litestar_tts.cli.subtitles import Subtitles
from litestar_tts.models import AudioChunk, AudioFormat, SpeechEnd, WordBoundary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar_tts.service import SpeechService

__all__ = ("is_stream", "say_to")


def is_stream(target: str) -> bool:
    """Whether what is written there is gone at once: standard output, a device, a named pipe."""
    if target == "-":
        return True
    path = Path(target)
    return path.exists() and (not path.is_file() or _is_descriptor(path))


def _is_descriptor(path: Path) -> bool:
    # /dev/stdout and /dev/fd/63 may be links to a regular file; whoever renames onto them breaks them for everybody.
    folder = path.parent.resolve()
    return folder == Path("/dev") or folder.is_relative_to("/proc")


async def say_to(
    service: SpeechService, text: str, target: str, options: dict[str, Any], captions: str | None = None
) -> Spoken:
    """Speak a text into a file.

    Args:
        service: Who speaks.
        text: What to say.
        target: Path, or ``-`` for standard output. A file appears under its name when it is complete.
        options: As for :meth:`SpeechService.request`.
        captions: File for the subtitles; None: none.

    Raises:
        TTSError: It cannot be spoken; no file is left.
        OSError: It cannot be written; no file is left.
    """
    text = service.check_text(text)
    speech = service.speak(text, service.request(visemes=None, **options))
    started = time.monotonic()
    size, end = 0, None
    words: list[WordBoundary] = []
    async with aclosing(speech):
        info = await speech.start()
        first_audio = time.monotonic() - started
        with ExitStack() as stack:
            subtitles = stack.enter_context(Subtitles(captions)) if captions is not None else None
            file = stack.enter_context(_output(target))
            meter = stack.enter_context(Meter(len(text)))
            meter.begin("Speaking", len(text))
            async for event in speech:
                if isinstance(event, AudioChunk):
                    file.write(event.data)
                    size += len(event.data)
                elif isinstance(event, WordBoundary):
                    if subtitles is not None:
                        words.append(event)
                    if event.offset is not None:
                        meter.at(event.offset, event.time)
                elif isinstance(event, SpeechEnd):
                    end = event
            assert end is not None  # noqa: S101
            if info.format is AudioFormat.WAV and target != "-":
                _write_sizes(file, info.sample_rate, size)
            file.flush()
            if subtitles is not None:
                subtitles.add(text, words, start=0.0, duration=end.duration)
                subtitles.finish()
    return Spoken(target=target, info=info, duration=end.duration, size=size, first_audio=first_audio)


@contextmanager
def _output(target: str) -> Iterator[BinaryIO]:
    """What to write to; a regular file can be sought in, and appears when all went well."""
    if target == "-":
        yield sys.stdout.buffer
        return
    path = Path(target)
    if is_stream(target):
        with path.open("wb", buffering=0) as device:
            yield device
        return
    # A link stays a link to what will be written.
    path = path.resolve() if path.is_symlink() else path
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
    if Path(file.name).is_file():
        file.seek(0)
        file.write(wav_header(sample_rate, size - HEADER_SIZE))
