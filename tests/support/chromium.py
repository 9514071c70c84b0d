"""The browser that the tests drive: the one that is named, else the system's, else Playwright's own."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.firefox import FIREFOX


def _find() -> str | None:
    named = os.environ.get("TTS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if named is not None:
        return named
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


BROWSER = _find()

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None and not FIREFOX and not os.environ.get("CI"),
        reason="no Chromium found; install Debian's chromium or name one in TTS_TEST_CHROMIUM",
    ),
]
