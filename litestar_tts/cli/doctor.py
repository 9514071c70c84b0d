"""Explain what is wrong with this installation."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import msgspec

from litestar_tts.__metadata__ import __version__
from litestar_tts.cli.common import errors_in_one_line
from litestar_tts.cli.findings import Finding, Status, advice_of, count, print_findings, worst

__all__ = ("doctor", "examine")

PATIENCE: Final = 17.0
"""Seconds for everything; only a part that hangs on this very machine makes it that long."""


@click.command(help="Explain what is wrong with this installation, and what to do about it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
@errors_in_one_line
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look at everything that has to work here."""
    findings = examine(Path.cwd())
    todo = advice_of(findings)
    failed = worst(findings) is Status.FAIL
    if as_json:
        body = {
            "version": __version__,
            "status": worst(findings).value,
            "counts": count(findings),
            "findings": msgspec.to_builtins(findings),
            "todo": todo,
        }
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        print_findings(findings, "Part")
        click.echo()
        click.echo(_verdict(findings))
        for number, advice in enumerate(todo, 1):
            click.echo(f"  {number}. {advice}")
    ctx.exit(1 if failed else 0)


def examine(folder: Path) -> list[Finding]:
    """Everything, in a fixed order, within :data:`PATIENCE`.

    Args:
        folder: Where the ``.env`` file would be.
    """
    from litestar_tts.cli.diagnosis.keys import examine_keys
    from litestar_tts.cli.diagnosis.machine import examine_machine
    from litestar_tts.cli.diagnosis.network import examine_network
    from litestar_tts.cli.diagnosis.packages import examine_packages, examine_python
    from litestar_tts.cli.diagnosis.port import examine_port
    from litestar_tts.cli.diagnosis.secrets import masked, secrets_of
    from litestar_tts.cli.diagnosis.settings import chosen_engines, examine_settings
    from litestar_tts.cli.diagnosis.speaking import examine_engines
    from litestar_tts.cli.diagnosis.store import examine_store

    secrets = secrets_of()
    # First and alone, since it changes the environment while it looks.
    settings = examine_settings(folder)
    chosen = chosen_engines()
    needed = [name for name in chosen or () if name != "edge"]
    findings = _all_at_once(
        {
            "packages": lambda: examine_packages(needed),
            "engines": examine_engines,
            "network": lambda: examine_network(wanted="edge" in (chosen or ["edge"]), only=chosen == ["edge"]),
            "port": examine_port,
            "keys": examine_keys,
            "store": examine_store,
            "machine": examine_machine,
        }
    )
    return masked([*examine_python(), *settings, *findings], secrets)


def _all_at_once(looks: dict[str, Callable[[], list[Finding]]]) -> list[Finding]:
    """What each of them finds; who is not done in time is left behind."""
    found: dict[str, list[Finding]] = {}

    def look(name: str) -> None:
        try:
            found[name] = looks[name]()
        except Exception as error:  # noqa: BLE001  # one that stumbles must not hide what the others found
            figure = f"this examination broke off: {type(error).__name__}: {error}"
            fix = "Please report this line to the maintainers."
            found[name] = [Finding(name=name, status=Status.WARN, figure=figure, advice=fix)]

    # Daemons: looking up a name may hang for longer than anybody wants to wait at the end.
    threads = [threading.Thread(target=look, args=(name,), daemon=True) for name in looks]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [finding for name in looks for finding in found.get(name, [_late(name)])]


def _late(name: str) -> Finding:
    figure = f"no answer within {PATIENCE:g} s"
    return Finding(name=name, status=Status.WARN, figure=figure, advice="Run the doctor again when less is going on.")


def _verdict(findings: list[Finding]) -> str:
    status = worst(findings)
    if status is Status.FAIL:
        return "Something here cannot work. What to do:"
    if status is Status.WARN:
        return "This installation can speak. What could be better:"
    return "This installation is well."
