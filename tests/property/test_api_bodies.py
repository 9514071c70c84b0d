"""Whatever a client sends, it is answered in time: with speech, or with a problem that says what is wrong."""

import asyncio
import gzip
import json
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from litestar_tts.engines.espeak import EspeakEngine
from litestar_tts.frames import MEDIA_TYPE as FRAMES
from litestar_tts.models import AudioFormat, VisemeSet
from litestar_tts.testing import ToneEngine
from litestar_tts.web.problems import MEDIA_TYPE as PROBLEM
from litestar_tts.web.problems import TYPE_PREFIX
from tests.support.scripted import Asgi, application

SPEAKING = ("/tts/generate", "/tts/generate-stream", "/tts/generate-visemes", "/tts/generate-captions")
REFUSALS = {400, 404, 413, 415}
LONGEST = 120

quick = settings(deadline=None, max_examples=600, suppress_health_check=list(HealthCheck))


class World:
    """Two applications, with engines that always can, and one event loop for all examples."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.tone = application(
            ToneEngine(), default_voice="tone:tone-high", max_text_length=LONGEST, host={"openapi_config": None}
        )
        self.espeak = application(
            EspeakEngine(), default_voice="espeak:en-us", max_text_length=LONGEST, host={"openapi_config": None}
        )

    def ask(self, app: Any, path: str, **request: Any) -> Asgi:
        async def run() -> Asgi:
            before = asyncio.all_tasks()
            answer = Asgi(app, path, **request)
            try:
                async with asyncio.timeout(30):
                    await answer.task
            finally:
                answer.gone.set()
            left = asyncio.all_tasks() - before
            if left:
                await asyncio.wait(left, timeout=5)
            assert not [task for task in asyncio.all_tasks() - before if "espeak" not in task.get_name()]
            return answer

        return self._runner.run(run())

    def close(self) -> None:
        async def end() -> None:
            for app in (self.tone, self.espeak):
                async with app.lifespan():
                    pass

        self._runner.run(end())
        self._runner.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def judge(answer: Asgi, path: str) -> None:
    """Speech that ends well, or a problem of the documented kind."""
    event(f"status {answer.status}")
    assert answer.complete
    kind = answer.headers["content-type"].partition(";")[0]
    assert answer.headers["x-request-id"]
    if answer.status == 200:
        assert kind in {FRAMES, "application/json", "application/x-subrip", "text/vtt"} | {
            audio.media_type for audio in AudioFormat
        }
        assert answer.body
        return
    assert answer.status in REFUSALS, answer.body
    assert kind == PROBLEM
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["type"].startswith(TYPE_PREFIX)
    assert problem["title"]
    assert 0 < len(problem["detail"]) < 1000
    assert problem["instance"] == path.partition("?")[0]
    assert not any(char in answer.body for char in (b"Traceback", b".py"))


# --- what clients send ------------------------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
strange = st.sampled_from(
    [
        "", " ", "\x00", "\x00a", "\ufeffa", "a\u202eb", "\u200b", "\U0001f600", "é\u0301" * 40, "\u0bcd" * 9 + "a",
        "1" * LONGEST,
        "a" * LONGEST, "a" * (LONGEST + 1), "<speak>a</speak>",
        "&amp;", "a\r\nb: c", "٣", "漢字", "अ", "../../etc/passwd", "a\x1b[0m", "…?!",
    ]
)  # fmt: skip
words = (
    st.text(alphabet=string.ascii_letters + " .,?!", max_size=60).map(lambda text: f"so {text}") | strange | st.text()
)
numbers = st.floats() | st.integers() | st.sampled_from([1e308, -0.0, 10**400, "1", True, None])
fields: dict[str, tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]] = {
    "voice": (
        st.sampled_from(["tone-high", "tone:tone-low", "TONE:TONE-DE", "en-US-AriaNeural", " tone-high"]),
        st.sampled_from(["tone:", ":", "espeak:en", "a" * 201, "../x", "x\x00y", "x\r\nSet-Cookie: a=b"])
        | st.text()
        | anything,
    ),
    "format": (st.sampled_from(list(AudioFormat)), st.sampled_from(["srt", "vtt", "WAV", "", None]) | anything),
    "speed": (st.floats(0.25, 4), numbers | anything),
    "pitch": (st.floats(-12, 12) | st.integers(-12, 12), numbers | anything),
    "volume": (st.floats(-20, 20), numbers | anything),
    "visemes": (st.sampled_from(list(VisemeSet)), anything),
    "phonemes": (st.booleans(), anything),
    "fallback": (st.booleans(), anything),
    "stream": (st.booleans(), anything),
    "sample_rate": (
        st.sampled_from([8000, 16000, 22050, 44100, 48000]),
        st.sampled_from([8000.0, 7, 10**30]) | anything,
    ),
    "timing": (st.sampled_from(["auto", "exact", "estimated"]), anything),
}
"""Name → values that are right, and values that mostly are not."""


OWN = {"stream": "/tts/generate", "timing": "/tts/generate-visemes"}
"""Fields of one route only."""


@st.composite
def objects(draw: st.DrawFn, path: str, wild: int = 4) -> dict[str, Any]:
    """Objects like requests: one value in ``wild`` is not what it should be; now and then a field is one too many."""
    names = [name for name in fields if OWN.get(name, path) == path]
    chosen = draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
    body = {name: draw(fields[name][draw(st.integers(1, wild)) == wild]) for name in chosen}
    if path == "/tts/generate-captions" and "format" in body:
        body["format"] = draw(st.sampled_from(["srt", "vtt", "json"]) | fields["format"][1])
    if draw(st.integers(1, 3 * wild)) == 1:
        body[draw(st.sampled_from(["nonsense", *OWN]))] = draw(anything)
    if draw(st.integers(1, 3 * wild)) > 1:
        body["text"] = draw(words)
    return body


@st.composite
def written(draw: st.DrawFn) -> tuple[str, bytes]:
    """A route with JSON, and with what is not quite JSON."""
    path = draw(st.sampled_from(SPEAKING))
    body = draw(objects(path))
    text = json.dumps(body, ensure_ascii=draw(st.booleans()))
    data = text.encode("utf-8", "surrogatepass")
    kind = draw(st.integers(0, 20))
    if kind == 0:
        data = b"\xef\xbb\xbf" + data
    elif kind == 1:
        data = text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-7"])), "replace")
    elif kind == 2:
        data = data[: draw(st.integers(0, len(data)))]
    elif kind == 3:
        data = data[:-1] + b', "text": "again", "text": "and again"}' if body else data
    elif kind == 4:
        depth = draw(st.sampled_from([5, 200, 5000]))
        data = b'{"text": "a", "voice": ' + b"[" * depth + b"]" * depth + b"}"
    elif kind == 5:
        data = gzip.compress(data)
    elif kind == 6:
        data = (
            b'{"text": "a", "speed": ' + draw(st.sampled_from([b"1e999", b"-", b"NaN", b"0" * 999, b"9" * 9999])) + b"}"
        )
    elif kind == 7:
        data = draw(st.binary(max_size=60))
    elif kind == 8:
        data = data + b" " * draw(st.sampled_from([1, 30_000]))
    return path, data


types = st.sampled_from(
    ["application/json"] * 8
    + [
        "application/json; charset=latin-1",
        "application/problem+json",
        "APPLICATION/JSON ;x",
        "text/plain",
        "",
        "a/b/c",
        "é",
    ]
)


@quick
@given(asked=written(), kind=types, encoding=st.sampled_from([None, None, "gzip", "x"]))
@example(asked=("/tts/generate", b""), kind="application/json", encoding=None)
@example(asked=("/tts/generate", b"null"), kind="application/json", encoding=None)
@example(asked=("/tts/generate-captions", b'{"text":"\\ud800"}'), kind="application/json", encoding=None)
def test_bodies(world: World, asked: tuple[str, bytes], kind: str, encoding: str | None):
    path, body = asked
    headers = {"content-type": kind} | ({"content-encoding": encoding} if encoding else {})
    judge(world.ask(world.tone, path, body=body, headers=headers), path)


@settings(quick, max_examples=150)
@given(asked=st.sampled_from(SPEAKING).flatmap(lambda path: st.tuples(st.just(path), objects(path, 20))))
@example(asked=("/tts/generate", {"text": "\u200b\u0bcd", "stream": False}))
@example(asked=("/tts/generate-visemes", {"text": "\U0001d7d8", "timing": "exact"}))
def test_speech_of_strange_texts(world: World, asked: tuple[str, dict[str, Any]]):
    path, body = asked
    body.pop("voice", None)
    data = json.dumps(body).encode()
    judge(world.ask(world.espeak, path, body=data), path)


@st.composite
def queries(draw: st.DrawFn, names: st.SearchStrategy[str]) -> str:
    """Query strings, well and badly encoded."""
    parts = []
    for name in draw(st.lists(names, max_size=3)):
        value = draw(
            words | numbers.map(str) | st.sampled_from(["true", "false", "mp3", "tone-high", "en", "%", "%ff", "%zz"])
        )
        coded = quote_from_bytes(value.encode("utf-8", "surrogatepass")) if draw(st.booleans()) else value
        parts.append(f"{name}={coded}" if draw(st.integers(0, 9)) else name)
    query = draw(st.sampled_from(["&", "&&", ";"])).join(parts)
    # What a server passes on is bytes; those who send others than ASCII get what they wrote.
    return query.encode("utf-8", "surrogatepass").decode("latin-1").replace("\r", "").replace("\n", "")


asked = st.sampled_from([*sorted(fields), "text", "text", "text", "engine", "language", "gender", "", "a[]"])


@quick
@given(path=st.sampled_from(["/tts/generate", "/tts/voices", "/tts/health"]), query=queries(asked))
@example(path="/tts/generate", query="text=a&speed=inf")
@example(path="/tts/generate", query="text=%00")
def test_queries(world: World, path: str, query: str):
    judge(world.ask(world.tone, f"{path}?{query}", method="GET", body=b""), path)


@settings(quick, max_examples=100)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"]),
    path=st.sampled_from(
        ["generate", "voices", "health", "client/tts.js", "nothing", "client/../health", "%2e%2e/x", "a" * 3000]
    ),
)
def test_other_methods_and_paths(world: World, method: str, path: str):
    answer = world.ask(world.tone, f"/tts/{path}", method=method, body=b"")
    assert answer.complete
    assert answer.status in {200, 204, 304, 400, 404, 405, 415}
    if answer.status >= 400:
        assert answer.headers["content-type"] == PROBLEM
