"""What nobody may read in a log, an answer, a header or an error: texts, keys, passwords, upstream addresses."""

import asyncio
import gc
import io
import json
import logging
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from litestar_tts.config import RateLimit, TTSConfig
from litestar_tts.engines.base import Timeouts
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.engines.espeak import EspeakEngine
from litestar_tts.exceptions import ConfigurationError, EngineError, TTSError
from litestar_tts.logs import log_config
from litestar_tts.models import Voice
from litestar_tts.plugin import TTSPlugin
from litestar_tts.service import SpeechService
from litestar_tts.web.problems import problem_of
from tests.integration.test_server import serving
from tests.support.edge_faults import HANDSHAKE_FAULTS, REQUEST_FAULTS, VOICES_FAULTS
from tests.support.edge_service import EdgeService
from tests.support.scripted import ScriptedEngine, application, config
from tests.support.serving import served

VOICE = "en-US-AriaNeural"
TEXT = "Xylocopa told me that Quetzalcoatlus owes her some money, so do not tell Archaeopteryx about it at all"
WORDS = ("xylocopa", "quetzalcoatlus", "archaeopteryx")
KEY = "key-of-ada-77aa41"
PASSWORD = "hunter-2-of-the-store"  # noqa: S105
GATEWAY = ("gateway-user", "gateway-password-93")
UPSTREAM = ("trustedclienttoken", "sec-ms-gec", "readaloud", "api.msedgeservices", "speech.platform.bing", *GATEWAY)
PATIENCE = 3.0
"""Seconds for an answer; what takes longer is the matter of other tests."""


class Ear:
    """Everything that was logged above DEBUG, as a formatter writes it, tracebacks included."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setLevel(logging.INFO)
        self.handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def heard(self) -> str:
        return self.stream.getvalue().lower()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    root = logging.getLogger()
    # What the tests' own client asks for is no news.
    wanted = {"": "INFO", "uvicorn": "INFO", "uvicorn.access": "INFO", "litestar_tts": "INFO", "httpx": "WARNING"}
    # A server that ran in this process before may have left its own arrangement.
    loggers = {logging.getLogger(name): level for name, level in wanted.items()}
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in loggers]
    for logger, level in loggers.items():
        logger.setLevel(level)
        logger.propagate, logger.disabled = True, False
    root.addHandler(ear.handler)
    yield ear
    root.removeHandler(ear.handler)
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


@pytest.fixture(scope="module")
def edge() -> Iterator[EdgeService]:
    with EdgeService() as service:
        service.stall_seconds = 1.0
        yield service


def check(heard: str, *secrets: str) -> None:
    found = [secret for secret in secrets if secret.lower() in heard.lower()]
    assert not found, f"{found} in {heard}"


def check_answer(answer: httpx.Response, *secrets: str) -> None:
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    check(head, *secrets, *WORDS)
    body = answer.content.decode("latin-1")
    if answer.status_code >= 400:
        check(body, *secrets, *WORDS)
    else:
        check(body, *secrets)


@asynccontextmanager
async def asking(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with served(app) as url, httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        yield client


async def ask(client: httpx.AsyncClient, path: str, **body: Any) -> list[httpx.Response]:
    """One answer of a route, or none where the connection was cut."""
    try:
        return [await client.post(path, json={"text": TEXT, **body})]
    except httpx.RemoteProtocolError:
        return []


def gateway(edge: EdgeService) -> EdgeEngine:
    """The engine behind a gateway with a password."""
    return EdgeEngine(
        url=f"ws://{':'.join(GATEWAY)}@{edge.host}:{edge.port}",
        connect_timeout=0.4,
        timeouts=Timeouts(first_audio=0.5, gap=0.5),
    )


@pytest.mark.parametrize("fault", sorted(HANDSHAKE_FAULTS))
async def test_whatever_happens_when_the_service_is_called(edge: EdgeService, ear: Ear, fault: str):
    edge.reset()
    edge.fail(fault, None)
    secrets = (KEY, f"{edge.host}:{edge.port}", *UPSTREAM)
    app = application(gateway(edge), ScriptedEngine(), default_voice=VOICE, api_keys=[KEY], retries=0, metrics=True)
    async with asking(app) as client:
        refused = await client.post("/generate", json={"text": TEXT, "fallback": False})
        assert refused.status_code in (502, 504) or fault == "wrong_clock", "the client sets its clock and asks again"
        check_answer(refused, *secrets)
        check_answer(await client.post("/generate", json={"text": TEXT}), *secrets)
        for path in ("/health", "/metrics", "/voices?engine=edge"):
            check_answer(await client.get(path), *secrets)
    assert edge.faults.struck[fault]
    gc.collect()
    check(ear.heard(), *WORDS, *secrets)


async def test_whatever_happens_when_the_service_speaks(edge: EdgeService, ear: Ear):
    edge.reset()
    edge.fault_for = lambda request: request.text.rpartition(" ")[2].strip(".")
    secrets = (*WORDS, f"{edge.host}:{edge.port}", *UPSTREAM)
    failed = 0

    async def speak(fault: str) -> None:
        nonlocal failed
        # Each has a service of its own, whose breaker knows nothing of the others.
        options = {"default_voice": VOICE, "retries": 0, "shutdown_grace": 0.1}
        async with SpeechService(config(gateway(edge), **options)) as service:
            try:
                async with asyncio.timeout(PATIENCE):
                    await service.speak(f"{TEXT} {fault}", fallback=False).collect()
            except TTSError as error:
                failed += 1
                check(json.dumps(problem_of(error, "/tts/generate"), default=str), *secrets)
                check("".join(traceback.format_exception(error)), *UPSTREAM)
            except TimeoutError:
                pass

    await asyncio.gather(*map(speak, sorted(REQUEST_FAULTS)))
    assert set(edge.faults.struck) >= REQUEST_FAULTS
    assert failed > len(REQUEST_FAULTS) / 2
    gc.collect()
    check(ear.heard(), *secrets)


@pytest.mark.parametrize("fault", sorted(VOICES_FAULTS))
async def test_whatever_the_list_of_voices_is(edge: EdgeService, ear: Ear, fault: str):
    edge.reset()
    edge.voices_fault = fault
    address = f"{edge.host}:{edge.port}"
    engine = EdgeEngine(url=edge.url, voices_timeout=0.5)
    async with asking(application(engine, EspeakEngine(), default_voice="espeak:en-us", warm_up=True)) as client:
        check_answer(await client.get("/voices"), address, *UPSTREAM)
        check_answer(await client.get("/health"), address, *UPSTREAM)
    check(ear.heard(), address, *UPSTREAM)


class Broken(ScriptedEngine):
    """An engine whose errors say all that it knows."""

    def __init__(self, **fails: Exception | None) -> None:
        super().__init__()
        self.fails, self.breaks = fails.get("fails"), fails.get("breaks")
        self.shuts = fails.get("shuts")
        self.lists = fails.get("lists")

    async def voices(self) -> list[Voice]:
        if self.lists is not None:
            raise self.lists
        return list(await super().voices())

    async def close(self) -> None:
        if self.shuts is not None:
            raise self.shuts


def telling(kind: type[Exception] = RuntimeError) -> Exception:
    error = kind(f"cannot say {TEXT!r} for {KEY} at wss://{':'.join(GATEWAY)}@gateway.internal/readaloud?token=1")
    error.__cause__ = ValueError(f"it was {TEXT!r}")
    return error


@pytest.mark.parametrize("when", ["fails", "breaks", "shuts", "lists"])
@pytest.mark.parametrize("kind", [RuntimeError, OSError])
async def test_whatever_an_engine_says_in_its_errors(ear: Ear, when: str, kind: type[Exception]):
    app = application(Broken(**{when: telling(kind)}), api_keys=[KEY])
    async with asking(app) as client:
        for path, body in (
            ("/generate", {}),
            ("/generate", {"stream": False}),
            ("/generate-stream", {}),
            ("/generate-visemes", {"timing": "exact"}),
            ("/generate-captions", {}),
        ):
            for answer in await ask(client, path, **body):
                # A stream that began well has the words of the text in its frames, and an error behind them.
                body_of = answer.content.partition(b'"type":"error"')[2] if path == "/generate-stream" else b""
                check(body_of.decode("latin-1"), *WORDS)
                check_answer(answer, KEY, *UPSTREAM, "gateway.internal")
        check_answer(await client.get("/health"), KEY, *UPSTREAM, "gateway.internal")
    gc.collect()
    check(ear.heard(), *WORDS, KEY, *UPSTREAM, "gateway.internal")


async def test_whatever_a_client_sends(ear: Ear):
    whole = {"text": TEXT}
    app = application(ScriptedEngine(), api_keys=[KEY], max_text_length=200, rate_limit=RateLimit(requests=2, window=9))
    async with asking(app) as client:
        answers = [
            await client.post("/generate", content=json.dumps(whole)[:-9].encode()),
            await client.post("/generate", content=json.dumps(whole).encode("utf-16")),
            await client.post("/generate", json=[TEXT]),
            await client.post("/generate", json={"text": [TEXT]}),
            await client.post("/generate", json={**whole, "speed": TEXT}),
            await client.post("/generate", json={**whole, "speed": 99}),
            await client.post("/generate", json={"text": TEXT * 9}),
            await client.post("/generate", json={"text": TEXT * 900}),
            await client.post("/generate", json={**whole, "format": "ogg"}),
            await client.post("/generate", json={**whole, "voice": "nobody"}),
            await client.post("/generate", content=TEXT.encode(), headers={"Content-Type": "text/plain"}),
            await client.put("/generate", params=whole),
            await client.get("/generate", params={**whole, "speed": "fast"}),
            await client.get("/generate", params={**whole, "unknown": 1}),
            await client.get("/nothing", params=whole),
            await client.head("/generate", params=whole),
            await client.get("/generate", params=whole, headers={"Authorization": f"Bearer {KEY}x"}),
            await client.get("/generate", params=whole, headers={"Authorization": f"Basic {KEY}"}),
            *[await client.get("/generate", params=whole) for _ in range(3)],
        ]
    assert [answer.status_code for answer in answers[-5:]] == [401, 401, 200, 200, 429]
    assert all(answer.status_code >= 400 for answer in answers[:15])
    for answer in answers:
        check_answer(answer, KEY)
    heard = ear.heard()
    assert "get /tts/generate http/1.1" in heard, "the access log was listened to"
    check(heard, *WORDS, KEY)


async def test_a_store_that_is_away(ear: Ear):
    store = f"valkey://ada:{PASSWORD}@127.0.0.1:9/0"
    app = application(ScriptedEngine(), api_keys=[KEY], store_url=store, rate_limit=RateLimit(), metrics=True)
    async with asking(app) as client:
        for path in ("/health", "/metrics", "/generate?text=a"):
            answer = await client.get(path)
            assert answer.status_code == 200
            check_answer(answer, PASSWORD, KEY)
    assert "counting in memory" in ear.heard()
    check(ear.heard(), PASSWORD, KEY)


@pytest.mark.parametrize(
    "options",
    [
        {"store_url": f"memcached://:{PASSWORD}@h"},
        {"store_url": f"valkey://:{PASSWORD}/1@h"},
        {"store_url": f"valkey://[:{PASSWORD}@h"},
        {"edge_url": f"https://ada:{PASSWORD}@h"},
        {"edge_url": f"wss://h/speak?token={PASSWORD}"},
        {"edge_url": f"wss://ada:{PASSWORD}/2@h"},
        {"api_keys": PASSWORD},
        {"api_keys": [f" {PASSWORD}"]},
    ],
)
def test_a_wrong_option_is_not_quoted(options: dict[str, Any]):
    with pytest.raises(ConfigurationError) as caught:
        TTSPlugin(TTSConfig(**options))
    check(str(caught.value), PASSWORD)
    assert caught.value.__cause__ is None
    if "edge_url" in options:
        with pytest.raises(ConfigurationError) as caught:
            EdgeEngine(url=options["edge_url"])
        check(str(caught.value), PASSWORD)


def test_a_configuration_can_be_printed():
    printed = TTSConfig(
        api_keys=[KEY], store_url=f"valkey://:{PASSWORD}@h", edge_url=f"wss://{':'.join(GATEWAY)}@h", engines=["espeak"]
    )
    check(repr(printed), KEY, PASSWORD, *GATEWAY)


def test_an_error_that_nobody_fetched_is_not_told_either(ear: Ear):
    """What asyncio prints about a forgotten task comes with the whole chain of causes."""

    async def forget() -> None:
        async def fail() -> None:
            raise EngineError("The engine failed.")

        task = asyncio.create_task(fail())
        await asyncio.wait({task})

    asyncio.run(forget())
    gc.collect()
    assert "the engine failed" in ear.heard(), "the ear hears asyncio"


def test_the_standalone_log_has_no_query_even_where_nobody_answers(capsys):
    with serving("--log-level", "info", TTS_API_KEYS=KEY) as running:
        for path in ("/generate", "/nothing", "/docs", "/", "/client/tts.js"):
            httpx.get(running.url + path, params={"text": TEXT, "key": KEY})
        httpx.get(f"{running.url}/generate", params={"text": TEXT}, headers={"Authorization": f"Bearer {KEY}"})
        running.wait_for_log("speech complete")
    check("".join(running.err + running.out), *WORDS, KEY)


def test_the_standalone_log_level_debug_is_of_this_package_only():
    """Libraries at DEBUG would write addresses, tokens and texts."""
    configured = log_config("debug")
    assert configured["root"]["level"] == "WARNING"
    assert set(configured["loggers"]) == {"litestar_tts", "litestar_tts.limits", "uvicorn.access"}
    assert sys.modules.get("litestar_tts.logs") is not None
