"""From the bytes of a frame stream to its events; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from litestar_tts.client.errors import ProtocolError, StreamTruncatedError, error_from_problem
from litestar_tts.client.types import AudioChunk, Event, StreamEnd, StreamInfo, Viseme
from litestar_tts.frames import Frame, FrameError, FrameParser
from litestar_tts.models import AudioFormat, VisemeSet, WordBoundary

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("EventReader",)

_VERSION: Final = 1
_WAV_HEADER: Final = 44
_BYTES_PER_SAMPLE: Final = 2


class _Words(msgspec.Struct, frozen=True):
    words: list[WordBoundary]


class EventReader:
    """Reads frames in pieces of any size.

    Args:
        request_id: Goes into the info and into errors.
    """

    def __init__(self, request_id: str | None = None) -> None:
        self.info: StreamInfo | None = None
        """Set when the start message was read."""
        self.end: StreamEnd | None = None
        """Set when the end message was read."""
        self._request_id = request_id
        self._parser = FrameParser()
        self._clock: _Clock | None = None

    def feed(self, data: bytes) -> Iterator[Event]:
        """Read on; iterate to the end before feeding more.

        Raises:
            ProtocolError: The bytes are not such a stream.
            APIError: The server says that the speech failed.
        """
        try:
            for frame in self._parser.feed(data):
                yield from self._read(frame)
        except FrameError as error:
            raise ProtocolError(f"The stream is broken: {error}.") from None

    def finish(self) -> None:
        """Say that no more bytes will come.

        Raises:
            StreamTruncatedError: There was no end.
        """
        try:
            self._parser.finish()
        except FrameError as error:
            raise StreamTruncatedError(f"The speech is not complete: {error}.") from None

    def _read(self, frame: Frame) -> Iterator[Event]:
        if frame.is_control:
            yield from self._control(frame.control())
            return
        if frame.viseme is not None:
            yield self._viseme(frame.viseme, frame.time / 1000)
        if frame.payload and self._clock is not None:
            told = None if frame.viseme is not None else frame.time / 1000
            yield AudioChunk(frame.payload, self._clock.advance(len(frame.payload), told))

    def _control(self, message: dict[str, Any]) -> Iterator[Event]:
        kind = message.pop("type")
        if kind == "start":
            self.info = self._start(message)
            self._clock = _Clock(self.info)
        elif kind == "words":
            yield from _convert(message, _Words, kind).words
        elif kind == "end":
            self.end = _convert(message, StreamEnd, kind)
        elif kind == "error":
            problem = message.get("error")
            raise error_from_problem(problem if isinstance(problem, dict) else message, request_id=self._request_id)

    def _start(self, message: dict[str, Any]) -> StreamInfo:
        if message.get("v") != _VERSION:
            raise ProtocolError(f"The server speaks version {message.get('v')} of the frames; update this client.")
        info: StreamInfo = _convert({**message, "request_id": self._request_id}, StreamInfo, "start")
        if info.sample_rate is None or info.viseme_set is None:
            raise ProtocolError("The stream's start message does not say its sample rate and its viseme set.")
        return info

    def _viseme(self, index: int, time: float) -> Viseme:
        info = self.info
        assert info is not None  # noqa: S101  # the parser lets nothing pass before the start
        value: int | str | dict[str, float] = index
        known = info.viseme_shapes if info.viseme_shapes is not None else info.viseme_names
        if known is not None:
            if index >= len(known):
                raise ProtocolError(f"Viseme {index} is not in the server's set of {len(known)}.")
            if info.viseme_set not in (VisemeSet.DEFAULT, VisemeSet.AZURE):
                value = known[index]
        return Viseme(time=time, value=value, index=index)


class _Clock:
    """Where each piece of audio begins. A piece that shares its frame with a viseme does not say it itself."""

    def __init__(self, info: StreamInfo) -> None:
        self._rate: float | None = None
        self._header = 0
        if info.format in (AudioFormat.PCM, AudioFormat.WAV) and info.sample_rate:
            self._rate = float(info.sample_rate * info.channels * _BYTES_PER_SAMPLE)
            self._header = _WAV_HEADER if info.format is AudioFormat.WAV else 0
        self._bytes = 0
        self._latest = 0.0

    def advance(self, size: int, told: float | None) -> float:
        """The time of the next ``size`` bytes."""
        if self._rate is not None:
            time = max(0, self._bytes - self._header) / self._rate
        else:
            time = max(self._latest, told or 0.0)
        self._bytes += size
        self._latest = time
        return time


def _convert(message: dict[str, Any], kind: type[Any], name: str) -> Any:
    try:
        return msgspec.convert(message, kind)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The stream's {name} message cannot be read: {error}.") from None
