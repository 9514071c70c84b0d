"""The client for asynchronous programs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, overload
from weakref import WeakSet

import anyio
import anyio.to_thread
import httpx

from litestar_tts.client import downloads, flow, wire
from litestar_tts.client.settings import Timeouts, reading_failed, sending_failed, settings_of
from litestar_tts.client.steps import Close, Next, Send, Wait, Work
from litestar_tts.client.types import GeneratedSpeech, Timeline

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from litestar_tts.client.settings import Settings
    from litestar_tts.client.steps import Call, Step, Steps
    from litestar_tts.client.types import (
        AudioOptions,
        Caption,
        CaptionOptions,
        Download,
        DownloadProgress,
        Event,
        EventOptions,
        GenerateOptions,
        Health,
        StreamEnd,
        StreamInfo,
        TimelineOptions,
        Voice,
    )

__all__ = ("AsyncStream", "AsyncTTSClient")

T = TypeVar("T")
ItemT = TypeVar("ItemT")

_CLOSING_LIMIT: Final = 5.0


class AsyncTTSClient:
    """A server's API, for asynchronous programs. One for a whole program; it keeps its connections.

    ::

        async with AsyncTTSClient("http://localhost:8000") as client:
            async with client.stream_audio("Hello there.", format="mp3") as stream:
                async for data in stream:
                    ...

    Args:
        base_url: Where the API is, with the plugin's path if it has one. Default: ``TTS_URL`` of the environment, else
            ``http://localhost:8000``.
        api_key: Default: ``TTS_API_KEY`` of the environment; ``""``: none.
        timeout: Seconds for everything that comes from the server, or each limit on its own.
        retries: Further attempts where that is safe; 0: none.
        max_retry_wait: Seconds; a server that says "later than that" is not asked again.
        max_connections: At most so many requests at a time; others wait.
        headers: Sent with every request.
        http_client: An httpx client of your own, with its proxies, certificates or ASGI transport; you close it.

    Raises:
        ValueError: An argument cannot work.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: Timeouts | float | None = Timeouts(),  # noqa: B008  # frozen
        retries: int = 2,
        max_retry_wait: float = 10.0,
        max_connections: int = 200,
        headers: Mapping[str, str] | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = settings_of(
            base_url,
            api_key=api_key,
            headers=headers,
            timeout=timeout,
            retries=retries,
            max_retry_wait=max_retry_wait,
            max_connections=max_connections,
        )
        if not isinstance(http_client, httpx.AsyncClient | None):
            raise TypeError(f"http_client is a {type(http_client).__name__}; give an httpx.AsyncClient")
        self._owned = http_client is None
        self._http = http_client or httpx.AsyncClient(**self._settings.httpx_options())
        self._driver = _Driver(self._http, self._settings)
        self._streams: WeakSet[AsyncStream[Any]] = WeakSet()

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self._settings.base

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all streams and connections; harmless when called again."""
        for stream in list(self._streams):
            await stream.aclose()
        if self._owned:
            await self._http.aclose()

    # --- speech -------------------------------------------------------------------------------------------------------

    def stream_audio(self, text: str, **options: Unpack[AudioOptions]) -> AsyncStream[bytes]:
        """Audio while it is made.

        Args:
            text: What to say.
            options: ``voice``, ``format``, ``speed``, ``pitch``, ``volume``, ``fallback``, ``sample_rate``.
        """
        call = wire.audio_call(text, options)
        return self._stream(flow.AudioBody(call, self._settings.retries, options))

    def stream_audio_with_visemes(self, text: str, **options: Unpack[EventOptions]) -> AsyncStream[Event]:
        """Audio, visemes and words while they are made; nothing comes after the audio that it belongs to.

        Args:
            text: What to say.
            options: As for :meth:`stream_audio`, and ``visemes``, the set.
        """
        return self._stream(flow.EventBody(wire.events_call(text, options), self._settings.retries))

    async def generate(self, text: str, **options: Unpack[GenerateOptions]) -> GeneratedSpeech:
        """A whole speech with its visemes and words.

        Args:
            text: What to say.
            options: As for :meth:`stream_audio_with_visemes`, and ``phonemes``.
        """
        return await self._read(wire.generate_call(text, options), GeneratedSpeech)

    async def generate_visemes(self, text: str, **options: Unpack[TimelineOptions]) -> Timeline:
        """Visemes and words without audio.

        Args:
            text: What would be said.
            options: ``voice``, ``speed``, …, ``visemes``, ``phonemes``, ``timing``.
        """
        return await self._read(wire.timeline_call(text, options), Timeline)

    @overload
    async def generate_captions(
        self, text: str, *, format: Literal["srt", "vtt"] = "srt", **options: Unpack[CaptionOptions]
    ) -> str: ...

    @overload
    async def generate_captions(
        self, text: str, *, format: Literal["json"], **options: Unpack[CaptionOptions]
    ) -> list[Caption]: ...

    async def generate_captions(
        self,
        text: str,
        *,
        format: Literal["srt", "vtt", "json"] = "srt",  # noqa: A002
        **options: Unpack[CaptionOptions],
    ) -> str | list[Caption]:
        """Subtitles: the text of a file, or a list for ``json``.

        Args:
            text: What to say.
            format: ``srt``, ``vtt`` or ``json``.
            options: ``voice``, ``speed``, ``pitch``, ``volume``, ``fallback``.
        """
        call = wire.captions_call(text, format, options)
        return await self._ask(call, lambda answer, body: wire.read_captions(answer, body, format))

    async def download(
        self,
        text: str,
        path: str | os.PathLike[str],
        *,
        on_progress: Callable[[DownloadProgress], object] | None = None,
        resume: bool = True,
        **options: Unpack[AudioOptions],
    ) -> Download:
        """A text of any length into a file.

        A text that is longer than the server takes at a time is spoken in sections, all by the voice of the first. What
        is finished is kept beside the file (``name.part``, ``name.part.journal``): the same call goes on there after
        an interruption of any kind. The file appears under its name when it is complete.

        Args:
            text: What to say.
            path: The file; its ending tells the format, unless ``format`` does.
            on_progress: Told how far it is, many times a second.
            resume: False: begin anew.
            options: As for :meth:`stream_audio`.

        Raises:
            NotJoinableError: Too long for one request, in a format whose pieces cannot be joined (Opus, FLAC).
            TTSClientError: It cannot be spoken now.
            OSError: It cannot be written.
        """
        job = downloads.job_of(text, path, options, resume=resume, on_progress=on_progress)
        return await self._driver.run(downloads.download(job, self._settings.retries))

    # --- the server ---------------------------------------------------------------------------------------------------

    async def voices(
        self, *, engine: str | None = None, language: str | None = None, gender: str | None = None
    ) -> list[Voice]:
        """Voices that can be asked for.

        Args:
            engine: Of this engine only.
            language: Of this language only; ``en`` finds ``en-US`` too.
            gender: ``Female`` or ``Male``.
        """
        call = wire.voices_call(engine=engine, language=language, gender=gender)
        return await self._ask(call, wire.voices_of)

    async def health(self) -> Health:
        """The server's state, also when it cannot speak."""
        return await self._driver.run(flow.ask_health(self._settings.retries))

    # --- within -------------------------------------------------------------------------------------------------------

    def _stream(self, body: flow.Body[ItemT]) -> AsyncStream[ItemT]:
        stream = AsyncStream(body, self._driver)
        self._streams.add(stream)
        return stream

    async def _read(self, call: Call, kind: type[T]) -> T:
        return await self._ask(call, lambda answer, body: wire.read_json(answer, body, kind))

    async def _ask(self, call: Call, read: Callable[[Any, bytes], T]) -> T:
        return await self._driver.run(flow.ask(call, self._settings.retries, read))


class AsyncStream(Generic[ItemT]):
    """Speech that comes while it is made. Nothing is read ahead: who stops reading stops the server.

    Use it with ``async with``, or read it to its end, or call :meth:`aclose`: leaving early closes the connection, and
    the server stops speaking. An answer that breaks off is an error, never an end.
    """

    def __init__(self, body: flow.Body[ItemT], driver: _Driver) -> None:
        self._core = flow.StreamCore(body)
        self._driver = driver
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def info(self) -> StreamInfo:
        """Who speaks, and in which format.

        Raises:
            RuntimeError: The stream has not begun.
        """
        if self._core.body.info is None:
            raise RuntimeError("the stream has not begun: await stream.start() or read the first item")
        return self._core.body.info

    @property
    def end(self) -> StreamEnd | None:
        """What the server said at the end; streams with visemes only."""
        return self._core.body.end

    async def start(self) -> StreamInfo:
        """Wait until it is known who speaks; harmless when called again.

        Raises:
            TTSClientError: It cannot be spoken.
        """
        self._note_loop()
        return await self._driver.run(self._core.start())

    def __aiter__(self) -> AsyncIterator[ItemT]:
        return self

    async def __anext__(self) -> ItemT:
        self._note_loop()
        item = await self._driver.run(self._core.next())
        if item is None:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, if the stream is not over; harmless when called again."""
        await self._driver.run(self._core.close())

    def _note_loop(self) -> None:
        if self._loop is None:
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()

    def __del__(self) -> None:
        # A loop was left by a plain break: the server must not speak on to nobody.
        core, loop = getattr(self, "_core", None), getattr(self, "_loop", None)
        if core is None or core.over or loop is None or loop.is_closed():
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_close_later, self._driver, core)


_closing: set[asyncio.Task[None]] = set()


def _close_later(driver: _Driver, core: flow.StreamCore[Any]) -> None:
    task = asyncio.ensure_future(driver.run(core.close()))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


class _Answer:
    """An answer as httpx has it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.url = wire.shown(str(response.request.url))
        self._chunks = response.aiter_bytes()

    async def next(self) -> bytes | None:
        async for data in self._chunks:
            return data
        return None


class _Driver:
    """Carries steps out."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._settings = settings

    async def run(self, steps: Steps[T]) -> T:
        """Take steps until there is a result."""
        try:
            step = next(steps)
            while True:
                try:
                    result = await self._do(step)
                except BaseException as error:  # noqa: BLE001  # cancellation too: the steps clean up and raise it again
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            steps.close()

    async def _do(self, step: Step) -> Any:
        match step:
            case Send(call):
                return await self._send(call)
            case Next(answer):
                try:
                    return await answer.next()
                except (httpx.HTTPError, httpx.StreamError) as error:
                    raise reading_failed(error, answer.url) from error
            case Close(answer):
                with anyio.move_on_after(_CLOSING_LIMIT, shield=True):
                    await answer.response.aclose()
            case Wait(seconds):
                await anyio.sleep(seconds)
            case Work(function):
                return await anyio.to_thread.run_sync(function)
        return None

    async def _send(self, call: Call) -> _Answer:
        request = self._http.build_request(**self._settings.request_options(call))
        try:
            response = await self._http.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise sending_failed(error, wire.shown(self._settings.base + call.path)) from error
        self._settings.begin_reading(response)
        return _Answer(response)
