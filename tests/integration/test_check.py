"""``litestar-tts check``: a healthy server passes, and every probe notices its faults."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from litestar_tts.cli.checking.pace import stalls
from litestar_tts.cli.checking.probes import PROBES
from litestar_tts.cli.checking.run import check_server
from litestar_tts.cli.checking.target import Options, Piece
from litestar_tts.cli.findings import Finding, Status
from litestar_tts.config import RateLimit
from tests.support.faulty import Answer, Fault, Faulty, application, frames, joined, served
from tests.support.terminal import in_terminal

ROOT = Path(__file__).parents[2]
TEXT = "A short test, with two parts."
CONTROL = 0xFFFF_FFFE
NO_VISEME = 0xFFFF_FFFF


@pytest.fixture(scope="module")
def faulty():
    return Faulty(application())


@pytest.fixture(scope="module")
def url(faulty):
    with served(faulty) as address:
        yield address


@pytest.fixture(autouse=True)
def healthy(faulty):
    faulty.fault = None
    faulty.requests.clear()
    yield
    faulty.fault = None


def look(url: str | None, *names: str, **options: Any) -> list[Finding]:
    probes = [probe for probe in PROBES if not names or probe.name in names]
    settings = {"text": TEXT, "concurrency": 4, "timeout": 5.0, **options}
    return asyncio.run(check_server(url, Options(**settings), probes)).findings


def environment(**variables: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    return clean | {"PYTHONPATH": str(ROOT), "TTS_EDGE_URL": "ws://127.0.0.1:9", "TTS_ENGINES": "espeak"} | variables


def command(*arguments: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "litestar_tts", "check", *arguments],
        env=environment(**variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


# --- a healthy server -------------------------------------------------------------------------------------------------


def test_a_healthy_server_passes_everything(url):
    found = {finding.name: finding for finding in look(url)}
    odd = {name: finding.figure for name, finding in found.items() if finding.status not in ("ok", "skip")}
    odd.pop("streaming", None)  # whether that is quick depends on what else this machine does
    assert odd == {}
    assert found["streaming"].status is not Status.FAIL, found["streaming"]
    assert set(found) == {probe.name for probe in PROBES}
    assert {name for name, finding in found.items() if finding.status is Status.SKIP} == {"key"}
    assert 0 < found["streaming"].data["first_byte"] <= found["streaming"].data["first_sound"]
    assert found["streaming"].data["duration"] > 2
    assert found["concurrency"].data["requests"] == 4
    assert "not provoked" in found["rate limit"].figure


def test_probes_cost_what_they_say(url, faulty):
    """The budget of somebody else's server is spared by these numbers."""
    spoken = re.compile("/generate")
    for probe in PROBES:
        faulty.requests.clear()
        look(url, probe.name)
        paid = [request for request in faulty.requests if spoken.match(request["path"]) and request["method"] != "HEAD"]
        if probe.name != "errors":
            assert len(paid) == probe.requests(Options(concurrency=4)), probe.name


def test_the_path_of_a_mounted_plugin_is_found_from_any_of_its_pages():
    from litestar import Litestar

    from litestar_tts import TTSConfig, TTSPlugin

    app = Litestar(plugins=[TTSPlugin(TTSConfig(engines=["espeak"], api_keys=["sesame"]))])
    with served(app) as address:
        for place in ("", "/", "/tts", "/tts/health", "/elsewhere"):
            (finding,) = look(address + place, "server")
            assert finding.status is Status.OK, finding
            assert finding.data["url"] == f"{address}/tts"
        (finding,) = look(address, "generate")
        assert finding.status is Status.FAIL
        assert "401" in finding.figure
        assert "--api-key" in str(finding.advice)
        generate, key = look(address, "generate", "key", api_key="sesame")
        assert generate.status is key.status is Status.OK, (generate, key)


def test_files_and_page_are_asked_for_with_the_key():
    from litestar_tts import TTSConfig
    from litestar_tts.server import create_app

    with served(create_app(TTSConfig(path="/", engines=["espeak"], api_keys=["sesame"]))) as address:
        for finding in look(address, "client files", "page"):
            assert finding.status is Status.FAIL
            assert "401" in finding.figure
            assert "--api-key" in str(finding.advice)
        for finding in look(address, "client files", "page", "docs", api_key="sesame"):
            assert finding.status is Status.OK, finding


def test_a_small_budget_is_spared():
    with served(application(rate_limit=RateLimit(requests=12, window=600))) as address:
        found = {finding.name: finding for finding in look(address)}
        assert found["generate"].status is Status.OK
        assert found["formats"].status is Status.SKIP
        assert "spares the rate limit" in found["formats"].figure
        assert found["errors"].status is Status.OK
        assert Status.FAIL not in {finding.status for finding in found.values()}


def test_a_budget_that_is_too_small_for_ever_is_called_so():
    with served(application(rate_limit=RateLimit(requests=6, window=4))) as address:
        _, finding = look(address, "generate", "concurrency", concurrency=10)
    assert finding.status is Status.SKIP
    assert finding.advice == "Raise RATE_LIMIT_REQUESTS to 10 or more for a check."


def test_a_small_window_is_waited_for():
    with served(application(rate_limit=RateLimit(requests=9, window=1))) as address:
        generate, visemes, formats = look(address, "generate", "visemes", "formats")
        assert [generate.status, visemes.status, formats.status] == ["ok", "ok", "ok"], (visemes, formats)


def test_the_limit_of_another_server_is_reached_only_when_asked_for():
    with served(application(rate_limit=RateLimit(requests=8, window=600))) as address:
        (finding,) = look(address, "rate limit", spend_rate_limit=True)
        assert finding.status is Status.OK, finding
        assert finding.data["passed"] == 5
        assert finding.data["refused"] == 4


def test_an_engine_and_a_voice_can_be_chosen(url):
    (finding,) = look(url, "generate", engine="espeak")
    assert finding.data["voice"].startswith("en")
    (finding,) = look(url, "generate", engine="espeak", voice="de")
    assert finding.data["voice"] == "de"
    (finding,) = look(url, "generate", engine="nothing")
    assert finding.status is Status.FAIL
    assert "no voice of the engine nothing" in finding.figure


# --- faults -----------------------------------------------------------------------------------------------------------


def at(path: str, change: Fault, method: str | None = None) -> Fault:
    def fault(answer: Answer, request: dict[str, Any]) -> Answer:
        asked = request["path"] == path and method in (None, request["method"])
        return change(answer, request) if asked else answer

    return fault


def header(name: str, value: str | None) -> Fault:
    def change(answer: Answer, _: Any) -> Answer:
        answer.headers.pop(name, None)
        if value is not None:
            answer.headers[name] = value
        return answer

    return change


def html(status: int) -> Fault:
    def change(answer: Answer, _: Any) -> Answer:
        return Answer(status, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1></html>")

    return change


def status(code: int) -> Fault:
    def change(answer: Answer, _: Any) -> Answer:
        answer.status = code
        return answer

    return change


def edit(function: Any) -> Fault:
    """Change the JSON of good answers."""

    def change(answer: Answer, request: Any) -> Answer:
        if "json" not in answer.headers.get("content-type", "") or request["method"] == "HEAD":
            return answer
        value = answer.json()
        function(value)
        return answer.set_json(value)

    return change


def body(function: Any) -> Fault:
    def change(answer: Answer, _: Any) -> Answer:
        if answer.status == 200:
            answer.body = function(answer.body)
        return answer

    return change


def sending(**how: Any) -> Fault:
    def change(answer: Answer, _: Any) -> Answer:
        for name, value in how.items():
            setattr(answer, name, value)
        return answer

    return change


def streams(function: Any) -> Fault:
    """Change the frames of a stream."""
    return body(lambda data: joined(function(frames(data))))


def control(kind: str, **changes: Any) -> Fault:
    def function(parts: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
        told = []
        for index, at_time, payload in parts:
            if index == CONTROL and json.loads(payload)["type"] == kind:
                payload = json.dumps({**json.loads(payload), **changes}).encode()  # noqa: PLW2901
            told.append((index, at_time, payload))
        return told

    return streams(function)


def late_visemes(parts: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    start, *middle, end = parts
    lips = [(index, at_time, b"") for index, at_time, _ in middle if index < 17]
    rest = [part if part[0] >= 17 else (NO_VISEME, part[1], part[2]) for part in middle]
    return [start, *rest, *lips, end]


def error_frame(parts: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    problem = json.dumps({"type": "error", "status": 502, "detail": "The engine broke off."}).encode()
    return [*parts[: len(parts) // 2], (CONTROL, 0, problem)]


def slowly(answer: Answer, _: Any) -> Answer:
    """Half a second of audio, a pause that is longer than it lasts, and the rest."""
    answer.pieces = [(0.0, answer.body[:24_000]), (1.2, answer.body[24_000:])]
    return answer


def late_start(answer: Answer, _: Any) -> Answer:
    answer.pieces = [(1.7, answer.body)]
    return answer


def every_second(change: Fault) -> Fault:
    count = iter(range(1_000_000))
    return lambda answer, request: change(answer, request) if next(count) % 2 else answer


def all_fail(health: Any) -> None:
    for engine in health["engines"]:
        engine.update(status="unavailable", detail="It is ill.")


def one_fails(health: Any) -> None:
    health["engines"].append({"name": "edge", "status": "failing", "breaker": "open", "voices": 3, "detail": None})


def constant_budget(answer: Answer, _: Any) -> Answer:
    if answer.status == 200:
        answer.headers.update(
            {"ratelimit-limit": "9", "ratelimit-remaining": "3", "ratelimit-reset": "9", "ratelimit-policy": "9;w=60"}
        )
    return answer


def endless_budget() -> Fault:
    """Says truly how it counts, and refuses nobody."""
    left = iter(range(8, -1_000_000, -1))

    def change(answer: Answer, _: Any) -> Answer:
        constant_budget(answer, _)
        answer.headers["ratelimit-remaining"] = str(max(0, next(left)))
        return answer

    return change


def silent_refusal() -> Fault:
    """Refuses in time, but does not say for how long."""
    change, count = endless_budget(), iter(range(1_000_000))

    def refuse(answer: Answer, request: Any) -> Answer:
        if next(count) >= 9:
            return Answer(429, {"content-type": "application/problem+json"}, b'{"type":"x","status":429}')
        return change(answer, request)

    return refuse


def last_viseme(**changes: Any) -> Fault:
    return edit(lambda value: value["visemes"][-1].update(changes))


def viseme(position: int, **changes: Any) -> Fault:
    return edit(lambda value: value["visemes"][position].update(changes))


def without_phonemes(value: Any) -> None:
    for one in value["visemes"]:
        one.pop("phoneme", None)


def only_wav(answer: Answer, request: Any) -> Answer:
    if b'"opus"' in request["body"]:
        problem = {"type": "x", "title": "Part not installed", "status": 501, "detail": "PyAV is not installed"}
        return Answer(501, {"content-type": "application/problem+json"}, json.dumps(problem).encode())
    return answer


GENERATE, STREAM, VISEMES = "/generate", "/generate-stream", "/generate-visemes"
CAPTIONS = "/generate-captions"
FAULTS: list[tuple[str, Fault, str, str]] = [
    ("server", at("/health", edit(lambda value: value.update(status="down"))), "fail", "200 although it says 'down'"),
    ("server", at("/health", edit(lambda value: value.update(version="9.9"))), "warn", "9.9"),
    ("server", at("/health", status(405), "HEAD"), "fail", "HEAD /health: 405"),
    ("engines", at("/health", edit(all_fail)), "fail", "no engine can speak"),
    ("engines", at("/health", edit(one_fails)), "warn", "edge failing (breaker open)"),
    ("voices", at("/voices", edit(lambda value: value.update(count=3))), "fail", "count is 3"),
    ("voices", at("/voices", edit(lambda value: value["voices"][0].pop("language"))), "fail", "language is missing"),
    ("voices", at("/voices", every_second(edit(lambda value: value["voices"].pop()))), "fail", "filter does not hold"),
    ("voices", at("/voices", html(200)), "fail", "not JSON"),
    ("generate", at(GENERATE, html(502)), "fail", "502 with an HTML page"),
    ("generate", at(GENERATE, html(200)), "fail", "not wav"),
    ("generate", at(GENERATE, header("x-tts-engine", None)), "fail", "X-TTS-Engine is missing"),
    ("generate", at(GENERATE, header("x-viseme-count", "many")), "fail", "X-Viseme-Count is many"),
    ("generate", at(GENERATE, header("x-text-length", "3")), "fail", "X-Text-Length is 3"),
    ("generate", at(GENERATE, header("x-accel-buffering", None)), "fail", "X-Accel-Buffering"),
    ("generate", at(GENERATE, header("x-tts-fallback-from", "edge")), "warn", "edge should have spoken"),
    ("generate", at(GENERATE, header("content-encoding", "br")), "fail", "compressed with br"),
    ("generate", at(GENERATE, body(lambda data: data[:44] + bytes(len(data) - 44))), "fail", "silent"),
    ("generate", at(GENERATE, body(lambda data: data[:4] + b"\1\0\0\0" + data[8:])), "fail", "sizes"),
    ("generate", at(GENERATE, sending(cut_at=20_000)), "fail", "cut after 20000 bytes"),
    ("generate", at(GENERATE, sending(stall_at=20_000)), "fail", "stalled after 20000 bytes"),
    ("generate", at(GENERATE, header("content-length", "9000000")), "fail", "cut after"),
    ("json", at(GENERATE, header("content-length", "10")), "fail", "POST /generate"),
    ("json", at(GENERATE, body(lambda data: data[:-9])), "fail", "not JSON"),
    ("json", at(GENERATE, edit(lambda value: value.update(audio="%%%"))), "fail", "not base64"),
    ("json", at(GENERATE, edit(lambda value: value.update(duration=9.5))), "fail", "said to be 9.500 s"),
    ("json", at(GENERATE, edit(lambda value: value.update(timestamp="today"))), "fail", "'today'"),
    ("json", at(GENERATE, edit(lambda value: value.update(words=[]))), "fail", "no words"),
    ("json", at(GENERATE, edit(lambda value: value["words"][0].update(duration=99))), "fail", "word 0 ends at"),
    ("json", at(GENERATE, edit(lambda value: value["visemes"].pop(3))), "fail", "the one in front of it ends"),
    ("json", at(GENERATE, header("x-viseme-count", "500")), "warn", "500 visemes were planned"),
    ("get", at(GENERATE, status(405), "HEAD"), "fail", "HEAD /generate: 405"),
    ("get", at(GENERATE, header("content-type", "text/plain"), "GET"), "fail", "Content-Type is text/plain"),
    ("get", at(GENERATE, header("x-tts-voice", "other"), "HEAD"), "fail", "x-tts-voice is not as the GET says"),
    ("get", at(GENERATE, body(lambda _: b""), "GET"), "fail", "no audio at all"),
    ("frames", at(STREAM, streams(lambda parts: parts[:-1])), "fail", "neither an end nor an error came"),
    ("frames", at(STREAM, streams(error_frame)), "fail", "The engine broke off."),
    ("frames", at(STREAM, streams(late_visemes)), "fail", "behind their sound"),
    ("frames", at(STREAM, streams(lambda parts: parts[1:])), "fail", "does not begin with a start"),
    ("frames", at(STREAM, body(lambda data: data[:-3])), "fail", "cut inside a frame"),
    ("frames", at(STREAM, control("end", bytes=3)), "fail", "end says 3 bytes"),
    ("frames", at(STREAM, control("end", visemes=3)), "fail", "end says 3 visemes"),
    ("frames", at(STREAM, control("end", duration=0.5)), "fail", "its duration is said to be 0.500 s"),
    ("frames", at(STREAM, control("start", skip_samples=7)), "fail", "skip_samples is 7"),
    ("frames", at(STREAM, control("start", viseme_names=["a"])), "fail", "viseme_names"),
    ("frames", at(STREAM, control("words", words=[])), "fail", "no words"),
    ("frames", at(STREAM, header("content-type", "application/octet-stream")), "fail", "Content-Type"),
    ("visemes", at(VISEMES, viseme(0, value=3)), "fail", "the first viseme is 3"),
    ("visemes", at(VISEMES, last_viseme(value="PP")), "fail", "the last viseme is 'PP'"),
    ("visemes", at(VISEMES, viseme(1, value=99)), "fail", "not in the set"),
    ("visemes", at(VISEMES, viseme(1, value=True)), "fail", "not in the set"),
    ("visemes", at(VISEMES, viseme(1, duration=0)), "fail", "has no duration"),
    ("visemes", at(VISEMES, viseme(1, time="soon")), "fail", "no number"),
    ("visemes", at(VISEMES, edit(lambda value: value.update(duration=99))), "fail", "the audio at 99.000 s"),
    ("visemes", at(VISEMES, edit(lambda value: value.update(visemes=[]))), "fail", "no visemes"),
    ("visemes", at(VISEMES, edit(without_phonemes)), "fail", "do not name their phoneme"),
    ("visemes", at(VISEMES, edit(lambda value: value.update(timing="guessed"))), "fail", "'guessed'"),
    ("captions", at(CAPTIONS, body(lambda data: data.replace(b"short", b"long"))), "fail", "short of the text"),
    ("captions", at(CAPTIONS, body(lambda data: data.replace(b" --> 00:00:0", b" --> 00:00:0-"))), "fail", "no times"),
    ("captions", at(CAPTIONS, body(lambda data: data.replace(b"WEBVTT", b"WEBTV"))), "fail", "vtt: does not begin"),
    (
        "captions",
        at(CAPTIONS, edit(lambda value: value["captions"][0].update(end=0))),
        "fail",
        "json: caption 1 ends at 0.000 s, before it starts",
    ),
    ("formats", at(GENERATE, edit(lambda value: value.update(audio="bm9pc2U="))), "fail", "is not wav"),
    ("formats", at(GENERATE, edit(lambda value: value.update(sample_rate=8000))), "fail", "but 8000 are said"),
    ("formats", at(GENERATE, edit(lambda value: value.update(duration=0.4))), "fail", "said to be 0.400 s"),
    ("formats", at(GENERATE, only_wav), "warn", "opus needs a part that the server has not"),
    ("streaming", at(GENERATE, body(lambda data: bytes(len(data)))), "fail", "nothing is heard"),
    ("streaming", at(GENERATE, slowly), "fail", "a listener would wait once"),
    ("streaming", at(GENERATE, late_start), "warn", "the first sound is late"),
    ("concurrency", at(STREAM, every_second(html(503))), "fail", "503 with an HTML page"),
    ("concurrency", at(STREAM, every_second(sending(cut_at=3000))), "fail", "cut after 3000 bytes"),
    ("concurrency", at(STREAM, header("x-request-id", "same")), "fail", "same X-Request-ID"),
    ("errors", at(GENERATE, status(200)), "fail", "empty text: 200, not 400"),
    ("errors", at(GENERATE, header("content-type", "application/json")), "fail", "not application/problem+json"),
    ("errors", at(GENERATE, edit(lambda value: value.update(status=500))), "fail", "its status is 500"),
    ("errors", at(GENERATE, edit(lambda value: value.pop("limit", None))), "fail", "limit is None"),
    ("errors", at(GENERATE, edit(lambda value: value.update(matches=["nobody"]))), "fail", "not among the matches"),
    ("errors", at(STREAM, html(405)), "fail", "wrong method: 405 as text/html"),
    ("key", at("/voices", status(401)), "fail", "no key: 401 as application/json"),
    ("key", at("/voices", html(502)), "fail", "is a proxy in between?"),
    ("client files", at("/client/tts.js", header("content-type", "text/html")), "fail", "Content-Type is text/html"),
    ("client files", at("/client/elements.js", status(404)), "fail", "/client/elements.js: 404"),
    ("client files", at("/client/avatar.js", header("etag", None)), "fail", "no ETag"),
    ("client files", at("/client/types.d.ts", status(200)), "fail", "200 although nothing has changed"),
    ("docs", at("/docs/openapi.json", edit(lambda value: value["paths"].pop("/voices"))), "fail", "/voices missing"),
    ("docs", at("/docs", status(500)), "fail", "/docs: 500"),
    ("page", at("/", header("content-security-policy", None)), "fail", "no Content-Security-Policy"),
    ("page", at("/", status(500)), "fail", "/: 500"),
    ("python client", at(STREAM, streams(lambda parts: parts[:-1])), "fail", "StreamTruncatedError"),
    ("python client", at(STREAM, control("end", visemes=3)), "fail", "visemes"),
    ("python client", at("/voices", html(502)), "fail", "the Python client gives up"),
    ("rate limit", at(VISEMES, constant_budget), "fail", "does not count down: 3, 3, 3"),
    ("rate limit", at(VISEMES, header("ratelimit-policy", "lots")), "fail", "ratelimit-policy is lots"),
    ("rate limit", at(VISEMES, header("ratelimit-reset", None)), "fail", "ratelimit-reset is missing"),
    ("rate limit", at(VISEMES, endless_budget()), "fail", "no request of 10 was refused"),
    ("rate limit", at(VISEMES, silent_refusal()), "fail", "Retry-After is missing"),
]


@pytest.mark.parametrize(
    ("name", "fault", "expected", "words"), FAULTS, ids=[f"{name}: {words}" for name, _, _, words in FAULTS]
)
def test_a_fault_is_noticed(url, faulty, name, fault, expected, words):
    faulty.fault = fault
    (finding,) = look(url, name, timeout=1.0 if "stall" in words else 5.0, spend_rate_limit=name == "rate limit")
    assert finding.status == expected, finding
    assert words in finding.figure + " ".join(finding.data.get("problems", ())), finding
    assert finding.advice or finding.status is not Status.FAIL


def test_every_probe_can_fail():
    assert {name for name, _, expected, _ in FAULTS if expected == "fail"} == {probe.name for probe in PROBES}


def test_a_probe_that_takes_too_long_ends(url, faulty, monkeypatch):
    from litestar_tts.cli.checking import run
    from litestar_tts.cli.checking.probes import Probe

    async def never(*_: Any) -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(run, "GRACE", 0.0)
    probe = Probe("never", "", never, 0, 0.1)
    result = asyncio.run(check_server(url, Options(timeout=0.1), [probe]))
    assert result.findings[0].status is Status.FAIL
    assert "not done within" in result.findings[0].figure


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(0.0, 100), (0.5, 100)], []),
        ([(0.0, 100), (1.5, 100)], [0.5]),
        ([(0.0, 100), (1.5, 100), (2.6, 100), (3.0, 10)], [0.5, 0.1]),
        ([(0.0, 10), (9.0, 100), (9.5, 100)], []),
    ],
)
def test_a_listener_waits_when_a_piece_comes_after_the_last_was_played(pieces, expected):
    came = [Piece(at_time, bytes(size)) for at_time, size in pieces]
    heard_from = 20 if pieces[0][1] == 10 else 0
    assert stalls(came, 100, from_byte=heard_from) == pytest.approx(expected)


# --- other servers ----------------------------------------------------------------------------------------------------


def test_another_server_is_told_apart():
    async def other(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"server", b"teapot")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"status": "ok"}'})
        else:
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})

    with served(other) as address:
        (finding,) = look(address)
    assert finding.status is Status.FAIL
    assert "no litestar-tts server there" in finding.figure
    assert "teapot" in finding.figure


def test_a_server_that_ends_meanwhile(faulty):
    """What comes after it is not called wrong."""
    from litestar_tts.cli.checking.probes import Probe

    probes = {probe.name: probe for probe in PROBES}
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(served(application()))

        async def end(*_: Any) -> str:
            await asyncio.get_running_loop().run_in_executor(pool, stack.close)
            return "ended"

        with ThreadPoolExecutor(1) as pool:
            order = [probes["server"], Probe("end", "", end), probes["json"], probes["voices"]]
            found = asyncio.run(check_server(address, Options(timeout=2.0), order)).findings
    assert [finding.status for finding in found] == ["ok", "ok", "fail", "skip"]
    assert "no connection: connection refused" in found[2].figure
    assert "the server is gone" in found[3].figure


def test_nobody_there(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = command(f"127.0.0.1:{port}", cwd=tmp_path)
    assert result.returncode == 1
    assert "connection refused" in result.stdout
    assert "litestar-tts serve" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("place", ["http://jo:geheim@127.0.0.1:{}", "jo:geheim@127.0.0.1:{}"])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_password_in_the_address_is_not_shown(url, tmp_path, place, as_json):
    for port in (url.rpartition(":")[2], 9):
        result = command(place.format(port), "--only", "server", *as_json, cwd=tmp_path)
        assert "geheim" not in result.stdout + result.stderr
        assert f"***@127.0.0.1:{port}" in result.stdout


def test_https_where_there_is_none_is_called_so(url):
    (finding,) = look(url.replace("http:", "https:"))
    assert finding.status is Status.FAIL
    assert "TLS: wrong version number" in finding.figure
    assert "https, or http" in (finding.advice or "")


@pytest.mark.parametrize("voice", ["cmn", "ja"])
def test_captions_of_a_script_without_spaces(url, voice):
    (finding,) = look(url, "captions", text="你好,世界。", voice=f"espeak:{voice}")
    assert finding.status is Status.OK, finding


@pytest.mark.parametrize("key", ["ключ", "two\nlines"])
def test_a_key_that_cannot_be_sent_is_a_usage_error(url, tmp_path, key):
    result = command(url, "--only", "json", "--api-key", key, cwd=tmp_path)
    assert result.returncode == 2
    assert "API key" in result.stderr
    assert key not in result.stderr


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"])
def test_what_does_not_speak_http(greeting):
    """One says nothing at all, the other says something else."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def answer() -> None:
        try:
            while True:
                connection, _ = listening.accept()
                connection.sendall(greeting)
                held.append(connection)
        except OSError:
            return

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        (finding,) = look(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.5)
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
        for connection in held:
            connection.close()
    assert finding.status is Status.FAIL
    assert "does not answer in time" in finding.figure or "does not speak HTTP" in finding.figure


# --- the command ------------------------------------------------------------------------------------------------------


def test_without_a_url_it_starts_and_ends_a_server(tmp_path):
    result = command("--json", "--text", TEXT, "--concurrency", "3", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert result.stderr == ""
    found = json.loads(result.stdout)
    assert found["status"] in ("ok", "warn")
    assert found["own_server"] is True
    assert found["counts"]["fail"] == 0
    assert [check["name"] for check in found["checks"]] == [probe.name for probe in PROBES]
    limit = found["checks"][-1]
    assert (limit["data"]["passed"], limit["data"]["refused"]) == (5, 4)
    port = int(found["url"].rpartition(":")[2])
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port), 2):
        pass


def test_its_own_server_has_the_keys_and_the_faults_of_the_environment(tmp_path):
    result = command("--only", "key", "--only", "json", cwd=tmp_path, TTS_API_KEYS="sesame")
    assert result.returncode == 0, result.stdout
    assert "asked for; health is open" in result.stdout
    assert "sesame" not in result.stdout
    result = command(cwd=tmp_path, TTS_ENGINES="nothing")
    assert result.returncode == 1
    assert "our own server does not start" in result.stdout
    assert "litestar-tts doctor" in result.stdout


def test_plain_lines_for_pipes_and_a_list(url, tmp_path):
    result = command(url, "--only", "health", cwd=tmp_path)
    assert result.returncode == 2
    assert "--list" in result.stderr
    result = command(url, "--only", "server", "--only", "client-files", cwd=tmp_path)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["ok", "server"], ["ok", "client"]]
    assert lines[-1].startswith(f"{url}: all well (2 well), in ")
    assert "\x1b" not in result.stdout
    listed = command("--list", cwd=tmp_path)
    assert len(listed.stdout.splitlines()) == len(PROBES)


@pytest.mark.parametrize("arguments", [["ftp://x"], ["http://"], ["http://x:99999"], ["--text", "..."]])
def test_what_cannot_be_meant_is_a_usage_error(tmp_path, arguments):
    result = command(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Error: " in result.stderr


def test_a_fault_is_exit_code_1(url, faulty, tmp_path):
    faulty.fault = at("/voices", html(500))
    result = command(url, "--only", "voices", "--json", cwd=tmp_path)
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert found["status"] == "fail"
    assert found["checks"][0]["data"]["problems"]
    assert found["todo"]


def test_a_terminal_sees_progress_and_a_table(url, tmp_path):
    command = [
        sys.executable,
        "-m",
        "litestar_tts",
        "check",
        url,
        "--only",
        "server",
        "--only",
        "frames",
        "--text",
        TEXT,
    ]
    status, shown = in_terminal(command, environment(TERM="xterm", COLUMNS="100"), tmp_path)
    assert status == 0
    assert "Checking" in shown
    assert "Result" in shown
    assert "all well" in shown


def test_ctrl_c_ends_its_server_too(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "litestar_tts", "check", "--text", TEXT],
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        process.communicate()
        pytest.skip("this system does not list the children of a process")
    deadline = time.monotonic() + 30
    while not (server := children.read_text().split()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.endswith(b"Stopped.\n")
    assert not Path(f"/proc/{server[0]}").exists()


def test_frames_can_be_taken_apart():
    """The tools of these tests, on bytes by hand."""
    data = struct.pack(">III", 3, 40, 2) + b"ab" + struct.pack(">III", NO_VISEME, 50, 0)
    assert frames(data) == [(3, 40, b"ab"), (NO_VISEME, 50, b"")]
    assert joined(frames(data)) == data
