"""What the talking face does between words, and what it costs."""

import pytest

from tests.support.avatar_page import stage, until
from tests.support.chromium import MARKS

pytest.importorskip("playwright.sync_api")

pytestmark = MARKS


@pytest.fixture(scope="module")
def studio():
    with stage() as studio:
        yield studio


@pytest.fixture
def opened(studio):
    with studio.pages() as opened:
        yield opened


WATCH = """() => {
  window.lids = new Set();
  window.heads = new Set();
  const svg = a.shadowRoot.querySelector("svg");
  new MutationObserver((changes) => {
    for (const { target, attributeName } of changes) {
      const value = target.getAttribute(attributeName);
      if (target.parentElement?.id.slice(-4) === "eye1" && attributeName === "d") window.lids.add(value);
      if (attributeName === "transform") window.heads.add(value);
    }
  }).observe(svg, { subtree: true, attributes: true });
}"""


def test_it_blinks_and_breathes_at_a_human_pace(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>', clock=True)
    page.evaluate("""() => {
      window.blinks = 0;
      let shut = false;
      const svg = a.shadowRoot.querySelector("svg");
      new MutationObserver((changes) => {
        for (const { target, attributeName } of changes) {
          if (attributeName === "transform") (window.heads ??= new Set()).add(target.getAttribute("transform"));
          if (attributeName !== "d" || target.parentElement?.id.slice(-4) !== "eye1") continue;
          const n = target.getAttribute("d").match(/-?[\\d.]+/g).map(Number);
          const closed = n[3] > -2;
          if (closed && !shut) window.blinks++;
          shut = closed;
        }
      }).observe(svg, { subtree: true, attributes: true });
    }""")
    # One step at a time, so that each frame is seen.
    for _ in range(30):
        page.clock.run_for(1000)
    blinks = page.evaluate("window.blinks")
    assert 3 <= blinks <= 20, f"{blinks} blinks in 30 s"
    assert page.evaluate("window.heads.size") > 100


def test_less_motion_means_a_few_calm_shapes_and_nothing_else(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>', clock=True, reduced_motion="reduce")
    page.evaluate(WATCH)
    asked = page.evaluate("window.asked")
    page.clock.run_for(10_000)
    assert page.evaluate("[window.asked, window.heads.size, window.lids.size]") == [asked, 0, 0]
    page.evaluate("""() => {
      window.rest = pathOf(a);
      window.paths = [];
      let at = 0;
      const timer = setInterval(() => {
        if (at === 120) {
          clearInterval(timer);
          a.frame({ ...moment({ 0: 1 }), speaking: false });
          return;
        }
        const index = Math.floor(at++ / 5) % 17;
        say(a, { [index]: 1 });
        if (window.paths.at(-1) !== pathOf(a)) window.paths.push(pathOf(a));
      }, 16);
    }""")
    page.clock.run_for(3000)
    paths = page.evaluate("window.paths")
    assert 2 <= len(set(paths)) <= 4
    # 120 frames are two seconds.
    assert 3 <= len(paths) <= 13
    assert page.evaluate("pathOf(a) === window.rest")
    assert page.evaluate("window.heads.size") == 0


def test_moods_change_the_face(opened) -> None:
    page = opened('<tts-avatar id="a" for="" face="ben"></tts-avatar>', reduced_motion="reduce")
    faces = page.evaluate(
        "() => TTSAvatar.moods.map((mood) => { a.mood = mood; return a.shadowRoot.querySelector('svg').outerHTML; })"
    )
    assert len(set(faces)) == len(faces) >= 4
    assert page.evaluate("() => { a.mood = 'odd'; return pathOf(a); }") == page.evaluate(
        "() => { a.mood = 'neutral'; return pathOf(a); }"
    )


# --- cost ---------------------------------------------------------------------------------------------------------


def test_it_stops_when_it_is_removed_and_leaves_nothing_behind(opened) -> None:
    page = opened("<main></main>", clock=True)
    page.evaluate("""() => {
      window.service = new TTSService();
      window.gone = [];
      for (let count = 0; count < 12; count++) {
        const avatar = document.createElement("tts-avatar");
        avatar.service = window.service;
        document.querySelector("main").append(avatar);
        say(avatar, { 1: 1 });
        avatar.remove();
        if (!count) window.kept = avatar;
        else window.gone.push(new WeakRef(avatar));
      }
      window.path = pathOf(window.kept);
    }""")
    page.clock.run_for(1000)
    asked = page.evaluate("window.asked")
    page.clock.run_for(5000)
    assert page.evaluate("window.asked") == asked
    page.evaluate("() => window.service.dispatchEvent(new CustomEvent('frame', {detail: moment({2: 1})}))")
    assert page.evaluate("pathOf(window.kept) === window.path")
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    assert page.evaluate("window.gone.filter((one) => one.deref()).length") == 0
    # And it lives again where it is put back.
    page.evaluate("() => document.querySelector('main').append(window.kept)")
    page.evaluate(
        "() => new Promise((done) => { const seen = new IntersectionObserver(() => { seen.disconnect(); done(); });"
        " seen.observe(window.kept); })"
    )
    page.evaluate("() => say(window.kept, {1: 1})")
    page.clock.run_for(200)
    assert page.evaluate("window.asked") > asked


def test_nothing_runs_off_the_screen(opened) -> None:
    page = opened('<div id="tall"></div><tts-avatar id="a" for=""></tts-avatar>')
    page.evaluate("() => { tall.style.setProperty('height', '4000px'); scrollTo(0, 4000); }")
    until(page, "window.asked > 3")
    page.evaluate("() => scrollTo(0, 0)")
    # Frames that the page asks for itself are the measure of time here.
    quiet = """async () => {
      for (let tries = 0; tries < 100; tries++) {
        const before = window.asked;
        for (let count = 0; count < 6; count++) await new Promise((done) => uncounted(done));
        if (window.asked === before) return true;
      }
      return false;
    }"""
    assert page.evaluate(quiet)
    assert page.evaluate("() => { say(a, {1: 1}); return gap(a); }") < 0.1
    page.evaluate("() => scrollTo(0, 4000)")
    # Spoken to again and again: a mouth closes by itself when the frames stop.
    until(page, "(say(a, {1: 1}), gap(a) > 12)")


def test_a_frame_costs_little(opened) -> None:
    page = opened('<tts-avatar id="a" for=""></tts-avatar>')
    middle = page.evaluate("""() => {
      const times = [];
      for (let run = 0; run < 40; run++) {
        const start = performance.now();
        for (let count = 0; count < 25; count++) say(a, { [count % 17]: 0.6, [(count + 5) % 17]: 0.4 });
        times.push((performance.now() - start) / 25);
      }
      return times.sort((one, other) => one - other)[20];
    }""")
    assert middle < 0.5
