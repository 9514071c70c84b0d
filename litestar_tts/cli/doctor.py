"""Explain what is wrong with this installation."""

import click

__all__ = ("doctor",)


@click.command(help="Explain what is wrong with this installation.")
def doctor() -> None:
    """Placeholder."""
