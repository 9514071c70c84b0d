"""The commands: reading options, and saying in one line what went wrong."""

import json
import os
import sys
from dataclasses import replace

import click
import msgspec
from rich.console import Console
from rich.table import Table

from litestar_tts.__metadata__ import __version__
from litestar_tts.cli.check import check
from litestar_tts.cli.common import (
    engine_named,
    errors_in_one_line,
    host_config,
    quiet_logs,
    run_to_end,
    service_config,
)
from litestar_tts.cli.doctor import doctor
from litestar_tts.cli.say import say
from litestar_tts.config import TTSConfig
from litestar_tts.models import Voice
from litestar_tts.service import SpeechService

__all__ = ("group",)


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
group.add_command(say)


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
    name = engine_named(engine, config).name if engine is not None else None
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


async def _voices(config: TTSConfig, engine: str | None, language: str | None, gender: str | None) -> list[Voice]:
    async with SpeechService(config) as service:
        return await service.voices(engine=engine, language=language, gender=gender)


def _print_table(found: list[Voice]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("Voice", "Engine", "Language", "Gender", "Name"):
        table.add_column(column, no_wrap=column == "Voice")
    for voice in found:
        table.add_row(voice.id, voice.engine, voice.language, voice.gender or "", voice.name)
    console = Console()
    console.print(table)
    console.print(f"{len(found)} voices", style="dim", highlight=False)
