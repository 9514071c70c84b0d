"""Processes of our own that may crash or hang without harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any, Final

__all__ = ("load_modules", "python_environment", "speak_once")

PATIENCE: Final = 15.0
"""Seconds for what a machine does by itself, and usually in one or two; the network has limits of its own."""


def python_environment() -> dict[str, str]:
    """Our environment, for a Python that finds what this one finds."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}


def speak_once(engine: str, default_voice: str, patience: float = PATIENCE) -> dict[str, Any]:
    """Let an engine say a word.

    Returns:
        What the worker says, or ``error`` with the reason why it says nothing; ``timeout`` tells that it was too slow.
    """
    answers, fate = _run(["speak", engine, default_voice], patience)
    return answers[-1] if answers else {"kind": "Crash", "error": fate, "timeout": fate.startswith("no answer")}


def load_modules(modules: list[str], patience: float = PATIENCE) -> dict[str, str | None]:
    """Import modules in one process.

    Returns:
        Module → why it cannot be loaded, None where it can; modules that were not reached are left out.
    """
    found: dict[str, str | None] = {}
    rest = list(modules)
    while rest:
        answers, fate = _run(["load", *rest], patience)
        found.update({answer["module"]: _reason(answer) for answer in answers if "module" in answer})
        loading = answers[-1].get("loading") if answers else None
        if loading is None or fate.startswith("no answer"):
            break
        # It took the process with it; the others get another one.
        found[loading] = fate
        rest = [module for module in rest if module not in found]
    return found


def _reason(answer: dict[str, Any]) -> str | None:
    if "error" not in answer:
        return None
    return str(answer["chain"][0])


def _run(arguments: list[str], patience: float) -> tuple[list[dict[str, Any]], str]:
    """Answers, and what became of the process if it is not simply done."""
    # -P: a file of the current folder, say json.py, must not come before the real one.
    command = [sys.executable, "-P", "-m", "litestar_tts.cli.diagnosis.worker", *arguments]
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=python_environment(),
        text=True,
        errors="replace",
    )
    try:
        out, err = process.communicate(timeout=patience)
        fate = _fate(process.returncode, err)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        fate = f"no answer within {patience:g} s"
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")], fate


def _fate(code: int, err: str) -> str:
    if code == 0:
        return ""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"its process was ended by {name}"
    return (err.strip().splitlines() or [f"its process ended with code {code}"])[-1][:300]
