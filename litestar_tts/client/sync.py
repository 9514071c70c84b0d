"""The client for programs without an event loop."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload
from weakref import WeakSet

import httpx

from litestar_tts.client import downloads, flow, wire
from litestar_tts.client.settings import Timeouts, reading_failed, sending_failed, settings_of
from litestar_tts.client.steps import Close, Next, Send, Wait, Work
from litestar_tts.client.types import GeneratedSpeech, Timeline

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
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

__all__ = ("Stream", "TTSClient")

T = TypeVar("T")
ItemT = TypeVar("ItemT")


class TTSClient:
    """A server's API, for programs without an event loop; threads may share one.

    ::

        with TTSClient("http://localhost:8000") as client:
            client.generate("Hello there.", format="mp3").save("hello.mp3")

    Args:
        base_url: As for :class:`~litestar_tts.client.AsyncTTSClient`, like all that follow.
        api_key: …
        timeout: …
        retries: …
        max_retry_wait: …
        max_connections: …
        headers: …
        http_client: An ``httpx.Client`` of your own; you close it.

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
        http_client: httpx.Client | None = None,
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
        if not isinstance(http_client, httpx.Client | None):
            raise TypeError(f"http_client is a {type(http_client).__name__}; give an httpx.Client")
        self._owned = http_client is None
        self._http = http_client or httpx.Client(**self._settings.httpx_options())
        self._driver = _Driver(self._http, self._settings)
        self._streams: WeakSet[Stream[Any]] = WeakSet()

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return self._settings.base

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all streams and connections; harmless when called again."""
        for stream in list(self._streams):
            stream.close()
        if self._owned:
            self._http.close()

    # --- speech -------------------------------------------------------------------------------------------------------

    def stream_audio(self, text: str, **options: Unpack[AudioOptions]) -> Stream[bytes]:
        """Audio while it is made.

        Args:
            text: What to say.
            options: ``voice``, ``format``, ``speed``, ``pitch``, ``volume``, ``fallback``, ``sample_rate``.
        """
        call = wire.audio_call(text, options)
        return self._stream(flow.AudioBody(call, self._settings.retries, options))

    def stream_audio_with_visemes(self, text: str, **options: Unpack[EventOptions]) -> Stream[Event]:
        """Audio, visemes and words while they are made; nothing comes after the audio that it belongs to.

        Args:
            text: What to say.
            options: As for :meth:`stream_audio`, and ``visemes``, the set.
        """
        return self._stream(flow.EventBody(wire.events_call(text, options), self._settings.retries))

    def generate(self, text: str, **options: Unpack[GenerateOptions]) -> GeneratedSpeech:
        """A whole speech with its visemes and words.

        Args:
            text: What to say.
            options: As for :meth:`stream_audio_with_visemes`, and ``phonemes``.
        """
        return self._read(wire.generate_call(text, options), GeneratedSpeech)

    def generate_visemes(self, text: str, **options: Unpack[TimelineOptions]) -> Timeline:
        """Visemes and words without audio.

        Args:
            text: What would be said.
            options: ``voice``, ``speed``, …, ``visemes``, ``phonemes``, ``timing``.
        """
        return self._read(wire.timeline_call(text, options), Timeline)

    @overload
    def generate_captions(
        self, text: str, *, format: Literal["srt", "vtt"] = "srt", **options: Unpack[CaptionOptions]
    ) -> str: ...

    @overload
    def generate_captions(
        self, text: str, *, format: Literal["json"], **options: Unpack[CaptionOptions]
    ) -> list[Caption]: ...

    def generate_captions(
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
        return self._ask(call, lambda answer, body: wire.read_captions(answer, body, format))

    def download(
        self,
        text: str,
        path: str | os.PathLike[str],
        *,
        on_progress: Callable[[DownloadProgress], object] | None = None,
        resume: bool = True,
        **options: Unpack[AudioOptions],
    ) -> Download:
        """A text of any length into a file; see :meth:`litestar_tts.client.AsyncTTSClient.download`."""
        job = downloads.job_of(text, path, options, resume=resume, on_progress=on_progress)
        return self._driver.run(downloads.download(job, self._settings.retries))

    # --- the server ---------------------------------------------------------------------------------------------------

    def voices(
        self, *, engine: str | None = None, language: str | None = None, gender: str | None = None
    ) -> list[Voice]:
        """Voices that can be asked for.

        Args:
            engine: Of this engine only.
            language: Of this language only; ``en`` finds ``en-US`` too.
            gender: ``Female`` or ``Male``.
        """
        return self._ask(wire.voices_call(engine=engine, language=language, gender=gender), wire.voices_of)

    def health(self) -> Health:
        """The server's state, also when it cannot speak."""
        return self._driver.run(flow.ask_health(self._settings.retries))

    # --- within -------------------------------------------------------------------------------------------------------

    def _stream(self, body: flow.Body[ItemT]) -> Stream[ItemT]:
        stream = Stream(body, self._driver)
        self._streams.add(stream)
        return stream

    def _read(self, call: Call, kind: type[T]) -> T:
        return self._ask(call, lambda answer, body: wire.read_json(answer, body, kind))

    def _ask(self, call: Call, read: Callable[[Any, bytes], T]) -> T:
        return self._driver.run(flow.ask(call, self._settings.retries, read))


class Stream(Generic[ItemT]):
    """Speech that comes while it is made. Nothing is read ahead: who stops reading stops the server.

    Use it in a ``with`` block, or read it to its end, or call :meth:`close`: leaving early closes the connection, and
    the server stops speaking. An answer that breaks off is an error, never an end.
    """

    def __init__(self, body: flow.Body[ItemT], driver: _Driver) -> None:
        self._core = flow.StreamCore(body)
        self._driver = driver

    @property
    def info(self) -> StreamInfo:
        """Who speaks, and in which format; asks for it if the stream has not begun."""
        return self.start()

    @property
    def end(self) -> StreamEnd | None:
        """What the server said at the end; streams with visemes only."""
        return self._core.body.end

    def start(self) -> StreamInfo:
        """Wait until it is known who speaks; harmless when called again.

        Raises:
            TTSClientError: It cannot be spoken.
        """
        return self._driver.run(self._core.start())

    def __iter__(self) -> Iterator[ItemT]:
        return self

    def __next__(self) -> ItemT:
        item = self._driver.run(self._core.next())
        if item is None:
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if the stream is not over; harmless when called again."""
        self._driver.run(self._core.close())

    def __del__(self) -> None:
        # A loop was left by a plain break: the server must not speak on to nobody.
        core = getattr(self, "_core", None)
        if core is not None and not core.over:
            with contextlib.suppress(Exception):
                self.close()


class _Answer:
    """An answer as httpx has it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.url = wire.shown(str(response.request.url))
        self._chunks = response.iter_bytes()

    def next(self) -> bytes | None:
        return next(self._chunks, None)


class _Driver:
    """Carries steps out."""

    def __init__(self, http: httpx.Client, settings: Settings) -> None:
        self._http = http
        self._settings = settings

    def run(self, steps: Steps[T]) -> T:
        """Take steps until there is a result."""
        try:
            step = next(steps)
            while True:
                try:
                    result = self._do(step)
                except BaseException as error:  # noqa: BLE001  # Ctrl-C too: the steps clean up and raise it again
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        finally:
            steps.close()

    def _do(self, step: Step) -> Any:
        match step:
            case Send(call):
                return self._send(call)
            case Next(answer):
                try:
                    return answer.next()
                except (httpx.HTTPError, httpx.StreamError) as error:
                    raise reading_failed(error, answer.url) from error
            case Close(answer):
                answer.response.close()
            case Wait(seconds):
                time.sleep(seconds)
            case Work(function):
                return function()
        return None

    def _send(self, call: Call) -> _Answer:
        request = self._http.build_request(**self._settings.request_options(call))
        try:
            response = self._http.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise sending_failed(error, wire.shown(self._settings.base + call.path)) from error
        self._settings.begin_reading(response)
        return _Answer(response)
