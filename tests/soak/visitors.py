"""Clients of all kinds: those who listen, and those who do not."""

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

import httpx

from tests.soak.server import KEY
from tests.support.hearing import Truth, hear, missing, truth_of

PHRASES: Final = (
    "The harbour lay quiet under the morning fog.",
    "A cat slept on the warm stones, and nobody thought of waking it.",
    "Who left the gate open?",
    "Later that day the wind rose, the boats began to turn, and old men looked at the sky without a word.",
    "Somewhere behind the hill a bell was ringing, slowly, as if it had all the time in the world.",
    "Rain!",
)
LENGTHS: Final = (25, 40, 90, 180, 350, 600, 900)
GENDERS: Final = {"en-US-AriaNeural": "Female", "en-US-GuyNeural": "Male"}
LOCAL: Final = ("espeak:en-us", "piper:en_US-joe-medium")
FORMATS: Final = ("wav", "mp3", "opus", "aac", "flac", "pcm")
LIMIT: Final = 60.0
"""Seconds after which an answer is a failure."""


class Visitors:
    """Sends all kinds of clients to a server and counts what came of them.

    Args:
        port: Where the server listens, on this machine.
        seed: The same seed gives the same clients in the same order.
    """

    def __init__(self, port: int, seed: int = 1) -> None:
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        """What must not happen."""
        self._port = port
        self._dice = random.Random(seed)  # noqa: S311
        self._truths: dict[tuple[str, str], Truth] = {}
        self._texts = [self._text(length) for length in LENGTHS for _ in range(2)]

    def _text(self, length: int) -> str:
        text = ""
        while len(text) < length:
            text += f" {self._dice.choice(PHRASES)}"
        return text[1 : length + 1].rpartition(" ")[0] or text[1 : length + 1]

    async def wave(self, seconds: float, at_a_time: int) -> None:
        """Keep so many clients busy for so long, and wait for the last."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        url = f"http://127.0.0.1:{self._port}"
        headers = {"Authorization": f"Bearer {KEY}"}

        async def busy(client: httpx.AsyncClient) -> None:
            while clock() < until:
                await self._visit(client)

        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=LIMIT, trust_env=False) as client:
            await asyncio.gather(*(busy(client) for _ in range(at_a_time)))

    async def every_kind(self) -> None:
        """One of each, so that all that is loaded on first use is."""
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"http://127.0.0.1:{self._port}"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=LIMIT, trust_env=False) as client:
            for voice in (*GENDERS, *LOCAL):
                for audio_format in FORMATS:
                    await self._listen(client, "/generate", self._texts[0], voice, audio_format)
            # The local voices keep what their longest text took.
            middle = self._texts[len(self._texts) // 2 + 2]
            await asyncio.gather(*(self._listen(client, "/generate", middle, voice, "mp3") for voice in LOCAL * 2))
            for visit in (self._listen_to_json, self._ask_for_times, self._look_around):
                await visit(client)

    async def _visit(self, client: httpx.AsyncClient) -> None:
        kinds = {
            self._listen_to_audio: 5,
            self._listen_to_frames: 5,
            self._listen_to_json: 2,
            self._ask_for_times: 1,
            self._look_around: 1,
            self._be_refused: 1,
            self._leave_before: 3,
            self._leave_amid: 4,
            self._be_deaf: 1,
            self._read_slowly: 2,
            self._give_up_asking: 1,
        }
        visit = self._dice.choices(list(kinds), list(kinds.values()))[0]
        try:
            async with asyncio.timeout(LIMIT):
                await visit(client)
        except (TimeoutError, httpx.TimeoutException):
            self._found("no answer in time", visit.__name__)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def _found(self, what: str, where: str) -> None:
        self._count(what)
        self.wrong.append(f"{what}: {where}")

    # --- those who listen ---------------------------------------------------------------------------------------------

    def _choose(self) -> tuple[str, str]:
        text = self._dice.choice(self._texts)
        voice = self._dice.choice([*GENDERS] * 4 + [*LOCAL])
        if voice.startswith("piper"):
            text = text[:60].rpartition(" ")[0] or text
        return text, voice

    def _truth(self, text: str, voice: str) -> Truth:
        key = (text, GENDERS.get(voice, "Female"))
        if key not in self._truths:
            self._truths[key] = truth_of(text, "en-US", key[1])
        return self._truths[key]

    async def _listen_to_audio(self, client: httpx.AsyncClient) -> None:
        await self._listen(client, "/generate", *self._choose(), self._dice.choice(FORMATS))

    async def _listen_to_frames(self, client: httpx.AsyncClient) -> None:
        await self._listen(client, "/generate-stream", *self._choose(), self._dice.choice(FORMATS))

    async def _listen_to_json(self, client: httpx.AsyncClient) -> None:
        await self._listen(client, "/generate", *self._choose(), self._dice.choice(FORMATS), stream=False)

    async def _listen(
        self, client: httpx.AsyncClient, path: str, text: str, voice: str, audio_format: str, **more: Any
    ) -> None:
        body = {"text": text, "voice": voice, "format": audio_format, **more}
        heard = await hear(client, path, body)
        if heard.status != 200:
            self._count(f"status {heard.status}")
            if heard.status not in (502, 503, 504):
                self.wrong.append(f"{body}: {heard.status} {heard.problem}")
        elif not heard.ended:
            self._count("cut")
        else:
            lacks = missing(heard, text, self._truth(text, voice), audio_format=audio_format)
            if lacks:
                self._found("truncated", f"{path} {heard.engine} {body}: {lacks}")
            else:
                self._count(f"whole by {heard.engine}")

    # --- those who want something else --------------------------------------------------------------------------------

    async def _ask_for_times(self, client: httpx.AsyncClient) -> None:
        text, voice = self._choose()
        for path, more in (("/generate-visemes", {"timing": "exact"}), ("/generate-captions", {})):
            answer = await client.post(path, json={"text": text, "voice": voice, **more})
            self._expect(answer, 200, 502, 503, 504)

    async def _look_around(self, client: httpx.AsyncClient) -> None:
        for path in ("/health", "/voices?language=en", "/metrics", "/"):
            self._expect(await client.get(path), 200)

    async def _be_refused(self, client: httpx.AsyncClient) -> None:
        self._expect(await client.post("/generate", json={"text": "a"}, headers={"Authorization": "Bearer no"}), 401)
        self._expect(await client.post("/generate", json={"text": "…"}), 400)
        self._expect(await client.post("/generate", json={"text": "a", "voice": "nobody"}), 404)
        self._expect(await client.post("/generate", json={"text": "a" * 5000}), 413)

    def _expect(self, answer: httpx.Response, *statuses: int) -> None:
        if answer.status_code in statuses:
            self._count(f"status {answer.status_code}")
        else:
            self._found(f"status {answer.status_code}", f"{answer.request.url.path} {answer.text[:200]}")

    # --- those who do not listen --------------------------------------------------------------------------------------

    async def _ask(self, *, whole: bool = True) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A request over a connection of its own, of which little is read ahead."""
        text, voice = self._choose()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2048)
        head = f"Host: x\r\nAuthorization: Bearer {KEY}\r\n"
        body = json.dumps({"text": text, "voice": voice, "format": self._dice.choice(FORMATS)}).encode()
        if whole and self._dice.random() < 0.3:
            writer.write(f"GET /generate?text={quote(text)}&voice={voice}&format=mp3 HTTP/1.1\r\n{head}\r\n".encode())
        else:
            path = self._dice.choice(["/generate", "/generate-stream"])
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + (body if whole else body[: len(body) // 2]))
        await writer.drain()
        return reader, writer

    async def _leave_before(self, _client: httpx.AsyncClient) -> None:
        _, writer = await self._ask()
        await asyncio.sleep(self._dice.choice([0.0, 0.005, 0.05]))
        writer.transport.abort()
        self._count("left before")

    async def _leave_amid(self, _client: httpx.AsyncClient) -> None:
        reader, writer = await self._ask()
        with suppress(ConnectionError):
            wanted = self._dice.choice([1, 500, 5_000, 50_000])
            while wanted > 0 and (data := await reader.read(min(wanted, 2048))):
                wanted -= len(data)
        if self._dice.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()
        self._count("left amid")

    async def _be_deaf(self, _client: httpx.AsyncClient) -> None:
        _, writer = await self._ask()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(self._dice.uniform(0.5, 2.0))
        writer.transport.abort()
        self._count("did not read")

    async def _read_slowly(self, _client: httpx.AsyncClient) -> None:
        reader, writer = await self._ask()
        with suppress(ConnectionError):
            for _ in range(60):
                if not await reader.read(1024):
                    break
                await asyncio.sleep(0.03)
        writer.transport.abort()
        self._count("read slowly")

    async def _give_up_asking(self, _client: httpx.AsyncClient) -> None:
        _, writer = await self._ask(whole=False)
        await asyncio.sleep(self._dice.choice([0.0, 0.1]))
        writer.transport.abort()
        self._count("asked by half")
