"""What the client does, in steps: ask, retry, read, tell errors."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from litestar_tts.client import wire
from litestar_tts.client.errors import (
    ProtocolError,
    StreamClosedError,
    StreamTruncatedError,
    TTSClientError,
    error_from_answer,
)
from litestar_tts.client.events import EventReader
from litestar_tts.client.steps import Close, Next, Send, Wait
from litestar_tts.frames import MEDIA_TYPE as FRAMES_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litestar_tts.client.retries import Retries
    from litestar_tts.client.steps import Answer, Call, Steps
    from litestar_tts.client.types import Event, Health, StreamEnd, StreamInfo

__all__ = ("AudioBody", "Body", "EventBody", "StreamCore", "ask", "ask_health", "open_answer")

T = TypeVar("T")

_ERROR_SIZE: Final = 1 << 16
"""Bytes of an error that are read."""
_ANSWER_SIZE: Final = 512 << 20
"""Bytes of an answer that is read as a whole."""


def open_answer(call: Call, retries: Retries, *, fine: tuple[int, ...] = (200,)) -> Steps[Answer]:
    """Send a request, again where that is safe, until there is an answer; its body is unread.

    Raises:
        TTSClientError: There is none, or it is an error.
    """
    attempt = 0
    while True:
        try:
            answer: Answer = yield Send(call)
            if answer.status in fine:
                return answer
            error: TTSClientError = yield from _error_of(answer)
        except TTSClientError as failed:
            error = failed
        pause = retries.pause(call, error, attempt)
        if pause is None:
            raise error
        attempt += 1
        yield Wait(pause)


def _error_of(answer: Answer) -> Steps[TTSClientError]:
    if answer.status < 300:
        yield Close(answer)
        return ProtocolError(f"{answer.url} answered {answer.status}; is it a litestar-tts server?")
    try:
        body = yield from _read(answer, _ERROR_SIZE, whole=False)
    except TTSClientError:
        body = b""
    return error_from_answer(answer.status, answer.headers, body, url=answer.url)


def _read(answer: Answer, limit: int, *, whole: bool = True) -> Steps[bytes]:
    parts: list[bytes] = []
    size = 0
    try:
        while (data := (yield Next(answer))) is not None:
            parts.append(data)
            size += len(data)
            if size > limit:
                if whole:
                    raise ProtocolError(f"{answer.url} answered more than {limit} bytes.")
                break
    finally:
        yield Close(answer)
    return b"".join(parts)[:limit]


def ask(call: Call, retries: Retries, read: Callable[[Answer, bytes], T]) -> Steps[T]:
    """Send a request and read the whole answer."""
    answer = yield from open_answer(call, retries)
    body = yield from _read(answer, _ANSWER_SIZE)
    return read(answer, body)


def ask_health(retries: Retries) -> Steps[Health]:
    """The server's health, good or bad."""
    # A server that cannot speak answers 503 and is not asked again: that is what was asked for.
    answer = yield from open_answer(wire.HEALTH, retries, fine=(200, 503))
    body = yield from _read(answer, _ANSWER_SIZE)
    health = wire.health_of(answer, body)
    if health is not None:
        return health
    if answer.status == 200:
        raise ProtocolError(f"{answer.url} does not answer as litestar-tts does; is the base URL right?")
    raise error_from_answer(answer.status, answer.headers, body, url=answer.url)


# --- streams ----------------------------------------------------------------------------------------------------------

ItemT = TypeVar("ItemT")
ItemT_co = TypeVar("ItemT_co", covariant=True)


class Body(Protocol[ItemT_co]):
    """An answer that is read while it comes."""

    info: StreamInfo | None
    """Set by ``start``."""
    end: StreamEnd | None
    answer: Answer | None

    def start(self) -> Steps[None]:
        """Ask, and wait until it is known what comes."""
        ...

    def next(self) -> Steps[ItemT_co | None]:
        """What comes next; None: that was all."""
        ...


class AudioBody:
    """Audio alone.

    Args:
        call: The request.
        retries: Until the head of the answer is there.
        options: What was asked.
    """

    def __init__(self, call: Call, retries: Retries, options: Mapping[str, Any]) -> None:
        self.info: StreamInfo | None = None
        self.end: StreamEnd | None = None
        self.answer: Answer | None = None
        self._call = call
        self._retries = retries
        self._options = options
        self._begun = False

    def start(self) -> Steps[None]:
        """Ask, and wait for the head of the answer."""
        self.answer = yield from open_answer(self._call, self._retries)
        wire.limited_to(self.answer, "audio")
        self.info = wire.audio_info(self.answer.headers, self._options)

    def next(self) -> Steps[bytes | None]:
        """More audio; None: that was all."""
        data: bytes | None = yield Next(self.answer)
        if data is None and not self._begun:
            # The server answers when there is sound, so there is always some.
            raise StreamTruncatedError("The answer broke off before its first sound.")
        self._begun = True
        return data


class EventBody:
    """Audio and visemes.

    Args:
        call: The request.
        retries: Until the head of the answer is there.
    """

    def __init__(self, call: Call, retries: Retries) -> None:
        self.info: StreamInfo | None = None
        self.end: StreamEnd | None = None
        self.answer: Answer | None = None
        self._call = call
        self._retries = retries
        self._reader = EventReader()
        self._events: deque[Event] = deque()
        self._failure: TTSClientError | None = None
        self._over = False

    def start(self) -> Steps[None]:
        """Ask, and wait for the start message."""
        self.answer = yield from open_answer(self._call, self._retries)
        wire.limited_to(self.answer, FRAMES_TYPE)
        self._reader = EventReader(self.answer.headers.get("x-request-id"))
        while self._reader.info is None:
            yield from self._more()
            if self._failure is not None:
                raise self._failure
        self.info = self._reader.info

    def next(self) -> Steps[Event | None]:
        """The next event; None: that was all."""
        while not self._events and not self._over:
            # What came before an error is heard before it.
            if self._failure is not None:
                raise self._failure
            yield from self._more()
        return self._events.popleft() if self._events else None

    def _more(self) -> Steps[None]:
        try:
            data = yield Next(self.answer)
        except TTSClientError:
            if self._reader.end is None:
                raise
            # The server has said that this is all; how the connection ends does not matter any more.
            data = None
        try:
            if data is None:
                self._reader.finish()
                self._over = True
            else:
                self._events.extend(self._reader.feed(data))
        except TTSClientError as error:
            self._failure = error
        self.end = self._reader.end


class StreamCore(Generic[ItemT]):
    """A body that is started once, ends once, fails once, and is closed whatever happens."""

    def __init__(self, body: Body[ItemT]) -> None:
        self.body = body
        self.over = False
        """Complete, failed or closed: nothing is left to close."""
        self._complete = False
        self._failure: TTSClientError | None = None
        self._busy = False

    def start(self) -> Steps[StreamInfo]:
        """Wait until it is known what comes; harmless when called again."""
        self._check()
        if self.body.info is None:
            yield from self._guarded(self.body.start())
        assert self.body.info is not None  # noqa: S101
        return self.body.info

    def next(self) -> Steps[ItemT | None]:
        """What comes next; None: that was all."""
        if self._complete:
            return None
        yield from self.start()
        item = yield from self._guarded(self.body.next())
        if item is None:
            self._complete = self.over = True
        return item

    def close(self) -> Steps[None]:
        """Give up what has not come; harmless when called again."""
        self.over = True
        if self.body.answer is not None:
            yield Close(self.body.answer)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._busy:
            raise RuntimeError("this stream is being read by somebody else; one reader at a time")
        if self.over and not self._complete:
            raise StreamClosedError("The stream was closed before its end.")

    def _guarded(self, steps: Steps[T]) -> Steps[T]:
        self._busy = True
        try:
            result = yield from steps
        except BaseException as error:
            # Somebody else may have closed it while we waited; then that is why it failed.
            closed, self.over = self.over, True
            if isinstance(error, TTSClientError) and not closed:
                self._failure = error
            yield from self.close()
            if closed and isinstance(error, TTSClientError):
                raise StreamClosedError("The stream was closed while it was read.") from None
            raise
        finally:
            self._busy = False
        if self.over:
            yield from self.close()
            raise StreamClosedError("The stream was closed while it was read.")
        return result
