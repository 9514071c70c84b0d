"""Requests as they are sent, and heads of answers as they are read."""

import math
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest

from litestar_tts.client import AsyncTTSClient, AudioFormat, ProtocolError, Timeouts, TTSClient, wire
from litestar_tts.client.settings import settings_of
from litestar_tts.web.schema import (
    TTSCaptionRequest,
    TTSGenerateRequest,
    TTSSpeechRequest,
    TTSStreamRequest,
    TTSVisemeRequest,
    read_body,
)

VOICE = {"voice": "a", "speed": 1.5, "pitch": -2.0, "volume": 3.0, "fallback": False}


@pytest.mark.parametrize(
    ("build", "options", "kind"),
    [
        (wire.audio_call, {**VOICE, "format": "mp3", "sample_rate": 16000}, TTSGenerateRequest),
        (wire.events_call, {**VOICE, "format": AudioFormat.OPUS, "visemes": "vrm"}, TTSStreamRequest),
        (wire.generate_call, {**VOICE, "format": "pcm", "visemes": "azure", "phonemes": True}, TTSGenerateRequest),
        (wire.timeline_call, {**VOICE, "visemes": "arkit", "phonemes": True, "timing": "exact"}, TTSVisemeRequest),
    ],
)
def test_the_server_reads_what_is_sent(build: Any, options: dict[str, Any], kind: type[TTSSpeechRequest]):
    read = read_body(build("Hello", options).body, kind)
    assert read.text == "Hello"
    for name, value in options.items():
        assert getattr(read, name) == value
    nothing = build("Hello", dict.fromkeys(options))
    assert set(msgspec.json.decode(nothing.body)) <= {"text", "stream"}


def test_captions_and_whole_speeches():
    assert read_body(wire.captions_call("x", "vtt", VOICE).body or b"", TTSCaptionRequest).format == "vtt"
    assert read_body(wire.generate_call("x", {}).body or b"", TTSGenerateRequest).stream is False
    assert read_body(wire.audio_call("x", {}).body or b"", TTSGenerateRequest).stream is True


@pytest.mark.parametrize("build", [wire.audio_call, wire.events_call, wire.generate_call, wire.timeline_call])
def test_wrong_options_are_told_here(build: Any):
    with pytest.raises(TypeError, match="unknown option 'sped'; there are: fallback, "):
        build("x", {"sped": 2})
    with pytest.raises(TypeError, match="the text is a bytes"):
        build(b"x", {})
    with pytest.raises(ValueError, match="surrogate"):
        build("\ud800", {})
    for number in (math.nan, math.inf):
        with pytest.raises(ValueError, match="speed is"):
            build("x", {"speed": number})


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://host", "http://host"),
        ("http://host/", "http://host"),
        ("https://host:8000/tts//", "https://host:8000/tts"),
        (" HTTP://[::1]:80/a/b/ ", "HTTP://[::1]:80/a/b"),
    ],
)
def test_base_urls(given: str, base: str):
    assert wire.base_of(given) == base


@pytest.mark.parametrize("given", ["", "host", "localhost:8000", "ftp://x", "http://", "http://x?y", "http://x/#y"])
def test_what_is_no_base_url(given: str):
    with pytest.raises(ValueError, match="base URL"):
        AsyncTTSClient(given)


def test_passwords_are_not_shown():
    assert wire.shown("https://me:secret@host:1/tts/generate?text=x") == "https://host:1/tts/generate"
    assert wire.shown("http://host/a@b") == "http://host/a@b"
    with pytest.raises(ValueError, match="'http://host'") as caught:
        AsyncTTSClient("http://me:secret@host?x")
    assert "secret" not in str(caught.value)


def test_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TTS_URL", "http://there:1/tts")
    monkeypatch.setenv("TTS_API_KEY", "secret")
    with TTSClient() as client:
        assert client.base_url == "http://there:1/tts"
        assert client._settings.headers["Authorization"] == "Bearer secret"
        assert "secret" not in repr(client)
    with TTSClient("http://here", api_key="") as client:
        assert client.base_url == "http://here"
        assert "Authorization" not in client._settings.headers
    monkeypatch.delenv("TTS_URL")
    with TTSClient(headers={"X-A": "b", "User-Agent": "mine"}) as client:
        assert client.base_url == "http://localhost:8000"
        assert client._settings.headers["X-A"] == "b"
        assert client._settings.headers["User-Agent"] == "mine"


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": -1.0}, {"retries": -1}, {"max_retry_wait": -1}, {"max_connections": 0}]
)
def test_numbers_that_cannot_work(options: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(options))):
        TTSClient("http://x", **options)


@pytest.mark.parametrize("name", ["connect", "first_byte", "between", "whole", "pool"])
@pytest.mark.parametrize("seconds", [-1, 0, math.nan, "5"])
def test_each_limit_is_looked_at(name: str, seconds: Any):
    with pytest.raises(ValueError, match=f"{name} is"):
        TTSClient("http://x", timeout=Timeouts(**{name: seconds}))


@pytest.mark.parametrize(
    "options", [{"timeout": "5"}, {"timeout": httpx.Timeout(5)}, {"base_url": httpx.URL("http://x")}]
)
@pytest.mark.parametrize("kind", [TTSClient, AsyncTTSClient])
def test_arguments_of_another_kind(kind: Any, options: dict[str, Any]):
    with pytest.raises(TypeError, match=r"timeout is|the base URL is"):
        kind(**{"base_url": "http://x", **options})


async def test_an_http_client_of_the_other_kind():
    with httpx.Client() as own, pytest.raises(TypeError, match=r"give an httpx\.AsyncClient"):
        AsyncTTSClient(http_client=own)  # type: ignore[arg-type]
    async with httpx.AsyncClient() as own_too:
        with pytest.raises(TypeError, match=r"give an httpx\.Client"):
            TTSClient(http_client=own_too)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["ключ", "secret\nX-Evil: 1", "secret\0"])
def test_a_key_that_cannot_be_sent_is_not_told(key: str):
    with pytest.raises(ValueError, match="the API key holds") as caught:
        TTSClient("http://x", api_key=key)
    assert key not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_from_a_file_ends_its_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TTS_API_KEY", "secret\n")
    with TTSClient("http://x") as client:
        assert client._settings.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("headers", [{"X-A": "ä"}, {"X-A": "a\r\nb"}, {"X A": "b"}, {"": "b"}])
def test_headers_that_cannot_be_sent(headers: dict[str, str]):
    with pytest.raises(ValueError, match="cannot be sent"):
        TTSClient("http://x", headers=headers)


def test_limits_depend_on_what_is_asked():
    def limits(call: wire.Call, timeout: Timeouts | float | None) -> Any:
        settings = settings_of(
            "http://x", api_key="", headers=None, timeout=timeout, retries=0, max_retry_wait=0, max_connections=1
        )
        return settings.request_options(call)["timeout"]

    own = Timeouts(connect=1, first_byte=2, between=3, whole=4, pool=5)
    assert limits(wire.audio_call("x", {}), own) == httpx.Timeout(connect=1, read=2, write=2, pool=5)
    assert limits(wire.generate_call("x", {}), own).read == 4
    assert limits(wire.HEALTH, own).read == 2
    assert limits(wire.generate_call("x", {}), 7) == httpx.Timeout(connect=5, read=7, write=7, pool=7)
    assert limits(wire.HEALTH, None) == httpx.Timeout(None)


def head(**headers: str) -> httpx.Headers:
    return httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})


def test_the_head_of_an_answer():
    info = wire.audio_info(
        head(
            content_type="audio/mpeg",
            x_tts_engine="edge",
            x_tts_voice="M%C3%BCller 100%25",
            x_text_length="12",
            x_viseme_count="none",
            x_tts_fallback_from="piper",
            x_request_id="r",
        ),
        {},
    )
    assert (info.format, info.engine, info.voice, info.sample_rate) == ("mp3", "edge", "Müller 100%", 24000)
    assert (info.skip_samples, info.text_length, info.viseme_count) == (1105, 12, None)
    assert (info.fallback_from, info.request_id) == ("piper", "r")


@pytest.mark.parametrize(
    ("media_type", "engine", "asked", "rate"),
    [
        ("audio/wav", "edge", 16000, 16000),
        ("audio/ogg", "espeak", 16000, 48000),
        ("audio/mpeg", "edge", 16000, None),
        ("audio/mpeg", "piper", 16000, 16000),
        ("audio/flac", "piper", None, 24000),
    ],
)
def test_the_rate_of_an_answer(media_type: str, engine: str, asked: int | None, rate: int | None):
    info = wire.audio_info(head(content_type=media_type, x_tts_engine=engine), {"sample_rate": asked})
    assert info.sample_rate == rate


def test_what_is_not_asked_for():
    for status, said in ((200, "text/html; charset=utf-8"), (200, ""), (206, "application/json"), (201, "audio/wav")):
        with pytest.raises(ProtocolError, match="is it a litestar-tts server"):
            wire.limited_to(SimpleNamespace(status=status, headers=head(content_type=said), url="http://x"), "audio")
    with pytest.raises(ProtocolError, match="audio/x-unheard"):
        wire.audio_info(head(content_type="audio/x-unheard"), {})


def test_importing_the_client_loads_no_server():
    code = "import litestar_tts.client, sys; print(' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert not loaded & {"litestar", "av", "numpy", "edge_tts", "aiohttp", "piper", "onnxruntime", "uvicorn"}


def test_a_missing_httpx_is_told_with_the_command():
    code = "import sys; sys.modules['httpx'] = None; import litestar_tts.client"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 1
    assert run.stderr.endswith('ImportError: the client needs httpx; run: pip install "litestar-tts[client]"\n')
