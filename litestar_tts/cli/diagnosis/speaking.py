"""Whether engines load and really say a word."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, Final

from litestar_tts.cli.diagnosis.children import speak_once
from litestar_tts.cli.diagnosis.packages import pip_line
from litestar_tts.cli.diagnosis.settings import chosen_engines
from litestar_tts.cli.findings import Finding, Status
from litestar_tts.config import DEFAULT_ENGINES, DEFAULT_VOICE

__all__ = ("examine_engines",)

NEEDS: Final[Mapping[str, str]] = {"edge": "edge_tts", "piper": "piper", "espeak": "espeakng_loader"}
LASTING: Final = ("EngineRejectedError", "ModuleNotFoundError", "ImportError", "AttributeError", "ConfigurationError")


def examine_engines() -> list[Finding]:
    """Each engine that the configuration uses says a word, all at the same time."""
    chosen = chosen_engines()
    default = os.environ.get("TTS_DEFAULT_VOICE", "").strip() or DEFAULT_VOICE
    used = [name for name in DEFAULT_ENGINES if name in (chosen or DEFAULT_ENGINES) and find_spec(NEEDS[name])]
    with ThreadPoolExecutor(len(DEFAULT_ENGINES)) as threads:
        answers = dict(zip(used, threads.map(lambda name: speak_once(name, default), used), strict=True))
    found = [_finding(name, answers.get(name), chosen) for name in DEFAULT_ENGINES]
    speaking = [name for name, answer in answers.items() if "error" not in answer and answer["audible"]]
    return [*found, *_default_voice(default, answers), _verdict(speaking, answers)]


def _finding(name: str, answer: Mapping[str, Any] | None, chosen: Sequence[str] | None) -> Finding:
    title = f"engine {name}"
    explicit = chosen is not None and name in chosen
    if answer is None:
        if chosen is not None and not explicit:
            return Finding(name=title, status=Status.SKIP, figure="not in TTS_ENGINES")
        if explicit or name == "edge":
            fix = pip_line("litestar-tts" if name == "edge" else f"litestar-tts[{name}]")
            return Finding(name=title, status=Status.FAIL, figure="not installed, but configured", advice=fix)
        return Finding(name=title, status=Status.SKIP, figure="not installed", advice=pip_line(f"litestar-tts[{name}]"))
    status = Status.FAIL if explicit and name != "edge" else Status.WARN
    if "error" in answer:
        return _failure(title, name, answer, status, chosen)
    if not answer["audible"]:
        fix = f"Reinstall it: {pip_line(f'litestar-tts[{name}]', upgrade=True)}"
        return Finding(name=title, status=status, figure="speaks, but only silence", advice=fix, data=dict(answer))
    figure = f"speaks after {answer['seconds']:.2f} s; {_number(answer['voices'], 'voice')}"
    return Finding(name=title, status=Status.OK, figure=figure, data=dict(answer))


def _failure(title: str, name: str, answer: Mapping[str, Any], status: Status, chosen: Sequence[str] | None) -> Finding:
    reasons = [str(answer["error"]), *answer.get("chain", ())[1:]]
    fix: str | None
    # The last of the chain is what the machine said; the first is what we made of it.
    figure = f"cannot speak: {reasons[0]}" + (f" ({reasons[-1]})" if len(reasons) > 1 else "")
    if answer.get("timeout"):
        figure = f"has not spoken within {answer['error'].rpartition('within ')[2]}"
        fix = None if name == "edge" else "The machine may be busy; run the doctor again."
        return Finding(name=title, status=Status.WARN, figure=figure, advice=fix, data=dict(answer))
    if name == "edge":
        explicit = bool(os.environ.get("TTS_EDGE_URL", "").strip()) or (chosen is not None and len(chosen) == 1)
        status = Status.FAIL if explicit else Status.WARN
        fix = None  # the network says it
        if answer.get("kind") in LASTING:
            fix = pip_line("edge-tts>=7.3.1,<8", upgrade=True)
            if answer["kind"] == "ConfigurationError":
                fix = "Correct TTS_EDGE_URL."
    else:
        fix = f"Reinstall it for this machine: {pip_line(f'litestar-tts[{name}]', upgrade=True)} --force-reinstall"
    return Finding(name=title, status=status, figure=figure, advice=fix, data=dict(answer))


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _default_voice(default: str, answers: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    prefix, colon, _ = default.partition(":")
    only = prefix if colon and prefix in DEFAULT_ENGINES else None
    asked = {name: answer for name, answer in answers.items() if only in (None, name)}
    knowing = [name for name, answer in asked.items() if answer.get("knows_default")]
    if knowing or any("error" in answer for answer in asked.values()) or not os.environ.get("TTS_DEFAULT_VOICE"):
        return []
    return [
        Finding(
            name="default voice",
            status=Status.WARN,
            figure=f"no engine has TTS_DEFAULT_VOICE={default}; the nearest voice of its language speaks",
            advice="Choose one of: litestar-tts voices",
        )
    ]


def _verdict(speaking: Sequence[str], answers: Mapping[str, Mapping[str, Any]]) -> Finding:
    if speaking:
        return Finding(
            name="speech",
            status=Status.OK,
            figure=f"possible with {', '.join(speaking)}",
            data={"engines": [*speaking]},
        )
    late = [name for name, answer in answers.items() if answer.get("timeout") and name != "edge"]
    if late:
        fix = "Run the doctor again when the machine is less busy."
        return Finding(name="speech", status=Status.WARN, figure="not known: no engine was ready in time", advice=fix)
    return Finding(
        name="speech",
        status=Status.FAIL,
        figure="no engine can speak here",
        advice=f"Install an engine that needs no network: {pip_line('litestar-tts[standard]')}",
        data={"engines": []},
    )
