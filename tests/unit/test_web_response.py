"""The streaming response, driven by hand: every way in which a client can leave, and in which a body can end."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import CacheControlHeader, Cookie, ResponseHeader
from litestar.response.base import ASGIResponse

from litestar_tts.exceptions import EngineError
from litestar_tts.web.response import AudioStream, StreamBrokenError
from litestar_tts.web.watch import ClientLeftError, ClientWatch


class Client:
    """One side of a connection, with a hand on every message."""

    def __init__(self, method: str = "GET") -> None:
        self.method = method
        self.messages: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self._asked = False
        self.disconnects = 0

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        self.disconnects += 1
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.gone.is_set():
            return  # servers of ASGI 2.3 keep silent, without giving way
        await self.open.wait()
        self.messages.append(message)
        self.arrived.set()

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name.decode().lower(), value.decode()) for name, value in self.messages[0]["headers"]]

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        return self.messages[-1].get("more_body") is False

    async def ask(self, app: Any) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "path": "/",
            "raw_path": b"/",
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await app(scope, self.receive, self.send)


class Source:
    """A body that says when it was closed, and whether its clean-up ran to the end."""

    def __init__(self, *, endless: bool = True) -> None:
        self.cleaned = False
        self.closed = asyncio.Event()
        self.waiting = asyncio.Event()
        self.endless = endless

    async def never_waits(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"x" * 100
        finally:
            await asyncio.sleep(0.01)
            self.cleaned = True

    async def waits(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            self.waiting.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.cleaned = True

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed.set()


def app_of(make: Any, **options: Any) -> Litestar:
    @get("/")
    async def handler() -> AudioStream:
        return make()

    return Litestar([handler], openapi_config=None, logging_config=None, **options)


def finite(*chunks: bytes) -> AsyncGenerator[bytes, None]:
    async def generator() -> AsyncGenerator[bytes, None]:
        for chunk in chunks:
            yield chunk

    return generator()


async def test_a_whole_body():
    client, source = Client(), Source()
    stream = AudioStream(finite(b"one", b"", b"two"), media_type="audio/mpeg", close=source.close)
    await client.ask(app_of(lambda: stream))
    assert client.status == 200
    assert dict(client.headers)["content-type"] == "audio/mpeg"
    assert "content-length" not in dict(client.headers)
    assert [message.get("body") for message in client.messages[1:]] == [b"one", b"two", b""]
    assert client.complete
    assert source.closed.is_set()


async def test_an_empty_body_is_still_an_answer():
    client = Client()
    await client.ask(app_of(lambda: AudioStream(finite(), media_type="audio/mpeg")))
    assert (client.status, client.body, client.complete) == (200, b"", True)


async def test_layered_headers_and_cookies_stay_and_own_headers_win():
    client = Client()
    app = app_of(
        lambda: AudioStream(
            finite(b"x"), media_type="audio/mpeg", headers={"Cache-Control": "no-transform", "X-A": "own"}
        ),
        response_headers=[
            ResponseHeader(name="Strict-Transport-Security", value="max-age=1"),
            ResponseHeader(name="x-a", value="host"),
        ],
        response_cookies=[Cookie(key="seen", value="1")],
        cache_control=CacheControlHeader(max_age=60),
    )
    await client.ask(app)
    assert ("strict-transport-security", "max-age=1") in client.headers
    assert [value for name, value in client.headers if name == "x-a"] == ["own"]
    assert [value for name, value in client.headers if name == "cache-control"] == ["no-transform"]
    assert any(name == "set-cookie" and value.startswith("seen=1") for name, value in client.headers)
    assert dict(client.headers)["x-request-id"]


async def test_a_client_who_leaves_while_the_source_waits():
    client, source = Client(), Source()
    asking = asyncio.create_task(
        client.ask(app_of(lambda: AudioStream(source.waits(), media_type="a/b", close=source.close)))
    )
    await source.waiting.wait()
    began = time.perf_counter()
    client.gone.set()
    async with asyncio.timeout(2):
        await asking
    assert time.perf_counter() - began < 0.2
    assert source.cleaned
    assert source.closed.is_set()
    assert client.disconnects == 1, "nobody asks again once the client has left"


async def test_a_client_who_leaves_while_send_waits():
    client, source = Client(), Source()
    client.open.clear()
    asking = asyncio.create_task(
        client.ask(app_of(lambda: AudioStream(source.never_waits(), media_type="a/b", close=source.close)))
    )
    await asyncio.sleep(0.02)
    assert not client.messages
    client.gone.set()
    async with asyncio.timeout(2):
        await asking
    assert source.cleaned
    assert source.closed.is_set()


async def test_a_source_that_never_waits_leaves_the_loop_to_others():
    client, source = Client(), Source()
    asking = asyncio.create_task(client.ask(app_of(lambda: AudioStream(source.never_waits(), media_type="a/b"))))
    ticks = 0
    while len(client.messages) < 50:
        await asyncio.sleep(0)
        ticks += 1
    client.gone.set()
    async with asyncio.timeout(2):
        await asking
    assert ticks < 50, "it does not give way for every chunk either"
    assert source.cleaned


async def test_backpressure_holds_the_source():
    client, taken = Client(), 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x"

    asking = asyncio.create_task(client.ask(app_of(lambda: AudioStream(source(), media_type="a/b"))))
    await client.arrived.wait()
    client.open.clear()
    await asyncio.sleep(0.01)
    before = taken
    await asyncio.sleep(0.05)
    assert taken == before
    client.gone.set()
    await asyncio.wait_for(asking, 2)


async def test_a_client_who_takes_nothing_is_given_up_and_a_slow_one_is_not():
    class Slow(Client):
        """Takes one message at a time, and after the last one none."""

        takes = 12

        async def send(self, message: Any) -> None:
            if len(self.messages) == self.takes:
                await asyncio.Event().wait()
            await asyncio.sleep(0.05)
            await super().send(message)

    client, source = Slow(), Source()
    began = time.perf_counter()
    with pytest.raises(Exception, match="after response started") as caught:
        await asyncio.wait_for(
            client.ask(
                app_of(
                    lambda: AudioStream(source.never_waits(), media_type="a/b", close=source.close, write_timeout=0.4)
                )
            ),
            10,
        )
    assert isinstance(caught.value.__cause__, StreamBrokenError)
    assert time.perf_counter() - began > 12 * 0.05 + 0.4
    assert (len(client.messages), client.complete) == (12, False)
    assert source.cleaned
    assert source.closed.is_set()


async def test_text_is_sent_as_utf_8():
    client = Client()

    async def events() -> AsyncIterator[str]:
        yield "data: grüß\n\n"

    await client.ask(app_of(lambda: AudioStream(events(), media_type="text/event-stream")))
    assert client.body.decode() == "data: grüß\n\n"


async def test_the_server_that_stops_is_not_mistaken_for_the_client():
    client, source = Client(), Source()
    asking = asyncio.create_task(
        client.ask(app_of(lambda: AudioStream(source.waits(), media_type="a/b", close=source.close)))
    )
    await source.waiting.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert source.cleaned
    assert source.closed.is_set()


async def test_both_leave_at_once():
    client, source = Client(), Source()
    asking = asyncio.create_task(client.ask(app_of(lambda: AudioStream(source.waits(), media_type="a/b"))))
    await source.waiting.wait()
    client.gone.set()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert source.cleaned


async def test_a_server_that_says_so_on_send():
    client, source = Client(), Source()

    async def send(message: Any) -> None:
        raise OSError("gone")

    client.send = send  # type: ignore[method-assign]
    await asyncio.wait_for(
        client.ask(app_of(lambda: AudioStream(source.never_waits(), media_type="a/b", close=source.close))), 2
    )
    assert source.cleaned
    assert source.closed.is_set()


async def test_a_body_that_breaks_off_is_never_ended_properly(caplog: pytest.LogCaptureFixture):
    client, source = Client(), Source()

    async def broken() -> AsyncIterator[bytes]:
        yield b"one"
        raise EngineError("the engine fell silent")

    with (
        caplog.at_level(logging.INFO, "litestar_tts"),
        pytest.raises(Exception, match="after response started") as caught,
    ):
        await client.ask(app_of(lambda: AudioStream(broken(), media_type="a/b", close=source.close)))
    assert isinstance(caught.value.__cause__, StreamBrokenError)
    assert (client.body, client.complete) == (b"one", False)
    assert source.closed.is_set()
    (record,) = caplog.records
    assert "the engine fell silent" in record.getMessage()
    assert dict(client.headers)["x-request-id"] in record.getMessage()


async def test_the_log_does_not_quote_an_unexpected_message(caplog: pytest.LogCaptureFixture):
    client, text = Client(), "my secret"

    async def broken() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError(text)

    with pytest.raises(Exception, match="after response started") as caught:
        await client.ask(app_of(lambda: AudioStream(broken(), media_type="a/b")))
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__suppress_context__


async def test_what_fails_before_the_first_byte_is_a_clean_error():
    client, source = Client(), Source()

    async def broken() -> AsyncIterator[bytes]:
        raise ValueError("no")
        yield b""

    await client.ask(app_of(lambda: AudioStream(broken(), media_type="a/b", close=source.close)))
    assert client.status == 500
    assert client.complete
    assert source.closed.is_set()


async def test_head_sends_headers_and_closes():
    client, source = Client("HEAD"), Source()
    stream = AudioStream(source.waits(), media_type="audio/mpeg", close=source.close)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await stream.send_to(ASGIResponse(headers={"x-a": "1"}), scope, receive, send)

    await asyncio.wait_for(client.ask(app), 2)
    assert (client.status, client.body, client.complete) == (200, b"", True)
    assert ("x-a", "1") in client.headers
    assert source.closed.is_set()


@pytest.mark.parametrize("leaves", [False, True])
async def test_background_tasks_run(*, leaves: bool):
    client, source, ran = Client(), Source(), asyncio.Event()

    async def task() -> None:
        ran.set()

    chunks = source.waits() if leaves else finite(b"x")
    asking = asyncio.create_task(
        client.ask(app_of(lambda: AudioStream(chunks, media_type="a/b", background=BackgroundTask(task))))
    )
    await client.arrived.wait()
    if leaves:
        client.gone.set()
    await asyncio.wait_for(asking, 2)
    assert ran.is_set()


async def test_clean_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr("litestar_tts.web.exchange.CLOSING_LIMIT", 0.05)
    client = Client()
    await asyncio.wait_for(
        client.ask(app_of(lambda: AudioStream(finite(b"x"), media_type="a/b", close=asyncio.Event().wait))), 2
    )
    assert client.complete
    assert "did not close" in caplog.text


async def test_clean_up_that_fails_changes_nothing(caplog: pytest.LogCaptureFixture):
    client = Client()

    async def close() -> None:
        raise RuntimeError("no")

    await client.ask(app_of(lambda: AudioStream(finite(b"x"), media_type="a/b", close=close)))
    assert client.complete
    assert "RuntimeError" in caplog.text


# --- the watch --------------------------------------------------------------------------------------------------------


async def test_a_client_who_left_before_interrupts_at_once():
    client = Client()
    client.gone.set()
    watch = ClientWatch(client.receive)
    while not watch.left:
        await asyncio.sleep(0)
    with pytest.raises(ClientLeftError), watch.interrupts():
        pytest.fail("nobody is there to work for")


async def test_work_that_swallows_the_interruption_still_ends_with_it():
    client = Client()
    watch = ClientWatch(client.receive)

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)

    asyncio.get_running_loop().call_soon(client.gone.set)
    with pytest.raises(ClientLeftError), watch.interrupts():
        await stubborn()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_an_error_that_follows_the_interruption_passes():
    client = Client()
    watch = ClientWatch(client.receive)
    asyncio.get_running_loop().call_soon(client.gone.set)
    with pytest.raises(ValueError, match="while closing"), watch.interrupts():
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while closing")
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_watch_that_is_closed_interrupts_nobody():
    client = Client()
    watch = ClientWatch(client.receive)
    with watch.interrupts():
        await asyncio.sleep(0)
        watch.close()
        client.gone.set()
        await asyncio.sleep(0.01)
    assert not watch.left


async def test_a_broken_receive_ends_the_watch_alone():
    async def receive() -> Any:
        raise RuntimeError("a middleware is confused")

    watch = ClientWatch(receive)
    with watch.interrupts():
        await asyncio.sleep(0.01)
    assert not watch.left
