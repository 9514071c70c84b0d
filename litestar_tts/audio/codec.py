"""FFmpeg's encoders, fed frame by frame."""

from __future__ import annotations

from typing import Any

from litestar_tts.audio import pyav

__all__ = ("CodecFrames",)


class CodecFrames:
    """An FFmpeg encoder that gets frames of exactly its own length."""

    def __init__(self, codec: str, rate: int, *, bit_rate: int = 0, sample_format: str = "s16", **options: str) -> None:
        context = pyav.load().CodecContext.create(codec, "w")
        context.sample_rate = rate
        context.layout = "mono"
        context.format = sample_format
        context.thread_count = 1
        if bit_rate:
            context.bit_rate = bit_rate
        context.options = options
        context.open()
        self.frame_size: int = context.frame_size
        """Samples in one frame."""
        self.extradata: bytes = context.extradata or b""
        self._context: Any = context
        self._format = sample_format
        self._rate = rate
        self._sample_size = 4 if sample_format.startswith("flt") else 2
        self._frame_bytes = self.frame_size * self._sample_size
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next samples, in the encoder's own format; return the packets that they complete."""
        self._buffer += data
        whole = len(self._buffer) - len(self._buffer) % self._frame_bytes
        packets: list[bytes] = []
        with memoryview(self._buffer) as view:
            for start in range(0, whole, self._frame_bytes):
                packets += self._encode(view[start : start + self._frame_bytes])
        del self._buffer[:whole]
        return packets

    def finish(self) -> list[bytes]:
        """The packets of everything that is still inside."""
        packets = self._encode(self._buffer) if self._buffer else []
        return packets + self._packets(None)

    def _encode(self, data: bytearray | memoryview) -> list[bytes]:
        frame = pyav.make_frame(data, self._format, self._rate, self._position)
        self._position += len(data) // self._sample_size
        return self._packets(frame)

    def _packets(self, frame: Any) -> list[bytes]:
        return [bytes(packet) for packet in pyav.encode_frame(self._context, frame)]
