"""What a client has at the end of an answer, and whether that is the whole speech."""

from __future__ import annotations

import base64
import io
import json
import struct
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import av
import httpx
import numpy as np
from numpy.typing import NDArray

from tests.support.edge_speech import Prosody, speak

RATE: Final = 24_000
_WINDOW: Final = RATE // 50
_AUDIBLE: Final = 0.01
_CONTROL: Final = 0xFFFFFFFE


@dataclass
class Heard:
    """One answer, as its client knows it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    audio: bytes = b""
    words: list[str] | None = None
    """None where the answer does not tell words."""
    ended: bool = False
    """The client takes it for complete: the answer ended as HTTP says, and said so where its format can."""
    problem: dict[str, Any] | None = None
    """Instead of speech, or as the last frame of it."""
    declared: float | None = None
    """Duration that the answer names."""
    first_audio: float | None = None
    """Seconds from the request to the first byte of sound."""
    seconds: float = 0.0

    @property
    def engine(self) -> str:
        return self.headers.get("x-tts-engine", "")


def heard_of(status: int, headers: dict[str, str], data: bytes, *, ended: bool) -> Heard:
    """An answer that was read to its end; ``ended``: that was one."""
    heard = Heard(status=status, headers=headers, ended=ended)
    kind = headers.get("content-type", "")
    if framed_kind(kind):
        frames = Frames(heard, 0.0)
        frames.feed(data)
        heard.ended = ended and frames.ended
    elif "json" in kind:
        _read_json(heard, data)
    else:
        heard.audio = data
    return heard


async def hear(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Heard:
    """Send a request for speech and read the answer as far as it comes."""
    heard = Heard()
    began = time.perf_counter()
    data = bytearray()
    frames = Frames(heard, began)
    try:
        async with client.stream("POST", path, json=body) as response:
            heard.status, heard.headers = response.status_code, dict(response.headers)
            framed = "frames" in heard.headers.get("content-type", "")
            async for chunk in response.aiter_raw():
                if framed:
                    frames.feed(chunk)
                elif heard.first_audio is None and chunk:
                    heard.first_audio = time.perf_counter() - began
                data += chunk
        heard.ended = True
    except (httpx.RemoteProtocolError, httpx.ReadError):
        pass  # cut, and the client knows it
    heard.seconds = time.perf_counter() - began
    kind = heard.headers.get("content-type", "")
    if framed_kind(kind):
        heard.ended = heard.ended and frames.ended
    elif "json" in kind:
        _read_json(heard, bytes(data))
    else:
        heard.audio = bytes(data)
    return heard


def framed_kind(content_type: str) -> bool:
    return content_type.startswith("application/vnd.litestar-tts.frames")


def _read_json(heard: Heard, data: bytes) -> None:
    answer = json.loads(data)
    if heard.status != 200:
        heard.problem = answer
        return
    heard.audio = base64.b64decode(answer["audio"])
    heard.words = [word["text"] for word in answer["words"]]
    heard.declared = answer["duration"]
    heard.headers["x-tts-engine"] = answer["engine"]


class Frames:
    """Reads frames as they come."""

    def __init__(self, heard: Heard, began: float) -> None:
        self.heard = heard
        self.ended = False
        self._began = began
        self._rest = b""

    def feed(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 12:
            index, _, length = struct.unpack_from(">III", self._rest)
            if len(self._rest) < 12 + length:
                return
            payload, self._rest = self._rest[12 : 12 + length], self._rest[12 + length :]
            if index == _CONTROL:
                self._control(json.loads(payload))
            elif payload:
                if self.heard.first_audio is None:
                    self.heard.first_audio = time.perf_counter() - self._began
                self.heard.audio += payload

    def _control(self, message: dict[str, Any]) -> None:
        heard = self.heard
        if message["type"] == "start":
            heard.words = []
        elif message["type"] == "words":
            assert heard.words is not None
            heard.words += [word["text"] for word in message["words"]]
        elif message["type"] == "end":
            assert message["bytes"] == len(heard.audio)
            heard.declared = message["duration"]
            self.ended = True
        elif message["type"] == "error":
            heard.problem = message


@lru_cache(maxsize=64)
def decoded(audio: bytes, audio_format: str = "") -> NDArray[np.float64]:
    """Samples of any format, mono at 24 kHz, -1 to 1; only ``pcm``, which does not say what it is, has to be named."""
    if audio_format == "pcm":
        return np.frombuffer(audio, "<i2") / 32_768
    parts: list[NDArray[Any]] = []
    with av.open(io.BytesIO(audio), "r") as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray().ravel() for part in resampler.resample(frame)]
        parts += [part.to_ndarray().ravel() for part in resampler.resample(None)]
    return np.concatenate(parts) / 32_768 if parts else np.zeros(0)


def audible_seconds(samples: NDArray[np.float64]) -> float:
    """How much of a sound is not silence: what cutting pauses does not change, and cutting speech does."""
    whole = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    return float((np.sqrt((whole**2).mean(axis=1)) > _AUDIBLE).sum()) * _WINDOW / RATE


@dataclass(frozen=True)
class Truth:
    """What a text sounds like when all of it is spoken."""

    words: list[str]
    audible: float


def truth_of(text: str, locale: str = "en-US", gender: str | None = "Female") -> Truth:
    """As the loopback service speaks it, which speaks with eSpeak NG: so it holds for that engine, too."""
    spoken = speak(text, locale, gender, Prosody())
    sound = np.frombuffer(spoken.pcm, "<i2") / 32_768
    return Truth([word.text for word in spoken.words], audible_seconds(sound))


def letters(words: str | list[str]) -> str:
    """What is left of words whatever an engine makes of the spaces and signs between them."""
    return "".join(char for char in "".join(words) if char.isalnum()).lower()


def missing(heard: Heard, text: str, truth: Truth, *, audio_format: str = "", audible: float | None = None) -> str:
    """What a complete answer lacks of its text; empty: nothing.

    Args:
        heard: An answer whose client takes it for complete.
        text: What was to be said.
        truth: What that sounds like, if the loopback service speaks it.
        audio_format: What was asked for.
        audible: Seconds of sound where another engine speaks; None: not known, so only half of it would be missed.
    """
    edge = heard.engine == "edge"
    words = heard.words
    if words is not None and (words != truth.words if edge else letters(words) != letters(text)):
        return f"words: {words}"
    sound = decoded(heard.audio, audio_format)
    seconds = audible_seconds(sound)
    wanted = truth.audible if edge else audible
    if wanted is None:
        return "" if seconds > truth.audible / 2 else f"sound: {seconds:.2f} s"
    if abs(seconds - wanted) > 0.1 + 0.05 * wanted:
        return f"sound: {seconds:.2f} of {wanted:.2f} s"
    if heard.declared is not None and abs(len(sound) / RATE - heard.declared) > 0.15:
        return f"duration: {len(sound) / RATE:.2f}, not {heard.declared:.2f} s"
    return ""
