"""Keeps keys and passwords out of what is shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from litestar_tts.cli.findings import Finding

__all__ = ("masked", "masked_url", "secrets_of")

MASK: Final = "***"
SHORTEST: Final = 4
"""Characters; replacing shorter ones would riddle the text, and their own lines never show them."""


def secrets_of(environment: Mapping[str, str] = os.environ) -> list[str]:
    """What must not be shown: API keys, and the passwords in addresses."""
    found: set[str] = set()
    for name in ("TTS_API_KEYS", "TTS_API_KEY"):
        found.update(key.strip() for key in environment.get(name, "").split(","))
    for name, value in environment.items():
        if name.lower().endswith(("_url", "_proxy")):
            try:
                password = urlsplit(value).password
            except ValueError:
                continue
            found.update((password, unquote(password)) if password else ())
    # The longest first: one may be part of another.
    return sorted((secret for secret in found if len(secret) >= SHORTEST), key=lambda secret: (-len(secret), secret))


def masked(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """The findings without the secrets, wherever a library has put them."""
    hidden = list(secrets)

    def mask(value: Any) -> Any:
        if isinstance(value, str):
            for secret in hidden:
                value = value.replace(secret, MASK)
        elif isinstance(value, dict):
            value = {mask(key): mask(one) for key, one in value.items()}
        elif isinstance(value, list | tuple):
            value = [mask(one) for one in value]
        return value

    return [
        msgspec.structs.replace(
            finding, figure=mask(finding.figure), advice=mask(finding.advice), data=mask(finding.data)
        )
        for finding in findings
    ]


def masked_url(url: str) -> str:
    """The address without its user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    return parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}").geturl() if "@" in parts.netloc else url
