"""The server that is checked: asking it, reading its answers closely, and sparing its rate limit."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from litestar_tts.cli.checking.locate import reason_of
from litestar_tts.cli.checking.notes import Fault, OutOfBudgetError, SkipProbeError

if TYPE_CHECKING:
    import httpx

    from litestar_tts.cli.checking.own_server import OwnServers

__all__ = ("Answer", "Options", "Piece", "Target", "expect_keys")

LARGEST: Final = 64 << 20
"""Bytes of an answer; no honest one comes near."""
LONGEST_WAIT: Final = 12.0
"""Seconds that a probe waits for the server's rate limit."""
SENTENCE: Final = re.compile(r".+?[.!?。！？](?=\s|$)", re.DOTALL)
DEFAULT_TEXT: Final = "This is a test of the speech server. It has two sentences, some pauses, and one number: 42."


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller wants."""

    api_key: str | None = None
    timeout: float = 10.0
    """Seconds without a byte after which the server counts as stalled."""
    voice: str | None = None
    engine: str | None = None
    text: str = DEFAULT_TEXT
    concurrency: int = 10
    spend_rate_limit: bool = False
    """The budget may be used up to see that the limit holds."""


class Piece(msgspec.Struct, frozen=True):
    """Some bytes of an answer, as they came."""

    time: float
    """Seconds after the request was sent."""
    data: bytes


class Answer(msgspec.Struct, kw_only=True):
    """One answer, read to its end."""

    request: str
    """Method and path, for messages."""
    status: int
    headers: Any
    """:class:`httpx.Headers`."""
    pieces: list[Piece]
    head: float
    """Seconds until the status line."""

    @property
    def body(self) -> bytes:
        """All bytes."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def first_byte(self) -> float:
        """Seconds until the first byte of the body."""
        return self.pieces[0].time if self.pieces else self.head

    @property
    def media_type(self) -> str:
        """Without its parameters."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def foreign(self) -> bool:
        """Whether somebody else answers: ours never sends pages from the API's routes."""
        return "html" in self.media_type

    @property
    def advice(self) -> str | None:
        """What to do about an answer that should have been another."""
        return _PROXY if self.foreign else _ADVICE.get(self.status)

    def json(self) -> dict[str, Any]:
        """The body as an object.

        Raises:
            Fault: It is none.
        """
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Fault(f"{self.request}: {self.status}, but the body is not JSON: {self._beginning()}") from None
        if not isinstance(found, dict):
            raise Fault(f"{self.request}: {self.status}, but the body is no JSON object: {self._beginning()}")
        return found

    def describe(self) -> str:
        """What went wrong, for an answer that should have been another."""
        if self.media_type == "application/problem+json":
            with suppress(Fault):
                problem = self.json()
                return f"{self.request}: {self.status} {problem.get('title', '')}: {problem.get('detail', '')}"
        kind = "an HTML page, not ours: is a proxy in between?" if self.foreign else self.media_type
        return f"{self.request}: {self.status} with {kind or 'nothing'}"

    def _beginning(self) -> str:
        return repr(self.body[:40].decode("utf-8", "replace")) if self.pieces else "it is empty"


class Target:
    """A litestar-tts server.

    Args:
        http: The connection pool.
        base: Address of the API, without a slash behind.
        options: What the caller wants.
        health: What the server said when it was found.
        own: The servers that the check has started itself; None for somebody else's.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: str,
        options: Options,
        health: Mapping[str, Any],
        own: OwnServers | None = None,
    ) -> None:
        self.http, self.base, self.options, self.health, self.own = http, base, options, dict(health), own
        self.voices: list[dict[str, Any]] | None = None
        self.lost = False
        """Whether a connection could not be made since somebody last looked."""
        self.limit: int | None = None
        """Requests that the server grants in a window, once it has said so."""
        self.remaining: int | None = None
        self.window = 0
        self._remaining_at = 0.0
        self._reset = 0.0

    @property
    def max_text_length(self) -> int:
        """Characters that the server takes."""
        length = self.health.get("max_text_length")
        return length if isinstance(length, int) else 1000

    @property
    def text(self) -> str:
        """The text to speak, as far as the server takes it."""
        return self.options.text[: self.max_text_length].strip()

    @property
    def sentence(self) -> str:
        """The text's first sentence, where a server has to speak many times."""
        first = SENTENCE.match(self.text)
        return first[0] if first and any(char.isalnum() for char in first[0]) else self.text

    async def body(self, **fields: Any) -> dict[str, Any]:
        """A request's body: text and voice as the caller wants them, and what the probe adds."""
        voice = await self.voice()
        return {"text": self.text, **({"voice": voice} if voice else {}), **fields}

    async def voice(self) -> str | None:
        """The voice to ask for; None for the server's default.

        Raises:
            Fault: The engine that was asked for has none.
        """
        options = self.options
        if options.voice or not options.engine:
            prefix = f"{options.engine}:" if options.engine else ""
            return f"{prefix}{options.voice.removeprefix(prefix)}" if options.voice else None
        mine = [voice for voice in await self.known_voices() if voice.get("engine") == options.engine]
        if not mine:
            raise Fault(f"the server has no voice of the engine {options.engine}", advice="Leave --engine out.")
        english = [voice for voice in mine if str(voice.get("language", "")).lower().startswith("en")]
        return f"{options.engine}:{(english or mine)[0]['id']}"

    async def known_voices(self) -> list[dict[str, Any]]:
        """The server's list, asked for once."""
        if self.voices is None:
            body = (await self.ask("GET", "/voices")).json()
            voices = body.get("voices")
            if not isinstance(voices, list) or not all(isinstance(voice, dict) and "id" in voice for voice in voices):
                raise Fault("GET /voices: no list of voices in it")
            self.voices = voices
        return self.voices

    # --- asking -------------------------------------------------------------------------------------------------------

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = 200,
        key: bool = True,
        base: str | None = None,
    ) -> Answer:
        """Send a request and read the answer to its end.

        Args:
            method: As in HTTP.
            path: Below the API's address.
            json: Body.
            content: Body as bytes, for one that is wrong on purpose.
            params: Query.
            headers: Further ones.
            status: What is expected; None: anything.
            key: Whether the API key goes along.
            base: Another server's address.

        Raises:
            Fault: There is no whole answer, or another status.
            OutOfBudgetError: The server's rate limit is used up.
        """
        sent = {"accept-encoding": "identity", **(headers or {})}
        if key and self.options.api_key:
            sent["authorization"] = f"Bearer {self.options.api_key}"
        if json is not None:
            content, sent["content-type"] = msgspec.json.encode(json), "application/json"
        request = f"{method} {path}"
        answer = await self._read(
            request, self.http.stream(method, (base or self.base) + path, content=content, params=params, headers=sent)
        )
        if base is None:
            self._note_budget(answer)
        if status is not None and answer.status != status:
            if answer.status == 429:
                fix = "Raise RATE_LIMIT_REQUESTS for a check, or run it again later."
                raise OutOfBudgetError(f"the rate limit of the server is used up ({request})", advice=fix)
            raise Fault(answer.describe(), advice=answer.advice)
        return answer

    async def _read(self, request: str, stream: Any) -> Answer:
        import httpx

        started, size = time.monotonic(), 0
        pieces: list[Piece] = []
        try:
            async with stream as response:
                head = time.monotonic() - started
                async for data in response.aiter_raw():
                    pieces.append(Piece(time.monotonic() - started, data))
                    size += len(data)
                    if size > LARGEST:
                        raise Fault(f"{request}: more than {LARGEST >> 20} MiB, and no end")
        except httpx.ReadTimeout:
            where = f"stalled after {size} bytes" if pieces else "no answer"
            waited = f"nothing came for {self.options.timeout:g} s"
            raise Fault(
                f"{request}: {where}: {waited}", advice="See the server's log; --timeout waits longer."
            ) from None
        except httpx.RemoteProtocolError as error:
            fix = "The server or a proxy ended the connection early; see their logs."
            raise Fault(f"{request}: cut after {size} bytes: {error}", advice=fix) from None
        except httpx.ConnectError as error:
            self.lost = True
            raise Fault(f"{request}: no connection: {reason_of(error)}", advice=_LOST) from None
        except httpx.TimeoutException:
            raise Fault(f"{request}: no connection within the time limit", advice=_LOST) from None
        except httpx.HTTPError as error:
            raise Fault(f"{request}: {error or type(error).__name__}") from None
        return Answer(request=request, status=response.status_code, headers=response.headers, pieces=pieces, head=head)

    # --- the rate limit -----------------------------------------------------------------------------------------------

    def _note_budget(self, answer: Answer) -> None:
        with suppress(KeyError, ValueError):
            headers = answer.headers
            limit, remaining = int(headers["ratelimit-limit"]), int(headers["ratelimit-remaining"])
            self._reset = float(headers["ratelimit-reset"])
            self.limit, self.remaining, self._remaining_at = limit, remaining, time.monotonic()
            self.window = int(headers["ratelimit-policy"].partition("w=")[2])

    async def afford(self, requests: int) -> None:
        """Wait until the server grants that many requests, if that is soon.

        Raises:
            SkipProbeError: It is not.
        """
        if self.remaining is None or self.limit is None or self.remaining >= requests:
            return
        left = self._remaining_at + self._reset - time.monotonic()
        if requests > self.limit or left > LONGEST_WAIT:
            fix = f"Raise RATE_LIMIT_REQUESTS for a check, or run it again in {max(1, round(left))} s."
            if requests > self.limit:
                fix = f"Raise RATE_LIMIT_REQUESTS to {requests} or more for a check."
            raise SkipProbeError(
                f"spares the rate limit: {requests} requests, and the server grants {self.remaining} now", advice=fix
            )
        await asyncio.sleep(max(0.0, left) + 0.1)
        self.remaining = None  # the next answer tells


_LOST: Final = "The server has ended or is overwhelmed; see its log."
_PROXY: Final = "Something in front of the server answers instead of it; see its log."
_ADVICE: Final = {
    401: "Give the API key with --api-key or TTS_API_KEY.",
    403: "Something in front of the server refuses; check its guards or proxy.",
    404: "Check the voice, and that this part is mounted.",
    500: "See the server's log under the answer's X-Request-ID.",
    501: "Install the part that the answer names, on the server.",
    502: "The engine failed; run litestar-tts doctor on the server.",
    503: "No engine can answer, or the server is busy; run litestar-tts doctor on the server.",
    504: "The engine said nothing in time; run litestar-tts doctor on the server.",
}


def expect_keys(where: str, found: Mapping[str, Any], **kinds: type | tuple[type, ...]) -> None:
    """Make sure that an object has what it must have.

    Raises:
        Fault: A member is missing or of another kind.
    """
    for name, kind in kinds.items():
        if name not in found:
            raise Fault(f"{where}: {name} is missing")
        value = found[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Fault(f"{where}: {name} is {value!r:.60}")
