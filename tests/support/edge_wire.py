"""Messages of the read-aloud service's protocol: what a client asks, and what it is sent."""

from __future__ import annotations

import re
import uuid
from typing import NamedTuple
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import web

from tests.support.edge_speech import Prosody


class Request(NamedTuple):
    """A request for speech, as the service understood it."""

    text: str
    voice: str
    """Long name, e.g. ``Microsoft Server Speech Text to Speech Voice (en-US, AriaNeural)``."""
    prosody: Prosody
    ssml: str
    word_boundaries: bool


class Writer:
    """Frames the messages of one turn."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._request = uuid.uuid4().hex
        self._stream = uuid.uuid4().hex.upper()
        self._tag = uuid.uuid4().hex

    async def text(self, path: str, body: str) -> None:
        head = f"X-RequestId:{self._request}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
        await self.socket.send_str(head + body)

    async def start(self) -> None:
        context = f'"context": {{\r\n    "serviceTag": "{self._tag}"\r\n  }}'
        await self.text("turn.start", f"{{\r\n  {context}\r\n}}")
        body = f'{{"context":{{"serviceTag":"{self._tag}"}},"audio":{{"type":"inline","streamId":"{self._stream}"}}}}'
        await self.text("response", body)

    async def word(self, text: str, offset: int, duration: int) -> None:
        written = escape(text).replace("\\", "\\\\").replace('"', '\\"')
        await self.text(
            "audio.metadata",
            '{\r\n  "Metadata": [\r\n    {\r\n      "Type": "WordBoundary",\r\n      "Data": {\r\n'
            f'        "Offset": {offset},\r\n        "Duration": {duration},\r\n        "text": {{\r\n'
            f'          "Text": "{written}",\r\n          "Length": {len(text)},\r\n'
            '          "BoundaryType": "WordBoundary"\r\n        }\r\n      }\r\n    }\r\n  ]\r\n}',
        )

    async def audio(self, data: bytes, content_type: str | None = "audio/mpeg") -> None:
        kind = f"Content-Type:{content_type}\r\n" if content_type else ""
        head = f"X-RequestId:{self._request}\r\n{kind}X-StreamId:{self._stream}\r\nPath:audio\r\n".encode()
        await self.socket.send_bytes(len(head).to_bytes(2, "big") + head + data)

    async def last_audio(self) -> None:
        await self.audio(b"", content_type=None)

    async def end(self) -> None:
        await self.text("turn.end", "{}")


def parse(config: str, message: str) -> Request:
    """Read the two messages of a request."""
    ssml = message.partition("\r\n\r\n")[2]
    root = ET.fromstring(ssml)  # noqa: S314
    space = "{http://www.w3.org/2001/10/synthesis}"
    voice = root.find(f"{space}voice")
    assert voice is not None, ssml
    prosody = voice.find(f"{space}prosody")
    assert prosody is not None, ssml
    numbers = [int(re.sub(r"(%|Hz)$", "", prosody.get(name, "+0"))) for name in ("rate", "pitch", "volume")]
    words = '"wordBoundaryEnabled":"true"' in config
    return Request("".join(prosody.itertext()), voice.get("name", ""), Prosody(*numbers), ssml, words)


def locale_and_name(voice: str) -> tuple[str, str]:
    """Both parts of a long name."""
    match = re.search(r"\((.+), (.+)\)$", voice)
    return (match.group(1), match.group(2)) if match else ("", voice)
