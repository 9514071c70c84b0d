"""The demo page in a real browser, against a real server with a real voice."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.chromium import BROWSER, MARKS

playwright_api = pytest.importorskip("playwright.sync_api")

playwright_api.expect.set_options(timeout=20_000)
ROOT = Path(__file__).parents[2]

pytestmark = MARKS

# Sound is proved where it reaches the speakers, and joins where they are scheduled.
LISTEN = """
const Plain = AudioContext;
window.heard = { peak: 0, starts: [], contexts: [] };
window.AudioContext = class extends Plain {
  #ear = null;
  constructor(options) {
    super(options);
    this.#ear = this.createAnalyser();
    this.#ear.connect(super.destination);
    window.heard.contexts.push(this);
    const samples = new Float32Array(this.#ear.fftSize);
    setInterval(() => {
      this.#ear.getFloatTimeDomainData(samples);
      window.heard.now = Math.max(...samples.map(Math.abs));
      window.heard.peak = Math.max(window.heard.peak, window.heard.now);
    }, 20);
  }
  get destination() { return this.#ear ?? super.destination; }
};
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at) {
  window.heard.starts.push([at, this.buffer.duration, this.buffer.sampleRate, this.context.sampleRate]);
  return start.call(this, at);
};
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
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
        yield found[0]
    finally:
        timer.cancel()
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, headless=True, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, url):
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(15_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: problems.append(request.url) if not request.url.startswith((url, "blob:", "data:")) else None,
    )
    page.add_init_script(LISTEN)
    page.goto(url)
    page.locator("#voices label").nth(5).wait_for()
    yield page
    page.close()
    assert problems == []


def status(page, text: str) -> None:
    playwright_api.expect(page.get_by_role("status")).to_have_text(text)


def test_speaks_with_moving_lips(page):
    page.get_by_label("What shall I say?").fill("Hello, wonderful world.")
    resting = page.locator("#hole").get_attribute("d")
    page.get_by_role("button", name="Speak").click()
    status(page, "Speaking…")
    shapes = {resting}
    captions = set()
    while page.get_by_role("status").inner_text() == "Speaking…":
        shapes.add(page.locator("#hole").get_attribute("d"))
        captions.add(page.locator("#caption").inner_text())
    status(page, "Done.")
    assert len(shapes) > 10, "the mouth stands still"
    assert {"Hello", "wonderful", "world"} & captions
    heard = page.evaluate("({...heard, contexts: heard.contexts.map((one) => one.state)})")
    assert heard["peak"] > 0.1
    assert heard["contexts"] == ["closed"]
    starts = heard["starts"]
    assert all(rate == context == 24_000 for _, _, rate, context in starts)
    for (at, length, *_), (following, *_) in pairwise(starts):
        assert following == pytest.approx(at + length, abs=1e-6), "a gap between two pieces"
    assert page.locator("#fact-engine").inner_text() == "espeak"
    assert re.fullmatch(r"\d+ ms", page.locator("#fact-first").inner_text())
    assert int(page.locator("#fact-visemes").inner_text()) > 10
    length = float(page.locator("#fact-length").inner_text().removesuffix(" s"))
    assert length == pytest.approx(sum(one[1] for one in starts), abs=0.05)


def test_stops_at_once_and_can_speak_again(page):
    page.get_by_label("What shall I say?").fill("A long sentence that nobody wants to hear to its very end. " * 5)
    page.get_by_role("button", name="Speak").click()
    playwright_api.expect(page.get_by_role("button", name="Stop")).to_be_enabled()
    status(page, "Speaking…")
    page.keyboard.press("Escape")
    status(page, "Stopped.")
    assert page.evaluate("heard.contexts.at(-1).state") == "closed"
    playwright_api.expect(page.get_by_role("button", name="Speak")).to_be_focused()
    playwright_api.expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_label("What shall I say?").fill("Again.")
    page.keyboard.press("Control+Enter")
    status(page, "Done.")


def test_voices_are_grouped_and_searchable_and_used(page):
    assert page.locator("#voices h3").count() > 50
    page.get_by_label("Search voices").fill("german")
    visible = page.locator("#voices label:visible")
    playwright_api.expect(visible).to_have_count(1)
    visible.first.click()
    page.get_by_label("What shall I say?").fill("Guten Tag.")
    page.get_by_role("button", name="Speak").click()
    status(page, "Done.")
    assert page.locator("#fact-voice").inner_text() == "de"
    page.get_by_label("Search voices").fill("no such thing")
    playwright_api.expect(page.get_by_text("No voice has such a name.")).to_be_visible()


def test_samples_sliders_and_the_command_follow(page):
    page.get_by_role("button", name="Tongue twister").click()
    assert "Peter Piper" in page.get_by_label("What shall I say?").input_value()
    page.get_by_label("Speed").focus()
    page.keyboard.press("ArrowRight")
    playwright_api.expect(page.locator("#speed-value")).to_have_text("1.05×")
    page.get_by_text("The same from a shell").click()
    command = page.locator("#curl").inner_text()
    assert '"speed":1.05' in command
    assert "Peter Piper" in command


def test_the_command_works_in_a_shell(page, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page.get_by_label("What shall I say?").fill('It\'s "quoted" & $HOME `here`.')
    page.get_by_text("The same from a shell").click()
    subprocess.run(["sh", "-c", page.locator("#curl").inner_text()], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "speech.mp3").read_bytes()[:1] == b"\xff"


@pytest.mark.parametrize("name", ["wav", "mp3", "opus"])
def test_downloads_a_file(page, name):
    page.get_by_label("What shall I say?").fill("Keep this.")
    page.get_by_label("Save as").select_option(name)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"speech.{name}"
    data = Path(download.value.path()).read_bytes()
    assert data[:4] == {"wav": b"RIFF", "opus": b"OggS"}.get(name, data[:4])
    status(page, f"Saved as speech.{name}.")


def test_an_error_is_said_in_the_status(browser, url):
    page = browser.new_page()
    page.goto(url)
    page.get_by_label("What shall I say?").fill("...")
    page.get_by_role("button", name="Speak").click()
    playwright_api.expect(page.get_by_role("status")).to_contain_text("letter or digit")
    playwright_api.expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.close()


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_the_screen(browser, url, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(url)
    page.locator("#voices label").nth(5).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Speak", "Download"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box["height"] >= 40
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    page.close()


def test_every_control_has_a_name(page):
    nameless = page.evaluate(
        """[...document.querySelectorAll("input, select, textarea, button")].filter((one) =>
            !one.labels?.length && !one.ariaLabel && !one.textContent.trim()).map((one) => one.outerHTML)"""
    )
    assert nameless == []


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
    playwright_api.expect(
        page.locator(".live-responses-table td.response-col_status:not(.col_header)")
    ).to_contain_text("200")
    page.close()
    assert problems == []
