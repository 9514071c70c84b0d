"""One utterance on its way to a listener."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, TypeVar

from litestar_tts.audio.wav import with_true_sizes
from litestar_tts.engines.chain import Candidate, Performance, first_to_speak
from litestar_tts.exceptions import EngineError, EngineTimeoutError, NoEngineError, TTSError, UnspeakableTextError
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
from litestar_tts.road.casting import Casting
from litestar_tts.road.delivery import Setting, deliver
from litestar_tts.road.interruption import Interruption

if TYPE_CHECKING:
    from litestar_tts.metrics import Metrics, Outcome
    from litestar_tts.road.admission import Admission, Place
    from litestar_tts.road.manuscript import Manuscript
    from litestar_tts.road.roster import Roster
    from litestar_tts.visemes.phonemes import Phonemizer

__all__ = ("Recital", "SpeechClosedError")

logger = logging.getLogger("litestar_tts")

ResultT = TypeVar("ResultT")

CLOSING_LIMIT = 5.0


class SpeechClosedError(RuntimeError):
    """Somebody closed the speech that was asked for more."""

    def __init__(self) -> None:
        super().__init__("This speech is closed; call speak() again.")


class Recital:
    """A speech in progress: what :class:`~litestar_tts.road.speech.Speech` leads to.

    One task at a time works for it; any other may end that with :meth:`aclose` or :meth:`cut`.
    """

    def __init__(
        self,
        manuscript: Manuscript,
        request: SpeechRequest,
        *,
        cast: Callable[[], Awaitable[Casting]],
        count: Callable[[Candidate], Awaitable[int | None]],
        admission: Admission,
        roster: Roster,
        phonemizer: Phonemizer,
        hedge_after: float | None,
        retries: int,
        metrics: Metrics,
    ) -> None:
        self.request = request
        self.info: SpeechInfo | None = None
        self.keeper: asyncio.Task[object] | None = None
        """The task that worked for it last."""
        self._manuscript = manuscript
        self._cast = cast
        self._count = count
        self._admission = admission
        self._roster = roster
        self._phonemizer = phonemizer
        # A text that is still being written may pause for as long as its writer thinks: that is no engine's fault.
        self._hedge_after = hedge_after if manuscript.whole is not None else None
        self._retries = retries
        self._place: Place | None = None
        self._casting: Casting | None = None
        self._performance: Performance[SpeechEvent | Setting] | None = None
        self._events: AsyncGenerator[SpeechEvent, None] | None = None
        self._metrics = metrics
        self._began = 0.0
        self._first_audio = 0.0
        self._bytes = 0
        self._outcome: Outcome = "left"
        self._work = Interruption()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._freed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self.closed = False

    @property
    def begun(self) -> bool:
        """Whether it was ever started."""
        return self._loop is not None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which it was started."""
        assert self._loop is not None  # noqa: S101
        return self._loop

    @property
    def waits(self) -> bool:
        """Whether it still waits for its turn."""
        return self._place is None

    async def start(self) -> SpeechInfo:
        """See :meth:`Speech.start`."""
        return await self._working(self._settle)

    async def _settle(self) -> SpeechInfo:
        if self.info is None:
            if self.closed:
                raise SpeechClosedError
            self._loop = asyncio.get_running_loop()
            try:
                self._roster.enter(self)
                self.info = await self._start()
            except BaseException as error:
                self._outcome = "failed" if isinstance(error, Exception) else "left"
                await self.aclose()
                raise
        return self.info

    async def _start(self) -> SpeechInfo:
        self._began = time.monotonic()
        self._place = await self._admission.enter(self.request.client)
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
                retries=self._retries,
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
        if chosen is not first:
            self._metrics.fell_back(first.slot.name, chosen.slot.name)
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

    async def next(self) -> SpeechEvent:
        """The next event.

        Raises:
            StopAsyncIteration: There is none.
            SpeechClosedError: Somebody closed the speech.
            TTSError: It was cut, or what makes it failed.
        """
        if self._events is None:
            if self.closed:
                reason = self._work.reason or SpeechClosedError
                raise reason()
            self._events = self._stream()
        return await self._working(self._events.__anext__)

    async def _stream(self) -> AsyncGenerator[SpeechEvent, None]:
        try:
            await self._settle()
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
            self._performance.candidate.slot.breakers.broke_off()
            logger.warning("speech broke off after %d chunks: %s", chunks, error.detail)
            raise

    async def collect(self) -> SpeechResult:
        """See :meth:`Speech.collect`."""
        if self._events is not None:
            raise RuntimeError("This speech is being iterated; call speak() again to collect it.")
        try:
            return await self._working(self._collect)
        finally:
            await self.aclose()

    async def _working(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Do something that others may end by closing or cutting the speech."""
        if self._work.worker is not None:
            raise RuntimeError("Another task asks this speech for more; only one may at a time.")
        try:
            with self._work:
                self.keeper = self._work.worker
                return await work()
        except StopAsyncIteration:
            raise
        except BaseException:
            await self.aclose()
            raise

    async def _collect(self) -> SpeechResult:
        await self._settle()
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
        # One that went silent would only go silent for as long again; one that tells its words was taken up in vain.
        in_vain = broken.candidate.engine.capabilities.words or isinstance(error, EngineTimeoutError)
        same = again and error.retryable and not in_vain
        at = casting.candidates.index(broken.candidate)
        rest = casting.candidates[at if same else at + 1 :]
        if casting.strict:
            rest = rest[: int(same)]
        if not rest:
            if casting.strict or isinstance(error, UnspeakableTextError):
                raise error
            detail = "No speech engine could finish this text; try again later."
            wait = broken.candidate.slot.breakers.engine.retry_after
            raise NoEngineError(detail, retry_after=max(1.0, wait)) from error
        await broken.events.aclose()
        self._performance, self._bytes, self._outcome = None, 0, "left"
        try:
            self.info = await self._begin(casting, rest)
        except BaseException as failure:
            self._outcome = "failed" if isinstance(failure, Exception) else "left"
            raise

    def cut(self, reason: Callable[[], TTSError]) -> None:
        """End it from outside; whoever works for it, or asks for more, gets the error."""
        if self.closed:
            return
        working = self._work.worker is not None
        self._work.interrupt(reason)
        if not working:
            self._closing = self.loop.create_task(self.aclose())

    async def aclose(self) -> None:
        """Stop the engine and free everything; harmless when called again, and in any task."""
        if self.closed:
            return
        worker = self._work.worker
        if worker is not None and worker is not asyncio.current_task():
            # What is being asked for more cannot be closed by anybody else than who asks.
            self._work.interrupt(SpeechClosedError)
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_LIMIT):
                    await self._freed.wait()
            return
        self.closed = True
        self.release()
        try:
            async with asyncio.timeout(CLOSING_LIMIT):
                if self._events is not None and worker is None:
                    await self._events.aclose()
                if self._performance is not None:
                    await self._performance.events.aclose()
                await self._manuscript.aclose()
        except TimeoutError:
            logger.warning("a speech did not close within %.0f s", CLOSING_LIMIT)
        finally:
            self.keeper = None
            self._freed.set()
            self._roster.leave(self)

    def release(self) -> None:
        """Give the place back; harmless when called again."""
        place, self._place = self._place, None
        if place is not None:
            place.leave()
            cut = self._work.reason not in (None, SpeechClosedError)
            outcome = "failed" if cut else self._outcome
            self._metrics.speech_closed(self.info.engine if self.info else None, outcome, self._bytes)


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
