"""Pages with avatars, under a policy as strict as policies come, on a real server with a real voice."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import BROWSER

__all__ = ("Stage", "stage", "until")

ROOT = Path(__file__).parents[2]
SETUP = (ROOT / "tests" / "browser" / "avatar_pages" / "setup.js").read_text(encoding="utf-8")
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; media-src 'self' blob:; img-src data:;"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
# Counts what is asked of the browser's clock.
COUNT = """
window.asked = 0;
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (act) => { window.asked++; return ask(act); };
window.uncounted = ask;
"""


class Stage:
    """A server and a browser."""

    def __init__(self, url: str, browser: Any) -> None:
        self.url = url
        self.browser = browser

    @contextmanager
    def pages(self) -> Iterator[Callable[..., Any]]:
        """Gives what opens a page with a body; no page may have complained about anything by the end."""
        contexts: list[Any] = []
        complaints: list[str] = []

        def opened(body: str, *, clock: bool = False, **options: Any) -> Any:
            context = self.browser.new_context(viewport={"width": 700, "height": 700}, **options)
            contexts.append(context)
            page = context.new_page()
            page.on("console", lambda entry: entry.type in ("error", "warning") and complaints.append(entry.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            if clock:
                page.clock.install(time=0)
            page.add_init_script(COUNT)
            html = (
                '<!doctype html><html lang="en"><title>Avatar</title><link rel="icon" href="data:,">'
                f'<body>{body}<script type="module" src="avatar-setup.js"></script>'
            )
            headers = {"Content-Security-Policy": POLICY}
            page.route(
                f"{self.url}/avatar-page",
                lambda route: route.fulfill(body=html, content_type="text/html", headers=headers),
            )
            page.route(
                f"{self.url}/avatar-setup.js",
                lambda route: route.fulfill(body=SETUP, content_type="text/javascript"),
            )
            page.goto(f"{self.url}/avatar-page")
            assert page.evaluate("window.ready"), complaints
            # A face that was never on the screen stands still: wait until the browser has said what is.
            page.evaluate(
                "() => new Promise((done) => { const seen = new IntersectionObserver(() => { seen.disconnect();"
                " done(); }); seen.observe(document.body); })"
            )
            return page

        try:
            yield opened
        finally:
            for context in contexts:
                context.close()
        assert complaints == []


@contextmanager
def stage() -> Iterator[Stage]:
    """A server in a process of its own, and Chromium."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    environment |= {"PYTHONPATH": str(ROOT), "TTS_ENGINES": "espeak", "TTS_API_KEYS": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "litestar_tts", "serve", "--port", "0", "--log-level", "warning"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(30, process.kill)
    timer.start()
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        timer.cancel()
        assert found is not None, "the server did not start"
        with playwright_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=BROWSER, headless=True, args=["--no-sandbox"])
            yield Stage(found[0].rstrip("/"), browser)
            browser.close()
    finally:
        timer.cancel()
        process.terminate()
        process.wait(20)
        process.stdout.close()


def until(page: Any, condition: str) -> None:
    """Waits in the page itself, which a strict policy allows and a string to evaluate there would not."""
    assert page.evaluate(
        "async () => { const end = performance.now() + 20000;"
        f" while (!({condition})) {{ if (performance.now() > end) return false;"
        " await new Promise((done) => setTimeout(done, 10)); } return true; }"
    ), f"never: {condition}"
