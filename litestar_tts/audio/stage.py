"""The way of one utterance's audio from its engine to its listener."""

from __future__ import annotations

import threading
from typing import Final, Protocol

from litestar_tts.audio import executor, pyav
from litestar_tts.audio.decode import Decoder, check_header, make_decoder
from litestar_tts.audio.effects import EffectChain, needs_effects
from litestar_tts.audio.encode import Encoder, make_encoder
from litestar_tts.audio.formats import AudioSource, decoded_rate, encoder_rate, skip_samples_of
from litestar_tts.audio.mp3 import FrameSplitter
from litestar_tts.models import AudioFormat, Prosody

__all__ = ("AudioStage",)

_JOB_SECONDS: Final = 0.5
"""Sound that one job in a thread works on: short enough that a long chunk of one stream does not hold up the others."""
_FIRST_SECONDS: Final = 0.25
"""Sound that is enough for the first bytes of every encoder at every rate."""
_MIN_SECONDS: Final = 0.02
"""Less sound than this waits for more; a thread is not worth it."""


class _Pipeline(Protocol):
    @property
    def seconds(self) -> float: ...

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Codecs:
    """Decoder, effects, encoder."""

    def __init__(self, source: AudioSource, target: AudioFormat, rate: int, effects: Prosody) -> None:
        self._decoder: Decoder = make_decoder(source)
        self._effects: EffectChain | None = None
        if needs_effects(effects) or source.sample_rate != rate:
            self._effects = EffectChain(effects, rate=source.sample_rate, out_rate=rate)
        self._encoder: Encoder = make_encoder(target, rate)
        self._rate = rate

    @property
    def seconds(self) -> float:
        return self._encoder.samples / self._rate

    def feed(self, data: bytes) -> bytes:
        pcm = self._decoder.feed(data)
        if self._effects is not None:
            pcm = self._effects.feed(pcm)
        return self._encoder.feed(pcm)

    def finish(self) -> bytes:
        pcm = self._decoder.finish()
        if self._effects is not None:
            pcm = self._effects.feed(pcm) + self._effects.finish()
        return self._encoder.feed(pcm) + self._encoder.finish()


class _Mp3Through:
    """MP3 as it came, counted."""

    def __init__(self, source: AudioSource) -> None:
        self._source = source
        self._splitter = FrameSplitter()
        self._samples = 0

    @property
    def seconds(self) -> float:
        return max(0, self._samples - self._source.skip_samples) / self._source.sample_rate

    def feed(self, data: bytes) -> bytes:
        for segment in self._splitter.feed(data):
            if segment.samples and not self._samples:
                check_header(self._splitter, self._source.sample_rate)
            self._samples += segment.samples
        return data

    def finish(self) -> bytes:
        self._splitter.finish()
        return b""


class AudioStage:
    """Turns the chunks of an engine into the bytes of an answer, streaming in and out.

    The bytes depend on the audio alone, not on how it was chunked. The calls of one stage follow each other; any number
    of stages work side by side.

    Args:
        source: What the engine gives.
        target: What the listener gets.
        sample_rate: Hz that the listener asked for.
        effects: What the engine did not do itself.

    Raises:
        MissingExtraError: The work needs PyAV, which is not installed.
    """

    def __init__(
        self,
        source: AudioSource,
        target: AudioFormat,
        *,
        sample_rate: int,
        effects: Prosody = Prosody(),  # noqa: B008  # frozen
    ) -> None:
        plain = not needs_effects(effects) and source.sample_rate == sample_rate
        self.passthrough = plain and source.encoding == "mp3" and target is AudioFormat.MP3
        """The source's MP3 goes out untouched."""
        self.sample_rate = decoded_rate(target, sample_rate)
        """Hz of what the target decodes to."""
        self.skip_samples = source.skip_samples if self.passthrough else skip_samples_of(target)
        """Samples at the start of what the target decodes to that are not part of the sound."""
        raw = plain and source.encoding == "pcm" and target in (AudioFormat.PCM, AudioFormat.WAV)
        self._inline = self.passthrough or raw
        if not self._inline:
            pyav.check_available()
        self._source = source
        self._target = target
        self._rate = encoder_rate(target, sample_rate)
        self._prosody = effects
        bytes_per_second = source.bit_rate // 8 or 2 * source.sample_rate
        self._job_bytes = int(bytes_per_second * _JOB_SECONDS)
        self._first_bytes = int(bytes_per_second * _FIRST_SECONDS)
        self._min_bytes = 0 if self._inline else int(bytes_per_second * _MIN_SECONDS)
        self._waiting = bytearray()
        self._fed = 0
        self._pipeline: _Pipeline | None = None
        self._seconds = 0.0
        self._ended = False
        self._closed = False
        self._lock = threading.Lock()

    @property
    def duration(self) -> float:
        """Seconds of sound, on the listener's clock, in the bytes given so far; exact after :meth:`finish`."""
        return self._seconds

    def parts(self, data: bytes) -> list[bytes]:
        """Cut a long chunk so that the first sound in it need not wait for the last; feed one part after the other."""
        if self._inline:
            return [data]
        first = max(0, self._first_bytes - self._fed)
        parts = [data[:first]] if first and data else []
        return parts + [data[at : at + self._job_bytes] for at in range(first, len(data), self._job_bytes)]

    async def feed(self, data: bytes) -> bytes:
        """Take the engine's next bytes; return the answer's next bytes, often none. After :meth:`aclose`: none.

        Raises:
            EngineError: The engine's audio is broken.
        """
        if self._ended:
            raise RuntimeError("the stage has finished; make a new one for another utterance")
        self._waiting += data
        self._fed += len(data)
        if self._closed or len(self._waiting) < max(1, self._min_bytes):
            return b""
        return await self._work()

    async def finish(self) -> bytes:
        """The engine has ended: return everything that is still inside, and free the codecs.

        Raises:
            EngineError: The engine's audio is broken.
        """
        if self._ended:
            return b""
        self._ended = True
        try:
            out = await self._work()
            out += await self._run(b"", last=True)
        finally:
            await self.aclose()
        return out

    async def aclose(self) -> None:
        """Free the codecs and their memory at once, or as soon as the step that runs in a thread has ended."""
        self._closed = True
        self._waiting.clear()
        self._free()

    async def _work(self) -> bytes:
        data = bytes(self._waiting)
        self._waiting.clear()
        out = [await self._run(data[at : at + self._job_bytes]) for at in range(0, len(data), self._job_bytes)]
        return out[0] if len(out) == 1 else b"".join(out)

    async def _run(self, data: bytes, *, last: bool = False) -> bytes:
        if self._inline:
            return self._step(data, last=last)
        return await executor.run(lambda: self._step(data, last=last))

    def _step(self, data: bytes, *, last: bool) -> bytes:
        try:
            with self._lock:
                if self._closed:
                    return b""
                if self._pipeline is None:
                    self._pipeline = self._make_pipeline()
                out = self._pipeline.finish() if last else self._pipeline.feed(data)
                self._seconds = self._pipeline.seconds
                return out
        finally:
            # Closed meanwhile: whoever closed could not get the lock, so this thread frees.
            if self._closed:
                self._free()

    def _make_pipeline(self) -> _Pipeline:
        if self.passthrough:
            return _Mp3Through(self._source)
        return _Codecs(self._source, self._target, self._rate, self._prosody)

    def _free(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                self._pipeline = None
            finally:
                self._lock.release()
