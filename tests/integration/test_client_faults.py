"""The client against servers and networks that do the wrong thing."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from litestar_tts.client import (
    APIError,
    AsyncTTSClient,
    AudioChunk,
    ConnectError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamTruncatedError,
    Timeouts,
    TTSClientError,
    TTSTimeoutError,
)
from litestar_tts.frames import MEDIA_TYPE, encode_audio, encode_control
from tests.support.serving import Exchange, chunk, head, scripted

Handle = Callable[[Exchange], Awaitable[None]]
START = encode_control(
    {
        "type": "start",
        "v": 1,
        "format": "pcm",
        "sample_rate": 24000,
        "viseme_set": "default",
        "engine": "e",
        "voice": "v",
    }
)
END = encode_control({"type": "end", "duration": 0.1, "visemes": 0, "bytes": 4})
VOICES = b'{"voices": [], "count": 0}'
PAGE = b"<html>Bad gateway</html>"
CHUNKED = {"transfer_encoding": "chunked"}


async def collect(stream: Any) -> list[Any]:
    async with stream:
        return [item async for item in stream]


async def expect(
    handle: Handle, kind: type[TTSClientError], says: str | None = None, *, framed: bool = False, **options: Any
) -> Any:
    async with scripted(handle) as url, AsyncTTSClient(url, **{"retries": 0, "timeout": 5, **options}) as client:
        open_stream: Any = client.stream_audio_with_visemes if framed else client.stream_audio
        async with asyncio.timeout(10):
            with pytest.raises(kind, match=says) as caught:
                await collect(open_stream("Hello"))
    assert type(caught.value) is kind
    return caught.value


# --- answers that break off -------------------------------------------------------------------------------------------


async def test_closed_without_an_answer():
    async def handle(exchange: Exchange) -> None:
        pass

    error = await expect(handle, ConnectError, "lost before an answer")
    assert error.sent


async def test_closed_within_the_head():
    async def handle(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Ty")

    await expect(handle, ConnectError)


@pytest.mark.parametrize("framed", [False, True])
async def test_less_than_the_content_length(framed: bool):  # noqa: FBT001
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, MEDIA_TYPE if framed else "audio/pcm", content_length="99999"), START)

    await expect(handle, StreamTruncatedError, "broke off", framed=framed)


@pytest.mark.parametrize("rest", [b"", b"1", b"ff\r\nabc", chunk(b"abc")])
@pytest.mark.parametrize("framed", [False, True])
async def test_chunks_without_an_end(framed: bool, rest: bytes):  # noqa: FBT001
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, MEDIA_TYPE if framed else "audio/pcm", **CHUNKED), chunk(START), rest)

    await expect(handle, StreamTruncatedError, framed=framed)


async def test_an_answer_without_a_sound():
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(200, "audio/pcm", b"")

    await expect(handle, StreamTruncatedError, "before its first sound")


@pytest.mark.parametrize("sent", [b"", START[:30], START, START + encode_audio(b"abcd", 0)], ids=len)
async def test_frames_without_an_end_in_a_whole_answer(sent: bytes):
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(200, MEDIA_TYPE, sent)

    await expect(handle, StreamTruncatedError, "cut", framed=True)


async def test_nothing_is_lost_that_came_before_the_cut():
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, MEDIA_TYPE, **CHUNKED), chunk(START + encode_audio(b"abcd", 0)))

    async with scripted(handle) as url, AsyncTTSClient(url, retries=0) as client:
        stream = client.stream_audio_with_visemes("Hello")
        assert await anext(stream) == AudioChunk(b"abcd", 0.0)
        for _ in range(2):
            with pytest.raises(StreamTruncatedError):
                await anext(stream)
        assert stream.end is None


@pytest.mark.parametrize("how", ["cut", "silent"])
async def test_what_happens_behind_the_end_does_not_matter(how: str):
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, MEDIA_TYPE, **CHUNKED), chunk(START + encode_audio(b"abcd", 0) + END))
        if how == "silent":
            await exchange.gone()

    async with scripted(handle) as url, AsyncTTSClient(url, retries=0, timeout=Timeouts(between=0.5)) as client:
        stream = client.stream_audio_with_visemes("Hello")
        assert await collect(stream) == [AudioChunk(b"abcd", 0.0)]
        assert stream.end is not None


async def test_a_json_answer_that_breaks_off():
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, "application/json", content_length="99"), b'{"voices"')

    async with scripted(handle) as url, AsyncTTSClient(url) as client:
        with pytest.raises(StreamTruncatedError):
            await client.voices()


async def test_an_error_that_breaks_off_is_still_that_error():
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(503, "application/problem+json", content_length="99"), b'{"type"')

    await expect(handle, OverloadedError, "503")


# --- silence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framed", [False, True])
async def test_no_answer_in_time(framed: bool):  # noqa: FBT001
    error = await expect(
        Exchange.gone, TTSTimeoutError, "did not answer in time", framed=framed, timeout=Timeouts(first_byte=0.2)
    )
    assert error.sent


@pytest.mark.parametrize("framed", [False, True])
async def test_a_stream_that_goes_silent(framed: bool):  # noqa: FBT001
    left = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, MEDIA_TYPE if framed else "audio/pcm", **CHUNKED), chunk(START))
        await exchange.gone()
        left.set()

    limits = Timeouts(first_byte=60, between=0.2)
    async with scripted(handle) as url, AsyncTTSClient(url, timeout=limits) as client:
        open_stream: Any = client.stream_audio_with_visemes if framed else client.stream_audio
        with pytest.raises(TTSTimeoutError, match="went silent"):
            await collect(open_stream("Hello"))
        async with asyncio.timeout(5):
            await left.wait()


async def test_who_reads_slowly_is_not_timed_out():
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, "audio/pcm", **CHUNKED), chunk(b"ab"), chunk(b"cd"), chunk(b""))

    async with (
        scripted(handle) as url,
        AsyncTTSClient(url, timeout=Timeouts(between=0.5)) as client,
        client.stream_audio("Hello") as stream,
    ):
        await asyncio.sleep(0.7)
        assert b"".join([data async for data in stream]) == b"abcd"


async def test_waiting_for_a_connection_has_a_limit():
    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, "audio/pcm", **CHUNKED), chunk(b"ab"))
        await exchange.gone()

    limits = Timeouts(pool=0.2)
    async with (
        scripted(handle) as url,
        AsyncTTSClient(url, max_connections=1, timeout=limits, retries=0) as client,
        client.stream_audio("Hello"),
    ):
        with pytest.raises(TTSTimeoutError, match="max_connections"):
            await client.voices()


# --- other answers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize(
    ("status", "media_type", "body", "kind", "says"),
    [
        (502, "text/html", PAGE, APIError, "502 Bad Gateway with text/html"),
        (200, "text/html", PAGE, ProtocolError, "is it a litestar-tts server"),
        (200, "application/json", b"{}", ProtocolError, "is it a litestar-tts server"),
        (204, "audio/wav", b"", ProtocolError, "204"),
        (307, "text/plain", b"", APIError, "redirects to"),
        (404, "application/json", b'{"detail":"Not Found"}', APIError, "Is the base URL right"),
        (500, "application/problem+json", b"{{{", APIError, "500"),
    ],
)
async def test_answers_of_somebody_else(
    status: int,
    media_type: str,
    body: bytes,
    kind: type[TTSClientError],
    says: str,
    framed: bool,  # noqa: FBT001
):
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(status, media_type, body)

    await expect(handle, kind, says, framed=framed)


async def test_frames_that_are_none():
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(200, MEDIA_TYPE, PAGE * 100)

    await expect(handle, ProtocolError, "broken", framed=True)


@pytest.mark.parametrize("body", [PAGE, b"", b"[]", b'{"voices": 1}', b"\xff", b"[" * 10_000])
async def test_json_that_is_none(body: bytes):
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(200, "application/json", body)

    async with scripted(handle) as url, AsyncTTSClient(url) as client:
        for call in (client.voices, client.health):
            with pytest.raises(ProtocolError):
                await call()
        for ask in (client.generate, client.generate_visemes):
            with pytest.raises(ProtocolError):
                await ask("Hello")


async def test_a_health_page_of_a_proxy_is_an_error():
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(503, "text/html", PAGE)

    async with scripted(handle) as url, AsyncTTSClient(url) as client:
        with pytest.raises(OverloadedError):
            await client.health()


async def test_an_answer_without_bounds_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("litestar_tts.client.flow._ANSWER_SIZE", 1 << 20)

    async def handle(exchange: Exchange) -> None:
        await exchange.send(head(200, "application/json", **CHUNKED))
        while True:
            await exchange.send(chunk(b" " * 65536))

    async with scripted(handle) as url, AsyncTTSClient(url) as client:
        with pytest.raises(ProtocolError, match="more than"):
            await client.voices()


async def test_audio_that_was_packed_on_the_way_is_unpacked():
    async def handle(exchange: Exchange) -> None:
        assert exchange.header("accept-encoding") == "identity"
        await exchange.answer(200, "audio/pcm", gzip.compress(b"ab" * 999), content_encoding="gzip")

    async with scripted(handle) as url, AsyncTTSClient(url) as client:
        assert b"".join(await collect(client.stream_audio("Hello"))) == b"ab" * 999


# --- retries ----------------------------------------------------------------------------------------------------------


class Counted:
    """A server that answers something else first, so many times."""

    def __init__(self, times: int, first: Handle) -> None:
        self.asked = 0
        self._times = times
        self._first = first

    async def __call__(self, exchange: Exchange) -> None:
        self.asked += 1
        if self.asked <= self._times:
            await self._first(exchange)
        elif exchange.head.startswith("GET"):
            await exchange.answer(200, "application/json", VOICES)
        else:
            await exchange.answer(200, "audio/pcm", b"abcd")


def busy(status: int, **headers: str) -> Handle:
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(status, "text/plain", b"", **headers)

    return handle


async def nothing(exchange: Exchange) -> None:
    pass


@pytest.mark.parametrize("first", [busy(502), busy(503), busy(504), nothing], ids=["502", "503", "504", "closed"])
async def test_lists_are_asked_again(first: Handle):
    server = Counted(2, first)
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        assert await client.voices() == []
    assert server.asked == 3


@pytest.mark.parametrize(
    "first", [busy(502), busy(503), busy(504), busy(500), nothing], ids=["502", "503", "504", "500", "closed"]
)
async def test_speech_is_not_asked_again_when_it_may_have_begun(first: Handle):
    server = Counted(9, first)
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        with pytest.raises(TTSClientError):
            await collect(client.stream_audio("Hello"))
        assert server.asked == 1
        with pytest.raises(TTSClientError):
            await client.generate("Hello")
    assert server.asked == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_speech_is_asked_again_when_the_server_says_when(status: int):
    server = Counted(2, busy(status, retry_after="0"))
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        assert await collect(client.stream_audio("Hello")) == [b"abcd"]
    assert server.asked == 3


@pytest.mark.parametrize(
    ("options", "asked"), [({"retries": 0}, 1), ({"retries": 1}, 2), ({"retries": 3}, 4), ({"max_retry_wait": 0.5}, 1)]
)
async def test_the_number_of_attempts(options: dict[str, Any], asked: int):
    server = Counted(99, busy(429, retry_after="1" if "max_retry_wait" in options else "0"))
    async with scripted(server) as url, AsyncTTSClient(url, **options) as client:
        with pytest.raises(RateLimitError):
            await collect(client.stream_audio("Hello"))
    assert server.asked == asked


async def test_nothing_is_asked_again_once_audio_came():
    async def first(exchange: Exchange) -> None:
        await exchange.send(head(200, "audio/pcm", **CHUNKED), chunk(b"ab"))

    server = Counted(9, first)
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        with pytest.raises(StreamTruncatedError):
            await collect(client.stream_audio("Hello"))
    assert server.asked == 1


async def test_cancelling_while_waiting_for_another_attempt_is_at_once():
    answered = asyncio.Event()

    async def first(exchange: Exchange) -> None:
        await exchange.answer(429, "text/plain", b"", retry_after="9")
        answered.set()

    server = Counted(99, first)
    async with scripted(server) as url, AsyncTTSClient(url) as client:
        task = asyncio.create_task(client.generate("Hello"))
        async with asyncio.timeout(5):
            await answered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert server.asked == 1
