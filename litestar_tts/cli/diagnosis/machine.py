"""Folders, space, and what can play a sound."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from litestar_tts.cli.findings import Finding, Status
from litestar_tts.cli.players import find_player

__all__ = ("examine_machine",)

LITTLE_SPACE: Final = 100 << 20


def examine_machine() -> list[Finding]:
    """The folder of voices, the temporary folder, a player."""
    return [*_voices(), *_space(), _player()]


def _voices() -> Iterator[Finding]:
    text = os.environ.get("TTS_PIPER_VOICES", "").strip()
    if not text:
        return
    folder, fix = Path(text), "Correct TTS_PIPER_VOICES: a folder with NAME.onnx and NAME.onnx.json."
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
        yield Finding(name="piper voices", status=Status.FAIL, figure=f"{folder}: {what}", advice=fix)
        return
    try:
        models = sorted(folder.glob("*.onnx"))
        unusable = [f"{model.name} ({reason})" for model in models if (reason := _unusable(model))]
    except OSError as error:
        yield Finding(name="piper voices", status=Status.FAIL, figure=f"{folder}: {error.strerror}", advice=fix)
        return
    if unusable:
        fix = "Put the .onnx.json that belongs to each voice beside it."
        figure = f"{folder}: {len(unusable)} of {len(models)} cannot be used: {', '.join(unusable[:3])}"
        yield Finding(name="piper voices", status=Status.WARN, figure=figure, advice=fix)
    elif models:
        yield Finding(name="piper voices", status=Status.OK, figure=f"{folder}: {len(models)}")
    else:
        yield Finding(name="piper voices", status=Status.WARN, figure=f"{folder}: no *.onnx in it", advice=fix)


def _unusable(model: Path) -> str | None:
    description = Path(f"{model}.json")
    if not description.is_file():
        return "no .onnx.json"
    try:
        json.loads(description.read_text(encoding="utf-8"))
        with model.open("rb") as file:
            return None if file.read(1) else "empty"
    except (OSError, ValueError) as error:
        return type(error).__name__


def _space() -> Iterator[Finding]:
    try:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        fix = "Give this user a temporary folder to write in (TMPDIR)."
        yield Finding(name="disk", status=Status.FAIL, figure=f"no temporary folder: {error.strerror}", advice=fix)
        return
    figure, data = f"{free / (1 << 30):.1f} GiB free in {folder}", {"free": free}
    if free < LITTLE_SPACE:
        yield Finding(name="disk", status=Status.WARN, figure=figure, advice=f"Make room in {folder}.", data=data)
    else:
        yield Finding(name="disk", status=Status.OK, figure=figure, data=data)


def _player() -> Finding:
    wanted = os.environ.get("TTS_PLAYER", "").strip() or None
    try:
        player = find_player(wanted)
    except click.ClickException as error:
        if wanted:
            fix = "Correct or unset TTS_PLAYER."
            return Finding(name="player", status=Status.FAIL, figure=error.format_message(), advice=fix)
        figure, fix = "none for litestar-tts say --play", "Install ffmpeg (ffplay), mpv or alsa-utils (aplay)."
        return Finding(name="player", status=Status.SKIP, figure=figure, advice=fix)
    return Finding(name="player", status=Status.OK, figure=f"{player.name}, for litestar-tts say --play")
