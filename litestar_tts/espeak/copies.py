"""Loads a shared library as a copy of its own, so that its globals belong to one owner."""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ("load_copy",)


def load_copy(source: Path) -> tuple[ctypes.CDLL, Callable[[], None]]:
    """Load a private copy of a shared library.

    Returns:
        The library, and a function that unloads it and removes what is left of the copy. After that call neither the
        library nor a pointer from it may be used.

    Raises:
        OSError: There is no place for the copy, or it cannot be loaded from there.
    """
    if hasattr(os, "memfd_create"):
        # Needs no writable folder, and none that allows to execute files; some hardened systems forbid it.
        with contextlib.suppress(OSError):
            return _load_from_memory(source)
    return _load_from_file(source)


def _load_from_memory(source: Path) -> tuple[ctypes.CDLL, Callable[[], None]]:
    descriptor = os.memfd_create(source.name)  # type: ignore[attr-defined,unused-ignore]
    try:
        with source.open("rb") as original, open(descriptor, "wb", closefd=False) as copy:
            shutil.copyfileobj(original, copy)
        library = ctypes.CDLL(f"/proc/self/fd/{descriptor}")
    except BaseException:
        os.close(descriptor)
        raise

    def release() -> None:
        _unload(library)
        # Not before: the loader takes two libraries of one path for the same, and a closed number is given out again.
        os.close(descriptor)

    return library, release


def _load_from_file(source: Path) -> tuple[ctypes.CDLL, Callable[[], None]]:
    descriptor, name = tempfile.mkstemp(prefix=f"{source.stem}-", suffix=source.suffix)
    path = Path(name)
    try:
        with source.open("rb") as original, open(descriptor, "wb") as copy:  # noqa: PTH123
            shutil.copyfileobj(original, copy)
        library = ctypes.CDLL(name)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        # The mapping keeps the contents; nothing is left behind, however the process ends.
        path.unlink()

    def release() -> None:
        _unload(library)
        path.unlink(missing_ok=True)

    return library, release


def _unload(library: Any) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)  # noqa: SLF001
    else:
        _ctypes.dlclose(library._handle)  # noqa: SLF001
