"""Environment variables and the ``.env`` file: what cannot work, and what nobody reads."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from litestar_tts.cli.diagnosis.secrets import masked_url
from litestar_tts.cli.findings import Finding, Status
from litestar_tts.config import DEFAULT_ENGINES, ENVIRONMENT, TTSConfig
from litestar_tts.exceptions import ConfigurationError

__all__ = ("chosen_engines", "examine_settings")

LOG_LEVELS: Final = ("debug", "info", "warning", "error")
ELSEWHERE: Final = ("TTS_HOST", "TTS_PORT", "TTS_LOG_LEVEL", "TTS_URL", "TTS_API_KEY", "TTS_PLAYER")
"""Read by the server and by clients, beside those of the configuration."""
KNOWN: Final = frozenset({*ENVIRONMENT.values(), *ELSEWHERE})
SECRET: Final = ("TTS_API_KEYS", "TTS_API_KEY")
OURS: Final = ("TTS_", "LITESTAR_TTS_", "RATE_LIMIT_")
ALIKE: Final = 0.86
RELATED: Final = 0.76
"""How much a name resembles one of ours before it is taken for a slip, and if it begins like ours."""


def examine_settings(folder: Path) -> list[Finding]:
    """All variables, one at a time; changes ``os.environ`` while it runs, so nothing else may.

    Args:
        folder: Where the ``.env`` file would be.
    """
    return [*_values(), *_unknown(os.environ), *_dotenv(folder / ".env")]


def chosen_engines() -> list[str] | None:
    """The engines that ``TTS_ENGINES`` names; None where it says nothing usable."""
    names = [name.strip() for name in os.environ.get("TTS_ENGINES", "").split(",") if name.strip()]
    return [name for name in names if name in DEFAULT_ENGINES] or None


def _values() -> Iterator[Finding]:
    given = {name: os.environ[name] for name in sorted(KNOWN) if os.environ.get(name, "").strip()}
    wrong = 0
    for name, value in given.items():
        complaint = _complaint(name, value)
        if complaint:
            wrong += 1
            yield Finding(
                name="settings",
                status=Status.FAIL,
                figure=complaint,
                advice=f"Correct {name} in the environment or in .env, or unset it.",
                data={"variable": name},
            )
    if not wrong:
        shown = ", ".join(_shown(name, value) for name, value in given.items())
        yield Finding(name="settings", status=Status.OK, figure=shown or "all defaults", data={"variables": [*given]})


def _complaint(name: str, value: str) -> str | None:
    """What the configuration says to this variable alone."""
    if name == "TTS_PORT":
        usable = value.strip().isascii() and value.strip().isdigit() and int(value) <= 65_535
        return None if usable else f"TTS_PORT={value!r} is not usable; give a whole number from 0 to 65535"
    if name == "TTS_LOG_LEVEL":
        usable = value.strip().lower() in LOG_LEVELS
        return None if usable else f"TTS_LOG_LEVEL={value!r} is not usable; choose from {', '.join(LOG_LEVELS)}"
    if name not in ENVIRONMENT.values():
        return None
    others = {other: os.environ.pop(other) for other in ENVIRONMENT.values() if other != name and other in os.environ}
    try:
        TTSConfig()
    except ConfigurationError as error:
        return error.detail.replace(value, masked_url(value))
    finally:
        os.environ.update(others)
    return None


def _shown(name: str, value: str) -> str:
    if name in SECRET:
        keys = len([key for key in value.split(",") if key.strip()])
        return f"{name} ({keys} key{'' if keys == 1 else 's'})"
    return f"{name}={masked_url(value) if '://' in value else value}"


def _unknown(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted(environment):
        near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=ALIKE)
        if name in KNOWN or not (near or name.startswith(OURS)):
            continue
        near = near or difflib.get_close_matches(name, KNOWN, n=1, cutoff=RELATED)
        yield Finding(
            name="settings",
            status=Status.WARN,
            figure=f"{name} is set, and nothing here reads it",
            advice=f"Did you mean {near[0]} instead of {name}?" if near else f"Unset {name} if it was meant for us.",
            data={"variable": name, "near": near},
        )


def _dotenv(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        yield Finding(name=".env", status=Status.SKIP, figure="no such file in this folder")
        return
    try:
        from dotenv.parser import parse_stream
    except ImportError:
        yield Finding(
            name=".env",
            status=Status.WARN,
            figure="the file is here, but python-dotenv is not installed, so it is not read",
            advice='pip install "litestar-tts[server]"',
        )
        return
    try:
        with path.open(encoding="utf-8") as file:
            lines = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        yield Finding(
            name=".env",
            status=Status.FAIL,
            figure=f"cannot be read: {error}",
            advice="Make .env a readable text file in UTF-8.",
        )
        return
    values = {line.key: line.value for line in lines if line.key}
    broken = [str(line.original.line) for line in lines if line.error]
    hidden = [name for name, value in values.items() if name in KNOWN and os.environ.get(name) != value]
    if broken:
        yield Finding(
            name=".env",
            status=Status.WARN,
            figure=f"line {', '.join(broken)} is not NAME=value and is not read",
            advice="Correct these lines of .env.",
        )
    figure = f"{len([name for name in values if name in KNOWN])} of our settings"
    if hidden:
        figure += f"; the environment goes before it for {', '.join(hidden)}"
    yield Finding(name=".env", status=Status.OK, figure=figure)
