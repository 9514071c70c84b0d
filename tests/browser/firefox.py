"""Run the browser client's tests in the Firefox that is installed: ``make browser-firefox``.

Exit code 0: all passed; 1: something failed; 2: nothing was run, since Firefox or sound is missing. ``make`` itself
ends with 2 for both.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.null_sink import NoSoundError, null_sink

HERE = Path(__file__).parent
FILES = ("test_client_sound.py", "test_client_control.py", "test_client_page.py", "firefox_pages.py")
NO_FIREFOX = """No Firefox is installed, so nothing was run.
Install it (Debian: apt install firefox-esr), or say where it is: make browser-firefox FIREFOX=/path/to/firefox"""
NO_SOUND = """Firefox plays nothing on a machine without a sound device, so nothing was run.
Install PulseAudio (Debian: apt install pulseaudio); a server without ears is then started for the tests alone.
With PipeWire: apt install pipewire-pulse pulseaudio-utils, and run this in a session where it runs."""


class Told:
    """A line for each test, and what went wrong."""

    def __init__(self) -> None:
        self.counts = {"pass": 0, "FAIL": 0, "skip": 0}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call":
            return
        verdict = "FAIL" if report.failed else "pass" if report.passed else "skip"
        self.counts[verdict] += 1
        name = re.sub(r"^test_", "", report.nodeid.rpartition("::")[2]).replace("_", " ")
        print(
            f"{verdict}  {name}" + (f" ({report.when})" if report.failed and report.when != "call" else ""), flush=True
        )
        if report.failed:
            print(report.longreprtext, flush=True)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.counts["FAIL"] += 1
            print(f"FAIL  {report.nodeid}\n{report.longreprtext}")


def main() -> int:
    named = os.environ.get("FIREFOX")
    path = shutil.which(named) if named else shutil.which("firefox") or shutil.which("firefox-esr")
    if path is None:
        print(f"There is no {named}." if named else NO_FIREFOX, file=sys.stderr)
        return 2
    try:
        with null_sink() as sound:
            os.environ.update(sound, TTS_TEST_FIREFOX=path)
            version = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
            print(version.stdout.strip() or path, flush=True)
            told = Told()
            options = ["-o", "addopts=", *[f"-pno:{plugin}" for plugin in ("terminal", "xdist", "cacheprovider")]]
            pytest.main([*options, *sys.argv[1:], *[str(HERE / name) for name in FILES]], plugins=[told])
    except NoSoundError:
        print(NO_SOUND, file=sys.stderr)
        return 2
    print(f"{told.counts['pass']} passed, {told.counts['FAIL']} failed, {told.counts['skip']} skipped")
    return 1 if told.counts["FAIL"] or not told.counts["pass"] else 0


if __name__ == "__main__":
    sys.exit(main())
