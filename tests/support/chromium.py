"""The browser that the tests drive."""

import os
import shutil

import pytest

BROWSER = os.environ.get("TTS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None and not os.environ.get("CI"),
        reason="no Chromium found; install Debian's chromium or name one in TTS_TEST_CHROMIUM",
    ),
]
