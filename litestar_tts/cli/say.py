"""The command that speaks a text: into a file, out of the loudspeaker, with subtitles."""

from __future__ import annotations

import codecs
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from litestar_tts.audio.pyav import available
from litestar_tts.cli.common import engine_named, errors_in_one_line, quiet_logs, run_to_end, service_config
from litestar_tts.cli.direct import is_stream, say_to
from litestar_tts.cli.players import find_player
from litestar_tts.cli.sections import SECTION_CHARS
from litestar_tts.cli.spoken import Spoken
from litestar_tts.cli.subtitles import check_suffix
from litestar_tts.cli.take import Order, Take
from litestar_tts.config import TTSConfig
from litestar_tts.models import AudioFormat
from litestar_tts.service import SpeechService

__all__ = ("say",)

LONGEST_TEXT: Final = 10_000_000
"""Characters; the server's limit protects it from its clients, and here nobody else is waiting."""

STANDARD_OUTPUT: Final = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Other names of ``-``: opened by them, a file that the shell has opened would be begun a second time."""

SUFFIXES: Final = {".oga": "opus", ".ogg": "opus", ".opus": "opus", ".m4a": None, ".raw": "pcm"}


@click.command(
    help="Speak TEXT into a file. TEXT is the text itself, - for standard input, or @FILE for a file.\n\n"
    "A long text that is interrupted goes on where it was when the same command is run again."
)
@click.argument("text")
@click.option(
    "-o",
    "--output",
    help="File to write, - for standard output.  [default: speech.wav, or as --format says; none with --play]",
)
@click.option("--play", is_flag=True, help="Play it while it is made, with ffplay, mpv, aplay or what there is.")
@click.option("--player", help="Program to play with, or a command that takes a WAV stream; as --play.  [TTS_PLAYER]")
@click.option("--captions", help="Subtitles to write: a file that ends in .srt or .vtt.")
@click.option("--voice", help="Name of a voice; with its engine in front (espeak:en-gb) no other engine takes over.")
@click.option("--engine", help="Engine that shall speak, and no other.")
@click.option(
    "--format",
    "audio_format",
    type=click.Choice([str(audio.value) for audio in AudioFormat], case_sensitive=False),
    help="Audio format.  [default: by the file's suffix, else wav]",
)
@click.option("--speed", type=float, default=1.0, help="0.25 to 4; 2 halves the duration.")
@click.option("--pitch", type=float, default=0.0, help="Semitones, -12 to 12.")
@click.option("--volume", type=float, default=0.0, help="Decibels, -20 to 20.")
@click.option(
    "--resume/--no-resume",
    default=True,
    help="Go on from what an interrupted run has left, or start over and leave nothing.  [default: resume]",
)
@click.pass_context
@errors_in_one_line
def say(
    ctx: click.Context,
    /,
    text: str,
    output: str | None,
    player: str | None,
    captions: str | None,
    engine: str | None,
    audio_format: str | None,
    *,
    play: bool,
    resume: bool,
    **options: Any,
) -> None:
    """Speak."""
    quiet_logs()
    play = play or player is not None
    if output in STANDARD_OUTPUT:
        output = "-"
    chosen = audio_format or _format_of(output)
    target = output or (None if play else f"speech.{chosen}")
    # Who runs us may have closed them.
    if (target == "-" and sys.stdout is None) or (text == "-" and sys.stdin is None):
        raise click.UsageError(f"standard {'output' if target == '-' else 'input'} is closed; name a file")
    if target == "-" and sys.stdout.isatty():
        raise click.UsageError("audio would spoil the terminal; redirect it, or name a file with -o")
    if play and target is not None and is_stream(target):
        raise click.UsageError("--play goes with a file (-o FILE) or alone")
    if captions is not None:
        check_suffix(captions)
        if target is not None and Path(captions).resolve() == Path(target).resolve():
            raise click.UsageError("sound and subtitles cannot be the same file; give each a name of its own")
    config = service_config(ctx)
    if engine is not None:
        config = replace(config, engines=[engine_named(engine, config)])
    order = Order(
        text=_read(text),
        options={"format": chosen, **options},
        target=target,
        player=find_player(player or os.environ.get("TTS_PLAYER")) if play else None,
        captions=captions,
        resume=resume,
        engine=engine,
    )
    spoken = run_to_end(_carry_out(config, order))
    click.echo(spoken.line(), err=target == "-")


async def _carry_out(config: TTSConfig, order: Order) -> Spoken:
    target = order.target
    try:
        async with SpeechService(replace(config, max_text_length=LONGEST_TEXT)) as service:
            if target is not None and order.player is None:
                # Sections are joined as samples, which takes PyAV for most voices and formats.
                short = len(order.text) <= SECTION_CHARS or not available()
                if short or is_stream(target):
                    return await say_to(service, order.text, target, order.options, order.captions)
            return await Take(service, order).run()
    except OSError as error:
        # A write that fails, on a full disk, does not say what it wrote to.
        if error.filename is None and error.errno is not None:
            error.filename = "standard output" if target == "-" else target or order.captions
        raise


def _read(text: str) -> str:
    if text == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    if text.startswith("@"):
        return _decoded(Path(text[1:]).read_bytes(), text[1:])
    return text


def _decoded(data: bytes, name: str) -> str:
    """UTF-8, or UTF-16 that says so, as editors on Windows write it; whole, or not at all."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{name}: line {line} is not UTF-8; convert it, for example with iconv -f LATIN1 -t UTF-8"
        raise click.ClickException(message) from None


def _format_of(output: str | None) -> str:
    suffix = Path(output or "").suffix.lower()
    name = SUFFIXES.get(suffix, suffix[1:])
    known = [audio.value for audio in AudioFormat]
    if output in (None, "-", os.devnull) or name == "":
        return AudioFormat.WAV.value
    if name not in known:
        raise click.UsageError(f"no audio format ends in {suffix}; give --format, one of {', '.join(known)}")
    return str(name)
