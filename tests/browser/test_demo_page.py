"""The demo page in a real browser, against a real server with a real voice."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.axe import AXE, violations
from tests.support.chromium import BROWSER, MARKS
from tests.support.demo import ROOT, module, visit

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect
expect.set_options(timeout=20_000)

pytestmark = MARKS

SERVE = ("litestar_tts", "serve", "--port", "0", "--log-level", "warning")
ADDRESS = r"(http://\S+)"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 860}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with module(*SERVE, ready=ADDRESS, RATE_LIMIT_REQUESTS="1000") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, headless=True, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, url) -> Iterator[Any]:
    with visit(browser, url) as page:
        ready(page)
        yield page


def ready(page) -> None:
    expect(page.locator("#voice-list [role=option]").nth(5)).to_be_attached()
    expect(page.locator("#avatar svg").first).to_be_attached()


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def status(page, text: str) -> None:
    expect(page.locator("#status")).to_have_text(text)


def speak(page, text: str) -> None:
    page.get_by_label("What shall I say?").fill(text)
    button(page, "Speak").click()


def gaps(starts: list[list[float]]) -> int:
    return sum(abs(following[0] - one[0] - one[1]) > 1e-6 for one, following in pairwise(starts))


def picture(page) -> str:
    return page.evaluate("document.getElementById('timeline').toDataURL()")


def rests(page, resting: str) -> None:
    deadline = time.monotonic() + 10
    while page.evaluate("lips('avatar')") != resting and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert page.evaluate("lips('avatar')") == resting


def test_speaks_with_moving_lips_and_shows_what_it_knows(page):
    resting, empty = page.evaluate("lips('avatar')"), picture(page)
    assert resting
    page.evaluate("watchFace()")
    speak(page, "Hello, wonderful world. Here come my lips, and they move.")
    status(page, "Speaking…")
    # Known while the speech goes on.
    expect(page.locator("#fact-first")).to_have_text(re.compile(r"\d+ ms"))
    captions, pictures = set(), {empty}
    while page.locator("#status").inner_text() == "Speaking…":
        captions.add(page.evaluate("document.querySelector('#caption .now')?.textContent"))
        pictures.add(picture(page))
    status(page, "Done.")
    assert page.evaluate("shapes.size") > 10, "the mouth stands still"
    assert {"Hello,", "wonderful", "world."} & captions
    assert len(pictures) > 3, "the timeline stands still"
    heard = page.evaluate("({ peak: heard.peak, starts: heard.starts })")
    assert heard["peak"] > 0.1
    starts = heard["starts"]
    assert all(rate == context == 24_000 for _, _, rate, context in starts)
    assert gaps(starts) <= int(page.locator("#fact-underruns").inner_text())
    assert page.locator("#fact-engine").inner_text() == "espeak"
    first_byte, first_sound = (page.locator(f"#fact-{name}").inner_text() for name in ("byte", "first"))
    assert re.fullmatch(r"\d+ ms", first_byte)
    assert int(first_byte.split()[0]) <= int(first_sound.split()[0])
    assert int(page.locator("#fact-visemes").inner_text()) > 10
    length = float(page.locator("#fact-length").inner_text().removesuffix(" s"))
    assert length == pytest.approx(sum(one[1] for one in starts), abs=0.1)
    rests(page, resting)
    # One run before, which can be had again.
    page.get_by_role("cell").get_by_role(
        "button", name="Hello, wonderful world. Here come my lips, and they move."
    ).click()
    status(page, "Speaking…")
    page.keyboard.press("Escape")
    status(page, "Stopped.")


def test_the_timeline_can_be_walked_through_afterwards(page):
    timeline = page.get_by_role("slider", name="Place in the speech")
    assert timeline.get_attribute("aria-valuetext") == "Nothing has been said yet"
    speak(page, "Mama sees the moon.")
    status(page, "Done.")
    words = page.evaluate("document.getElementById('runs').textContent")
    assert "Mama" in words
    timeline.focus()
    page.keyboard.press("Home")
    expect(timeline).to_have_attribute("aria-valuenow", "0.00")
    resting = page.evaluate("lips('avatar')")
    said, shapes, pictures = [], set(), set()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        said.append(timeline.get_attribute("aria-valuetext"))
        page.wait_for_timeout(120)  # the mouth eases into its shape
        shapes.add(page.evaluate("lips('avatar')"))
        pictures.add(picture(page))
    assert any("“Mama”" in one and "/m/" in one and "viseme 6 (b m p)" in one for one in said), said
    assert any("/ɑː/ · viseme 1 (a)" in one for one in said), said
    assert len(shapes) > 4, "the face does not pose"
    assert len(pictures) > 5
    times = [float(one.split()[0]) for one in said]
    assert times == sorted(times)
    assert page.evaluate("lips('avatar')") != resting
    page.get_by_label("What shall I say?").focus()
    rests(page, resting)
    # By pointer: what is dragged to the right lies earlier.
    timeline.press("End")
    before, box = float(timeline.get_attribute("aria-valuenow")), timeline.bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 430, box["y"] + 60, steps=4)
    page.mouse.up()
    assert float(timeline.get_attribute("aria-valuenow")) == pytest.approx(before - 0.5, abs=0.02)
    expect(page.locator("#readout")).to_contain_text(" s · ")
    shown = picture(page)
    button(page, "Zoom in").click()
    page.mouse.move(0, 0)
    deadline = time.monotonic() + 5
    while picture(page) == shown and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert picture(page) != shown


def test_phones_are_found_again_where_plan_and_speech_differ(page):
    # The voice has left out what the plan has (X), and added what it has not (12).
    spoken = [0, 6, 1, 6, 1, 11, 3, 11, 4, 2, 12, 10, 6, 0, 5, 5, 10, 0]
    plan = "6m 1a 6m 1a 11s 3i 11z 10X 10X 4o 2e 10d 6b 5u 5u 10n"
    named = page.evaluate(
        """async ([spoken, plan]) => {
          const page = document.querySelector("script[src*='/demo.js']").src;
          const { Score } = await import(page.replace("demo.js", "score.js"));
          const score = new Score();
          score.plan(plan);
          spoken.forEach((index, at) => score.add({ visemes: [{ timeMs: at * 100, index }], words: [] }));
          score.end(spoken.length / 10);
          return score.visemes.map(({ phone }) => phone || "-").join("");
        }""",
        [spoken, [{"value": int(one[:-1]), "phoneme": one[-1]} for one in plan.split()]],
    )
    assert named == "-mamasizoe-db-uun-"


def test_stops_at_once_and_can_speak_again(page):
    speak(page, "A long sentence that nobody wants to hear to its very end. " * 5)
    status(page, "Speaking…")
    button(page, "Pause").click()
    status(page, "Paused.")
    button(page, "Go on").click()
    status(page, "Speaking…")
    page.get_by_label("What shall I say?").focus()
    page.keyboard.press("Escape")
    status(page, "Stopped.")
    # The fade takes 40 ms, and the analyser looks back 43.
    page.wait_for_timeout(150)
    assert page.evaluate("heard.now") < 1e-3
    expect(button(page, "Speak")).to_be_focused()
    expect(button(page, "Stop")).to_be_disabled()
    page.get_by_label("What shall I say?").fill("Again.")
    page.keyboard.press("Control+Enter")
    status(page, "Done.")


def test_voices_are_grouped_and_searchable_and_used(page):
    button(page, "Voice Server’s default voice").click()
    dialog, found = page.get_by_role("dialog"), page.locator("#voice-list [role=option]:visible")
    assert page.locator("#voice-list [role=group]").count() > 50
    everyone = found.count()
    assert everyone > 100
    expect(page.get_by_role("combobox", name="Search voices")).to_be_focused()
    page.keyboard.type("no such thing")
    expect(page.get_by_text("No voice has such a name.")).to_be_visible()
    page.get_by_label("Search voices").fill("german")
    expect(found).to_have_count(1)
    page.get_by_role("button", name="espeak").click()
    expect(found).to_have_count(1)
    page.get_by_label("Search voices").press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#voice")).to_be_focused()
    expect(page.locator("#voice-name")).to_contain_text("German")
    speak(page, "Guten Tag.")
    status(page, "Done.")
    assert page.locator("#fact-voice").inner_text() == "de"
    # By keyboard alone, from where the last one is.
    page.locator("#voice").press("Enter")
    expect(page.locator("#voice-list [aria-selected=true]")).to_contain_text("German")
    active = page.locator("#voice-list .active")
    before = active.inner_text()
    page.keyboard.press("ArrowDown")
    expect(active).not_to_have_text(before)
    assert page.get_by_role("combobox", name="Search voices").get_attribute(
        "aria-activedescendant"
    ) == active.get_attribute("id")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_samples_sliders_and_the_commands_follow(page):
    button(page, "Tongue twister").click()
    assert "Peter Piper" in page.get_by_label("What shall I say?").input_value()
    page.get_by_label("Speed").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#speed-value")).to_have_text("1.05×")
    for name, wanted in {"Pitch": "−1 semitones", "Volume": "−1 dB"}.items():
        page.get_by_label(name, exact=True).first.focus()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_label(name, exact=True).first).to_have_attribute("aria-valuetext", wanted)
    page.get_by_role("tab", name="curl").focus()
    codes = []
    for _ in range(4):
        codes.append(page.locator("#code").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(set(codes)) == 4
    assert all("Peter Piper" in code and "1.05" in code and "-1" in code for code in codes)
    assert [next(word for word in ("curl", "tts.js", "fetch(", "TTSClient") if word in code) for code in codes] == [
        "curl",
        "tts.js",
        "fetch(",
        "TTSClient",
    ]


def test_the_commands_work(page, tmp_path):
    page.get_by_label("What shall I say?").fill('It\'s "quoted" & $HOME `here` ☂.')
    if shutil.which("curl") is not None:
        subprocess.run(["sh", "-c", page.locator("#code").inner_text()], cwd=tmp_path, check=True, timeout=30)
        assert (tmp_path / "speech.mp3").read_bytes()[:1] == b"\xff"
    page.get_by_label("Format").select_option("wav")
    page.get_by_role("tab", name="Python").click()
    code = page.locator("#code").inner_text()
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=30)
    assert (tmp_path / "speech.wav").read_bytes()[:4] == b"RIFF"
    page.get_by_role("tab", name="fetch").click()
    code = page.locator("#code").inner_text()
    assert page.evaluate(f"(async () => {{ {code}; return audio.size }})()") > 10_000


def test_downloads_sound_and_captions(page):
    page.get_by_label("What shall I say?").fill("Keep this.")
    begins = {"wav": b"RIFF", "mp3": b"\xff", "opus": b"OggS", "flac": b"fLaC", "srt": b"1\n00:00:0", "vtt": b"WEBVTT"}
    for name, start in begins.items():
        with page.expect_download() as download:
            button(page, name.upper()).click()
        assert download.value.suggested_filename == f"speech.{name}"
        assert Path(download.value.path()).read_bytes().startswith(start)
        expect(page.locator("#saved")).to_have_text(f"Saved as speech.{name}.")


def test_speaks_in_other_formats(page):
    for name, decoder in {"pcm": "pcm", "opus": "blob"}.items():
        page.evaluate("heard.peak = 0")
        page.get_by_label("Format").select_option(name)
        speak(page, "Another way.")
        expect(page.locator("#fact-decoder")).to_have_text(decoder)
        status(page, "Done.")
        assert page.evaluate("heard.peak") > 0.1


def test_two_faces_talk_each_in_its_own_lines(page):
    page.get_by_role("tab", name="Studio").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Dialogue")).to_be_focused()
    assert page.url.endswith("#dialogue")
    for _ in range(2):
        page.get_by_role("button", name="Remove line 3").click()
    page.get_by_label("Line 1", exact=True).fill("First, many mouths move, and mumble.")
    page.get_by_label("Line 2", exact=True).fill("Then, mine may move, and not yours.")
    expect(page.locator("#lines li")).to_have_count(2)
    page.evaluate("watch()")
    button(page, "Play").click()
    expect(page.locator("#play-status")).to_have_text("Ben speaks, line 2 of 2.")
    expect(page.locator("#play-status")).to_have_text("Done.")
    watched = page.evaluate("watched")
    assert [line for line, _ in groupby(one["line"] for one in watched) if line >= 0] == [0, 1]
    for speaker, listener in ((0, 1), (1, 0)):
        line = [one for one in watched if one["who"] == str(speaker)]
        # A mouth that has just spoken takes a moment to come to rest.
        line = [one for one in line if one["time"] > line[0]["time"] + 600]
        assert len({one["lips"][speaker] for one in line}) > 8, "the speaker's mouth stands still"
        assert len({one["lips"][listener] for one in line}) == 1, "the listener's mouth moves"
        assert {one["looks"][listener] for one in line} == {["right", "left"][listener]}
        assert {one["looks"][speaker] for one in line} == {None}
    assert gaps(page.evaluate("heard.starts")) == 0
    assert page.evaluate("heard.peak") > 0.1


def test_a_dialogue_can_be_written_and_stopped(page, url):
    page.goto(f"{url}/#dialogue")
    page.reload()
    ready(page)
    expect(page.get_by_role("tab", name="Dialogue")).to_have_attribute("aria-selected", "true")
    button(page, "Front desk").click()
    expect(page.locator("#lines li")).to_have_count(5)
    page.get_by_label("Line 5", exact=True).press("Enter")
    expect(page.get_by_label("Line 6", exact=True)).to_be_focused()
    page.keyboard.type("And a line of my own.")
    page.get_by_role("button", name="Line 6: said by Ben").click()
    expect(page.get_by_role("button", name="Line 6: said by Ada")).to_be_visible()
    page.get_by_label("Face of the second speaker").select_option("robot")
    expect(page.get_by_role("button", name="Line 2: said by Robot")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#play-status")).to_have_text("Ada speaks, line 1 of 6.")
    # Who goes to the other view leaves this one silent.
    page.get_by_role("tab", name="Studio").click()
    expect(page.locator("#play-status")).to_have_text("Stopped.")
    page.wait_for_timeout(150)
    assert page.evaluate("heard.now") < 1e-3


def test_what_is_wrong_is_said_in_words(browser, url):
    with visit(browser, url, clean=False) as page:
        ready(page)
        speak(page, "...")
        expect(page.locator("#status")).to_contain_text("letter or digit")
        expect(button(page, "Stop")).to_be_disabled()
        page.context.set_offline(True)
        expect(page.get_by_role("alert")).to_contain_text("offline")
        speak(page, "Nobody hears this.")
        status(page, "This device is offline.")
        page.context.set_offline(False)
        expect(page.get_by_role("alert")).to_be_hidden()
        speak(page, "Again.")
        status(page, "Done.")


OPEN_CLIENT = """
from litestar_tts.config import TTSConfig
from litestar_tts.server import serve

serve(port=0, log_level="warning", config=TTSConfig(path="/", open_client=True))
"""


def test_a_server_with_an_open_client_asks_for_the_key_in_the_page(browser, tmp_path):
    (tmp_path / "open_client.py").write_text(OPEN_CLIENT)
    path = f"{ROOT}{os.pathsep}{tmp_path}"
    with (
        module("open_client", ready=ADDRESS, PYTHONPATH=path, TTS_API_KEYS="sesame") as url,
        visit(browser, url, clean=False) as page,
    ):
        assert "$TTS_API_KEY" not in page.locator("#code").inner_text()
        page.get_by_label("This server wants an API key").fill("sesame")
        button(page, "Use it").click()
        ready(page)
        expect(page.get_by_label("This server wants an API key")).to_be_hidden()
        assert "$TTS_API_KEY" in page.locator("#code").inner_text()
        speak(page, "Thank you.")
        status(page, "Done.")


def test_a_server_that_wants_a_key_and_one_that_has_enough(browser, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("sesame\n")
    known = {"username": "", "password": "sesame"}
    with module(*SERVE, ready=ADDRESS, TTS_API_KEYS_FILE=str(keys), RATE_LIMIT_REQUESTS="2") as url:
        stranger = browser.new_context()
        with pytest.raises(playwright_api.Error, match="AUTH_CREDENTIALS"):
            stranger.new_page().goto(url)
        stranger.close()
        with visit(browser, url, clean=False, http_credentials=known) as page:
            # The browser was asked once, for the page, and sends the key with everything else by itself.
            ready(page)
            expect(page.get_by_label("This server wants an API key")).to_be_hidden()
            assert "$TTS_API_KEY" in page.locator("#code").inner_text()
            speak(page, "Thank you.")
            status(page, "Done.")
            check_budget_and_key(page, keys)


def check_budget_and_key(page, keys: Path) -> None:
    # The speech and its phones were the budget.
    speak(page, "Once more.")
    expect(page.locator("#status")).to_contain_text(re.compile(r"room again in \d+ seconds"))
    # Another key is another client, and whoever has the page open can go on with it.
    keys.write_text("open\n")
    page.wait_for_timeout(1100)  # what the server promises
    speak(page, "And now?")
    expect(page.locator("#status")).to_contain_text("The server wants an API key first")
    page.get_by_label("This server wants an API key").fill("open")
    button(page, "Use it").click()
    speak(page, "Thank you again.")
    status(page, "Done.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_fits_the_screen_and_keeps_the_rules_of_access(browser, url, size, scheme):
    with visit(browser, url, AXE, viewport=size, color_scheme=scheme) as page:
        ready(page)
        speak(page, "Fit.")
        status(page, "Done.")
        look(page, size)
        page.get_by_role("tab", name="Dialogue").click()
        look(page, size, "#dialogue")
        page.locator("#cast .pick").first.click()
        look(page, size, "#voices")


def look(page, size, *where: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert violations(page, *where) == []
    if size is PHONE:
        small = page.evaluate(
            """[...document.querySelectorAll("button, select, textarea, input")].filter((one) => one.checkVisibility())
                .map((one) => [one.textContent.trim() || one.ariaLabel || one.id, one.getBoundingClientRect()])
                .filter(([, { width, height }]) => width < 44 || height < 36).map(([name]) => name)"""
        )
        assert small == []


def test_sound_needs_no_pointer(page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the studio")).to_be_focused()
    page.keyboard.press("Enter")
    names = []
    for _ in range(30):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        if names[-1] == "speak":
            break
    assert names[-1] == "speak", names
    page.get_by_label("What shall I say?").fill("By keys.")
    page.locator("#speak").focus()
    page.keyboard.press("Enter")
    status(page, "Done.")


def test_docs_try_it_out(browser, url):
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if "Security" in message.text else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request", lambda request: problems.append(request.url) if not request.url.startswith((url, "data:")) else None
    )
    page.goto(f"{url}/docs")
    page.locator(".opblock", has_text="/health").locator("button").first.click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table td.response-col_status:not(.col_header)")).to_contain_text("200")
    page.close()
    assert problems == []
