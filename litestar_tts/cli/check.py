"""Check a server."""

import click

__all__ = ("check",)


@click.command(help="Check a server.")
def check() -> None:
    """Placeholder."""
