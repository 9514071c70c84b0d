"""Every row of the error table: status, shape, headers, and that nothing was counted or spoken for it."""

import asyncio
import json
import logging
from typing import Any

import pytest
from httpx import Response

from litestar_tts.config import RateLimit
from litestar_tts.exceptions import EngineError, EngineTimeoutError, MissingExtraError, OverloadedError
from tests.support.scripted import Asgi, ScriptedEngine, application, client_of

TEXT = "Hello there world"
SPEAKING = ("/tts/generate", "/tts/generate-stream", "/tts/generate-visemes", "/tts/generate-captions")


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


def problem(answer: Response, status: int, slug: str, path: str | None = None) -> dict[str, Any]:
    """The problem of an answer, once its shape was found right."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    data = answer.json()
    assert data["status"] == status
    assert data["type"] == f"urn:litestar-tts:problem:{slug}"
    assert data["title"]
    assert data["detail"]
    assert data["instance"] == (path or answer.url.path)
    assert "Traceback" not in answer.text
    return data


@pytest.mark.parametrize("path", SPEAKING)
@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "text"), ({"text": ""}, "text"), ({"text": "  \n "}, "text"), ({"text": "?! …"}, "text"),
        ({"text": "\u200b"}, "text"),
        ({"text": 5}, "text"), ({"text": TEXT, "speed": "1"}, "speed"), ({"text": TEXT, "speed": 9}, "speed"),
        ({"text": TEXT, "pitch": True}, "pitch"), ({"text": TEXT, "volume": None}, "volume"),
        ({"text": TEXT, "voice": " "}, "voice"), ({"text": TEXT, "format": "exe"}, "format"),
        ({"text": TEXT, "nonsense": 1}, "nonsense"),
    ],
)  # fmt: skip
async def test_bad_bodies(engine: ScriptedEngine, path: str, body: Any, parameter: str):
    async with client_of(application(engine)) as client:
        data = problem(await client.post(path, json=body), 400, "invalid-request")
    assert data["parameter"] == parameter
    assert engine.speeches == 0


@pytest.mark.parametrize("path", SPEAKING)
@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'{"text":"\\ud800"}', b"\xff", b'{"text":NaN}', b"[" * 9000]
)
async def test_bodies_that_are_no_json(engine: ScriptedEngine, path: str, body: bytes):
    async with client_of(application(engine)) as client:
        answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "invalid-request")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]
)
async def test_other_media_types(engine: ScriptedEngine, media_type: str):
    async with client_of(application(engine)) as client:
        headers = {"Content-Type": media_type}
        answer = await client.post("/tts/generate", content=json.dumps({"text": TEXT}).encode(), headers=headers)
    problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
async def test_json_by_other_names(engine: ScriptedEngine, media_type: str):
    async with client_of(application(engine)) as client:
        headers = {"Content-Type": media_type}
        answer = await client.post("/tts/generate", content=json.dumps({"text": TEXT}).encode(), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "query", ["", "text=", "text=a&speed=nan", "text=a&unknown=1", "text=a&text=b", "text=%ff", "text=..."]
)
async def test_bad_queries(engine: ScriptedEngine, method: str, query: str):
    async with client_of(application(engine)) as client:
        answer = await client.request(method, f"/tts/generate?{query}")
    assert answer.status_code == 400
    assert engine.speeches == 0


async def test_bad_filters_of_voices(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        for query, parameter in (("foo=1", "foo"), ("engine=", "engine"), ("gender=a&gender=b", "gender")):
            assert problem(await client.get(f"/tts/voices?{query}"), 400, "invalid-request")["parameter"] == parameter


@pytest.mark.parametrize("path", SPEAKING)
async def test_an_unknown_voice(engine: ScriptedEngine, path: str):
    async with client_of(application(engine)) as client:
        data = problem(await client.post(path, json={"text": TEXT, "voice": "tone-x"}), 404, "voice-not-found")
    assert "tone-a" in data["matches"]
    assert engine.speeches == 0


@pytest.mark.parametrize("path", SPEAKING)
async def test_a_text_that_is_too_long(engine: ScriptedEngine, path: str):
    async with client_of(application(engine, max_text_length=20)) as client:
        data = problem(await client.post(path, json={"text": "a" * 21}), 413, "text-too-long")
        assert data["limit"] == 20
        assert data["parameter"] == "text"
        assert (await client.post(path, json={"text": f" {'a' * 20} "})).status_code == 200


async def test_a_body_that_is_too_large(engine: ScriptedEngine):
    body = json.dumps({"text": TEXT, "voice": "v" * 5000}).encode()
    async with client_of(application(engine, max_body_size=1000)) as client:
        headers = {"Content-Type": "application/json"}
        problem(await client.post("/tts/generate", content=body, headers=headers), 413, "body-too-large")


async def test_a_body_that_is_too_large_is_read_no_further(engine: ScriptedEngine):
    pieces = [b'{"text": "', *[b"x" * 400] * 1000]
    asking = await Asgi(application(engine, max_body_size=1000), "/tts/generate", pieces).finish()
    assert asking.status == 413
    assert len(pieces) > 990


async def test_the_longest_text_fits_into_a_body_in_any_script(engine: ScriptedEngine):
    async with client_of(application(engine, max_text_length=3000)) as client:
        body = json.dumps({"text": "\U0001d4d0" * 3000}).encode()
        assert len(body) > 30_000
        answer = await client.post("/tts/generate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400), answer.text


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "key-1"},
        {"Authorization": "Basic key-1"}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer key-1x"},
        {"Authorization": "Bearer key-"}, {"Authorization": "Bearer \xff"},
    ],
)  # fmt: skip
async def test_without_a_known_key(engine: ScriptedEngine, headers: dict[str, str]):
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    async with client_of(application(engine, api_keys=["key-1", "key-2"], metrics=True)) as client:
        for path in SPEAKING:
            answer = await client.post(path, json={"text": TEXT}, headers=raw)
            problem(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/tts/generate?text=a", "/tts/voices", "/tts/metrics", "/tts/nonsense"):
            assert (await client.get(path, headers=raw)).status_code == 401
        assert (await client.get("/tts/health", headers=raw)).status_code == 200
    assert engine.speeches == 0


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer key-1"}, {"Authorization": "bearer key-2"}, {"X-API-Key": "key-2"}]
)
async def test_with_a_known_key(engine: ScriptedEngine, headers: dict[str, str]):
    async with client_of(application(engine, api_keys=["key-1", "key-2"])) as client:
        assert (await client.post("/tts/generate", json={"text": TEXT}, headers=headers)).status_code == 200
        assert (await client.get("/tts/voices", headers=headers)).status_code == 200


# --- limits -----------------------------------------------------------------------------------------------------------


async def test_one_budget_over_all_routes_and_only_for_speech(engine: ScriptedEngine):
    async with client_of(application(engine, rate_limit=RateLimit(requests=4, window=60))) as client:
        for body in ({"text": ""}, {"text": TEXT, "voice": "nobody"}, {"text": TEXT, "speed": 99}):
            assert (await client.post("/tts/generate", json=body)).status_code in (400, 404)
        for path in ("/tts/voices", "/tts/health"):
            assert (await client.get(path)).status_code == 200
        await client.head("/tts/generate", params={"text": TEXT})
        for path in SPEAKING:
            answer = await client.post(path, json={"text": TEXT})
            assert answer.status_code == 200
            assert answer.headers["ratelimit-limit"] == "4"
        for path in SPEAKING:
            answer = await client.post(path, json={"text": TEXT})
            data = problem(answer, 429, "rate-limited")
            assert 1 <= int(answer.headers["retry-after"]) == data["retry_after"] <= 60
            assert answer.headers["ratelimit-remaining"] == "0"
        assert (await client.get("/tts/generate", params={"text": TEXT})).status_code == 429
        assert (await client.get("/tts/voices")).status_code == 200


async def test_one_budget_is_exact_under_concurrency(engine: ScriptedEngine):
    async with client_of(application(engine, rate_limit=RateLimit(requests=5, window=60))) as client:
        answers = await asyncio.gather(*(client.post(SPEAKING[n % 4], json={"text": TEXT}) for n in range(30)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 25


async def test_a_full_queue(engine: ScriptedEngine):
    app = application(engine, max_streams=1, max_queue=1)
    engine.gate.clear()
    first = Asgi(app, "/tts/generate", {"text": TEXT})
    await asyncio.wait_for(engine.asked.wait(), 5)
    second = Asgi(app, "/tts/generate", {"text": TEXT})
    await asyncio.sleep(0.05)
    third = await Asgi(app, "/tts/generate", {"text": TEXT}).finish()
    assert third.status == 503
    data = json.loads(third.body)
    assert data["type"].endswith(":overloaded")
    assert int(third.headers["retry-after"]) == data["retry_after"] >= 1
    engine.gate.set()
    assert (await first.finish()).status == (await second.finish()).status == 200


# --- engines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/tts/generate", "/tts/generate-stream", "/tts/generate-captions"])
async def test_every_engine_failed(engine: ScriptedEngine, path: str):
    other = ScriptedEngine("other")
    engine.fails, other.fails = EngineError("down"), EngineTimeoutError("silent")
    async with client_of(application(engine, other)) as client:
        answer = await client.post(path, json={"text": TEXT})
    data = problem(answer, 503, "no-engine")
    assert int(answer.headers["retry-after"]) == data["retry_after"]


@pytest.mark.parametrize("extra", [{"fallback": False}, {"voice": "tone:tone-a"}])
@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [(EngineError("down"), 502, "engine-failed"), (EngineTimeoutError("silent"), 504, "engine-timeout")],
)
async def test_the_engine_that_was_wanted_failed(
    engine: ScriptedEngine, error: Exception, status: int, slug: str, extra: dict[str, Any]
):
    engine.fails = error
    other = ScriptedEngine("other")
    async with client_of(application(engine, other)) as client:
        problem(await client.post("/tts/generate", json={"text": TEXT, **extra}), status, slug)
    assert other.speeches == 0


async def test_a_part_that_is_not_installed(engine: ScriptedEngine):
    engine.fails = MissingExtraError("The codec", "audio")
    async with client_of(application(engine)) as client:
        data = problem(await client.post("/tts/generate", json={"text": TEXT}), 501, "missing-extra")
    assert "pip install" in data["detail"]
    assert data["missing"] == "audio"


async def test_a_mistake_of_ours_says_nothing_but_its_id(engine: ScriptedEngine, caplog: pytest.LogCaptureFixture):
    engine.fails = RuntimeError(f"upstream https://user:pw@example.org said {TEXT}")
    with caplog.at_level(logging.INFO, "litestar_tts"):
        async with client_of(application(engine)) as client:
            answer = await client.post("/tts/generate", json={"text": TEXT}, headers={"X-Request-ID": "find-me"})
    problem(answer, 500, "internal-error")
    assert "upstream" not in answer.text
    assert "find-me" in caplog.text
    assert "RuntimeError" in caplog.text
    assert TEXT not in caplog.text


async def test_retry_after_is_always_there_with_503(engine: ScriptedEngine):
    engine.fails = OverloadedError("busy")
    async with client_of(application(engine)) as client:
        answer = await client.post("/tts/generate", json={"text": TEXT})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


# --- what nobody asked for --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/tts/generate", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/tts/generate", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/tts/generate-stream", "OPTIONS, POST"),
        ("POST", "/tts/voices", "GET, HEAD, OPTIONS"),
        ("PATCH", "/tts/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_wrong_methods(engine: ScriptedEngine, method: str, path: str, allowed: str):
    async with client_of(application(engine)) as client:
        answer = await client.request(method, path)
        options = await client.options(path)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == options.headers["allow"] == allowed
    assert options.status_code == 204


@pytest.mark.parametrize("path", ["/tts/nonsense", "/tts/generate/more", "/tts/a/b/c"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_paths(engine: ScriptedEngine, method: str, path: str):
    async with client_of(application(engine)) as client:
        problem(await client.request(method, path), 404, "not-found")


async def test_the_query_is_in_no_problem(engine: ScriptedEngine):
    async with client_of(application(engine)) as client:
        answer = await client.get("/tts/generate", params={"text": "my secret", "speed": "99"})
    assert "secret" not in answer.text
