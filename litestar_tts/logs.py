"""How the standalone server logs: one line for each event, on standard error, without what users say."""

from __future__ import annotations

import logging
from typing import Any

from litestar_tts.limits import SHARE_WARNING

__all__ = ("log_config",)

CANCELLED = "asyncio.exceptions.CancelledError"
FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


class WithoutQuery(logging.Filter):
    """Cuts the query off the path in uvicorn's access log: that of ``GET /generate`` is what a user says."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; always True."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, *rest = record.args
            record.args = (client, method, str(path).partition("?")[0], *rest)
        return True


class OnlyNews(logging.Filter):
    """Keeps out tracebacks of streams that broke off, or that a stopping server ends: one line has said so."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what has been said."""
        # What a server that is told twice to stop leaves undone: it logs the text of the traceback.
        if record.name == "uvicorn.error" and record.getMessage().rstrip().rpartition("\n")[2].startswith(CANCELLED):
            return False
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        while error is not None:
            # By name, since the framework wraps it, and this module knows nothing of the web.
            if type(error).__name__ in ("StreamBrokenError", "CancelledError"):
                return False
            error = error.__cause__ or error.__context__
        return True


class SaidByParent(logging.Filter):
    """Keeps out of each worker's log what the parent process has said once for all."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for what has been said."""
        return record.msg != SHARE_WARNING


def log_config(level: str, *, worker: bool = False) -> dict[str, Any]:
    """Configuration for :func:`logging.config.dictConfig`.

    Args:
        level: Of this package's lines and the access log, in lower case; other packages speak from WARNING up.
        worker: For one of several processes.
    """
    own = {"level": level.upper(), "handlers": ["stderr"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": FORMAT}},
        "filters": {
            "without_query": {"()": f"{__name__}.WithoutQuery"},
            "only_news": {"()": f"{__name__}.OnlyNews"},
            "said_by_parent": {"()": f"{__name__}.SaidByParent"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stderr",
                "filters": ["only_news"],
            }
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            "litestar_tts": own,
            "litestar_tts.limits": {"filters": ["said_by_parent"] if worker else []},
            "uvicorn.access": {**own, "filters": ["without_query"]},
        },
    }
