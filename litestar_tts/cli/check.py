"""Check a server: try what a careful person would try, and say what is wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import click
import msgspec

from litestar_tts.__metadata__ import __version__
from litestar_tts.cli.common import errors_in_one_line, run_to_end
from litestar_tts.cli.diagnosis.secrets import masked, masked_url
from litestar_tts.cli.findings import Status, advice_of, count, print_findings, worst

__all__ = ("check",)


@click.command(help="Check the server at URL, or without one a server that is started for it.")
@click.argument("url", required=False)
@click.option("--api-key", help="Key that the server asks for.  [TTS_API_KEY]")
@click.option("--voice", help="Voice to try.  [default: the server's]")
@click.option("--engine", help="Engine to try, and no other.")
@click.option("--text", help="What to say.")
@click.option("--concurrency", type=click.IntRange(1, 200), default=10, show_default=True, help="Streams at once.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Seconds without a byte."
)
@click.option("--rate-limit", is_flag=True, help="Use up the rate limit, to see that it holds.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this check; may be repeated.")
@click.option("--list", "listed", is_flag=True, help="Say what there is to check.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
@errors_in_one_line
def check(
    ctx: click.Context,
    *,
    url: str | None,
    api_key: str | None,
    voice: str | None,
    engine: str | None,
    text: str | None,
    concurrency: int,
    timeout: float,
    rate_limit: bool,
    only: tuple[str, ...],
    listed: bool,
    as_json: bool,
) -> None:
    """Check a server."""
    from litestar_tts.cli.checking.locate import candidates
    from litestar_tts.cli.checking.probes import PROBES
    from litestar_tts.cli.checking.run import check_server
    from litestar_tts.cli.checking.target import DEFAULT_TEXT, Options

    if listed:
        width = max(len(probe.name) for probe in PROBES)
        for probe in PROBES:
            click.echo(f"{probe.name:<{width}}  {probe.about}")
        return
    names = [name.strip().lower().replace("-", " ") for name in only]
    unknown = [name for name in names if name not in {probe.name for probe in PROBES}]
    if unknown:
        raise click.UsageError(f"there is no check {unknown[0]!r}; see litestar-tts check --list")
    if url is not None:
        candidates(url)
    if text is not None and not any(char.isalnum() for char in text):
        raise click.UsageError("--text needs a letter or a digit")
    key = (api_key or os.environ.get("TTS_API_KEY") or _own_key(url) or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise click.UsageError("the API key holds a character that no HTTP header can carry; was it copied whole?")
    options = Options(
        api_key=key or None,
        timeout=timeout,
        voice=voice,
        engine=engine.lower() if engine else None,
        text=text.strip() if text else DEFAULT_TEXT,
        concurrency=concurrency,
        spend_rate_limit=rate_limit,
    )
    probes = [probe for probe in PROBES if not names or probe.name in names]
    with _progress() as progress:
        result = run_to_end(check_server(url, options, probes, progress=progress))
    if url is not None and (user := urlsplit(candidates(url)[0]).netloc.rpartition("@")[0]):
        # What is printed here is going to be pasted into a ticket.
        result.findings = masked(result.findings, [user])
        result.url, url = result.url and masked_url(result.url), masked_url(candidates(url)[0])
    status = worst(result.findings)
    if as_json:
        body = {
            "version": __version__,
            "url": result.url,
            "server": result.server,
            "own_server": result.own,
            "status": status.value,
            "counts": count(result.findings),
            "seconds": round(result.seconds, 2),
            "checks": msgspec.to_builtins(result.findings),
            "todo": advice_of(result.findings),
        }
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        print_findings(result.findings, "Check")
        click.echo()
        place = "A server of our own" if result.own else result.url or url
        click.echo(f"{place}: {_verdict(count(result.findings), status)}, in {result.seconds:.1f} s.")
    ctx.exit(1 if status is Status.FAIL else 0)


def _own_key(url: str | None) -> str | None:
    """A server of our own has the keys of this environment."""
    keys = [key.strip() for key in os.environ.get("TTS_API_KEYS", "").split(",") if key.strip()]
    return keys[0] if url is None and keys else None


def _verdict(counts: dict[str, int], status: Status) -> str:
    done = f"{counts['ok']} well"
    for kind, words in (("warn", "with a warning"), ("fail", "wrong"), ("skip", "skipped")):
        if counts[kind]:
            done += f", {counts[kind]} {words}"
    return {Status.FAIL: "something is wrong", Status.WARN: "works, with warnings"}.get(
        status, "all well"
    ) + f" ({done})"


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """What is tried just now, on standard error, if somebody sees it."""
    if not sys.stderr.isatty():
        yield lambda _name, _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("Checking"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, all_of_them: bar.update(task, description=name, completed=done, total=all_of_them)
