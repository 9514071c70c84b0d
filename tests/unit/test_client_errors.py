"""Answers that are errors, and whether they are tried again."""

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec
import pytest

from litestar_tts import exceptions
from litestar_tts.client import errors
from litestar_tts.client.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    EngineFailedError,
    NotInstalledError,
    OverloadedError,
    RateLimitError,
    StreamTruncatedError,
    TextTooLongError,
    TTSTimeoutError,
    VoiceNotFoundError,
    error_from_answer,
    error_from_problem,
)
from litestar_tts.client.retries import Retries
from litestar_tts.client.settings import reading_failed, sending_failed
from litestar_tts.client.steps import Call
from litestar_tts.web.problems import problem_of

POST = Call(method="POST", path="/generate")
GET = Call(method="GET", path="/voices")

OURS: list[tuple[exceptions.TTSError, type[APIError]]] = [
    (exceptions.InvalidRequestError("x", parameter="speed"), BadRequestError),
    (exceptions.UnspeakableTextError("x"), BadRequestError),
    (exceptions.VoiceNotFoundError("x", matches=["en-us", "en-gb"]), VoiceNotFoundError),
    (exceptions.TextTooLongError("x", limit=1000), TextTooLongError),
    (exceptions.UnauthorizedError("x"), AuthenticationError),
    (exceptions.RateLimitedError("x", retry_after=7.0), RateLimitError),
    (exceptions.OverloadedError("x"), OverloadedError),
    (exceptions.EngineError("x"), EngineFailedError),
    (exceptions.EngineTimeoutError("x"), EngineFailedError),
    (exceptions.EngineBusyError("x"), EngineFailedError),
    (exceptions.EngineRejectedError("x"), EngineFailedError),
    (exceptions.EngineThrottledError("x"), EngineFailedError),
    (exceptions.EngineUnreachableError("x"), EngineFailedError),
    (exceptions.NoAudioError("x"), EngineFailedError),
    (exceptions.NoEngineError("x"), EngineFailedError),
    (exceptions.MissingExtraError("MP3", "audio"), NotInstalledError),
    (exceptions.TTSError("x"), APIError),
]


def answer(problem: dict[str, Any], status: int, **headers: str) -> APIError:
    given = httpx.Headers({"content-type": "application/problem+json", **headers})
    return error_from_answer(status, given, msgspec.json.encode(problem), url="http://x/generate")


@pytest.mark.parametrize(("raised", "kind"), OURS, ids=lambda value: type(value).__name__)
def test_every_error_of_the_server_has_its_class(raised: exceptions.TTSError, kind: type[APIError]):
    error = answer(problem_of(raised, "/generate"), raised.status, **{"x-request-id": "abc"})
    assert type(error) is kind
    assert (error.status, error.slug, error.title, error.request_id) == (
        raised.status,
        raised.slug,
        raised.title,
        "abc",
    )
    assert error.detail == str(error)
    assert pickle.loads(pickle.dumps(error)).__dict__ == error.__dict__  # noqa: S301


def test_every_error_of_the_server_is_looked_at():
    def below(kind: type[Exception]) -> set[type[Exception]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    named = {getattr(exceptions, name) for name in exceptions.__all__}
    assert named - {type(raised) for raised, _ in OURS} <= {exceptions.ConfigurationError}
    assert {getattr(errors, name) for name in errors.__all__ if name.endswith("Error")} == below(errors.TTSClientError)


def test_what_helps_a_program():
    problems = [error_from_problem(problem_of(raised, "/")) for raised, _ in OURS[:6]]
    assert isinstance(problems[0], BadRequestError)
    assert problems[0].parameter == "speed"
    assert isinstance(problems[2], VoiceNotFoundError)
    assert problems[2].matches == ["en-us", "en-gb"]
    assert isinstance(problems[3], TextTooLongError)
    assert problems[3].limit == 1000
    assert problems[5].retry_after == 7


@pytest.mark.parametrize(
    "member", ["parameter", "matches", "limit", "retry_after", "title", "detail", "status", "type"]
)
@pytest.mark.parametrize("value", [None, [], {}, True, "", "x", 1.5, -1, [1, None]], ids=str)
def test_odd_problems_are_errors_all_the_same(member: str, value: object):
    kinds = ("voice-not-found", "text-too-long", "invalid-request", "rate-limited")
    for kind in kinds:
        problem = {"type": f"urn:litestar-tts:problem:{kind}", "status": 400, "detail": "No.", member: value}
        error = error_from_problem(problem)
        for name in ("parameter", "matches", "limit", "slug"):
            getattr(error, name, None)
        assert str(error)
        assert isinstance(error.status, int)


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (502, APIError, "a proxy may have answered"),
        (503, OverloadedError, "503"),
        (404, APIError, "Is the base URL right"),
        (401, AuthenticationError, "401"),
        (307, APIError, "redirects to http://y/"),
        (418, APIError, "418"),
        (999, APIError, "999"),
    ],
)
def test_pages_of_proxies(status: int, kind: type[APIError], says: str):
    headers = httpx.Headers({"content-type": "text/html; charset=utf-8", "location": "http://y/"})
    error = error_from_answer(status, headers, b"<html>" + bytes(range(256)), url="http://x/generate")
    assert type(error) is kind
    assert says in str(error)
    assert error.problem == {}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"error": "x"}', b"\xff", b"[" * 5000])
def test_broken_json(body: bytes):
    error = error_from_answer(502, httpx.Headers({"content-type": "application/json"}), body, url="http://x")
    assert type(error) is APIError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("1.5", 1.5), ("-3", 0), ("soon", None), ("", None), ("nan", None), ("inf", None)],
)
def test_retry_after(value: str, seconds: float | None):
    assert answer({}, 503, **{"retry-after": value}).retry_after == seconds


def test_retry_after_as_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    seconds = answer({}, 503, **{"retry-after": later}).retry_after
    assert seconds is not None
    assert 25 < seconds < 31


# --- retries ----------------------------------------------------------------------------------------------------------

GONE = ConnectError("x", sent=False)
LOST = ConnectError("x", sent=True)
SLOW = TTSTimeoutError("x", sent=True)


def api(status: int, retry_after: float | None = None) -> APIError:
    return APIError("x", status=status, retry_after=retry_after)


@pytest.mark.parametrize(
    ("call", "error", "again"),
    [
        (GET, GONE, True),
        (POST, GONE, True),
        (GET, LOST, True),
        (POST, LOST, False),
        (GET, SLOW, False),
        (POST, SLOW, False),
        (GET, TTSTimeoutError("x", sent=False), True),
        (POST, TTSTimeoutError("x", sent=False), True),
        (GET, api(502), True),
        (GET, api(503), True),
        (GET, api(504), True),
        (GET, api(500), False),
        (POST, api(502), False),
        (POST, api(503), False),
        (POST, api(503, 2.0), True),
        (POST, api(429, 2.0), True),
        (GET, api(429, 2.0), True),
        (POST, api(429, 11.0), False),
        (POST, api(429), False),
        (POST, api(502, 1.0), False),
        (POST, api(400, 1.0), False),
        (GET, StreamTruncatedError("x"), False),
    ],
)
def test_only_what_is_safe_is_sent_again(call: Call, error: errors.TTSClientError, again: object):
    pause = Retries(2, 10.0).pause(call, error, 0)
    assert (pause is not None) is again
    if isinstance(error, APIError) and error.retry_after is not None and pause is not None:
        assert error.retry_after <= pause <= error.retry_after * 1.1 + 0.1
    assert Retries(2, 10.0).pause(call, error, 2) is None
    assert Retries(0, 10.0).pause(call, error, 0) is None


def test_pauses_grow_to_a_bound():
    retries = Retries(10_000)
    for attempt in range(40):
        pause = retries.pause(GET, GONE, attempt)
        assert pause is not None
        assert min(4.0, 0.25 * 2**attempt) / 2 <= pause <= 4.0


# --- what httpx says --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "kind", "sent"),
    [
        (httpx.ConnectError("refused"), ConnectError, False),
        (httpx.ConnectTimeout(""), TTSTimeoutError, False),
        (httpx.PoolTimeout(""), TTSTimeoutError, False),
        (httpx.ReadTimeout(""), TTSTimeoutError, True),
        (httpx.WriteTimeout(""), TTSTimeoutError, True),
        (httpx.ReadError("reset"), ConnectError, True),
        (httpx.WriteError(""), ConnectError, True),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), ConnectError, True),
        (httpx.ProxyError("407"), ConnectError, False),
        (httpx.UnsupportedProtocol(""), errors.ProtocolError, None),
        (httpx.LocalProtocolError(""), errors.ProtocolError, None),
        (httpx.TooManyRedirects(""), errors.ProtocolError, None),
    ],
)
def test_failures_before_an_answer(raised: httpx.HTTPError, kind: type[errors.TTSClientError], sent: object):
    error = sending_failed(raised, "http://x/generate")
    assert type(error) is kind
    assert getattr(error, "sent", None) is sent
    assert str(error)
    assert not str(error).endswith(("..", ": ."))


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx.ReadTimeout(""), TTSTimeoutError),
        (httpx.ReadError(""), StreamTruncatedError),
        (httpx.RemoteProtocolError("peer closed"), StreamTruncatedError),
        (httpx.DecodingError("zlib"), errors.ProtocolError),
        (httpx.StreamClosed(), StreamTruncatedError),
    ],
)
def test_failures_within_an_answer(raised: Any, kind: type[errors.TTSClientError]):
    assert type(reading_failed(raised, "http://x")) is kind


def test_they_are_what_python_calls_them():
    assert isinstance(GONE, ConnectionError)
    assert isinstance(SLOW, TimeoutError)


@pytest.mark.parametrize("kind", [ConnectError, TTSTimeoutError])
@pytest.mark.parametrize("sent", [True, False])
def test_errors_without_an_answer_survive_a_process_boundary(kind: type[Any], sent: bool):  # noqa: FBT001
    copied = pickle.loads(pickle.dumps(kind("Gone.", sent=sent)))  # noqa: S301
    assert (type(copied), str(copied), copied.sent) == (kind, "Gone.", sent)


@pytest.mark.parametrize("date", ["Sun, 06 Nov 99999999999 08:49:37 GMT", "Sun, 99 Foo 2020", "soon"])
def test_a_time_that_is_none_is_not_waited_for(date: str):
    assert answer({"type": "urn:litestar-tts:problem:overloaded"}, 503, **{"retry-after": date}).retry_after is None


def test_nothing_at_a_path_names_the_path():
    error = answer({"type": "urn:litestar-tts:problem:not-found", "detail": "There is nothing at this path."}, 404)
    assert "There is nothing at http://x/generate. Is the base URL right?" in error.detail


def test_a_redirect_is_told_without_its_query():
    given = httpx.Headers({"location": "https://login.example/sso?token=abc"})
    error = error_from_answer(302, given, b"", url="http://x/generate")
    assert "https://login.example/sso;" in error.detail
    assert "abc" not in error.detail
