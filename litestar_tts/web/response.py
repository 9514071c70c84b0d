"""The streaming response.

Litestar's own ``Stream`` leaves the generator of a client who left to the garbage collector when it waits in ``send``,
freezes the loop on a generator that never waits, and answers 200 before anything can be said. This one pulls in the
request's own task, sends its status line with the first bytes, and always closes what it streams.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, cast

from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.response import Response, Stream
from litestar.response.base import ASGIResponse
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from litestar_tts.exceptions import TTSError
from litestar_tts.web.compression import send_unpacked
from litestar_tts.web.exchange import close_shielded, exchange_of
from litestar_tts.web.problems import trace_without_values
from litestar_tts.web.watch import ClientLeftError, ClientWatch

__all__ = ("CLIENT_LEFT_STATUS", "AudioStream", "HeadAnswer", "StreamBrokenError")

logger = logging.getLogger("litestar_tts")

CLIENT_LEFT_STATUS: Final = 499
"""What access logs show for a client who left before anything was sent."""

WRITE_TIMEOUT: Final = 300.0
"""Seconds after which a client who takes nothing at all is given up."""

LOOP_SHARE: Final = 0.002
"""Seconds after which a stream that never has to wait lets others have the event loop."""


class StreamBrokenError(Exception):
    """The body broke off; raised so that every layer outside cuts the connection instead of ending the body."""


class StalledClientError(Exception):
    """The client keeps its connection, and takes nothing."""


class AudioStream(Stream):
    """A body that is made while it is sent: audio, or anything else that should end when its client leaves.

    Args:
        content: The chunks; text is sent as UTF-8. If it has ``aclose()`` that is called, whatever happens.
        media_type: Content-Type.
        close: Further clean-up, called after that; must be harmless when called twice.
        watch: The watch of this request's client, if one has been started before; it is closed here.
        headers: Headers; they go before those of the host's layers.
        background: Run behind a complete body, and behind a client who left; not behind a failure.
        write_timeout: Seconds after which a client who takes nothing at all is cut off.
    """

    def __init__(
        self,
        content: AsyncIterator[bytes] | AsyncIterator[str],
        *,
        media_type: str,
        close: Callable[[], Awaitable[None]] | None = None,
        watch: ClientWatch | None = None,
        headers: dict[str, str] | None = None,
        background: BackgroundTask | BackgroundTasks | None = None,
        write_timeout: float = WRITE_TIMEOUT,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers, background=background)
        self.chunks = content
        self._close = close
        self._watch = watch
        self._write_timeout = write_timeout

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIResponse:
        """Prepare sending, with the headers and cookies of the host's layers."""
        layered = kwargs.get("headers")
        if layered:
            # A tag for all of a host's answers would be one for all speeches.
            own = {"etag", *(name.lower() for name in self.headers)}
            kwargs["headers"] = {name: value for name, value in layered.items() if name.lower() not in own}
        # The positional arguments differ between Litestar 2 and 3; only the base class needs to know them.
        return _Sender(super().to_asgi_response(*args, **kwargs), self)

    async def send_to(self, plain: ASGIResponse, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, and close it.

        Args:
            plain: Knows status and headers.
            scope: The connection.
            receive: Tells when the client leaves.
            send: Takes the messages.

        Raises:
            StreamBrokenError: The body broke off.
        """
        plain.headers.setdefault("X-Request-ID", exchange_of(scope).request_id)
        send_unpacked(scope, plain.headers)
        self._watch = watch = self._watch or ClientWatch(receive)
        body = _Body(plain, send, self._write_timeout)
        try:
            with watch.interrupts():
                # Litestar 2 does not mark the answer to a HEAD request as one.
                if cast("HTTPScope", scope)["method"] != "HEAD":
                    await self._pump(body, scope)
                await body.finish()
        except ClientLeftError:
            logger.debug("request %s: the client left", exchange_of(scope).request_id)
            await body.give_up()
        except StalledClientError:
            request_id = exchange_of(scope).request_id
            logger.warning("request %s: the client took nothing for %g s; it is cut off", request_id, body.patience)
            raise StreamBrokenError("The client took nothing; it is cut off.") from None
        finally:
            await self.aclose()
        await plain.after_response()

    async def _pump(self, body: "_Body", scope: Scope) -> None:
        since = time.monotonic()
        try:
            async for chunk in self.chunks:
                if chunk:
                    await body.send(chunk.encode() if isinstance(chunk, str) else chunk)
                if time.monotonic() - since > LOOP_SHARE:
                    await asyncio.sleep(0)
                    since = time.monotonic()
        except (ClientLeftError, StalledClientError):
            raise
        except Exception as error:
            if not body.started:
                raise
            what = error.detail if isinstance(error, TTSError) else trace_without_values(error)
            logger.error("request %s: the stream broke off: %s", exchange_of(scope).request_id, what)  # noqa: TRY400
            raise StreamBrokenError("The stream broke off; the log says why.") from None

    async def aclose(self) -> None:
        """Close what is streamed; harmless when called again."""
        if self._watch is not None:
            self._watch.close()
        close = getattr(self.chunks, "aclose", None)
        if close is not None:
            await close_shielded(close)
        if self._close is not None:
            await close_shielded(self._close)


class HeadAnswer(Response[None]):
    """What a GET would answer, without its body. It names no length: that is known only once the body is made.

    Args:
        media_type: Content-Type.
        status_code: Status.
        headers: Headers.
    """

    def __init__(self, *, media_type: str, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(None, media_type=media_type, status_code=status_code, headers=headers)

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIResponse:
        """Prepare sending."""
        answer = super().to_asgi_response(*args, **kwargs)
        answer.headers.pop("content-length", None)
        return answer

    def render(self, *_: Any, **__: Any) -> bytes:
        """No body, whatever its media type would be."""
        return b""


class _Body:
    """The messages of one answer. The status line waits for the first bytes, so that until then it can be an error."""

    __slots__ = ("_plain", "_send", "patience", "started")

    def __init__(self, plain: ASGIResponse, send: Send, patience: float) -> None:
        self.started = False
        self.patience = patience
        self._plain = plain
        self._send = send

    async def send(self, chunk: bytes) -> None:
        await self._start()
        await self._pass({"type": "http.response.body", "body": chunk, "more_body": True})

    async def finish(self) -> None:
        await self._start()
        await self._pass({"type": "http.response.body", "body": b"", "more_body": False})

    async def give_up(self) -> None:
        """Nobody listens, but some layers outside insist on an answer to a request."""
        if self.started:
            return
        try:
            await self._pass({"type": "http.response.start", "status": CLIENT_LEFT_STATUS, "headers": []})
            await self._pass({"type": "http.response.body", "body": b"", "more_body": False})
        except (ClientLeftError, StalledClientError):
            return

    async def _start(self) -> None:
        if not self.started:
            self.started = True
            await self._plain.start_response(self._pass)

    async def _pass(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self.patience):
                await self._send(message)
        except TimeoutError:
            raise StalledClientError from None
        except OSError:
            # Newer servers say so when the client has left.
            raise ClientLeftError from None


class _Sender(ASGIResponse):
    """What Litestar calls: the plain response for status and headers, the stream for the rest."""

    def __init__(self, plain: ASGIResponse, stream: AudioStream) -> None:
        super().__init__(status_code=plain.status_code)
        self.headers = plain.headers
        self._plain = plain
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stream.send_to(self._plain, scope, receive, send)
