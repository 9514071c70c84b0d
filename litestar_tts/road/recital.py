"""One utterance on its way to a listener."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import msgspec

from litestar_tts.audio.wav import with_true_sizes
from litestar_tts.engines.chain import Candidate, Performance, first_to_speak
from litestar_tts.exceptions import EngineError, EngineTimeoutError, NoEngineError, UnspeakableTextError
from litestar_tts.models import (
    AudioChunk,
    AudioFormat,
    SpeechEnd,
    SpeechEvent,
    SpeechInfo,
    SpeechRequest,
    SpeechResult,
    Viseme,
    WordBoundary,
)
from litestar_tts.road.delivery import Setting, deliver

if TYPE_CHECKING:
    from types import TracebackType

    from litestar_tts.metrics import Metrics, Outcome
    from litestar_tts.road.admission import Admission, Place
    from litestar_tts.road.manuscript import Manuscript
    from litestar_tts.visemes.phonemes import Phonemizer

__all__ = ("Casting", "Speech")

logger = logging.getLogger("litestar_tts")

CLOSING_LIMIT = 5.0


class Casting(msgspec.Struct, frozen=True):
    """Who may speak, in order, and whether only the first will do."""

    candidates: tuple[Candidate, ...]
    strict: bool


class Speech:
    """An async iterator of :class:`WordBoundary`, :class:`Viseme`, :class:`AudioChunk`, and one :class:`SpeechEnd`.

    Nothing happens before :meth:`start` or the first iteration. A word or viseme comes before the audio that holds its
    start. Leaving early: ``await speech.aclose()``, or ``async with speech``.

    Made by :meth:`SpeechService.speak`.
    """

    def __init__(
        self,
        manuscript: Manuscript,
        request: SpeechRequest,
        *,
        cast: Callable[[], Awaitable[Casting]],
        count: Callable[[Candidate], Awaitable[int | None]],
        admission: Admission,
        phonemizer: Phonemizer,
        hedge_after: float | None,
        metrics: Metrics,
    ) -> None:
        self.request = request
        self.info: SpeechInfo | None = None
        """Known once :meth:`start` has returned."""
        self._manuscript = manuscript
        self._cast = cast
        self._count = count
        self._admission = admission
        self._phonemizer = phonemizer
        # A text that is still being written may pause for as long as its writer thinks: that is no engine's fault.
        self._hedge_after = hedge_after if manuscript.whole is not None else None
        self._place: Place | None = None
        self._casting: Casting | None = None
        self._performance: Performance[SpeechEvent | Setting] | None = None
        self._events: AsyncGenerator[SpeechEvent, None] | None = None
        self._metrics = metrics
        self._began = 0.0
        self._first_audio = 0.0
        self._bytes = 0
        self._outcome: Outcome = "left"
        self._pulling = False
        self._closed = False

    async def start(self) -> SpeechInfo:
        """Wait for the first audio; from then on the engine and the voice are settled.

        Raises:
            TTSError: No audio can be had; nothing is left open.
        """
        if self.info is None:
            if self._closed:
                raise RuntimeError("This speech is closed; call speak() again.")
            try:
                self.info = await self._start()
            except BaseException as error:
                self._outcome = "failed" if isinstance(error, Exception) else "left"
                await self.aclose()
                raise
        return self.info

    async def _start(self) -> SpeechInfo:
        self._began = time.monotonic()
        self._place = await self._admission.enter()
        self._metrics.speech_opened()
        self._casting = casting = await self._cast()
        return await self._begin(casting, casting.candidates)

    async def _begin(self, casting: Casting, candidates: Sequence[Candidate]) -> SpeechInfo:
        """Let ``candidates``, those of the casting that may still try, compete for this speech."""
        first = casting.candidates[0]
        counting = asyncio.ensure_future(self._count(first))
        try:
            performance = await first_to_speak(
                candidates,
                lambda candidate: deliver(candidate, self._manuscript, self.request, self._phonemizer),
                hedge_after=self._hedge_after,
                strict=casting.strict,
            )
            self._performance = performance
            chosen = performance.candidate
            same = chosen.voice.language == first.voice.language
            count = await counting if same else await self._count(chosen)
        finally:
            counting.cancel()
        self._first_audio = time.monotonic() - self._began
        self._metrics.first_audio(chosen.slot.name, self._first_audio)
        setting = performance.primed[0]
        assert isinstance(setting, Setting)  # noqa: S101
        logger.info(
            "speech starts: %d characters, voice %s, engine %s",
            self._manuscript.length,
            chosen.voice.id,
            chosen.slot.name,
        )
        return SpeechInfo(
            engine=chosen.slot.name,
            voice=chosen.voice.id,
            format=self.request.format,
            sample_rate=setting.sample_rate,
            skip_samples=setting.skip_samples,
            text_length=self._manuscript.length,
            viseme_count=count,
            fallback_from=None if chosen is first else first.slot.name,
        )

    def __aiter__(self) -> Speech:
        return self

    async def __anext__(self) -> SpeechEvent:
        if self._events is None:
            self._events = self._stream()
        self._pulling = True
        try:
            return await anext(self._events)
        finally:
            self._pulling = False

    async def _stream(self) -> AsyncGenerator[SpeechEvent, None]:
        try:
            await self.start()
            async with aclosing(self._told()) as events:
                async for event in events:
                    yield event
        finally:
            await self.aclose()

    async def _told(self) -> AsyncGenerator[SpeechEvent, None]:
        """What the chosen engine says, until it ends or breaks off."""
        info = self.info
        if self._performance is None or info is None:
            return
        chunks = 0
        try:
            async with aclosing(self._performance.events) as rest:
                async for event in _chained(self._performance.primed, rest):
                    if isinstance(event, AudioChunk):
                        chunks += 1
                        self._bytes += len(event.data)
                    elif isinstance(event, SpeechEnd):
                        self._outcome = "complete"
                        logger.info(
                            "speech complete: %d chunks, %d bytes, %.2f s of audio by %s, first audio after %.3f s",
                            chunks,
                            event.bytes,
                            event.duration,
                            info.engine,
                            self._first_audio,
                        )
                    yield event
        except EngineError as error:
            self._outcome = "failed"
            self._performance.candidate.slot.breaker.failed()
            logger.warning("speech broke off after %d chunks: %s", chunks, error.detail)
            raise

    async def audio(self) -> AsyncGenerator[bytes, None]:
        """The encoded audio alone; closing this generator closes the speech."""
        async with self:
            async for event in self:
                if isinstance(event, AudioChunk):
                    yield event.data

    async def collect(self) -> SpeechResult:
        """Wait for the whole utterance.

        Nobody has heard anything before it is whole, so an engine that breaks off is asked once more, and then the
        others speak it from its first word.

        Raises:
            TTSError: As :meth:`start`.
        """
        if self._events is not None:
            raise RuntimeError("This speech is being iterated; call speak() again to collect it.")
        async with self:
            await self.start()
            again = True
            while True:
                try:
                    return await self._gather()
                except EngineError as error:
                    await self._start_over(error, again=again)
                again = False

    async def _gather(self) -> SpeechResult:
        chunks: list[bytes] = []
        visemes: list[Viseme] = []
        words: list[WordBoundary] = []
        duration = 0.0
        async with aclosing(self._told()) as events:
            async for event in events:
                if isinstance(event, AudioChunk):
                    chunks.append(event.data)
                elif isinstance(event, Viseme):
                    visemes.append(event)
                elif isinstance(event, WordBoundary):
                    words.append(event)
                else:
                    duration = event.duration
        assert self.info is not None  # noqa: S101
        audio = b"".join(chunks)
        if self.info.format is AudioFormat.WAV:
            audio = with_true_sizes(audio)
        return SpeechResult(audio=audio, visemes=visemes, words=words, duration=duration, info=self.info)

    async def _start_over(self, error: EngineError, *, again: bool) -> None:
        """Begin anew with whoever may still try; ``again``: also with who broke off, where that can help.

        Raises:
            EngineError: Nobody is left, or they failed too.
        """
        casting, broken = self._casting, self._performance
        assert casting is not None  # noqa: S101
        assert broken is not None  # noqa: S101
        # One that went silent would only go silent for as long again.
        same = again and error.retryable and not isinstance(error, EngineTimeoutError)
        at = casting.candidates.index(broken.candidate)
        rest = casting.candidates[at if same else at + 1 :]
        if casting.strict:
            rest = rest[: int(same)]
        if not rest:
            if casting.strict or isinstance(error, UnspeakableTextError):
                raise error
            detail = "No speech engine could finish this text; try again later."
            raise NoEngineError(detail, retry_after=max(1.0, broken.candidate.slot.breaker.retry_after)) from error
        await broken.events.aclose()
        self._performance, self._bytes, self._outcome = None, 0, "left"
        try:
            self.info = await self._begin(casting, rest)
        except BaseException as failure:
            self._outcome = "failed" if isinstance(failure, Exception) else "left"
            raise

    async def aclose(self) -> None:
        """Stop the engine and free everything; harmless when called again."""
        if self._closed:
            return
        self._closed = True
        if self._place is not None:
            self._place.leave()
            self._metrics.speech_closed(self.info.engine if self.info else None, self._outcome, self._bytes)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_LIMIT):
                if self._events is not None and not self._pulling:
                    await self._events.aclose()
                if self._performance is not None:
                    await self._performance.events.aclose()
                await self._manuscript.aclose()

    async def __aenter__(self) -> Speech:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def _chained(
    primed: list[SpeechEvent | Setting], rest: AsyncGenerator[SpeechEvent | Setting, None]
) -> AsyncGenerator[SpeechEvent, None]:
    """What was read before the engine was settled, then what it says from now on; ``rest`` is closed by its owner."""
    while primed:
        event = primed.pop(0)
        if not isinstance(event, Setting):
            yield event
    async for event in rest:
        if not isinstance(event, Setting):
            yield event
