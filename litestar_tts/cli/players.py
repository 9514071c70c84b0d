"""Programs that play sound, and how each wants it."""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import Final, Literal

import click
import msgspec

__all__ = ("Player", "find_player")


class Player(msgspec.Struct, frozen=True):
    """A program that can play."""

    name: str
    arguments: tuple[str, ...]
    """``{rate}`` and ``{file}`` stand for what they say."""
    takes: Literal["wav", "pcm", "mp3", "file"] = "wav"
    """What it gets on its standard input, or a WAV file by name."""
    program: str = ""
    """Path of the program."""

    def command(self, *, rate: int, file: str = "") -> list[str]:
        """What to run."""
        parts = (argument.replace("{rate}", str(rate)).replace("{file}", file) for argument in self.arguments)
        return [self.program or self.name, *parts]


_RAW_SOX: Final = ("-q", "-t", "raw", "-r", "{rate}", "-e", "signed", "-b", "16", "-c", "1", "-L", "-")
_PULSE: Final = ("--raw", "--rate={rate}", "--format=s16le", "--channels=1")
_SOUND_PLAYER: Final = "(New-Object System.Media.SoundPlayer '{file}').PlaySync()"

KNOWN: Final = (
    Player("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error", "-f", "wav", "-i", "pipe:0")),
    Player("mpv", ("--no-terminal", "--no-video", "--keep-open=no", "--idle=no", "-")),
    Player("paplay", _PULSE, "pcm"),
    Player("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-r", "{rate}", "-c", "1", "-"), "pcm"),
    Player("play", _RAW_SOX, "pcm"),
    Player("mpg123", ("-q", "-"), "mp3"),
    Player("pw-play", ("{file}",), "file"),
    Player("afplay", ("{file}",), "file"),
    Player("powershell", ("-NoProfile", "-NonInteractive", "-Command", _SOUND_PLAYER), "file"),
)
"""In order of preference: first those that begin with the first samples, and know what a cut stream is."""


def find_player(wanted: str | None) -> Player:
    """The program to play with.

    Args:
        wanted: A name of those known, a path to one, or a command line that takes a WAV stream on its standard input;
            None: the first that is installed.

    Raises:
        click.ClickException: There is none; the message says what to install.
    """
    if wanted:
        return _named(wanted)
    for player in KNOWN:
        program = shutil.which(player.name)
        if program:
            return msgspec.structs.replace(player, program=program)
    raise click.ClickException(
        f"no program to play with was found; install one ({_advice()}), name your own with --player, "
        "or write a file with -o instead of --play"
    )


def _named(wanted: str) -> Player:
    try:
        words = shlex.split(wanted, posix=sys.platform != "win32")
    except ValueError as error:
        raise click.UsageError(f"--player cannot be read as a command: {error}") from error
    if not words:
        raise click.UsageError("--player names no program")
    program = shutil.which(words[0])
    if program is None:
        raise click.ClickException(f"the player {words[0]} was not found; install it, or leave --player out")
    if len(words) == 1:
        stem = words[0].replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".exe").lower()
        for player in KNOWN:
            if player.name == stem:
                return msgspec.structs.replace(player, program=program)
    return Player(words[0], tuple(words[1:]), "wav", program)


def _advice() -> str:
    if sys.platform == "darwin":
        return "brew install ffmpeg, or mpv"
    if sys.platform == "win32":
        return "winget install ffmpeg, or mpv"
    return "ffplay from the package ffmpeg, mpv, or aplay from alsa-utils"
