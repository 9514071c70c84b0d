"""What is built is complete: the wheel holds everything that the package reads at run time, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel(tmp_path: Path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    packaged = {path.relative_to(ROOT).as_posix() for path in (ROOT / "litestar_tts").rglob("*") if path.is_file()}
    packaged = {name for name in packaged if "__pycache__" not in name}
    assert packaged <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"litestar_tts"}
    for extra in ("espeak", "piper", "audio", "server", "client", "valkey", "standard"):
        assert f"Provides-Extra: {extra}" in metadata
    assert "Requires-Dist: edge-tts<8,>=7.3.1" in metadata
