"""The rate limit as clients meet it: one budget over routes and sockets, and who counts as one client."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Router, WebSocket, get, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.middleware import ASGIMiddleware
from litestar.testing import AsyncTestClient

from litestar_tts.config import RateLimit, TTSConfig
from litestar_tts.exceptions import RateLimitedError
from litestar_tts.limits import RateLimiter
from litestar_tts.server import create_app
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.problems import exception_handlers
from litestar_tts.web.ratelimit import ClientIdentity, RateLimitMiddleware, spend


def make_app(limiter: RateLimiter, **options: Any) -> Litestar:
    @get("/speak")
    async def speak(request: Request[Any, Any, Any]) -> str:
        await spend(request)
        return "audio"

    @post("/other", status_code=200)
    async def other(request: Request[Any, Any, Any]) -> str:
        if await request.body() == b"bad":
            raise ClientException("bad body")
        await spend(request)
        return "audio"

    @get("/list")
    async def free() -> str:
        return "voices"

    @websocket("/socket")
    async def socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        while (text := await socket.receive_text()) != "bye":
            try:
                await spend(socket)
            except RateLimitedError as error:
                await socket.send_json({"error": error.retry_after})
            else:
                await socket.send_json({"spoken": text})
        await socket.close()

    router = Router(
        "/tts",
        route_handlers=[speak, other, free, socket],
        middleware=[RateLimitMiddleware(limiter, **options)],
        exception_handlers=exception_handlers(),
    )
    return Litestar([router], openapi_config=None, logging_config=None)


def client_of(app: Litestar, address: str = "192.0.2.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 4000))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
def limiter() -> RateLimiter:
    return RateLimiter(RateLimit(requests=10, window=60))


async def test_one_budget_over_all_routes(limiter):
    async with client_of(make_app(limiter)) as client:
        calls = [client.get("/tts/speak") if n % 2 else client.post("/tts/other") for n in range(60)]
        statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert statuses.count(200) == 10
    assert statuses.count(429) == 50


async def test_the_plugins_own_routes_share_one_budget():
    app = create_app(TTSConfig(path="/", engines=["espeak"], rate_limit=RateLimit(requests=6, window=60)))
    async with app.lifespan(), client_of(app) as client:
        calls = [
            call
            for _ in range(4)
            for call in (
                client.post("/generate", json={"text": "a"}),
                client.post("/generate", json={"text": "a", "stream": False}),
                client.get("/generate", params={"text": "a"}),
                client.post("/generate-stream", json={"text": "a"}),
                client.post("/generate", json={"text": ""}),
                client.post("/generate", json={"text": "a", "voice": "nobody"}),
                client.get("/voices"),
            )
        ]
        answers = await asyncio.gather(*calls)
    spoken = [answer for answer in answers if answer.request.url.path != "/voices"]
    statuses = [answer.status_code for answer in spoken]
    assert (statuses.count(200), statuses.count(429)) == (6, 10)
    assert (statuses.count(400), statuses.count(404)) == (4, 4)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in spoken if answer.status_code == 429)
    assert all("RateLimit-Limit" in answer.headers for answer in spoken if answer.status_code == 200)


async def test_headers_say_what_is_left(limiter):
    async with client_of(make_app(limiter)) as client:
        answer = await client.get("/tts/speak")
        assert answer.headers["RateLimit-Limit"] == "10"
        assert answer.headers["RateLimit-Remaining"] == "9"
        assert answer.headers["RateLimit-Reset"] == "60"
        assert answer.headers["RateLimit-Policy"] == "10;w=60"
        assert "Retry-After" not in answer.headers


async def test_too_many_is_a_problem_with_the_time_to_wait(limiter):
    async with client_of(make_app(limiter)) as client:
        for _ in range(10):
            await client.get("/tts/speak")
        answer = await client.get("/tts/speak")
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers.get_list("Retry-After") == [answer.headers["Retry-After"]]
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.json()["retry_after"] == int(answer.headers["Retry-After"])
    assert answer.json()["type"].endswith("rate-limited")


async def test_what_makes_no_speech_costs_nothing(limiter):
    async with client_of(make_app(limiter)) as client:
        for _ in range(30):
            answer = await client.get("/tts/list")
            assert answer.status_code == 200
            assert "RateLimit-Limit" not in answer.headers
            assert (await client.post("/tts/other", content=b"bad")).status_code == 400
            assert (await client.get("/tts/nothing")).status_code == 404
        assert (await client.get("/tts/speak")).headers["RateLimit-Remaining"] == "9"


async def test_refusals_cost_nothing(limiter):
    async with client_of(make_app(limiter)) as client:
        for _ in range(40):
            await client.get("/tts/speak")
        assert (await limiter.peek("ip:192.0.2.1")).retry_after <= 60
        assert (await limiter.peek("ip:192.0.2.2")).remaining == 10


async def test_sockets_and_requests_share_the_budget(limiter):
    async with AsyncTestClient(make_app(limiter)) as client:
        for _ in range(4):
            assert (await client.get("/tts/speak")).status_code == 200
        with await client.websocket_connect("/tts/socket") as socket:
            for _ in range(6):
                socket.send_text("hello")
                assert socket.receive_json() == {"spoken": "hello"}
            socket.send_text("hello")
            assert 0 < socket.receive_json()["error"] <= 60
            socket.send_text("bye")
        assert (await client.get("/tts/speak")).status_code == 429


async def test_no_limit_no_gate():
    @get("/speak")
    async def speak(request: Request[Any, Any, Any]) -> str:
        await spend(request)
        return "audio"

    async with client_of(Litestar([speak], openapi_config=None, logging_config=None)) as client:
        answer = await client.get("/speak")
    assert answer.status_code == 200
    assert "RateLimit-Limit" not in answer.headers


# --- on a host's own routes -------------------------------------------------------------------------------------------


async def test_on_a_hosts_routes_each_request_counts_on_entry(limiter):
    @get("/own")
    async def own() -> str:
        return "mine"

    app = Litestar(
        [Router("/host", route_handlers=[own], middleware=[RateLimitMiddleware(limiter, on_entry=True)])],
        openapi_config=None,
        logging_config=None,
    )
    async with client_of(app) as client:
        answers = [await client.get("/host/own") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert answers[0].headers["RateLimit-Remaining"] == "9"
    refused = answers[-1]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json() == {
        "type": "urn:litestar-tts:problem:rate-limited",
        "title": "Too many requests",
        "status": 429,
        "detail": refused.json()["detail"],
        "instance": "/host/own",
        "retry_after": int(refused.headers["Retry-After"]),
    }


async def test_a_request_pays_once_where_layers_share_a_limiter(limiter):
    @get("/speak")
    async def speak(request: Request[Any, Any, Any]) -> str:
        await spend(request)
        return "audio"

    inner = Router("/tts", route_handlers=[speak], middleware=[RateLimitMiddleware(limiter)])
    outer = RateLimitMiddleware(limiter, on_entry=True)
    async with client_of(Litestar([inner], middleware=[outer], openapi_config=None, logging_config=None)) as client:
        answer = await client.get("/tts/speak")
    assert answer.headers["RateLimit-Remaining"] == "9"


# --- who is a client --------------------------------------------------------------------------------------------------


def connection(
    address: str | None = "192.0.2.1", headers: list[tuple[str, str]] | None = None, user: Any = None
) -> ASGIConnection[Any, Any, Any, Any]:
    scope: dict[str, Any] = {
        "type": "http",
        "path": "/",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers or []],
        "client": (address, 4000) if address is not None else None,
    }
    if user is not None:
        scope["user"] = user
    return ASGIConnection(scope)  # type: ignore[arg-type]


def forwarded(*values: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-For", value) for value in values]


PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1")


@pytest.mark.parametrize(
    ("address", "headers", "name"),
    [
        ("192.0.2.1", [], "ip:192.0.2.1"),
        ("192.0.2.1", forwarded("203.0.113.7"), "ip:192.0.2.1"),
        ("10.0.0.1", forwarded("203.0.113.7"), "ip:203.0.113.7"),
        ("127.0.0.1", forwarded("203.0.113.7"), "ip:203.0.113.7"),
        ("::ffff:10.0.0.1", forwarded("203.0.113.7"), "ip:203.0.113.7"),
        ("10.0.0.1", forwarded("1.1.1.1, 203.0.113.7"), "ip:203.0.113.7"),
        ("10.0.0.1", forwarded("1.1.1.1", "203.0.113.7"), "ip:203.0.113.7"),
        ("10.0.0.1", forwarded("203.0.113.7, 10.1.1.1, 10.2.2.2"), "ip:203.0.113.7"),
        ("10.0.0.1", forwarded("10.3.3.3, 10.2.2.2"), "ip:10.3.3.3"),
        ("10.0.0.1", forwarded("203.0.113.7:51234"), "ip:203.0.113.7"),
        ("10.0.0.1", forwarded('"[2001:db8:1:2:3::4]:51234"'), "ip:2001:db8:1:2::/64"),
        ("10.0.0.1", forwarded("unknown"), "ip:10.0.0.1"),
        ("10.0.0.1", forwarded("203.0.113.7, unknown"), "ip:10.0.0.1"),
        ("10.0.0.1", forwarded(""), "ip:10.0.0.1"),
        ("10.0.0.1", forwarded("1.2.3.4.5"), "ip:10.0.0.1"),
        ("10.0.0.1", forwarded(", ".join(["1.1.1.1"] * 5000 + ["203.0.113.7"])), "ip:203.0.113.7"),
        ("2001:db8:ffff::1", forwarded("2001:db8:1:2::9"), "ip:2001:db8:1:2::/64"),
        ("2001:db8:1:2:aaaa::1", [], "ip:2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "ip:fe80::/64"),
        (None, [], "ip:unknown"),
        ("testclient", [], "ip:testclient"),
    ],
)
def test_address(address, headers, name):
    assert ClientIdentity(trusted_proxies=PROXIES)(connection(address, headers)) == name


def test_a_key_is_a_client_only_when_it_is_one_of_ours():
    identify = ClientIdentity(keys=ApiKeys(["right", "schlüssel"]))
    names = {
        identify(connection(headers=[header]))
        for header in (
            ("Authorization", "Bearer right"),
            ("authorization", "bearer   right "),
            ("Authorization", "Basic YW55Ym9keTpyaWdodA=="),
            ("X-API-Key", "right"),
        )
    }
    name = names.pop()
    assert not names
    assert name.startswith("key:")
    assert "right" not in name
    other = identify(connection(headers=[("X-API-Key", "schlüssel")]))
    assert other.startswith("key:")
    assert other != name
    for value in ("Bearer wrong", "Bearer ", "Basic right", "right", "Bearer \xff"):
        assert identify(connection(headers=[("Authorization", value)])) == "ip:192.0.2.1"
    open_server = ClientIdentity()
    assert open_server(connection(headers=[("Authorization", "Bearer right")])) == "ip:192.0.2.1"


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("ada", "user:ada"),
        (7, "user:7"),
        (SimpleNamespace(id=7, name="Ada"), "user:7"),
        (SimpleNamespace(username="ada"), "user:ada"),
        ({"sub": "auth0|7"}, "user:auth0|7"),
        (SimpleNamespace(is_authenticated=False, username="guest"), "ip:192.0.2.1"),
        (SimpleNamespace(is_authenticated=True, identity="ada"), "user:ada"),
        (object(), "ip:192.0.2.1"),
        ({}, "ip:192.0.2.1"),
        ("", "ip:192.0.2.1"),
    ],
)
def test_user(user, name):
    assert ClientIdentity()(connection(user=user)) == name


async def test_users_of_the_host_have_their_own_budgets(limiter):
    class Login(ASGIMiddleware):
        async def handle(self, scope, receive, send, next_app):
            scope["user"] = dict(scope["headers"]).get(b"x-login", b"").decode() or None
            await next_app(scope, receive, send)

    app = make_app(limiter)
    wrapped = Login()(app)

    transport = httpx.ASGITransport(wrapped, client=("192.0.2.1", 4000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for _ in range(10):
            assert (await client.get("/tts/speak", headers={"X-Login": "ada"})).status_code == 200
        assert (await client.get("/tts/speak", headers={"X-Login": "ada"})).status_code == 429
        assert (await client.get("/tts/speak", headers={"X-Login": "bob"})).status_code == 200
        assert (await client.get("/tts/speak")).headers["RateLimit-Remaining"] == "9"


async def test_changing_keys_or_forwarded_addresses_makes_no_new_client(limiter):
    async with client_of(make_app(limiter)) as client:
        statuses = []
        for number in range(20):
            headers = {"Authorization": f"Bearer {number}", "X-Forwarded-For": f"203.0.113.{number}"}
            statuses.append((await client.get("/tts/speak", headers=headers)).status_code)
    assert statuses == [200] * 10 + [429] * 10
