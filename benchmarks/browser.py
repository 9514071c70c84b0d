"""The browser client in Chromium: sync of visemes and sound, time to the first sound, underruns, sizes."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from litestar_tts.web.client_files import CLIENT_FILES
from tests.support.browser import (
    RECORD,
    RECORDED,
    SOUND,
    Host,
    encode_viseme,
    end_message,
    host,
    pieces_of,
    start_message,
)
from tests.support.chromium import BROWSER
from tests.support.sound import edge_mp3, pcm

STATIC = Path(__file__).parents[1] / "litestar_tts" / "static"
RATE = 24_000
SECONDS = 10.0
PIECE = 0.24
"""Seconds of sound in a piece, as an engine sends them."""
WAYS = (("pcm", "auto"), ("mp3", "webcodecs"), ("mp3", "decode"), ("mp3", "blob"))


def bursts() -> tuple[Any, list[float]]:
    """Tone bursts of 50 ms at uneven distances."""
    onsets = [round(0.2 + 0.139 * n, 3) for n in range(int((SECONDS - 0.4) / 0.139))]
    samples = np.zeros(int(SECONDS * RATE))
    for onset in onsets:
        at = round(onset * RATE)
        samples[at : at + 1200] = 16_000 * np.sin(2 * np.pi * 1000 * np.arange(1200) / RATE)
    return samples, onsets


def stream(audio_format: str) -> tuple[list[bytes], list[float]]:
    """A framed stream in pieces of even length, and its onsets."""
    samples, onsets = bursts()
    data, size = (pcm(samples), round(2 * RATE * PIECE)) if audio_format == "pcm" else (edge_mp3(samples), 1440)
    parts = [start_message(audio_format, skip=1105 if audio_format == "mp3" else 0), encode_viseme(0, 0.0)]
    parts += [encode_viseme(1 + n % 5, onset) for n, onset in enumerate(onsets)]
    return [b"".join(parts), *pieces_of(data, size, seconds=PIECE), end_message(SECONDS)], onsets


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def speak(browser: Any, site: Host, path: str, options: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """One run in a page of its own, recorded."""
    page = browser.new_page()
    try:
        page.set_default_timeout(60_000)
        page.add_init_script(SOUND)
        page.goto(site.page)
        page.locator("body[data-ready]").wait_for()
        page.evaluate(RECORD, path)
        run = page.evaluate("([path, options]) => speak(path, 'x', options)", [path, options])
        return run, page.evaluate(RECORDED)
    finally:
        page.close()


def late(run: dict[str, Any], recorded: dict[str, Any], count: int) -> Any:
    """Milliseconds from each audible onset to the call of its viseme."""
    heard = np.nan_to_num(np.array(recorded["samples"], float))
    loud = np.flatnonzero(np.abs(heard) > 0.1)
    found = [loud[0], *loud[1:][np.diff(loud) > 1000]]
    visemes = [one for one in run["visemes"] if one["index"]]
    if not len(found) == len(visemes) == count:
        raise RuntimeError(f"{len(found)} onsets were recorded and {len(visemes)} visemes told, of {count}")
    pairs = zip(visemes, found, strict=True)
    return np.array([(one["heard"] - (recorded["first"] + at) / RATE) * 1000 for one, at in pairs])


def main() -> None:
    """Print the figures."""
    for name in sorted(name for name in CLIENT_FILES if name.endswith(".js")):
        print(f"{name:24} {len(gzip.compress((STATIC / name).read_bytes(), 9)):6d} bytes after gzip -9")
    if BROWSER is None:
        print("no Chromium: the rest needs one")
        return
    with host() as site, chromium() as browser:
        for audio_format, decoder in WAYS:
            parts, onsets = stream(audio_format)
            path = site.wire.put(f"{audio_format}-{decoder}", parts, every=PIECE / 1.5)
            run, recorded = speak(browser, site, path, {"format": audio_format, "decoder": decoder})
            stats, lateness = run["stats"], late(run, recorded, len(onsets))
            low, middle, high = np.percentile(lateness, [5, 50, 95])
            within = np.mean(np.abs(lateness) <= 16.7) * 100
            print(
                f"{audio_format} {stats['decoder']:9} viseme-onset: p5 {low:+5.1f} p50 {middle:+5.1f} p95 {high:+5.1f} "
                f"extremes {lateness.min():+5.1f} {lateness.max():+5.1f} ms, {within:.0f} % within a frame; "
                f"first byte -> first sound {stats['firstSoundMs'] - stats['firstByteMs']:.0f} ms"
            )
        for pace in (0.8, 1.0, 1.5):
            parts, _ = stream("mp3")
            path = site.wire.put(f"pace-{pace}", parts, every=PIECE / pace)
            run, _ = speak(browser, site, path, {})
            print(f"pieces at {pace} x real time: {run['stats']['underruns']} underruns in {SECONDS:.0f} s")


if __name__ == "__main__":
    main()
