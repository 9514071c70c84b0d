"""Microsoft Edge's online voices, through the real ``edge-tts`` package."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import msgspec

from litestar_tts.engines.base import Capabilities, Engine, PieceLimits, Timeouts
from litestar_tts.engines.edge_client import load_client
from litestar_tts.engines.edge_session import EdgeSession
from litestar_tts.engines.edge_voices import VoiceList, long_name
from litestar_tts.exceptions import ConfigurationError, EngineRejectedError
from litestar_tts.models import AudioChunk, EngineEvent, Prosody, Utterance, Voice, WordBoundary

__all__ = ("EdgeEngine",)

logger = logging.getLogger("litestar_tts")

_MESSAGE_BYTES: Final = 4096
"""Escaped text that edge-tts sends in one message; longer text is cut there without regard to sentences."""
_MESSAGE_SECONDS: Final = 540.0
"""The service silently ends a message after ten minutes of audio."""
_PIECE_SECONDS: Final = 104.0
"""Sentences of so much sound share a message: few messages for a service that counts them, and none that a listener who
leaves, or a socket that breaks, makes a great loss."""
_LONGEST_SENTENCE: Final = 1200
"""Characters up to which a sentence is not cut inside."""
_MID_SPEECH_PATIENCE: Final = 55.0
"""Seconds for which a text that is being heard waits for its next connection; its listener has audio for longer."""
_VOICE_NAME: Final = re.compile(r"[A-Za-z]{2,3}(?:-(?!x-)\w+){2,}")
"""What its voices look like; other engines' names must not cost a question to a service that may be out of reach."""
_TICKS: Final = 10_000_000
_BASE_PITCH: Final = {"Female": 200.0, "Male": 120.0, None: 165.0}
"""Hz of a typical voice: the service takes pitch as a difference in Hz, relative to its own base of the voice."""
_UNENCODABLE: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
_WORD_WINDOW: Final = 160
"""Characters ahead in which a word is looked for; a word that is not there was changed by the service."""


class EdgeEngine(Engine):
    """Speaks with the read-aloud service of Microsoft Edge. Nothing is sent before the first request.

    Args:
        url: Scheme and host of the service, e.g. ``ws://127.0.0.1:8765``; its own paths are appended, the list of
            voices is asked for over http(s) there. None: Microsoft's.
        connections: Sockets that may be open at a time.
        connect_timeout: Seconds for making a connection, and again for its handshake.
        queue_timeout: Seconds that an utterance waits for a free connection before :class:`EngineBusyError`.
        voices_ttl: Seconds after which the list of voices is asked for again.
        voices_retry: Seconds after a failure before the list is asked for again.
        voices_timeout: Seconds for the answer to that question; a caller waits for half of it at most.
        timeouts: Seconds of silence that count as a failure.

    Raises:
        ConfigurationError: The address is none, or a number is not above 0.
    """

    name: ClassVar[str] = "edge"

    def __init__(
        self,
        *,
        url: str | None = None,
        connections: int = 16,
        connect_timeout: float = 4.0,
        queue_timeout: float = 5.0,
        voices_ttl: float = 3600.0,
        voices_retry: float = 60.0,
        voices_timeout: float = 2.0,
        timeouts: Timeouts | None = None,
    ) -> None:
        parts = urlsplit(url or "")
        if url is not None and (parts.scheme not in ("ws", "wss") or not parts.netloc or parts.path.strip("/")):
            raise ConfigurationError(
                "the Edge engine's url is none; give scheme and host only, e.g. ws://127.0.0.1:8765"
            )
        if connections < 1 or min(connect_timeout, queue_timeout, voices_timeout) <= 0:
            raise ConfigurationError("connections and timeouts of the Edge engine have to be above 0")
        self.capabilities = Capabilities(
            encoding="mp3",
            sample_rate=24_000,
            bit_rate=48_000,
            skip_samples=1105,
            words=True,
            network=True,
            speed=(0.5, 2.0),
            pitch=(-12.0, 7.0),
            volume=(-20.0, 0.0),
            pieces=PieceLimits(
                first_chars=200,
                join_seconds=_PIECE_SECONDS,
                max_chars=_LONGEST_SENTENCE,
                max_bytes=_MESSAGE_BYTES,
                max_seconds=_MESSAGE_SECONDS,
            ),
            timeouts=timeouts or Timeouts(first_audio=6.0, gap=5.0, whole=60.0),
        )
        self._url = url
        self._connections = connections
        self._connect_timeout = connect_timeout
        self._queue_timeout = queue_timeout
        self._voices_timeout = voices_timeout
        self._session: EdgeSession | None = None
        self._voices = VoiceList(self._ask_voices, ttl=voices_ttl, retry=voices_retry, patience=voices_timeout / 2)

    @property
    def busy(self) -> bool:
        """Whether all sockets are in use."""
        return self._session is not None and self._session.gate.busy

    async def open(self) -> None:
        """Import the client; the service is not contacted."""
        await self._ready()

    async def close(self) -> None:
        """Close all sockets; speech that is under way ends with an error."""
        await self._voices.close()
        session, self._session = self._session, None
        if session is not None and session.loop is asyncio.get_running_loop():
            await session.close()

    async def warm_up(self) -> None:
        """Ask for the list of voices, so that it is known whether the service is in reach before somebody wants it.

        Raises:
            EngineError: It is not.
        """
        try:
            await self._voices.check()
        except EngineRejectedError as error:
            # A gateway need not have a list of voices.
            logger.info("The list of Edge's voices is not to be had: %s", error.detail)

    async def voices(self) -> Sequence[Voice]:
        """All voices: the service's list, or a snapshot while the service has not answered."""
        return await self._voices.get()

    async def find_voice(self, name: str) -> Voice | None:
        """The voice of this name; the service is asked only about names like its own that are in neither list."""
        return await self._voices.find(name, ask=_VOICE_NAME.fullmatch(name) is not None)

    def piece_limits(self, prosody: Prosody) -> PieceLimits:
        """As the service limits a message: bytes of text, and minutes of audio, of which slow speech takes more."""
        return msgspec.structs.replace(
            self.capabilities.pieces,
            join_seconds=_PIECE_SECONDS * prosody.speed,
            max_seconds=_MESSAGE_SECONDS * prosody.speed,
        )

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        """Speak one utterance; see :meth:`Engine.synthesize`."""
        session = await self._ready()
        text = _UNENCODABLE.sub(" ", utterance.text)
        conversation = await session.start(
            text,
            long_name(utterance.voice),
            self.capabilities.timeouts,
            single=len(escape(text).encode()) <= _MESSAGE_BYTES,
            patience=_MID_SPEECH_PATIENCE if utterance.continues else self._queue_timeout,
            client=utterance.client,
            **_prosody(utterance.prosody, utterance.voice.gender),
        )
        cursor = 0
        try:
            while (item := await conversation.next()) is not None:
                if isinstance(item, bytes):
                    yield AudioChunk(data=item)
                    continue
                word = str(item["text"])
                offset = _locate(text, word, cursor)
                cursor = cursor if offset is None else offset + len(word)
                yield WordBoundary(
                    text=word, time=item["offset"] / _TICKS, duration=item["duration"] / _TICKS, offset=offset
                )
        finally:
            await conversation.leave()

    async def _ready(self) -> EdgeSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.loop is not loop:
            client = await load_client(self._url)
            # Somebody else may have been here while the client was imported.
            if self._session is None or self._session.loop is not loop:
                self._session = EdgeSession(
                    client,
                    connections=self._connections,
                    connect_timeout=self._connect_timeout,
                )
        return self._session

    async def _ask_voices(self) -> list[Any]:
        return await (await self._ready()).list_voices(self._voices_timeout)


def _prosody(prosody: Prosody, gender: str | None) -> dict[str, str]:
    base = _BASE_PITCH.get(gender, _BASE_PITCH[None])
    return {
        "rate": f"{round((prosody.speed - 1) * 100):+d}%",
        "pitch": f"{round(base * (2 ** (prosody.pitch / 12) - 1)):+d}Hz",
        "volume": f"{round((10 ** (prosody.volume / 20) - 1) * 100):+d}%",
    }


def _locate(text: str, word: str, cursor: int) -> int | None:
    """Where a spoken word stands in the text, at or soon behind ``cursor``."""
    end = cursor + _WORD_WINDOW + len(word)
    at = first = text.find(word, cursor, end) if word else -1
    if first >= 0 and not any(char.isalnum() for char in text[cursor:first]):
        return first
    while at >= 0 and (_inside_word(text, at) or _inside_word(text, at + len(word))):
        at = text.find(word, at + 1, end)
    return at if at >= 0 else None


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
