"""The elements and the studio in Firefox, which has no other tests of them; ``make browser-firefox`` runs these."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.client_page import open_page, site
from tests.support.browser import watch
from tests.support.demo import LISTEN, module
from tests.support.firefox import FIREFOX, Firefox, firefox
from tests.support.player_page import PAGES, button, ended, letters, open_pages, word_heard, words
from tests.support.reading_room import reading_room

__all__ = ("open_page", "site")

LIPS = "document.querySelector('tts-avatar').shadowRoot?.querySelector('[part=mouth]')?.getAttribute('d')"
WATCH_LIPS = f"""() => {{
  window.shapes = new Set();
  const watch = () => {{ window.shapes.add({LIPS}); requestAnimationFrame(watch); }};
  watch();
}}"""
NO_HIGHLIGHTS = "delete window.Highlight;"
MARKED = """addEventListener("tts-word", () => {
  const mark = document.querySelector(".tts-overlay")?.shadowRoot.querySelector(".tts-word")?.getBoundingClientRect();
  (window.marked ??= []).push(Boolean(mark?.width > 2 && mark.height > 2));
});"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    assert FIREFOX, "run these with: make browser-firefox"
    with firefox(FIREFOX) as browser:
        yield browser


@pytest.fixture(scope="module")
def room() -> Iterator[str]:
    with reading_room(PAGES) as url:
        yield url


@pytest.fixture
def open_article(browser: Firefox, room: str) -> Iterator[Callable[..., Any]]:
    with open_pages(room, browser) as open_page:
        yield open_page


def until(page: Any, condition: str) -> Any:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := page.evaluate(condition):
            return found
        page.wait_for_timeout(20)
    raise AssertionError(f"never came true: {condition}")


def test_player_marks_the_word_that_is_heard(open_article: Callable[..., Any]) -> None:
    page = open_article()
    assert page.evaluate("typeof Highlight") == "function"
    button(page, "Play").click()
    assert ended(page)["finished"]
    heard = words(page)
    assert [word["start"] for word in heard] == sorted({word["start"] for word in heard})
    for word in heard:
        assert word["mark"].replace("\u00ad", "") == word["content"]
        assert letters(word["content"]) == letters(word["text"])
    assert letters(page.evaluate("player.content")) == "".join(letters(word["content"]) for word in heard)
    assert page.evaluate("CSS.highlights.get('tts-word').size") == 0
    assert page.evaluate("sound.peak") > 0.3


def test_player_marks_without_custom_highlights(open_article: Callable[..., Any]) -> None:
    page = open_article("article.html", NO_HIGHLIGHTS, MARKED)
    page.evaluate("player.speed = 4")
    button(page, "Play").click()
    assert ended(page)["finished"]
    marked = page.evaluate("marked")
    # Hyphens and line ends apart, every word stands somewhere.
    assert sum(marked) >= len(marked) - 1 > 40
    assert page.evaluate("document.querySelector('.tts-overlay')") is None


def test_player_pauses_goes_on_and_stops(open_article: Callable[..., Any]) -> None:
    page = open_article()
    button(page, "Play").click()
    word_heard(page, "fires")
    button(page, "Pause").click()
    page.wait_for_timeout(200)
    count = len(words(page))
    assert page.evaluate("sound.now") < 1e-4
    page.wait_for_timeout(300)
    assert len(words(page)) == count
    button(page, "Play").click()
    word_heard(page, "hills")
    page.evaluate("player.stop()")
    page.wait_for_timeout(40 + 90 + 30)
    assert page.evaluate("sound.now") < 1e-4
    heard = "".join(word["content"] for word in words(page))
    assert heard.startswith("LighthousesThefirstlighthouseswerefiresonhills")


def test_avatar_moves_its_lips_and_rests(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.evaluate("document.body.append(document.createElement('tts-avatar'))")
    resting = until(page, LIPS)
    page.evaluate(WATCH_LIPS)
    page.evaluate("tts.ttsService.speakStreaming('one two three four five six seven eight nine ten')")
    assert page.evaluate("shapes.size") > 10
    until(page, f"{LIPS} === {resting!r}")


def test_studio_speaks_under_its_policy(browser: Firefox) -> None:
    serve = ("litestar_tts", "serve", "--port", "0", "--log-level", "warning")
    with module(*serve, ready=r"(http://\S+)", RATE_LIMIT_REQUESTS="1000") as url:
        page = browser.new_page()
        problems = watch(page)
        page.add_init_script(LISTEN)
        page.goto(url)
        until(page, "document.querySelectorAll('#voice-list [role=option]').length > 5")
        resting = until(page, "lips('avatar')")
        page.evaluate("watchFace()")
        button(page, "Speak").click()
        until(page, "document.getElementById('status').textContent === 'Done.'")
        assert page.evaluate("shapes.size") > 10
        assert page.evaluate("heard.peak") > 0.1
        assert page.evaluate("heard.starts.every(([, , rate, context]) => rate === context)")
        assert page.evaluate("Number(document.getElementById('fact-visemes').textContent)") > 10
        until(page, f"lips('avatar') === {resting!r}")
        # Escape stops.
        button(page, "Speak").click()
        until(page, "heard.now > 0.05")
        page.press("\ue00c")
        until(page, "document.getElementById('status').textContent === 'Stopped.'")
        page.close()
        assert problems == []
