"""Python and the packages: versions against what is supported, and what is not installed."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Final

from litestar_tts.__metadata__ import __version__
from litestar_tts.cli.diagnosis.children import load_modules
from litestar_tts.cli.findings import Finding, Status

__all__ = ("examine_packages", "examine_python", "pip_line")

DISTRIBUTION: Final = "litestar-tts"
OLDEST_PYTHON: Final = (3, 11)
LOST: Final[Mapping[str, str]] = {
    "espeak": "no eSpeak NG voices (138 languages, offline), and lips are guessed from letters",
    "piper": "no natural voice without a network",
    "audio": "only WAV and PCM at a local voice's own rate and MP3 of Edge; no other format, rate, speed or pitch",
    "server": "no standalone server (litestar-tts serve), no .env file, no API page",
    "client": "no Python client, no litestar-tts check",
    "valkey": "no rate limit that several workers or machines share",
}
"""Extra → what is missing without it."""
OPTIONAL: Final = ("piper", "valkey")
"""Extras that the usual installation does without."""
MODULES: Final[Mapping[str, str]] = {
    "av": "av",
    "httpx": "httpx",
    "uvicorn": "uvicorn",
    "python-dotenv": "dotenv",
    "valkey": "valkey",
    "limits": "limits",
    "litestar": "litestar",
    "edge-tts": "edge_tts",
}
"""Distribution → the module that is loaded to see whether its wheel works on this machine."""
EDGE_AGE: Final = "Microsoft refuses older clients"


def pip_line(requirement: str, *, upgrade: bool = False) -> str:
    """The command, with the quotes that shells need."""
    return f'pip install {"-U " if upgrade else ""}"{requirement}"'


def examine_python() -> list[Finding]:
    """The interpreter and the machine."""
    version, libc = platform.python_version(), "".join(platform.libc_ver())
    figure = f"{version} on {platform.system()} {platform.machine()}, {sys.executable}"
    data = {"version": version, "platform": platform.platform(), "executable": sys.executable, "libc": libc}
    if sys.version_info < OLDEST_PYTHON:
        fix = "Use Python 3.11 or newer."
        return [Finding(name="python", status=Status.FAIL, figure=figure, advice=fix, data=data)]
    if platform.system() == "Linux" and not libc:
        fix = "On musl (Alpine) there are no wheels of the local engines; use an image with glibc, e.g. Debian's."
        return [Finding(name="python", status=Status.WARN, figure=figure, advice=fix, data=data)]
    return [Finding(name="python", status=Status.OK, figure=figure, data=data)]


def examine_packages(wanted_extras: Sequence[str]) -> list[Finding]:
    """Every requirement of ours: there, in range, and able to load.

    Args:
        wanted_extras: Extras that the configuration cannot do without.
    """
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return [
            Finding(
                name="litestar-tts",
                status=Status.WARN,
                figure=f"{__version__}, not installed by pip: the supported versions of its parts are not known",
                advice=pip_line("litestar-tts[standard]"),
            )
        ]
    core, extras = _sorted(requirements)
    broken = _broken([one.name for group in (core, *extras.values()) for one in group])
    found = [Finding(name="litestar-tts", status=Status.OK, figure=__version__, data={"version": __version__})]
    found += [_core(requirement, broken) for requirement in core]
    for extra, parts in extras.items():
        found.append(_extra(extra, parts, broken, needed=extra in wanted_extras))
    found += _faster()
    return found


def _sorted(lines: Sequence[str]) -> tuple[list[Any], dict[str, list[Any]]]:
    """Requirements of the core, and of each extra that is no sum of others."""
    from packaging.requirements import Requirement

    core: list[Any] = []
    extras: dict[str, list[Any]] = {extra: [] for extra in LOST}
    for line in lines:
        requirement = Requirement(line)
        extra = re.search(r"""extra == ["']([\w-]+)["']""", str(requirement.marker or ""))
        if extra is None:
            if requirement.marker is None or requirement.marker.evaluate():
                core.append(requirement)
        elif extra[1] in extras and requirement.name != "litestar":
            extras[extra[1]].append(requirement)
    return core, extras


def _broken(distributions: Sequence[str]) -> dict[str, str]:
    """Distribution → why it does not load, for those that are installed and do not."""
    modules = {MODULES[name]: name for name in distributions if name in MODULES and find_spec(MODULES[name])}
    return {modules[module]: reason for module, reason in load_modules([*modules]).items() if reason is not None}


def _core(requirement: Any, broken: Mapping[str, str]) -> Finding:
    name, data = requirement.name, {"supported": str(requirement.specifier)}
    version = _version(name)
    advice = pip_line(f"{name}{_in_pips_order(requirement)}", upgrade=True)
    if version is None:
        return Finding(name=name, status=Status.FAIL, figure="not installed", advice=advice, data=data)
    data["version"] = version
    if not requirement.specifier.contains(version, prereleases=True):
        why = f"; {EDGE_AGE}" if name == "edge-tts" else ""
        figure = f"{version}, but {requirement.specifier} is needed{why}"
        return Finding(name=name, status=Status.FAIL, figure=figure, advice=advice, data=data)
    if name in broken:
        return _unloadable(name, name, version, broken[name], Status.FAIL)
    return Finding(name=name, status=Status.OK, figure=version, data=data)


def _extra(extra: str, parts: Sequence[Any], broken: Mapping[str, str], *, needed: bool) -> Finding:
    name, advice = f"extra {extra}", pip_line(f"litestar-tts[{extra}]")
    versions = {part.name: _version(part.name) for part in parts}
    missing = [part for part, version in versions.items() if version is None]
    data = {"versions": versions, "missing": missing}
    if missing:
        gone = "not installed" if len(missing) == len(parts) else f"{', '.join(missing)} not installed"
        quiet = extra in OPTIONAL or (extra == "server" and missing == ["litestar-offline-docs"])
        status = Status.FAIL if needed else Status.SKIP if quiet else Status.WARN
        figure = f"{gone}: {LOST[extra]}"
        return Finding(name=name, status=status, figure=figure, advice=advice, data=data)
    for part in parts:
        version = versions[part.name] or ""
        if part.name in broken:
            status = Status.FAIL if needed else Status.WARN
            return _unloadable(name, part.name, version, broken[part.name], status)
        if not part.specifier.contains(version, prereleases=True):
            figure = f"{part.name} {version}, but {part.specifier} is needed"
            fix = pip_line(f"{part.name}{_in_pips_order(part)}", upgrade=True)
            return Finding(name=name, status=Status.WARN, figure=figure, advice=fix, data=data)
    figure = ", ".join(f"{part} {version}" for part, version in versions.items())
    return Finding(name=name, status=Status.OK, figure=figure, data=data)


def _unloadable(name: str, part: str, version: str, reason: str, status: Status) -> Finding:
    figure = f"{part} {version} is installed but does not load: {reason}"
    advice = f"Reinstall it for this Python and machine: pip install --force-reinstall {part}"
    return Finding(name=name, status=status, figure=figure, advice=advice, data={"reason": reason})


def _faster() -> Iterator[Finding]:
    if sys.platform == "win32" or find_spec("uvicorn") is None:
        return
    missing = [module for module in ("uvloop", "httptools") if find_spec(module) is None]
    if missing:
        yield Finding(
            name="uvloop",
            status=Status.SKIP,
            figure=f"{', '.join(missing)} not installed: the server works, but takes more of the processor",
            advice=pip_line("uvicorn[standard]"),
        )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _in_pips_order(requirement: Any) -> str:
    """The range with its lower end in front, as people write it."""
    parts = sorted(str(requirement.specifier).split(","), key=lambda part: not part.startswith(">"))
    return ",".join(parts)
