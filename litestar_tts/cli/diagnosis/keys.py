"""Whether the file of API keys can be used, and by whom."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

from litestar_tts.cli.findings import Finding, Status
from litestar_tts.exceptions import ConfigurationError
from litestar_tts.web.keys import ApiKeys

__all__ = ("examine_keys",)

VARIABLE: Final = "TTS_API_KEYS_FILE"


def examine_keys() -> list[Finding]:
    """The file that ``TTS_API_KEYS_FILE`` names: there, with keys, and of nobody else's business."""
    path = os.environ.get(VARIABLE, "").strip()
    if not path:
        return [Finding(name="keys", status=Status.SKIP, figure=f"{VARIABLE} is not set")]
    try:
        ApiKeys(file=path)
    except ConfigurationError as error:
        fix = f"Write one key a line into {path}, or correct or unset {VARIABLE}; the server does not start without it."
        return [Finding(name="keys", status=Status.FAIL, figure=error.detail, advice=fix)]
    mode = Path(path).stat().st_mode
    # Elsewhere these bits say nothing.
    if sys.platform != "win32" and mode & (stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        what = "changed" if mode & (stat.S_IWGRP | stat.S_IWOTH) else "read"
        figure = f"{path} can be {what} by other users of this machine ({stat.filemode(mode)})"
        return [Finding(name="keys", status=Status.WARN, figure=figure, advice=f"chmod 600 {path}")]
    return [Finding(name="keys", status=Status.OK, figure=path)]
