"""Whether the store that workers share can be reached."""

from __future__ import annotations

import os
import time
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from litestar_tts.cli.diagnosis.packages import pip_line
from litestar_tts.cli.findings import Finding, Status

__all__ = ("examine_store",)

PATIENCE: Final = 1.5
FIX: Final = "Start it or correct TTS_STORE_URL; until then each worker counts by itself."


def examine_store() -> list[Finding]:
    """The store of ``TTS_STORE_URL``: there, and willing."""
    url = os.environ.get("TTS_STORE_URL", "").strip()
    if not url:
        return [Finding(name="store", status=Status.SKIP, figure="TTS_STORE_URL is not set: limits are kept in memory")]
    scheme, _, rest = url.partition("://")
    parts = urlsplit(url)
    if not rest or scheme not in ("valkey", "valkeys", "redis", "rediss", "valkey+unix", "redis+unix"):
        return []  # the settings say so
    place = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
    try:
        client: Any = import_module("valkey")
    except ImportError:
        fix = pip_line("litestar-tts[valkey]")
        return [Finding(name="store", status=Status.FAIL, figure=f"{place}: its client is not installed", advice=fix)]
    address = f"{scheme.replace('redis', 'valkey').replace('valkey+unix', 'unix')}://{rest}"
    started = time.monotonic()
    retry = import_module("valkey.retry").Retry(import_module("valkey.backoff").NoBackoff(), 0)
    options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": retry}
    connection = client.Valkey.from_url(address, **options)
    try:
        connection.ping()
    except (client.ValkeyError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] or type(error).__name__
        return [Finding(name="store", status=Status.FAIL, figure=f"{place}: {reason}", advice=FIX)]
    finally:
        connection.close()
    figure = f"{place} answers after {1000 * (time.monotonic() - started):.0f} ms"
    return [Finding(name="store", status=Status.OK, figure=figure)]
