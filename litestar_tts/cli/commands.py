"""The commands: reading options, and saying in one line what went wrong."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from litestar_tts.__metadata__ import __version__
from litestar_tts.cli.check import check
from litestar_tts.cli.common import errors_in_one_line, host_config, quiet_logs, run_to_end, service_config
from litestar_tts.cli.doctor import doctor
from litestar_tts.cli.say import Spoken, say_to
from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Engine
from litestar_tts.exceptions import InvalidRequestError
from litestar_tts.models import AudioFormat, Voice
from litestar_tts.service import SpeechService

__all__ = ("group",)

LONGEST_TEXT: Final = 10_000_000
"""Characters; the server's limit protects it from its clients, and here nobody else is waiting."""

SUFFIXES: Final = {".oga": "opus", ".ogg": "opus", ".opus": "opus", ".m4a": None, ".raw": "pcm"}


@click.group(name="tts", help="Text to speech: a server, single texts, voices.")
@click.version_option(__version__, prog_name="litestar-tts")
def group() -> None:
    """Hold the commands."""


@group.command(help="Run the standalone server: the API at /, its description at /docs, a demo page at /.")
@click.option("--host", help="Name or address to listen on.  [TTS_HOST; default: localhost]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 takes a free one.  [TTS_PORT; default: 8000]")
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes.  [WEB_CONCURRENCY; default: 1]")
@click.option(
    "--engine", "engines", multiple=True, help="Engine to use; repeat it in order of preference.  [TTS_ENGINES]"
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    help="What is logged.  [TTS_LOG_LEVEL; default: info]",
)
@click.pass_context
@errors_in_one_line
def serve(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    workers: int | None,
    engines: tuple[str, ...],
    log_level: str | None,
) -> None:
    """Run the server."""
    from litestar_tts.server import serve as run  # the other commands need no web framework

    config = host_config(ctx)
    if config is not None:
        config = replace(config, path="/", enabled=True, engines=engines or config.engines)
    elif engines:
        # Workers read their options from the environment, too.
        os.environ["TTS_ENGINES"] = ",".join(engines)
    run(host=host, port=port, workers=workers, log_level=log_level, config=config)


group.add_command(check)
group.add_command(doctor)


@group.command(help="Speak TEXT into a file. TEXT is the text itself, - for standard input, or @FILE for a file.")
@click.argument("text")
@click.option(
    "-o", "--output", help="File to write, - for standard output.  [default: speech.wav, or as --format says]"
)
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
@click.pass_context
@errors_in_one_line
def say(
    ctx: click.Context,
    text: str,
    output: str | None,
    voice: str | None,
    engine: str | None,
    audio_format: str | None,
    speed: float,
    pitch: float,
    volume: float,
) -> None:
    """Speak into a file."""
    quiet_logs()
    chosen = audio_format or _format_of(output)
    target = output or f"speech.{chosen}"
    if target == "-" and sys.stdout.isatty():
        raise click.UsageError("audio would spoil the terminal; redirect it, or name a file with -o")
    config = service_config(ctx)
    if engine is not None:
        config = replace(config, engines=[_engine(engine, config)])
    options = {"voice": voice, "format": chosen, "speed": speed, "pitch": pitch, "volume": volume}
    spoken = run_to_end(_say(config, _read(text), target, options))
    click.echo(spoken.line(), err=target == "-")


@group.command(help="List voices.")
@click.option("--engine", help="Only this engine's.")
@click.option("--language", help="Only this language's: en finds en-US and en-GB.")
@click.option("--gender", type=click.Choice(["female", "male"], case_sensitive=False), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, the way GET /voices answers.")
@click.pass_context
@errors_in_one_line
def voices(ctx: click.Context, *, engine: str | None, language: str | None, gender: str | None, as_json: bool) -> None:
    """List voices."""
    quiet_logs()
    config = service_config(ctx)
    name = _engine(engine, config).name if engine is not None else None
    found = run_to_end(_voices(config, name, language, gender))
    if as_json:
        body = {"voices": msgspec.to_builtins(found), "count": len(found)}
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        for voice in found:
            click.echo("\t".join((voice.id, voice.engine, voice.language, voice.gender or "", voice.name)))
    if not found:
        raise click.ClickException("no voice is like that")


async def _say(config: TTSConfig, text: str, target: str, options: dict[str, Any]) -> Spoken:
    async with SpeechService(replace(config, max_text_length=LONGEST_TEXT)) as service:
        return await say_to(service, text, target, options)


async def _voices(config: TTSConfig, engine: str | None, language: str | None, gender: str | None) -> list[Voice]:
    async with SpeechService(config) as service:
        return await service.voices(engine=engine, language=language, gender=gender)


def _engine(name: str, config: TTSConfig) -> Engine:
    engines = SpeechService(config).engines
    for engine in engines:
        if engine.name == name.lower():
            return engine
    raise InvalidRequestError(f"There is no engine {name!r} here; there are {', '.join(one.name for one in engines)}.")


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


def _print_table(found: list[Voice]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("Voice", "Engine", "Language", "Gender", "Name"):
        table.add_column(column, no_wrap=column == "Voice")
    for voice in found:
        table.add_row(voice.id, voice.engine, voice.language, voice.gender or "", voice.name)
    console = Console()
    console.print(table)
    console.print(f"{len(found)} voices", style="dim", highlight=False)
