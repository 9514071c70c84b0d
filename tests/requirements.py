"""Print the requirements of a dependency group of pyproject.toml, for pip versions that do not know --group."""

import sys
import tomllib
from pathlib import Path


def requirements(group: str) -> list[str]:
    project = tomllib.loads(Path(__file__).parent.with_name("pyproject.toml").read_text(encoding="utf-8"))
    return [line for line in project["dependency-groups"][group] if isinstance(line, str)]


if __name__ == "__main__":
    print(" ".join(requirements(sys.argv[1])))
