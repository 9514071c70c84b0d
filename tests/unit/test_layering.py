"""Imports point inwards, and importing the package loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import litestar_tts

ROOT = Path(litestar_tts.__file__).parent
CORE = {"models", "exceptions", "__metadata__"}
MAY_IMPORT = {
    "models": set(),
    "exceptions": set(),
    "__metadata__": set(),
    "config": CORE,
    "metrics": CORE,
    "text": CORE,
    "fairness": set(),
    "espeak": CORE | {"fairness"},
    "limits": CORE | {"config"},
    "logs": CORE | {"limits"},
    "engines": CORE | {"config", "text", "espeak", "fairness"},
    "audio": CORE,
    "visemes": CORE | {"espeak", "text"},
    "captions": CORE | {"text"},
    "frames": CORE,
    "recording": CORE,
    "client": CORE | {"frames", "recording", "text", "audio"},
    "road": CORE | {"config", "fairness", "metrics", "engines", "audio", "visemes", "text"},
    "reports": CORE | {"road"},
    "service": CORE | {"reports", "config", "metrics", "engines", "audio", "visemes", "text", "road"},
    "testing": CORE | {"engines", "audio", "text"},
}
WITHOUT_LITESTAR = set(MAY_IMPORT)
HEAVY = {
    "av",
    "numpy",
    "edge_tts",
    "aiohttp",
    "espeakng_loader",
    "piper",
    "onnxruntime",
    "uvicorn",
    "httpx",
    "click",
    "rich",
}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Full names of everything that a module imports, except for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names.add(str(node.module))
    return names


@pytest.mark.parametrize(
    "path", [path for path in modules() if room(path) in MAY_IMPORT], ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_point_inwards(path: Path):
    here = room(path)
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "litestar":
            assert here not in WITHOUT_LITESTAR, f"{here} must not know Litestar"
        if top == "litestar_tts" and rest:
            there = rest.split(".")[0]
            assert there == here or there in MAY_IMPORT[here], f"{path.relative_to(ROOT)} imports {name}"


def test_every_room_is_known():
    outside = {"__init__", "__main__", "_compat", "cli", "connections", "plugin", "server", "stopping", "static", "web"}
    assert {room(path) for path in modules()} <= outside | set(MAY_IMPORT)


@pytest.mark.parametrize(
    "statement",
    [
        "import litestar_tts",
        "from litestar_tts import TTSConfig, TTSPlugin; TTSPlugin(TTSConfig())",
        "from litestar import Litestar; from litestar_tts import *; Litestar(plugins=[TTSPlugin(TTSConfig())])",
    ],
)
def test_nothing_heavy_is_loaded(statement: str):
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    if statement != "import litestar_tts":
        loaded -= {"httpx", "click", "rich"}  # Litestar 2 loads them by itself
    assert not loaded & HEAVY


def test_importing_the_package_is_quick():
    code = "import sys; before = set(sys.modules); import litestar_tts; print(len(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(run.stdout) < 100
