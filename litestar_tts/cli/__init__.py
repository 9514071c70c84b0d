"""The ``litestar-tts`` command. Its commands are also those of ``litestar tts`` in a host application."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litestar_tts.cli.commands import group

__all__ = ("group", "main")


def main() -> None:
    """Run the command line; the entry point of the console script."""
    try:
        from litestar_tts.cli.commands import group
    except ImportError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write('The command line is not installed; run: pip install "litestar-tts[server]"\n')
        sys.exit(1)
    _load_dotenv()
    group.main(prog_name="litestar-tts")


def _load_dotenv() -> None:
    try:
        from dotenv import load_dotenv
    except ImportError:
        return
    # The real environment goes before the file. Going on without it could open a server that has its keys there.
    try:
        load_dotenv(".env", override=False)
    except UnicodeDecodeError:
        sys.stderr.write("Error: the file .env of this folder is not UTF-8; save it as UTF-8, or move it away.\n")
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f"Error: the file .env of this folder cannot be read: {error.strerror}.\n")
        sys.exit(1)


def __getattr__(name: str) -> Any:
    # Late, so that the message above can be given where click is missing.
    if name == "group":
        from litestar_tts.cli.commands import group

        return group
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
