"""From an engine's encoding to s16le samples."""

from __future__ import annotations

from typing import Any, Protocol

from litestar_tts.audio import pyav
from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.mp3 import FrameSplitter
from litestar_tts.audio.pcm import SAMPLE_SIZE
from litestar_tts.exceptions import EngineError

__all__ = ("Decoder", "Mp3Decoder", "Mp3FrameDecoder", "PcmReader", "make_decoder")


class Decoder(Protocol):
    """Bytes in, however chunked; whole s16le mono samples at the source's rate out."""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return the samples that they complete."""
        raise NotImplementedError

    def finish(self) -> bytes:
        """What is left when the source has ended."""
        raise NotImplementedError


class PcmReader:
    """Puts samples together that a chunk's border cut in two."""

    def __init__(self) -> None:
        self._odd = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return whole samples."""
        if self._odd:
            data, self._odd = self._odd + data, b""
        if len(data) % SAMPLE_SIZE:
            data, self._odd = data[:-1], data[-1:]
        return data

    @property
    def rest(self) -> bytes:
        """Half a sample, if there is one."""
        return self._odd

    def finish(self) -> bytes:
        """Half a sample is none."""
        return b""


class Mp3FrameDecoder:
    """One MP3 frame in, its samples out."""

    def __init__(self) -> None:
        av = pyav.load()
        # The fixed-point decoder: its s16 output is within one step of the float decoder's and needs no conversion.
        self._context = av.CodecContext.create("mp3", "r")
        self._context.thread_count = 1
        self._error: type[Exception] = av.error.FFmpegError
        self._packet = av.Packet

    def decode(self, frame: bytes, samples: int) -> bytes:
        """The ``samples`` samples of ``frame`` as s16le.

        Raises:
            EngineError: The frame is broken.
        """
        try:
            decoded = self._context.decode(self._packet(frame))
        except self._error as error:
            raise EngineError("The engine's MP3 audio is broken and cannot be decoded.") from error
        data = b"".join(pyav.plane_bytes(part, SAMPLE_SIZE) for part in decoded)
        # A frame without usable sound must not shift the clock of all that follows.
        return data.ljust(samples * SAMPLE_SIZE, b"\0")


class Mp3Decoder:
    """MP3 in, samples behind the encoder's delay out."""

    def __init__(self, source: AudioSource) -> None:
        self._frames = Mp3FrameDecoder()
        self._splitter = FrameSplitter()
        self._rate = source.sample_rate
        self._skip = source.skip_samples * SAMPLE_SIZE

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return the samples of the frames that they complete."""
        parts: list[bytes] = []
        for frame, samples in self._splitter.feed(data):
            if samples:
                check_header(self._splitter, self._rate)
                pcm = self._frames.decode(frame, samples)
                if self._skip:
                    pcm, self._skip = pcm[self._skip :], max(0, self._skip - len(pcm))
                parts.append(pcm)
        return b"".join(parts)

    def finish(self) -> bytes:
        """Nothing more: an MP3 decoder gives each frame's samples at once."""
        self._splitter.finish()
        return b""


def check_header(splitter: FrameSplitter, sample_rate: int) -> None:
    """Make sure that a stream is what its engine declared.

    Raises:
        EngineError: It is stereo or has another sample rate, and would sound wrong.
    """
    header: Any = splitter.header
    if header.sample_rate != sample_rate or header.channels != 1:
        raise EngineError(
            f"The engine's MP3 audio has {header.sample_rate} Hz and {header.channels} channel(s), "
            f"but was declared as {sample_rate} Hz mono."
        )


def make_decoder(source: AudioSource) -> Decoder:
    """The decoder for ``source``."""
    return Mp3Decoder(source) if source.encoding == "mp3" else PcmReader()
