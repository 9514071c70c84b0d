"""The player element in a real browser, with a real voice, under a strict Content-Security-Policy."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.support.axe import AXE, violations
from tests.support.chromium import MARKS
from tests.support.player_page import (
    add_player,
    button,
    ended,
    letters,
    open_pages,
    reading_browser,
    status,
    until,
    word_heard,
    words,
)

expect = pytest.importorskip("playwright.sync_api").expect

pytestmark = MARKS


@pytest.fixture(scope="module")
def room() -> Iterator[tuple[str, Any]]:
    with reading_browser() as room:
        yield room


@pytest.fixture
def open_page(room: tuple[str, Any]) -> Iterator[Callable[..., Any]]:
    with open_pages(*room) as open_page:
        yield open_page


def test_reads_what_is_seen(open_page):
    page = open_page()
    button(page, "Play").wait_for()
    heading, first, more, keepers, second, *rest = page.evaluate("player.content").split("\n\n")
    assert [heading, more, keepers] == ["Lighthouses", "More", "Keepers"]
    assert first.startswith(
        "The first lighthouses were fires on hills. Dr. Smith built the tower in 1856 for $3.50, or so"
    )
    assert second.endswith("The lamp, the lamp, the lamp! That was the whole work, hyphen and all.")
    assert rest == [
        "Oil",
        "Wicks",
        "A logbook",
        "In fog the bell rang every 30 seconds. Nobody slept well.",
    ]
    page.evaluate("player.code = true")
    assert "code = not(read)" in page.evaluate("player.content")
    page.evaluate("player.skip = 'h2, ul'")
    assert "Keepers" not in page.evaluate("player.content")
    assert "Oil" not in page.evaluate("player.content")


def test_marks_the_word_that_is_heard(open_page):
    page = open_page()
    page.evaluate("player.speed = 4")
    before = page.evaluate("article.innerHTML")
    button(page, "Play").click()
    assert ended(page)["finished"]
    heard = words(page)
    assert [word["start"] for word in heard] == sorted({word["start"] for word in heard})
    for word in heard:
        assert word["mark"].replace("\u00ad", "") == word["content"]
        assert letters(word["content"]) == letters(word["text"])
    assert letters(page.evaluate("player.content")) == "".join(letters(word["content"]) for word in heard)
    assert page.evaluate("CSS.highlights.get('tts-word').size") == 0
    assert page.evaluate("article.innerHTML") == before
    assert page.evaluate("sound.peak") > 0.3
    assert page.evaluate("told.filter(({ name }) => name === 'start').length") == 1
    assert page.evaluate("told.filter(({ name }) => name === 'viseme').length") > 100
    status(page, "Finished")


def test_a_click_on_a_word_jumps_there(open_page):
    page = open_page()
    click = """(text) => {
      const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const at = walker.currentNode.data.indexOf(text);
        if (at < 0) continue;
        walker.currentNode.parentElement.scrollIntoView({ block: "nearest" });
        const range = document.createRange();
        range.setStart(walker.currentNode, at);
        range.setEnd(walker.currentNode, at + text.length);
        const { x, y, width, height } = range.getBoundingClientRect();
        return [x + width / 2, y + height / 2];
      }
    }"""
    # Who does not listen has an ordinary page.
    page.mouse.click(*page.evaluate(click, "logbook"))
    status(page, "Ready")
    button(page, "Play").click()
    count = word_heard(page, "first")
    page.mouse.click(*page.evaluate(click, "logbook"))
    word_heard(page, "logbook", count)
    after = [word["text"] for word in words(page)[count:]]
    assert after.index("logbook") <= 2  # a word or two may have begun while the mouse was on its way
    count = word_heard(page, "In")
    # Links, buttons and selections mean what they always do.
    page.locator("#article a").first.click()
    expect(page).to_have_url(re.compile("#keepers$"))
    page.evaluate("share.addEventListener('click', () => (share.dataset.clicked = 'yes'))")
    page.locator("#share").click()
    assert page.locator("#share").get_attribute("data-clicked") == "yes"
    page.mouse.move(*page.evaluate(click, "lit the"))
    page.mouse.down()
    page.mouse.move(*page.evaluate(click, "put it"))
    page.mouse.up()
    assert "and the keeper" in page.evaluate("String(getSelection())")
    ended(page)
    assert [word["start"] for word in words(page)[count:]] == sorted(word["start"] for word in words(page)[count:])


def test_what_is_longer_than_the_limit_is_spoken_whole(open_page):
    page = open_page()
    button(page, "Play").wait_for()
    asked = []

    def note(request):
        if "generate" in request.url:
            asked.append(request.post_data_json["text"])

    page.on("request", note)
    page.evaluate(
        """() => {
          player.base = "/short";
          player.speed = 4;
          const long = document.createElement("p");
          long.textContent = `It went on ${"and on, ".repeat(30)}until it ended.`;
          article.replaceChildren(article.querySelector("p"), long);
          window.said = [];
          const state = player.shadowRoot.querySelector("[role=status]");
          new MutationObserver(() => said.push(state.textContent)).observe(state, { childList: true });
        }"""
    )
    button(page, "Play").click()
    assert ended(page)["finished"]
    assert page.evaluate("said") == ["Loading …", "Reading", "Finished"]
    assert len(asked) >= 4
    assert max(len(text) for text in asked) <= 200
    assert "".join(letters(word["content"]) for word in words(page)) == letters(page.evaluate("player.content"))
    starts = page.evaluate("sound.starts")
    gaps = [start - (before + length) for (before, length), (start, _) in pairwise(starts)]
    # Without a gap inside a sentence, with a breath between sentences, never a wait for the server.
    assert all(abs(gap) < 1e-3 or 0.2 < gap < 0.5 for gap in gaps), gaps
    assert any(gap > 0.2 for gap in gaps)


def test_pauses_goes_on_and_stops(open_page):
    page = open_page()
    button(page, "Play").click()
    word_heard(page, "first")
    button(page, "Pause").click()
    status(page, "Paused")
    until(page, "sound.now < 1e-4")
    count = len(words(page))
    expect(button(page, "Play")).to_be_focused()
    button(page, "Play").click()
    status(page, "Reading")
    word_heard(page, "lighthouses", count - 1)
    assert page.evaluate("navigator.mediaSession.playbackState") == "playing"
    button(page, "Stop").click()
    status(page, "Stopped")
    until(page, "sound.now < 1e-4")
    assert ended(page)["finished"] is False
    assert page.evaluate("[player.state, player.offset, CSS.highlights.get('tts-word').size]") == ["idle", 0, 0]
    button(page, "Play").click()
    until(page, "told.filter(({ name, text }) => name === 'word' && text === 'Lighthouses').length === 2")
    page.evaluate("player.remove()")
    until(page, "sound.now < 1e-4")


def test_works_by_keyboard_alone(open_page):
    page = open_page()
    button(page, "Play").wait_for()
    page.keyboard.press("Tab")
    expect(button(page, "Play")).to_be_focused()
    page.keyboard.press("Space")
    word_heard(page, "first")
    page.keyboard.press("ArrowRight")
    count = word_heard(page, "Dr")
    page.keyboard.press("ArrowLeft")
    word_heard(page, "The", count - 1)
    page.keyboard.press("Enter")
    status(page, "Paused")
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Speed")).to_be_focused()
    page.keyboard.press("Tab")
    slider = page.get_by_role("slider", name="Position in the text")
    expect(slider).to_be_focused()
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "Sentence 13 of 13")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "Sentence 12 of 13")
    count = len(words(page))
    page.keyboard.press("Space")
    word_heard(page, "In", count)
    page.keyboard.press("Escape")
    status(page, "Stopped")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
def test_accessible_in_each_state(open_page, width: int, scheme: str):
    screen = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme}
    page = open_page("article.html", AXE, complaints="ERR_FAILED", **screen)
    button(page, "Play").wait_for()
    assert violations(page) == []
    button(page, "Play").click()
    word_heard(page, "first")
    assert violations(page) == []
    button(page, "Pause").click()
    status(page, "Paused")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = page.evaluate(
        """[...player.shadowRoot.querySelectorAll("button, select, input")]
          .map((one) => one.getBoundingClientRect())
          .filter(({ width, height }) => width < 44 || height < 44).length"""
    )
    assert small == 0
    page.route("**/generate-stream", lambda route: route.abort())
    button(page, "Next sentence").click()
    button(page, "Play").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    assert violations(page) == []
    page.evaluate("player.compact = true")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_marks_without_the_highlight_api(open_page):
    page = open_page("article.html", "delete globalThis.Highlight;")
    button(page, "Play").click()
    word_heard(page, "fires")
    button(page, "Pause").click()
    boxes = """() => {
      const { shadowRoot } = document.querySelector(".tts-overlay");
      const found = shadowRoot.querySelector(".tts-word").getBoundingClientRect();
      const { start } = told.findLast(({ name }) => name === "word");
      const text = player.content.slice(start).match(/^\\S+/)[0].replace(/\\W/g, "");
      const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
      while (walker.nextNode() && !walker.currentNode.data.includes(text));
      const range = document.createRange();
      const at = walker.currentNode.data.indexOf(text);
      range.setStart(walker.currentNode, at);
      range.setEnd(walker.currentNode, at + text.length);
      const word = range.getBoundingClientRect();
      return ["left", "top", "width", "height"].map((side) => Math.abs(found[side] - word[side]));
    }"""
    assert max(page.evaluate(boxes)) < 1
    page.set_viewport_size({"width": 1280, "height": 300})
    page.mouse.wheel(0, 120)
    until(page, "scrollY > 60")
    page.wait_for_timeout(50)
    assert max(page.evaluate(boxes)) < 1
    button(page, "Stop").click()
    assert page.locator(".tts-overlay").count() == 0


def test_brings_the_word_back_on_screen(open_page):
    page = open_page(viewport={"width": 900, "height": 330}, reduced_motion="reduce")
    page.evaluate("player.speed = 3")
    button(page, "Play").click()
    word_heard(page, "keeper")
    until(page, "[...CSS.highlights.get('tts-word')].every((one) => one.getBoundingClientRect().bottom <= innerHeight)")
    assert page.evaluate("scrollY") > 0
    page.mouse.move(400, 200)
    page.mouse.wheel(0, -2000)
    until(page, "scrollY === 0")
    word_heard(page, "Oil")
    assert page.evaluate("scrollY") == 0  # the reader went away on purpose


def test_a_bar_does_not_hide_the_word(open_page):
    page = open_page(viewport={"width": 900, "height": 600}, reduced_motion="reduce")
    page.evaluate("""() => {
      const bar = document.createElement("div");
      bar.id = "bar";
      Object.assign(bar.style, { position: "fixed", inset: "auto 0 0", height: "280px", background: "gray" });
      document.body.append(bar);
      player.speed = 3;
    }""")
    button(page, "Play").click()
    word_heard(page, "keeper")
    page.evaluate("player.pause()")
    assert page.evaluate("""() => {
      const [mark] = CSS.highlights.get("tts-word");
      return mark.getBoundingClientRect().bottom <= bar.getBoundingClientRect().top;
    }""")
    assert page.evaluate("scrollY") > 0


def test_says_that_the_server_is_away_and_goes_on_when_it_is_back(open_page):
    page = open_page("article.html", complaints="ERR_FAILED")
    page.route("**/generate-stream", lambda route: route.abort())
    button(page, "Play").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The speech server cannot be reached. Check the connection, then press Play to go on."
    )
    status(page, "Not reading")
    assert page.evaluate("told.find(({ name }) => name === 'error').code") == "network"
    page.unroute("**/generate-stream")
    button(page, "Play").click()
    word_heard(page, "Lighthouses")
    expect(page.get_by_role("alert")).to_have_text("")


def test_waits_as_long_as_the_server_asks_and_reads_on(open_page):
    page = open_page("bare.html", complaints="429")
    filling = "This sentence is long, and it is only there to fill the room. " * 2
    add_player(page, base="/busy", text=f"One is first. {filling}Last.")
    button(page, "Play").click()
    expect(page.locator("tts-player [aria-hidden=true].error")).to_have_text(
        re.compile(r"The speech server is busy\. Reading goes on by itself in [123] s\.")
    )
    assert page.evaluate("told.find(({ name }) => name === 'error').status") == 429
    assert ended(page)["finished"]
    assert words(page)[-1]["text"] == "Last"
    assert "".join(letters(word["content"]) for word in words(page)) == letters(page.evaluate("player.content"))


def test_needs_a_click_first_and_says_so(open_page):
    early = """addEventListener("DOMContentLoaded", async () => {
      await customElements.whenDefined("tts-player");
      const player = document.querySelector("tts-player");
      player.addEventListener("tts-error", () => console.log("refused"));
      player.play();
    });"""
    page = open_page("bare.html", complaints="AudioContext was not allowed to start")
    page.add_init_script(early)
    # Whatever Playwright asks a page counts as a click, so nothing is asked before.
    with page.expect_console_message(lambda message: message.text == "refused"):
        page.goto(page.url.replace("bare", "article"))
    expect(page.get_by_role("alert")).to_have_text("The browser wanted a click first. Press Play once more.")
    assert page.evaluate("told.find(({ name }) => name === 'error').code") == "autoplay-blocked"
    button(page, "Play").click()
    word_heard(page, "first")


def test_follows_a_page_that_pauses_or_stops_the_service_itself(open_page):
    page = open_page()
    button(page, "Play").click()
    word_heard(page, "first")
    page.evaluate("player.service.pause()")
    status(page, "Paused")
    page.evaluate("player.service.resume()")
    status(page, "Reading")
    count = len(words(page))
    page.evaluate("player.service.stop()")
    status(page, "Paused")
    button(page, "Play").click()
    word_heard(page, "Dr", count - 1)
    assert "Lighthouses" not in [word["text"] for word in words(page)[count:]]


def test_reads_what_stands_in_a_field(open_page):
    page = open_page("bare.html")
    page.evaluate(
        """() => {
          const field = document.createElement("textarea");
          field.id = "field";
          field.setAttribute("aria-label", "Text");
          place.append(field);
        }"""
    )
    add_player(page, source="#field")
    page.locator("#field").fill("Typed just now.")
    button(page, "Play").click()
    word_heard(page, "Typed")
    expect(page.locator("tts-player [part=caption] mark")).to_be_visible()
    assert ended(page)["finished"]


def test_one_player_at_a_time(open_page):
    page = open_page("bare.html")
    add_player(page, id="one", label="One", text="One two three four five six seven eight nine ten.")
    add_player(page, id="two", label="Two", base="/short", text="Alpha, beta, gamma, delta, epsilon.")
    one, two = page.get_by_role("group", name="One"), page.get_by_role("group", name="Two")
    one.get_by_role("button", name="Play").click()
    word_heard(page, "two")
    two.get_by_role("button", name="Play").click()
    expect(one.get_by_role("status")).to_have_text("Paused")
    count = word_heard(page, "beta")
    assert {word["player"] for word in words(page)[-1:]} == {"two"}
    one.get_by_role("button", name="Play").click()
    word_heard(page, "ten", count)
    expect(two.get_by_role("status")).to_have_text("Paused")
    assert [word["text"] for word in words(page)].count("One") == 1  # it went on where it was


def test_a_text_of_its_own_is_shown_as_it_is_read(open_page):
    page = open_page("bare.html")
    add_player(page, text="Hello there. The second sentence comes here, and it has several words.")
    caption = page.locator("tts-player [part=caption]")
    expect(caption).to_have_text("Hello there.")
    button(page, "Play").click()
    count = word_heard(page, "second")
    expect(caption).to_have_text("The second sentence comes here, and it has several words.")
    expect(caption.locator("mark")).to_have_count(1)
    page.get_by_role("combobox", name="Speed").select_option("1.5")
    assert page.evaluate("player.getAttribute('speed')") == "1.5"
    assert ended(page)["finished"]
    assert "Hello" not in [word["text"] for word in words(page)[count:]]  # the new speed from the word that was heard
    page.evaluate("player.text = 'Another text.'")
    expect(caption).to_have_text("Another text.")
    button(page, "Play").click()
    word_heard(page, "Another")


def test_notices_another_text_before_it_starts(open_page):
    page = open_page()
    button(page, "Play").click()
    word_heard(page, "first")
    # The same text in new nodes, as frameworks do: marks move over.
    page.evaluate("article.querySelector('p').replaceWith(article.querySelector('p').cloneNode(true))")
    count = word_heard(page, "hills")
    assert words(page)[count - 1]["mark"] == "hills"
    button(page, "Stop").click()
    page.evaluate("article.replaceChildren('Quite another text.')")
    button(page, "Play").click()
    word_heard(page, "Quite", count)


def test_speaks_the_language_of_the_page_in_its_words_and_direction(open_page):
    page = open_page("bare.html")
    page.evaluate("place.dir = 'rtl'; place.lang = 'de'")
    add_player(page, text="Guten Tag. Wie geht es? Sehr gut.", labels='{"play": "Abspielen", "idle": "Bereit"}')
    page.evaluate("player.removeAttribute('voice')")
    status(page, "Bereit")
    button(page, "Abspielen").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", "Sentence 2 of 3")
    with page.expect_request("**/generate-stream") as asked:
        button(page, "Abspielen").click()
    assert asked.value.post_data_json["voice"] == "de"
    word_heard(page, "Wie")


def test_english_words_are_whole_where_the_page_runs_from_right_to_left(open_page):
    page = open_page("bare.html", viewport={"width": 320, "height": 560})
    add_player(page, text="Hello.", dir="rtl")
    status(page, "Ready")
    state, line = page.evaluate("""() => {
      const words = document.createRange();
      words.selectNodeContents(player.shadowRoot.querySelector(".state"));
      return [words, player.shadowRoot.querySelector(".text")].map((one) => one.getBoundingClientRect());
    }""")
    assert line["left"] <= state["left"] < state["right"] <= line["right"] + 0.5


def test_takes_properties_that_were_set_before_it_was_defined(open_page):
    early = """addEventListener("DOMContentLoaded", () => {
      Object.assign(document.querySelector("tts-player"), { label: "Early", speed: 3, labels: { idle: "There" } });
    });"""
    page = open_page("article.html", early)
    status(page, "There")
    expect(page.get_by_role("group", name="Early")).to_be_visible()
    assert page.evaluate("[player.getAttribute('speed'), Object.hasOwn(player, 'speed')]") == ["3", False]


def test_says_what_is_missing(open_page):
    page = open_page("bare.html")
    add_player(page, source="#nowhere")
    button(page, "Play").click()
    missing = "No element of this page matches “#nowhere”. Correct the player's `source`."
    expect(page.get_by_role("alert")).to_have_text(missing)
    page.evaluate("player.remove()")
    add_player(page, text="…")
    button(page, "Play").click()
    expect(page.get_by_role("alert")).to_have_text("There is nothing to read here.")
