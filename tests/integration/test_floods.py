"""Many requests at once, bodies that do not come, and readers who do not read."""

import asyncio
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import pytest
from litestar import Request, get
from litestar.di import NamedDependency

from litestar_tts.config import RateLimit
from litestar_tts.models import Utterance
from litestar_tts.web.response import CLIENT_LEFT_STATUS, AudioStream
from litestar_tts.web.service import TTSService
from tests.support.scripted import Asgi, ScriptedEngine, application, client_of
from tests.support.serving import served

TEXT = "Hello there world"
SPEAKING = ("generate", "generate-stream", "generate-visemes", "generate-captions")
KEYS = ("one", "other", "third")


class Named(ScriptedEngine):
    """Remembers for whom it spoke."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[str] = []

    def synthesize(self, utterance: Utterance) -> Any:
        self.clients.append(utterance.client)
        return super().synthesize(utterance)


@pytest.fixture
def engine() -> Named:
    return Named()


# --- bodies that do not come ------------------------------------------------------------------------------------------


class Wire:
    """A connection whose request is sent by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, url: str, name: str, length: int = 100) -> "Wire":
        host = urlsplit(url)
        wire = cls(*await asyncio.open_connection(host.hostname, host.port))
        wire.writer.write(
            f"POST {host.path}/{name} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        return wire

    async def answer(self) -> tuple[str, dict[str, str], bytes]:
        """Status line, headers, and everything until the connection ends."""
        async with asyncio.timeout(10):
            raw = await self.reader.read()
        head, _, body = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        self.writer.close()
        return status, headers, body


@pytest.mark.parametrize("name", SPEAKING)
async def test_a_body_that_does_not_come_is_given_up(engine: Named, name: str):
    app = application(engine, body_timeout=0.2, rate_limit=RateLimit(requests=1))
    async with served(app) as url:
        wire = await Wire.to(url, name)
        wire.writer.write(b'{"text": "Hel')
        status, headers, body = await wire.answer()
    assert status.split()[1] == "408"
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    problem = json.loads(body)
    assert problem["type"] == "urn:litestar-tts:problem:request-timeout"
    assert "did not arrive in time" in problem["detail"]
    assert problem["instance"] == f"/tts/{name}"
    assert engine.speeches == 0


async def test_a_body_that_trickles_is_cut_at_the_deadline(engine: Named):
    async with served(application(engine, body_timeout=0.3)) as url:
        wire = await Wire.to(url, "generate", length=10_000)
        answer = asyncio.create_task(wire.answer())
        sent = 0
        while not answer.done():
            wire.writer.write(b" ")
            sent += 1
            await asyncio.sleep(0.02)
        status, _, _ = await answer
    assert status.split()[1] == "408"
    assert sent < 100


class Unfinished(Asgi):
    """A request that sends the begin of its body, and then nothing until it leaves."""

    def __init__(self, app: Any, begin: bytes = b"{", *, http_version: str = "1.1") -> None:
        super().__init__(app, "/tts/generate", [begin])
        self.scope["http_version"] = http_version
        self.waits = asyncio.Event()

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            return {"type": "http.request", "body": self._pieces.pop(0), "more_body": True}
        self.waits.set()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.messages.append(message)


async def test_who_has_not_said_what_he_wants_holds_nothing_from_others(engine: Named):
    app = application(engine, body_timeout=30, rate_limit=RateLimit(requests=1), max_streams=1, max_queue=0)
    async with client_of(app) as client:
        slow = Unfinished(app)
        async with asyncio.timeout(5):
            await slow.waits.wait()
        queue = (await client.get("/tts/health")).json()["queue"]
        assert (queue["active"], queue["waiting"]) == (0, 0)
        assert (await client.post("/tts/generate", json={"text": TEXT})).status_code == 200
        assert (await client.post("/tts/generate", json={"text": TEXT})).status_code == 429
        slow.gone.set()
        await slow.finish()


async def test_later_versions_of_http_are_not_told_to_close(engine: Named):
    app = application(engine, body_timeout=0.05)
    async with client_of(app):
        request = await Unfinished(app, http_version="2").finish()
    assert request.status == 408
    assert "connection" not in request.headers


async def test_who_leaves_while_sending_is_no_error_of_the_server(engine: Named, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    app = application(engine)
    async with client_of(app):
        request = Unfinished(app)
        await request.waits.wait()
        request.gone.set()
        await request.finish()
    assert request.status == CLIENT_LEFT_STATUS
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# --- whose turn it is -------------------------------------------------------------------------------------------------


def ask(app: Any, key: str, path: str = "/tts/generate") -> Asgi:
    return Asgi(app, path, {"text": TEXT, "format": "pcm"}, headers={"x-api-key": key})


async def queue_of(app: Any, **wanted: int) -> None:
    """Wait until the queue is as wanted."""
    async with asyncio.timeout(5):
        while True:
            request = await Asgi(app, "/tts/health", b"", method="GET").finish()
            queue = json.loads(request.body)["queue"]
            if all(queue[name] == value for name, value in wanted.items()):
                return
            await asyncio.sleep(0.005)


async def test_a_client_gets_its_share_and_the_rest_is_free_for_others(engine: Named):
    app = application(engine, max_streams=4, max_streams_per_client=2, api_keys=KEYS)
    async with client_of(app):
        engine.gate.clear()
        many = [ask(app, "one") for _ in range(6)]
        await queue_of(app, active=2, waiting=4)
        others = [ask(app, "other") for _ in range(2)]
        await queue_of(app, active=4, waiting=4)
        engine.gate.set()
        for request in (*others, *many):
            assert (await request.finish()).status == 200


async def test_five_requests_beside_fifty(engine: Named):
    app = application(engine, max_streams=1, api_keys=KEYS)
    ended: list[str] = []

    async def heard(key: str) -> None:
        assert (await ask(app, key).finish()).status == 200
        ended.append(key)

    async with client_of(app):
        engine.gate.clear()
        many = [asyncio.create_task(heard("one")) for _ in range(50)]
        await queue_of(app, active=1, waiting=49)
        few = [asyncio.create_task(heard("other")) for _ in range(5)]
        await queue_of(app, active=1, waiting=54)
        engine.gate.set()
        await asyncio.gather(*few)
        assert len(ended) <= 13  # ten turns in turn, and those who had begun
        await asyncio.gather(*many)


async def test_a_full_queue_makes_room_for_who_asks_for_less(engine: Named):
    app = application(engine, max_streams=1, max_queue=3, api_keys=KEYS)
    async with client_of(app):
        engine.gate.clear()
        many = [ask(app, "one")]
        await queue_of(app, active=1, waiting=0)
        many += [ask(app, "one") for _ in range(3)]
        await queue_of(app, active=1, waiting=3)
        refused = await ask(app, "one").finish()
        assert refused.status == 503
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        other = ask(app, "other")
        displaced = await many[3].finish()
        assert displaced.status == 503
        assert json.loads(displaced.body)["type"].endswith(":overloaded")
        assert int(displaced.headers["retry-after"]) == json.loads(displaced.body)["retry_after"]
        engine.gate.set()
        assert (await other.finish()).status == 200
        for request in many[:3]:
            assert (await request.finish()).status == 200


async def test_every_route_says_who_asks(engine: Named):
    @get("/own")
    async def own(request: Request[Any, Any, Any], tts_service: NamedDependency[TTSService]) -> AudioStream:
        return await tts_service.response(TEXT, request=request)

    @get("/spoken")
    async def spoken(request: Request[Any, Any, Any], tts_service: NamedDependency[TTSService]) -> int:
        client = tts_service.client_of(request)
        return len((await tts_service.speak(TEXT, client=client).collect()).audio)

    app = application(engine, api_keys=KEYS, rate_limit=None, host={"route_handlers": [own, spoken]})
    async with client_of(app) as client:
        for key in ("one", "other"):
            headers = {"X-API-Key": key}
            for name in SPEAKING:
                body: dict[str, Any] = {"text": TEXT}
                if name == "generate-visemes":
                    body["timing"] = "exact"
                assert (await client.post(f"/tts/{name}", json=body, headers=headers)).status_code == 200
            for path in ("/tts/generate?text=Hello", "/own", "/spoken"):
                assert (await client.get(path, headers=headers)).status_code == 200
    assert len(set(engine.clients)) == 2
    assert engine.clients[:7] == [engine.clients[0]] * 7
    # Neither a key nor an address can be read from it.
    assert not any("one" in name or "test" in name for name in engine.clients)
    assert all(len(name) == 32 for name in engine.clients)


async def test_speech_of_the_host_itself_is_nobodys(engine: Named):
    @get("/own")
    async def own(tts_service: NamedDependency[TTSService]) -> AudioStream:
        return await tts_service.response(TEXT)

    app = application(engine, host={"route_handlers": [own]})
    async with client_of(app) as client:
        assert (await client.get("/own")).status_code == 200
    assert engine.clients == [""]
