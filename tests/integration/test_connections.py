"""Connections of the standalone server: those that say nothing, those that are too many, and whose they are."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from litestar import Litestar, WebSocket, websocket
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.asyncio.client import connect

from litestar_tts import connections
from litestar_tts.config import RateLimit
from litestar_tts.connections import Connection, Supervised, room_for_connections
from tests.integration.test_server import serving
from tests.support.scripted import ScriptedEngine, application
from tests.support.serving import served

LIMIT = 0.3
"""Seconds that a test's connection has for its headers."""
WHOLE = b"GET /tts/voices HTTP/1.1\r\nHost: a\r\n\r\n"


class HttpTools(Supervised, HttpToolsProtocol):
    headers_timeout = LIMIT


class H11(Supervised, H11Protocol):
    headers_timeout = LIMIT


@pytest.fixture(params=[HttpTools, H11])
def protocol(request) -> Any:
    return request.param


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A header that never ends, a byte at a time."""
    try:
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(LIMIT / 20)
    except ConnectionError:
        pass


async def cut_after(reader: asyncio.StreamReader) -> float:
    """Seconds until the server closes, having said nothing."""
    clock = asyncio.get_running_loop()
    begin = clock.time()
    with suppress(ConnectionError):
        assert await reader.read() == b""
    return clock.time() - begin


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def test_who_says_nothing_is_sent_away(protocol: Any):
    async with served(application(ScriptedEngine()), http=protocol) as url, connected(url) as (reader, _):
        assert await cut_after(reader) >= LIMIT * 0.9


async def test_a_header_that_drips_does_not_gain_time(protocol: Any):
    async with served(application(ScriptedEngine()), http=protocol) as url, connected(url) as (reader, writer):
        writer.write(b"POST /tts/generate HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        dripping = asyncio.create_task(drip(writer))
        assert LIMIT * 0.9 <= await cut_after(reader) < 5
        await dripping


async def test_the_next_request_on_a_connection_has_the_same_time(protocol: Any):
    async with served(application(ScriptedEngine()), http=protocol) as url, connected(url) as (reader, writer):
        for _ in range(3):
            writer.write(WHOLE)
            assert (await answer(reader))[0] == 200
        writer.write(WHOLE[:30])
        dripping = asyncio.create_task(drip(writer))
        assert LIMIT * 0.9 <= await cut_after(reader) < 5
        await dripping


async def test_an_answer_may_take_longer(protocol: Any):
    engine = ScriptedEngine()
    engine.gate.clear()
    async with served(application(engine), http=protocol) as url, httpx.AsyncClient() as client:
        speaking = asyncio.create_task(client.post(f"{url}/generate", json={"text": "Late"}))
        await asyncio.wait_for(engine.asked.wait(), 5)
        _, pending = await asyncio.wait({speaking}, timeout=2 * LIMIT)
        assert pending, "cut off"
        engine.gate.set()
        assert (await speaking).status_code == 200


async def test_a_body_is_not_a_header(protocol: Any):
    """Bodies have a limit of their own."""
    async with served(application(ScriptedEngine()), http=protocol) as url, connected(url) as (reader, writer):
        body = json.dumps({"text": "Slow"}).encode()
        head = b"POST /tts/generate-visemes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body))
        await asyncio.sleep(1.5 * LIMIT)
        writer.write(body)
        assert (await answer(reader))[0] == 200


async def test_a_socket_stays(protocol: Any):
    @websocket("/tts/echo")
    async def echo(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    app = Litestar([echo], openapi_config=None, logging_config=None)
    async with served(app, http=protocol) as url, connect(url.replace("http", "ws") + "/echo") as socket:
        await asyncio.sleep(1.5 * LIMIT)
        await socket.send("still here")
        assert await socket.recv() == "still here"


async def test_one_connection_too_many_is_told_so(protocol: Any, monkeypatch):
    monkeypatch.setattr(protocol, "room", 1)
    monkeypatch.setattr(connections, "RESERVED", 2)
    monkeypatch.setattr(protocol, "headers_timeout", 10.0)
    async with served(application(ScriptedEngine()), http=protocol) as url, connected(url) as (reader, first):
        first.write(WHOLE)
        assert (await answer(reader))[0] == 200
        async with connected(url) as (further, second):
            second.write(WHOLE)
            status, headers, body = await answer(further)
            assert status == 503
            assert headers["retry-after"] == "5"
            assert headers["content-type"] == "application/problem+json"
            assert json.loads(body)["instance"] == "/tts/voices"
            assert await further.read() == b""
        async with connected(url) as (held, _), connected(url) as (cut, _):
            assert await cut_after(cut) < 5
            # Who came first is still served.
            first.write(WHOLE)
            assert (await answer(reader))[0] == 200
            assert not held.at_eof()


def test_there_is_room_below_what_the_system_allows():
    resource = pytest.importorskip("resource")
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 64 <= room_for_connections() <= 4096
    assert room_for_connections() < allowed or allowed < 320 or allowed == resource.RLIM_INFINITY


def test_a_version_that_is_built_otherwise_is_left_alone():
    class Other:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def connection_made(self, transport: Any) -> None:
            self.heard.append(transport)

        def data_received(self, data: bytes) -> None:
            self.heard.append(data)

        def connection_lost(self, exc: Any) -> None:
            self.heard.append(exc)

    class Unknown(Supervised, Other):
        pass

    class Plain(asyncio.Transport):
        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
            pass

    protocol, transport = Unknown(), Plain()
    protocol.connection_made(transport)
    protocol.data_received(b"data")
    protocol.connection_lost(None)
    assert protocol.heard == [transport, b"data", None]


IMPATIENT = f"""
from litestar_tts.connections import Connection
from litestar_tts.server import serve

Connection.headers_timeout = {LIMIT}
serve(port=0)
"""


async def test_the_standalone_server_is_supervised():
    assert Connection.headers_timeout == 15.0
    with serving(code=IMPATIENT) as running:
        async with connected(running.url) as (reader, _):
            assert await cut_after(reader) < 5
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{running.url}/health")).status_code == 200


# --- whose they are ---------------------------------------------------------------------------------------------------

CLAIMS = {
    "X-Forwarded-For": "203.0.113.{}",
    "Forwarded": "for=203.0.113.{}",
    "X-Real-IP": "203.0.113.{}",
    "X-Client-IP": "203.0.113.{}",
    "CF-Connecting-IP": "203.0.113.{}",
    "True-Client-IP": "203.0.113.{}",
    "X-Forwarded-Host": "{}.example",
    "Via": "1.1 203.0.113.{}",
}


async def accepted(url: str, *names: str) -> int:
    """How many of some requests speak, each of which claims another origin."""
    async with httpx.AsyncClient() as client:
        statuses = []
        for number in range(6):
            headers = {name: CLAIMS[name].format(number) for name in names}
            answer = await client.get(f"{url}/generate", params={"text": "a"}, headers=headers)
            statuses.append(answer.status_code)
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


async def test_nothing_that_a_client_claims_makes_it_another_one():
    with serving(RATE_LIMIT_REQUESTS="3") as running:
        assert await accepted(running.url, *CLAIMS) == 3


@pytest.mark.parametrize(
    ("options", "trusted", "believed"),
    [
        ({"proxy_headers": False}, [], False),
        ({"proxy_headers": False}, ["127.0.0.1"], True),
        ({"proxy_headers": False}, ["10.0.0.0/8"], False),
        # As a host may run uvicorn: it believes those that it is told to, and then it is not for us to say.
        ({"proxy_headers": True, "forwarded_allow_ips": "10.0.0.1"}, [], False),
        ({"proxy_headers": True, "forwarded_allow_ips": "10.0.0.1"}, ["127.0.0.1"], True),
        ({"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}, [], True),
    ],
)
async def test_only_trusted_proxies_name_clients(options: dict[str, Any], trusted: list[str], *, believed: bool):
    def app() -> Litestar:
        limit = RateLimit(requests=3, window=60)
        return application(ScriptedEngine(), rate_limit=limit, trusted_proxies=trusted)

    async with served(app(), **options) as url:
        assert await accepted(url, "X-Forwarded-For") == (6 if believed else 3)
    async with served(app(), **options) as url:
        # Of all the ways to name a client, one is read.
        assert await accepted(url, *(set(CLAIMS) - {"X-Forwarded-For"})) == 3
