import sys
from pathlib import Path

from mypy import api


def test_examples_pass_mypy_in_strict_mode(tmp_path: Path) -> None:
    config = Path(__file__).parents[2] / "pyproject.toml"
    examples = Path(__file__).parent / "examples.py"
    options = ["--config-file", str(config), "--cache-dir", str(tmp_path), "--python-executable", sys.executable]
    out, errors, status = api.run([*options, str(examples)])
    assert status == 0, out + errors
