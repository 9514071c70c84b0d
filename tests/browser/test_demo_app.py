"""The demo application as its visitor sees it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import BROWSER, MARKS

playwright_api = pytest.importorskip("playwright.sync_api")

pytestmark = MARKS
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    environment |= {"TTS_ENGINES": "espeak", "HOST": "127.0.0.1", "PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "demo_app"], env=environment, cwd=ROOT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("width", [390, 1280])
def test_an_article_is_read_aloud(url: str, width: int):
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for _ in range(100):  # the server says nothing that could be waited for when it listens
            try:
                page.goto(url)
                break
            except playwright_api.Error:
                page.wait_for_timeout(200)
        expect = playwright_api.expect
        page.get_by_role("button", name="The Gettysburg Address").click()
        expect(page.get_by_role("heading", name="The Gettysburg Address")).to_be_focused()
        page.get_by_role("button", name="Listen").click()
        expect(page.get_by_role("status")).to_contain_text("Reading", timeout=20_000)
        expect(page.locator("#time")).not_to_have_text("0:00", timeout=20_000)
        page.get_by_role("button", name="Pause").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("Paused")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert not complaints
        browser.close()
