"""The demo page's server and its visitor: a process of its own, and a page that reports what it should not do."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ("LISTEN", "module", "visit")

ROOT: Final = Path(__file__).parents[2]

LISTEN: Final = """
const Plain = AudioContext;
window.heard = { peak: 0, now: 0, starts: [], contexts: [] };
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
      window.heard.now = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
      window.heard.peak = Math.max(window.heard.peak, window.heard.now);
    }, 20);
  }
  get destination() { return this.#ear ?? super.destination; }
};
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at, ...rest) {
  window.heard.starts.push([at, this.buffer.duration, this.buffer.sampleRate, this.context.sampleRate]);
  return start.call(this, at, ...rest);
};
window.lips = (id) => document.getElementById(id).shadowRoot?.querySelector("[part=mouth]")?.getAttribute("d") ?? "";
window.shapes = new Set();
window.watchFace = () => {
  window.shapes.add(lips("avatar"));
  requestAnimationFrame(window.watchFace);
};
window.watched = [];
window.watch = () => {
  const line = document.querySelector("#lines [aria-current]");
  const [a, b] = ["a", "b"].map((letter) => document.getElementById(`avatar-${letter}`));
  window.watched.push({
    who: line?.dataset.who ?? "", line: line ? [...line.parentElement.children].indexOf(line) : -1,
    time: performance.now(),
    lips: [lips("avatar-a"), lips("avatar-b")], looks: [a.getAttribute("look"), b.getAttribute("look")],
  });
  requestAnimationFrame(window.watch);
};
"""
"""Sound is proved where it reaches the speakers, joins where they are scheduled, mouths where they are drawn."""


@contextmanager
def module(*arguments: str, ready: str, **variables: str) -> Iterator[str]:
    """``python -m …`` until its first line that matches; gives what the match has in its group."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TTS_ENGINES": "espeak", **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    timer = threading.Timer(30, process.kill)
    timer.start()
    try:
        found = next((match for line in process.stdout if (match := re.search(ready, line))), None)
        timer.cancel()
        assert found is not None, "the server did not start"
        yield found[1]
    finally:
        timer.cancel()
        process.terminate()
        process.wait(20)
        process.stdout.close()


@contextmanager
def visit(browser: Any, url: str, *scripts: str, clean: bool = True, **options: Any) -> Iterator[Any]:
    """A page at ``url`` that must have nothing to complain about when it is left, and asks nobody else for anything."""
    origin = "/".join(url.split("/")[:3])
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
    page = context.new_page()
    page.set_default_timeout(15_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((origin, "blob:", "data:"))
            else problems.append(f"asked elsewhere: {request.url}")
        ),
    )
    for script in (LISTEN, *scripts):
        page.add_init_script(script)
    try:
        page.goto(url)
        yield page
    finally:
        context.close()
    if clean:
        assert problems == []
