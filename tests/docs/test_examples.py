"""Every Python example in the documentation runs, page by page, and every command shown works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)")


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path):
    # In a process of its own, as a reader would run it; engines and event loops start afresh.
    script = tmp_path / "example.py"
    script.write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def commands() -> list[str]:
    lines = [line.strip() for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith(("litestar-tts say", "litestar-tts voices"))})


@pytest.mark.parametrize("command", commands())
def test_commands_work(command: str, tmp_path: Path):
    words = shlex.split(command, comments=True)
    run = subprocess.run(
        [sys.executable, "-m", "litestar_tts", *words[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        there = page.parent / target
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{target}#{anchor}"


def test_every_option_has_its_line():
    from dataclasses import fields

    from litestar_tts.config import ENVIRONMENT, RateLimit, TTSConfig

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for option in [field.name for field in fields(TTSConfig)]:
        assert f"`{option}`" in text, option
    for option in fields(RateLimit):
        assert f"`RateLimit.{option.name}`" in text
    for variable in ENVIRONMENT.values():
        assert f"`{variable}`" in text, variable
