"""Fixtures of the client's tests: one host and one browser for a file, one page for a test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import SOUND, Host, host, watch
from tests.support.chromium import BROWSER
from tests.support.firefox import FIREFOX, firefox

playwright_api = pytest.importorskip("playwright.sync_api")

__all__ = ("browser", "open_page", "page", "site")


@pytest.fixture(scope="module")
def site() -> Iterator[Host]:
    with host() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if FIREFOX:
        with firefox(FIREFOX) as browser:
            yield browser
        return
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER,
            headless=True,
            args=["--no-sandbox", "--host-resolver-rules=MAP plain.example 127.0.0.1"],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, site: Host) -> Iterator[Callable[..., Any]]:
    """Opens pages; each must have closed without a complaint of the browser's but those that were expected."""
    opened: list[tuple[Any, list[str], str]] = []

    def open_page(url: str | None = None, *, script: str = "", expected: str = "") -> Any:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        problems = watch(page)
        page.add_init_script(SOUND)
        if script:
            page.add_init_script(script)
        page.goto(url or site.page)
        page.locator("body[data-ready]").wait_for()
        opened.append((page, problems, expected))
        return page

    yield open_page
    for page, problems, expected in opened:
        page.close()
        assert [one for one in problems if not (expected and expected in one)] == []


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    return open_page()
