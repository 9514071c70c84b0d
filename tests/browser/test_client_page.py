"""The client in the life of a page: hidden tabs, elements that load it, smooth mouths."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.client_page import browser, open_page, page, site
from tests.support.browser import Host, encode_viseme, end_message, pieces_of, start_message, until
from tests.support.chromium import MARKS
from tests.support.sound import pcm, tone

pytestmark = MARKS
__all__ = ("browser", "open_page", "page", "site")

STATIC = Path(__file__).parents[2] / "litestar_tts" / "static"
HIDDEN = """
window.away = false;
Object.defineProperty(document, "hidden", { get: () => window.away });
{
  const plain = requestAnimationFrame;
  const frame = (callback) => plain((stamp) => (window.away ? frame(callback) : callback(stamp)));
  window.requestAnimationFrame = frame;
}
"""
"""Stops display frames as a hidden tab does, which a headless browser has not."""


def speech(seconds: float) -> list[bytes]:
    visemes = [encode_viseme(1 + n % 5, n * 0.05) for n in range(round(seconds / 0.05))]
    return [start_message(), *visemes, *pieces_of(pcm(tone(seconds)), 4800), end_message(seconds)]


def test_a_hidden_page_is_told_the_latest_when_it_is_back(open_page: Callable[..., Any], site: Host):
    page = open_page(script=HIDDEN)
    path = site.wire.put("away", speech(2.5))
    page.evaluate("(path) => { window.run = speak(path, 'x', { format: 'pcm' }); }", path)
    until(page, "log.at(-1).visemes.length > 2")
    count = page.evaluate("() => { away = true; return log.at(-1).visemes.length; }")
    until(page, "log.at(-1).progress.at(-1).playedMs > 1000")
    assert page.evaluate("log.at(-1).visemes.length") == count
    page.evaluate("() => { away = false; }")
    run = page.evaluate("run")
    fresh = run["visemes"][count]
    assert fresh["timeMs"] >= 950
    times = [one["timeMs"] for one in run["visemes"][count:]]
    assert times == sorted(times)
    assert times[-1] == 2450


def test_speech_ends_in_a_hidden_page(open_page: Callable[..., Any], site: Host):
    page = open_page(script=HIDDEN)
    path = site.wire.put("ends", speech(0.5))
    page.evaluate("() => { away = true; }")
    run = page.evaluate("(path) => speak(path, 'x', { format: 'pcm' })", path)
    assert "error" not in run
    assert [one["timeMs"] for one in run["visemes"]] == [450]
    assert run["rest"] == 1


@pytest.mark.parametrize("when", ["at once", "later"])
def test_elements_need_no_other_script(open_page: Callable[..., Any], when: str):
    added = "document.body.append(document.createElement('tts-avatar'))"
    script = f"addEventListener('DOMContentLoaded', () => {added});" if when == "at once" else ""
    page = open_page(script=script)
    if when == "later":
        assert not page.evaluate("Boolean(customElements.get('tts-avatar'))")
        page.evaluate(
            """() => {
              const box = document.createElement("div");
              box.append(document.createElement("tts-avatar"));
              document.body.append(box);
            }"""
        )
    assert until(page, "Boolean(customElements.get('tts-avatar') && customElements.get('tts-player'))")


def test_a_mouth_moves_smoothly_and_closes(page: Any):
    found = page.evaluate(
        """() => {
          const times = [[0, 0], [100, 1], [220, 6], [245, 2], [400, 11], [415, 3], [600, 0]], steps = [];
          const visemes = times.map(([timeMs, index]) => ({ timeMs, index }));
          for (let at = -100; at <= 800; at++) steps.push(Array.from(tts.blendVisemes(visemes, at, 17)));
          const change = (step, i) => Math.max(...step.map((weight, k) => Math.abs(weight - steps[i][k])));
          const sums = steps.map((step) => step.reduce((a, b) => a + b));
          return {
            sums: [Math.min(...sums), Math.max(...sums)],
            low: Math.min(...steps.flat()), jump: Math.max(...steps.slice(1).map(change)),
            closed: Math.max(...steps.map((step) => step[6])),
            early: steps[100 + 190][6],
            short: Math.max(...steps.map((step) => step[11])),
            ends: [steps[0][0], steps.at(-1)[0]],
            none: Array.from(tts.blendVisemes([], 5, 3)),
          };
        }"""
    )
    assert found["sums"] == pytest.approx([1, 1], abs=1e-5)
    assert found["low"] >= 0
    assert found["jump"] < 0.05, "per millisecond"
    assert found["closed"] == pytest.approx(1)
    assert found["early"] > 0.2, "lips close ahead of the sound"
    assert found["short"] < 0.6, "a sound of 15 ms does not make the mouth flicker"
    assert found["ends"] == [1, 1]
    assert found["none"] == [1, 0, 0]


def test_frames_are_weights_of_the_chosen_set(page: Any):
    found = page.evaluate(
        """async () => {
          const frames = [];
          const service = new tts.TTSService({ baseURL: "/tts" });
          await service.speakStreaming("one two three four five six seven eight nine", null, null, {
            visemes: "vrm",
            onFrame({ weights, blend, speaking }) {
              const sum = weights.reduce((a, b) => a + b);
              frames.push([sum, Object.keys(blend).sort().join(), blend.aa, speaking]);
            },
          });
          return frames;
        }"""
    )
    assert all(total == pytest.approx(1, abs=1e-5) and names == "aa,ee,ih,oh,ou" for total, names, _, _ in found)
    assert found[-1][2:] == [0, False]


def test_the_module_loads_without_a_page(tmp_path: Path):
    script = f"const {{ ttsService }} = await import('{STATIC / 'tts.js'}'); console.log(ttsService.state)"
    try:
        done = subprocess.run(
            ["node", "--input-type=module", "-e", script],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("Node is not installed")
    assert done.stdout == "idle\n", done.stderr


def test_a_service_worker_may_import_it(page: Any, site: Host):
    found = page.evaluate(
        """async () => {
          const worker = new Worker("/pages/worker.js", { type: "module" });
          return await new Promise((resolve, reject) => {
            worker.onmessage = ({ data }) => resolve(data);
            worker.onerror = reject;
          });
        }"""
    )
    assert found == ["idle", "ok"]
