"""Pages with players, under a strict policy, on a real server with a real voice."""

import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.chromium import BROWSER
from tests.support.reading_room import reading_room

__all__ = (
    "add_player",
    "button",
    "ended",
    "letters",
    "open_pages",
    "reading_browser",
    "status",
    "until",
    "word_heard",
    "words",
)

PAGES = Path(__file__).parents[1] / "browser" / "player_pages"
WATCH = (PAGES / "watch.js").read_text(encoding="utf-8")
PATIENCE = 20.0


@contextmanager
def reading_browser() -> Iterator[tuple[str, Any]]:
    """A server's address, and a browser."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1000)
    with reading_room(PAGES) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, headless=True, args=["--no-sandbox"])
        yield url, browser
        browser.close()


@contextmanager
def open_pages(url: str, browser: Any) -> Iterator[Callable[..., Any]]:
    """A function that opens pages; in the end none must have complained of anything but what was expected."""
    opened: list[tuple[Any, list[str], str]] = []

    def open_page(name: str = "article.html", *scripts: str, complaints: str = "^$", **options: Any) -> Any:
        page = browser.new_page(**options)
        page.set_default_timeout(PATIENCE * 1000)
        problems: list[str] = []

        def note(message: Any) -> None:
            if message.type in ("error", "warning"):
                problems.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: problems.append(str(error)))
        for script in (WATCH, *scripts):
            page.add_init_script(script)
        page.goto(f"{url}/pages/{name}")
        opened.append((page, problems, complaints))
        return page

    yield open_page
    for page, problems, complaints in opened:
        page.close()
        assert [problem for problem in problems if not re.search(complaints, problem)] == []


def until(page: Any, condition: str, argument: Any = None) -> Any:
    """Waits; `page.wait_for_function` would be stopped by the page's policy."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = page.evaluate(condition, argument)
        if found:
            return found
        page.wait_for_timeout(20)
    told = page.evaluate("told.filter(({ name }) => name !== 'viseme' && name !== 'progress').slice(-5)")
    raise AssertionError(f"never came true: {condition}; last told: {told}")


def words(page: Any) -> list[dict[str, Any]]:
    """The words that were heard so far, with what was marked at that moment."""
    return page.evaluate("told.filter(({ name }) => name === 'word')")


def ended(page: Any) -> dict[str, Any]:
    """Waits for the end, and tells its detail."""
    return until(page, "told.find(({ name }) => name === 'end')")


def word_heard(page: Any, text: str, after: int = 0) -> int:
    """Waits until a word was heard, and says how many words were by then."""
    return until(
        page,
        """([text, after]) => {
          const words = told.filter(({ name }) => name === "word");
          return words.findIndex((word, at) => at >= after && word.text === text) + 1;
        }""",
        [text, after],
    )


def status(page: Any, text: str) -> None:
    """Waits until the player says so."""
    from playwright.sync_api import expect

    expect(page.get_by_role("status")).to_have_text(text)


def button(page: Any, name: str) -> Any:
    """The player's button."""
    return page.get_by_role("button", name=name, exact=True)


def add_player(page: Any, **attributes: str) -> None:
    """Puts a player into ``bare.html``."""
    page.evaluate(
        """(attributes) => {
          const player = document.createElement("tts-player");
          for (const [name, value] of Object.entries(attributes)) player.setAttribute(name, value);
          document.getElementById("place").append(player);
          return customElements.whenDefined("tts-player");
        }""",
        {"id": "player", "voice": "espeak:en-us", "label": "Player", "speed": "2", **attributes},
    )


def letters(text: str) -> str:
    """What of a text can be heard."""
    return "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if one.isalnum())
