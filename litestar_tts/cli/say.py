"""The command that speaks a text: into a file, out of the loudspeaker, with subtitles."""

from __future__ import annotations

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
    chosen = audio_format or _format_of(output)
    target = output or (None if play else f"speech.{chosen}")
    if target == "-" and sys.stdout.isatty():
        raise click.UsageError("audio would spoil the terminal; redirect it, or name a file with -o")
    if play and target is not None and is_stream(target):
        raise click.UsageError("--play goes with a file (-o FILE) or alone")
    if captions is not None:
        check_suffix(captions)
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
    async with SpeechService(replace(config, max_text_length=LONGEST_TEXT)) as service:
        target = order.target
        if target is not None and order.player is None:
            # Sections are joined as samples, which takes PyAV for most voices and formats.
            short = len(order.text) <= SECTION_CHARS or not available()
            if short or is_stream(target):
                return await say_to(service, order.text, target, order.options, order.captions)
        return await Take(service, order).run()


def _read(text: str) -> str:
    if text == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    if text.startswith("@"):
        return Path(text[1:]).read_text(encoding="utf-8", errors="replace")
    return text


def _format_of(output: str | None) -> str:
    suffix = Path(output or "").suffix.lower()
    name = SUFFIXES.get(suffix, suffix[1:])
    known = [audio.value for audio in AudioFormat]
    if output in (None, "-", os.devnull) or name == "":
        return AudioFormat.WAV.value
    if name not in known:
        raise click.UsageError(f"no audio format ends in {suffix}; give --format, one of {', '.join(known)}")
    return str(name)
