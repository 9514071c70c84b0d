"""A long recording that survives being interrupted.

A recording is made of sections. What is finished stays in a part file beside the target, and a journal says how much of
it counts; whoever comes back with the same request goes on behind the last finished section. The target appears under
its name when all of it is there. The book ``book.wav`` is made from ``book.wav.part`` and ``book.wav.part.journal``.

The journal is a file of JSON lines: who the recording belongs to, then one line for each finished section. A section's
bytes are on the disk before its line is, so a process that is killed at any moment loses its unfinished section only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Self

__all__ = ("Recording", "RecordingInUseError", "fingerprint")

_VERSION: Final = 1
_LONGEST_LINE: Final = 16 << 20


class RecordingInUseError(OSError):
    """Another process is making the same file."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    key: str


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    end: int
    """Size of the part file when this section was finished."""
    note: dict[str, Any] = {}


def fingerprint(**what: Any) -> str:
    """A short key for ``what`` was asked: the same for the same values, in every process."""
    return hashlib.sha256(msgspec.json.encode(what, order="deterministic")).hexdigest()[:32]


class Recording:
    """The unfinished file. One thread or task at a time; blocking, so an event loop calls ``commit`` in a thread.

    ::

        with Recording(path, fingerprint(text=text, voice=voice)) as recording:
            for section in sections[recording.done:]:
                for data in speak(section):
                    recording.write(data)
                recording.commit({"voice": voice})
            recording.finish()

    Leaving the block without ``finish`` keeps what is done for the next time.

    Args:
        target: The file to be.
        key: Who the recording belongs to, see :func:`fingerprint`. Sections of another key are thrown away.
        resume: False: begin anew in any case.

    Raises:
        RecordingInUseError: Another process is making the same file.
        OSError: It cannot be written there.
    """

    def __init__(self, target: str | os.PathLike[str], key: str, *, resume: bool = True) -> None:
        path = Path(target)
        # A link stays a link to what will be written.
        self.target: Final = path.resolve() if path.is_symlink() else path
        self.part: Final = path_of_part(self.target)
        self.journal: Final = path_of_journal(self.target)
        self.done = 0
        """Sections that are finished."""
        self.size = 0
        """Bytes that are finished."""
        self.pending = 0
        """Bytes of the section that is being written."""
        self.note: dict[str, Any] = {}
        """Of the last finished section; empty if there is none."""
        self.replaced = False
        """Whether there were sections of another key, which are gone now, or that the caller did not want."""
        if not self.target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(self.target.parent))
        if self.target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder; name a file", str(self.target))
        if self.target.exists() and not self.target.is_file():
            # A file would take the place of the device or pipe, for every program of this machine.
            raise OSError(errno.EINVAL, "is no regular file; name one", str(self.target))
        # A task that is cancelled closes while the thread that it has left still commits.
        self._turn = threading.RLock()
        self._log = _open_alone(self.journal, self.target)
        try:
            if not (resume and self._restore(key)):
                self._begin(key)
            self._file: BinaryIO = self._open_part()
        except BaseException:
            self._log.close()
            raise

    @property
    def resumed(self) -> bool:
        """Whether this goes on from an earlier run, as long as nothing was added."""
        return self.done > 0

    def write(self, data: bytes) -> None:
        """Add to the section that is being written."""
        self._file.write(data)
        self.pending += len(data)

    def rewind(self) -> None:
        """Throw away what was written of the unfinished section, to write it anew."""
        self._file.seek(self.size)
        self._file.truncate()
        self.pending = 0

    def commit(self, note: Mapping[str, Any] | None = None) -> None:
        """The section is finished: from now on it outlives this process.

        Args:
            note: Whatever the caller wants to know of it later; what JSON can hold.
        """
        with self._turn:
            _to_disk(self._file)
            note = dict(note or {})
            end = self.size + self.pending
            self._log.write(msgspec.json.encode(_Section(end=end, note=note)) + b"\n")
            _to_disk(self._log)
            self.done, self.size, self.pending, self.note = self.done + 1, end, 0, note

    def notes(self) -> Iterator[dict[str, Any]]:
        """The notes of all finished sections, in order; read from the journal one by one."""
        with self.journal.open("rb") as lines:
            next(lines)
            for _ in range(self.done):
                yield msgspec.json.decode(next(lines), type=_Section).note

    def finish(self, *, beginning: bytes = b"") -> None:
        """All sections are there: give the file its name.

        Args:
            beginning: Replaces as many bytes at the start, for a header that names the sizes.
        """
        with self._turn:
            if self.pending:
                raise RuntimeError("a section is unfinished: commit() or rewind() it first")
            if beginning:
                self._file.seek(0)
                self._file.write(beginning)
            _to_disk(self._file)
            self._file.close()
            try:
                self.part.replace(self.target)
            except FileNotFoundError:
                raise FileNotFoundError(errno.ENOENT, "was removed while it was written", str(self.part)) from None
            self._forget()

    def discard(self) -> None:
        """Throw everything away."""
        # On a full disk the last bytes cannot go out; they were not going to count.
        with contextlib.suppress(OSError):
            self._file.close()
        self.part.unlink(missing_ok=True)
        self._forget()

    def close(self) -> None:
        """Stop here; what is finished is kept for the next time. Nothing is kept where nothing is finished."""
        with self._turn:
            if self._log.closed:
                return
            if self.done == 0:
                self.discard()
                return
            # On a full disk the last bytes cannot go out; they were not going to count.
            with contextlib.suppress(OSError):
                self._file.close()
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the journal --------------------------------------------------------------------------------------------------

    def _restore(self, key: str) -> bool:
        """Find what an earlier run has left; False: nothing that is of use."""
        header = _read(self._log.readline(_LONGEST_LINE), _Header)
        if header is None or header.version != _VERSION or header.key != key:
            return False
        try:
            there = self.part.stat().st_size
        except FileNotFoundError:
            return False
        good = self._log.tell()
        while (section := _read(self._log.readline(_LONGEST_LINE), _Section)) and self.size <= section.end <= there:
            self.done, self.size, self.note = self.done + 1, section.end, section.note
            good = self._log.tell()
        self._log.seek(good)
        self._log.truncate()
        return True

    def _begin(self, key: str) -> None:
        self._log.seek(0)
        self._log.readline(_LONGEST_LINE)
        self.replaced = self._log.readline(1) != b""
        self._log.seek(0)
        self._log.truncate()
        self._log.write(msgspec.json.encode(_Header(version=_VERSION, key=key)) + b"\n")
        _to_disk(self._log)

    def _open_part(self) -> BinaryIO:
        file = self.part.open("r+b" if self.done else "w+b")
        try:
            file.seek(self.size)
            file.truncate()
        except BaseException:
            file.close()
            raise
        return file

    def _forget(self) -> None:
        # While it is still ours: closing lets the next process in.
        if sys.platform != "win32":
            self.journal.unlink(missing_ok=True)
        self._log.close()
        if sys.platform == "win32":
            self.journal.unlink(missing_ok=True)


def path_of_part(target: Path) -> Path:
    """Where the sections of a file are kept."""
    return target.with_name(f"{target.name}.part")


def path_of_journal(target: Path) -> Path:
    """Where it is written down which of them are finished."""
    return target.with_name(f"{target.name}.part.journal")


def _read(line: bytes, kind: type[Any]) -> Any:
    """A line of the journal; None: it is torn, or there is none."""
    if not line.endswith(b"\n"):
        return None
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _open_alone(path: Path, target: Path) -> BinaryIO:
    """Open for reading and writing, so that no other process can as long as it is open."""
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")
        try:
            _lock(file, target)
            # Whoever had it before may have removed it between our two steps.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    return file
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: BinaryIO, target: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            # Far behind what is written: locked bytes cannot be read by anybody, such as notes().
            file.seek(1 << 30)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        what = "another process is making this file; wait for it, or name another file"
        raise RecordingInUseError(errno.EBUSY, what, str(target)) from None
