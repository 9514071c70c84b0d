"""The demo application as its visitor sees it: the reading room, and the studio beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.axe import AXE, violations
from tests.support.chromium import BROWSER, MARKS
from tests.support.demo import module, visit

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect
expect.set_options(timeout=20_000)

pytestmark = MARKS
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 860}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with module("demo_app", ready=r"(http://\S+)", HOST="127.0.0.1", PORT="0") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def marked(page) -> str:
    return page.evaluate("[...(CSS.highlights.get('tts-word') ?? [])].join('|')")


def test_an_article_is_read_aloud_and_followed(browser, url):
    with visit(browser, url) as page:
        page.get_by_role("link", name="The Gettysburg Address").click()
        expect(page.get_by_role("heading", level=1, name="The Gettysburg Address")).to_be_visible()
        assert page.url.endswith("#gettysburg")
        resting = page.evaluate("lips('reader')")
        page.get_by_role("button", name="Play").click()
        words, shapes = [], set()
        while len(words) < 8:
            word = marked(page)
            if word and word not in words[-1:]:
                words.append(word)
            shapes.add(page.evaluate("lips('reader')"))
        text = page.locator("#article").inner_text()
        assert all(word in text for word in words), words
        # A busy machine may look too late for the shortest ones.
        assert words[0] in {"The", "Gettysburg", "Address"}, "it begins with the title"
        assert len(shapes) > 5, "the face does not speak"
        page.get_by_role("button", name="Pause").press("Enter")
        expect(page.locator("tts-player").get_by_role("status")).to_contain_text("Paused")
        page.get_by_role("button", name="Stop").click()
        page.wait_for_timeout(150)
        assert page.evaluate("heard.now") < 1e-3
        assert page.evaluate("heard.peak") > 0.1
        deadline = 100
        while page.evaluate("lips('reader')") != resting and deadline:
            page.wait_for_timeout(50)
            deadline -= 1
        assert deadline, "the face does not come to rest"


def test_another_language_has_another_voice_and_face(browser, url):
    with visit(browser, f"{url}/#froschkoenig") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Der Froschkönig")
        assert page.locator("#text").get_attribute("lang") == "de-DE"
        assert page.locator("#player").get_attribute("voice").startswith("de")
        assert page.locator("#reader").get_attribute("face") == "zuri"
        with page.expect_response("**/generate-stream") as answer:
            page.get_by_role("button", name="Play").click()
        assert answer.value.status == 200
        assert answer.value.headers["x-tts-voice"].startswith("de")
        # Another text ends the reading of this one.
        page.get_by_role("link", name="La Cigale et la Fourmi").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("La Cigale et la Fourmi")
        page.wait_for_timeout(150)
        assert page.evaluate("heard.now") < 1e-3


def test_a_text_can_be_kept(browser, url):
    with visit(browser, f"{url}/#cigale") as page:
        with page.expect_download() as download:
            page.get_by_role("link", name="the whole text as an MP3").click()
        assert download.value.suggested_filename == "cigale.mp3"
        assert len(Path(download.value.path()).read_bytes()) > 50_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_fits_the_screen_and_keeps_the_rules_of_access(browser, url, size, scheme):
    with visit(browser, url, AXE, viewport=size, color_scheme=scheme) as page:
        page.get_by_role("button", name="Play").click()
        expect(page.locator("tts-player").get_by_role("status")).to_contain_text("Reading")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert violations(page) == []


def test_the_studio_is_mounted_beside_and_speaks_with_the_same_api(browser, url):
    with visit(browser, url) as page:
        page.get_by_role("link", name="Studio").click()
        expect(page.locator("#voice-list [role=option]").nth(5)).to_be_attached()
        page.get_by_label("What shall I say?").fill("From a path of its own.")
        with page.expect_response("**/tts/generate-stream") as answer:
            page.get_by_role("button", name="Speak", exact=True).click()
        assert answer.value.status == 200
        expect(page.locator("#status")).to_have_text("Done.")
        page.get_by_role("link", name="Reading room").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
