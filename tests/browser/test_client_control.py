"""Stopping, pausing, waiting in line, and everything that can go wrong."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import pytest

from litestar_tts.exceptions import EngineError
from tests.browser.client_page import browser, open_page, page, site
from tests.support.browser import (
    Host,
    encode_audio,
    encode_control,
    encode_viseme,
    end_message,
    host,
    pieces_of,
    start_message,
    until,
)
from tests.support.chromium import MARKS
from tests.support.scripted import ScriptedEngine
from tests.support.sound import edge_mp3, pcm, tone

pytestmark = MARKS
__all__ = ("browser", "open_page", "page", "site")

RATE = 24_000
PLAYING = "log.at(-1)?.progress.some(({ phase }) => phase === 'playing')"


def speech(seconds: float = 3.0, size: int = 4800) -> list[bytes]:
    """A tone with a viseme every 50 ms."""
    data = pcm(tone(seconds, peak=16_000))
    parts = [start_message(), *[encode_viseme(n % 7, n * 0.05) for n in range(round(seconds / 0.05))]]
    return [*parts, *pieces_of(data, size), end_message(seconds)]


def quiet_after(page: Any) -> None:
    """Silence 40 ms after the last thing that was done, by the clock of the sound; the meter looks back over 85 ms."""
    page.evaluate(
        """async () => {
          const context = sound.contexts.at(-1), end = context.currentTime + 0.04 + 0.09 + 0.03;
          const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
          while (context.state === "running" && context.currentTime < end) await sleep(10);
          await sleep(30);
        }"""
    )
    assert page.evaluate("sound.now") < 1e-4


@pytest.mark.parametrize("way", ["stop", "signal", "timeout", "reason"])
def test_stopping_is_silence(page: Any, site: Host, way: str):
    path = site.wire.put("stop", speech())
    options = "{ format: 'pcm', signal: AbortSignal.timeout(600) }" if way == "timeout" else "{ format: 'pcm' }"
    page.evaluate(f"(path) => {{ window.run = speak(path, 'x', {options}); }}", path)
    until(page, PLAYING)
    until(page, "sound.now > 0.3")
    page.evaluate({
        "stop": "serviceAt('/wire/stop/').stop()",
        "signal": "log.at(-1).controller.abort()",
        "reason": "log.at(-1).controller.abort(new Error('enough'))",
        "timeout": "() => run.then(() => {})",
    }[way])  # fmt: skip
    quiet_after(page)
    run = page.evaluate("run")
    assert "stats" not in run
    assert run["error"]["name"] == {"timeout": "TimeoutError", "reason": "Error"}.get(way, "AbortError")
    page.wait_for_timeout(100)
    assert page.evaluate("log.at(-1).late") == 0
    assert page.evaluate("serviceAt('/wire/stop/').state") == "idle"
    # It is ready for more.
    again = page.evaluate("(path) => speak(path, 'x', { format: 'pcm' })", site.wire.put("again", speech(0.2)))
    assert "error" not in again


def test_an_aborted_signal_asks_for_nothing(page: Any, site: Host):
    path = site.wire.put("never", speech())
    run = page.evaluate("(path) => speak(path, 'x', { signal: AbortSignal.abort() })", path)
    assert run["error"]["name"] == "AbortError"
    assert "never" not in [name for name, _ in site.wire.requests]


def test_the_engine_learns_that_nobody_listens(page: Any, site: Host):
    engine = site.engine
    assert isinstance(engine, ScriptedEngine)
    engine.middle.clear()
    try:
        page.evaluate(
            "() => { window.run = speak('/tts/', 'one two three four five six seven eight nine ten eleven'); }"
        )
        until(page, "log.at(-1)?.progress.some(({ phase }) => phase === 'buffering')")
        assert not engine.stopped.is_set()
        page.evaluate("serviceAt('/tts/').stop()")
        for _ in range(200):
            if engine.stopped.is_set():
                break
            page.wait_for_timeout(10)
        assert engine.stopped.is_set()
    finally:
        engine.middle = asyncio.Event()
        engine.middle.set()


def test_sound_waits_for_a_click(open_page: Callable[..., Any], site: Host):
    path = site.wire.put("blocked", speech(0.5))
    # From the page's own code: what a test evaluates counts as a click.
    page = open_page(
        script=f"""addEventListener("DOMContentLoaded", () => {{
          window.blocked = speak("{path}", "x", {{ format: "pcm" }});
          window.job = () => {{ window.allowed = speak("{path}", "x", {{ format: "pcm" }}); }};
        }});""",
        expected="The AudioContext was not allowed to start",
    )
    run = page.evaluate("blocked")
    assert run["error"]["code"] == "autoplay-blocked"
    page.get_by_role("button", name="Go").click()
    run = page.evaluate("allowed")
    assert "error" not in run
    assert page.evaluate("sound.peak") > 0.3


def test_a_pause_stands_still_and_goes_on(page: Any, site: Host):
    path = site.wire.put("pause", speech(0.9))
    page.evaluate("(path) => { window.run = speak(path, 'x', { format: 'pcm', pauseAt: 300, leadMs: 300 }); }", path)
    until(page, "serviceAt('/wire/pause/').state === 'paused'")
    quiet_after(page)
    assert page.evaluate("sound.peak") > 0.3
    assert page.evaluate("log.at(-1).visemes.at(-1).timeMs") == 300
    page.wait_for_timeout(100)
    assert page.evaluate("log.at(-1).visemes.at(-1).timeMs") == 300
    page.evaluate("serviceAt('/wire/pause/').resume()")
    run = page.evaluate("run")
    assert "error" not in run
    assert [one["timeMs"] for one in run["visemes"]] == [50 * n for n in range(18)]
    assert run["stats"]["underruns"] == 0
    assert run["stats"]["playedMs"] == pytest.approx(900, abs=1)
    assert "paused" in [one["phase"] for one in run["progress"]]


def test_a_pause_before_the_first_sound(page: Any, site: Host):
    path = site.wire.put("early", speech(0.3))
    page.evaluate(
        "(path) => { window.run = speak(path, 'x', { format: 'pcm' }); serviceAt(path).pause(); }",
        path,
    )
    until(page, "log.at(-1).samples === 7200")
    quiet_after(page)
    assert page.evaluate("sound.peak") == 0
    page.evaluate("serviceAt('/wire/early/').resume()")
    assert "error" not in page.evaluate("run")
    assert page.evaluate("sound.peak") > 0.3


def test_stop_while_paused(page: Any, site: Host):
    path = site.wire.put("halt", speech())
    page.evaluate("(path) => { window.run = speak(path, 'x', { format: 'pcm' }); }", path)
    until(page, "sound.now > 0.3")
    page.evaluate("serviceAt('/wire/halt/').pause()")
    page.evaluate("serviceAt('/wire/halt/').stop()")
    assert page.evaluate("run")["error"]["name"] == "AbortError"
    quiet_after(page)
    again = page.evaluate(
        "(path) => speak('/wire/halt/', 'x', { format: 'pcm', signal: AbortSignal.timeout(300) })", path
    )
    assert again["error"]["name"] == "TimeoutError"
    assert page.evaluate("sound.peak") > 0.3


@pytest.mark.parametrize("way", ["before", "abort"])
def test_a_pause_is_not_left_to_the_next_one(page: Any, site: Host, way: str):
    path = site.wire.put(f"left-{way}", speech(0.3))
    if way == "abort":
        page.evaluate("(path) => { window.run = speak(path, 'x', { format: 'pcm' }); }", path)
        until(page, PLAYING)
    page.evaluate("(path) => serviceAt(path).pause()", path)
    if way == "abort":
        page.evaluate("log.at(-1).controller.abort()")
    run = page.evaluate("(path) => speak(path, 'x', { format: 'pcm', signal: AbortSignal.timeout(5000) })", path)
    assert "error" not in run


def test_another_context_has_another_clock(page: Any, site: Host):
    path = site.wire.put("clocks", speech(0.2))
    runs = page.evaluate(
        """async (path) => {
          const audioContext = new AudioContext({ sampleRate: 24000 });
          await audioContext.resume();
          await new Promise((resolve) => setTimeout(resolve, 1500));
          const first = await speak(path, "x", { format: "pcm" }, { audioContext });
          serviceAt(path).audioContext = undefined;
          return [first, await speak(path, "x", { format: "pcm" })];
        }""",
        path,
    )
    assert ["error" in run for run in runs] == [False, False]
    assert runs[1]["stats"]["firstSoundMs"] < 1000


def test_one_of_a_queue_is_taken_out_of_it(page: Any, site: Host):
    path = site.wire.put("line", speech(0.6))
    runs = page.evaluate(
        """async (path) => {
          const runs = ["one", "two", "three"].map((text) => speak(path, text, { format: "pcm", leadMs: 200 }));
          const second = log.at(-2);
          setTimeout(() => second.controller.abort(), 350);
          return Promise.all(runs);
        }""",
        path,
    )
    assert [("error" in run) for run in runs] == [False, True, False]
    assert runs[1]["visemes"] == []
    assert [run["stats"]["underruns"] for run in (runs[0], runs[2])] == [0, 0]


def test_an_interruption_drops_what_waits(page: Any, site: Host):
    path = site.wire.put("interrupted", speech())
    short = site.wire.put("short", speech(0.2))
    runs = page.evaluate(
        """async ([path, short]) => {
          const runs = ["one", "two"].map((text) => speak(path, text, { format: "pcm" }));
          await new Promise((resolve) => setTimeout(resolve, 300));
          serviceAt(path).baseURL = short;
          runs.push(speak(path, "three", { format: "pcm", interrupt: true }));
          return Promise.all(runs);
        }""",
        [path, short],
    )
    assert [run.get("error", {}).get("name") for run in runs] == ["AbortError", "AbortError", None]


def test_a_throwing_page_does_not_silence_it(open_page: Callable[..., Any], site: Host):
    page = open_page(expected="the page's own mistake")
    run = page.evaluate("speak('/tts/', 'one two three four five six seven eight nine', { thrower: true })")
    assert "error" not in run
    assert run["visemes"]


FRAMES: dict[str, tuple[list[bytes], str]] = {
    "cut": ([start_message(), encode_audio(pcm(tone(0.2)), 0.0)], "truncated"),
    "cut-in-a-frame": ([start_message(), encode_audio(pcm(tone(0.2)), 0.0)[:-7]], "truncated"),
    "empty": ([], "truncated"),
    "no-start": ([encode_audio(pcm(tone(0.1)), 0.0), end_message(0.1)], "protocol"),
    "html": ([b"<!doctype html><title>Sign in to the guest network</title>"], "protocol"),
    "too-long": ([start_message(), struct.pack(">III", 0xFFFFFFFF, 0, 1 << 21)], "protocol"),
    "bad-json": ([start_message(), struct.pack(">III", 0xFFFFFFFE, 0, 3) + b"{{{"], "protocol"),
    "failed": (
        [
            start_message(),
            encode_control({"type": "error", "title": "Lost", "status": 502, "detail": "The voice is lost."}),
        ],
        "server",
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_what_a_stream_can_do_wrong(page: Any, site: Host, name: str):
    parts, code = FRAMES[name]
    run = page.evaluate("(path) => speak(path, 'x', { format: 'pcm' })", site.wire.put(name, parts))
    assert run["error"]["code"] == code
    assert run["error"]["name"] == "TTSError"
    if name == "failed":
        assert run["error"]["message"] == "The voice is lost."
        assert run["error"]["problem"]["status"] == run["error"]["status"] == 502
    if name == "cut":
        assert run["progress"][-1]["playedMs"] == pytest.approx(200, abs=1)


@pytest.mark.parametrize("moment", ["before", "between"])
def test_a_server_that_falls_silent_is_given_up(page: Any, site: Host, moment: str):
    path = site.wire.hang(f"silent-{moment}", [] if moment == "before" else speech(0.3)[:-1])
    run = page.evaluate("(path) => speak(path, 'x', { format: 'pcm', silenceMs: 300 })", path)
    assert run["error"]["code"] == "network"
    assert "silent" in run["error"]["message"]
    assert run["progress"][-1]["playedMs"] == pytest.approx(0 if moment == "before" else 300, abs=1)


def test_a_signal_counts_after_the_stream_broke_off(page: Any, site: Host):
    path = site.wire.put("broken", speech(5.0)[:-1])
    page.evaluate("(path) => { window.run = speak(path, 'x', { format: 'pcm' }); }", path)
    until(page, PLAYING)
    page.evaluate("log.at(-1).controller.abort()")
    quiet_after(page)
    assert page.evaluate("run")["error"]["name"] == "AbortError"


def test_closing_gives_the_device_back(page: Any, site: Host):
    path = site.wire.put("closed", speech())
    page.evaluate("(path) => { window.run = speak(path, 'x', { format: 'pcm' }); }", path)
    until(page, PLAYING)
    page.evaluate("(path) => serviceAt(path).close()", path)
    assert page.evaluate("run")["error"]["name"] == "AbortError"
    assert page.evaluate("sound.contexts.at(-1).state") == "closed"
    site.wire.put("closed", speech(0.2))
    again = page.evaluate("(path) => speak(path, 'x', { format: 'pcm' })", path)
    assert again["stats"]["playedMs"] == pytest.approx(200, abs=1)


def test_unknown_frames_are_skipped(page: Any, site: Host):
    strange = struct.pack(">III", 0xFFFFFF00, 5, 4) + b"\xff\x7f\xff\x7f"
    parts = [start_message(), strange, encode_control({"type": "mood", "words": []}), *speech(0.2)[1:]]
    run = page.evaluate("(path) => speak(path, 'x', { format: 'pcm' })", site.wire.put("strange", parts))
    assert "error" not in run
    assert run["stats"]["playedMs"] == pytest.approx(200, abs=1)


def test_sound_that_cannot_be_decoded(page: Any, site: Host):
    parts = [start_message("flac"), encode_audio(b"fLaC" + bytes(500), 0.0), end_message(1)]
    run = page.evaluate("(path) => speak(path, 'x', { format: 'flac' })", site.wire.put("noise", parts))
    assert run["error"]["code"] == "decode"


def test_garbage_between_frames_is_no_sound(page: Any, site: Host):
    good = edge_mp3(tone(0.3))
    data = b"\xff\xf3\x00junk\xff\xff\xff" + good[:720] + bytes(333) + good[720:]
    path = site.wire.put("junk", [start_message("mp3"), *pieces_of(data, 100), end_message(0.3)])
    for decoder in ("webcodecs", "decode"):
        run = page.evaluate("([path, decoder]) => speak(path, 'x', { decoder })", [path, decoder])
        assert "error" not in run
        assert 0.3 * RATE < run["samples"] < 0.5 * RATE


@pytest.mark.parametrize("told", ["header", "body"])
def test_a_refusal_says_when_to_come_back(open_page: Callable[..., Any], site: Host, told: str):
    problem = {"type": "about:blank", "title": "Too Many Requests", "status": 429, "detail": "Slow down."}
    if told == "body":
        problem["retry_after"] = 7
    headers = {"retry-after": "7"} if told == "header" else {}
    page = open_page(expected="429")
    run = page.evaluate("(path) => speak(path)", site.wire.refuse(f"busy-{told}", 429, headers, problem))
    error = run["error"]
    assert (error["code"], error["status"], error["retryAfter"], error["message"]) == ("http", 429, 7, "Slow down.")
    assert error["problem"]["title"] == "Too Many Requests"


def test_a_refusal_without_problem_details(open_page: Callable[..., Any], site: Host):
    page = open_page(expected="502")
    run = page.evaluate("(path) => speak(path)", site.wire.refuse("gateway", 502, {}, b"<h1>Bad gateway</h1>"))
    assert (run["error"]["code"], run["error"]["status"]) == ("http", 502)
    assert run["error"]["problem"] is None


def test_an_answer_that_is_none(open_page: Callable[..., Any]):
    page = open_page(expected="Failed to read data from the ReadableStream")  # Firefox, of a stream made by the page
    codes = page.evaluate(
        """async () => {
          const page = async () => new Response("<h1>Welcome</h1>");
          const body = () => new ReadableStream({ start: (stream) => stream.error(new TypeError("cut")) });
          const cut = async () => new Response(body());
          const ask = (fetch, name) => new tts.TTSService({ fetch })[name]("x").then(() => "", ({ code }) => code);
          return Promise.all([
            ...["healthCheck", "listVoices", "generateVisemes"].map((name) => ask(page, name)),
            ...["download", "generateCaptions"].map((name) => ask(cut, name)),
          ]);
        }"""
    )
    assert codes == ["protocol"] * 3 + ["truncated"] * 2


def test_no_server_at_all(open_page: Callable[..., Any]):
    page = open_page(expected="http://127.0.0.1:9/")
    run = page.evaluate("speak('http://127.0.0.1:9/')")
    assert run["error"]["code"] == "network"


def test_a_failing_engine_is_an_error_of_the_server(open_page: Callable[..., Any]):
    engine = ScriptedEngine()
    engine.fails = EngineError("broken on purpose")
    with host(engine) as broken:
        page = open_page(broken.page, expected="503")
        run = page.evaluate("speak('/tts/', 'hello there')")
        assert run["error"]["code"] == "http"
        assert run["error"]["status"] in (502, 503)
        assert run["error"]["problem"]["detail"]


def test_the_other_requests(page: Any):
    found = page.evaluate(
        """async () => {
          const service = new tts.TTSService({ baseURL: "/tts", headers: () => ({ "X-Request-ID": "from-a-page" }) });
          const blob = await service.download("one two", { format: "wav" });
          return {
            health: await service.healthCheck(),
            again: await service.initialize(),
            voices: await service.listVoices({ language: "de", gender: undefined }),
            visemes: await service.generateVisemes("one two", { visemes: "oculus" }),
            captions: await service.generateCaptions("one two", { format: "vtt" }),
            json: await service.generateCaptions("one two", { format: "json" }),
            blob: [blob.size, blob.type],
            base: String(tts.ttsService.baseURL),
          };
        }"""
    )
    assert found["health"]["status"] == found["again"]["status"] == "ok"
    assert [voice["language"] for voice in found["voices"]] == ["de-DE"]
    assert found["visemes"]["visemes"][0]["value"] == "sil"
    assert found["captions"].startswith("WEBVTT")
    assert found["json"]["captions"][0]["text"] == "one two"
    assert found["blob"][0] > 1000
    assert "wav" in found["blob"][1]
    assert found["base"].endswith("/tts/")


def test_speak_waits_for_the_whole(page: Any):
    found = page.evaluate(
        """async () => {
          const visemes = [];
          const service = new tts.TTSService({ baseURL: "/tts" });
          const stats = await service.speak("one two three four five", (one) => visemes.push(one.index));
          return { stats, visemes };
        }"""
    )
    assert found["stats"]["decoder"] == "blob"
    assert len(found["visemes"]) > 3
    assert page.evaluate("sound.peak") > 0.2


def test_a_response_without_a_stream(page: Any, site: Host):
    path = site.wire.put("whole", speech(0.3))
    run = page.evaluate(
        """(path) => speak(path, "x", { format: "pcm" }, { fetch: async (...request) => {
          const response = await fetch(...request);
          return { ok: true, status: 200, headers: response.headers, arrayBuffer: () => response.arrayBuffer() };
        } })""",
        path,
    )
    assert "error" not in run
    assert run["stats"]["playedMs"] == pytest.approx(300, abs=1)
