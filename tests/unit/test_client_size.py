"""The browser client's files as they are shipped."""

import gzip
import re
from pathlib import Path

import pytest

from litestar_tts.web.client_files import CLIENT_FILES

STATIC = Path(__file__).parents[2] / "litestar_tts" / "static"
MODULES = sorted(name for name in CLIENT_FILES if name.endswith(".js"))


def test_the_core_is_small():
    packed = len(gzip.compress((STATIC / "tts.js").read_bytes(), 9))
    assert packed <= 6000, (
        f"tts.js has {packed} bytes after gzip -9; move what not every page needs into another module"
    )


def test_every_module_is_there_with_its_types():
    assert {"tts.js", "tts-decoders.js", "elements.js", "player.js", "avatar.js", "adapters.js"} <= CLIENT_FILES
    assert "types.d.ts" in CLIENT_FILES
    for name in MODULES:
        assert name.replace(".js", ".d.ts") in CLIENT_FILES
    for name in CLIENT_FILES:
        assert (STATIC / name).stat().st_size > 10


@pytest.mark.parametrize("name", MODULES)
def test_a_strict_policy_has_nothing_to_forbid(name: str):
    text = (STATIC / name).read_text(encoding="utf-8")
    for forbidden in (
        r"\beval\(",
        r"\bnew Function\b",
        r"\.innerHTML\b",
        r"\bstyle=",
        r"\bdocument\.write\b",
        r"<style",
    ):
        assert not re.search(forbidden, text), forbidden


@pytest.mark.parametrize("name", MODULES)
def test_modules_come_from_beside_each_other(name: str):
    text = (STATIC / name).read_text(encoding="utf-8")
    code = re.sub(r"(?<!\\)/\*.*?\*/", "", text, flags=re.DOTALL)
    imported = re.findall(r"""(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)["']([^"']+)["']""", code, flags=re.MULTILINE)
    for target in imported:
        assert re.fullmatch(r"\.\.?/[\w./-]+\.js", target), target
        assert (STATIC / name).parent.joinpath(target).resolve().relative_to(STATIC).as_posix() in CLIENT_FILES


def test_the_core_waits_for_what_it_may_not_need():
    code = re.sub(r"(?<!\\)/\*.*?\*/", "", (STATIC / "tts.js").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.findall(r"^\s*import\s+[^(]", code, flags=re.MULTILINE)
