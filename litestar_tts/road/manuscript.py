"""The text of one utterance, whole or still being written, readable several times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

from litestar_tts.exceptions import InvalidRequestError, TextTooLongError

__all__ = ("Manuscript", "clean_text")


def clean_text(text: str) -> str:
    """Control characters become spaces, one for one, so that positions stay.

    Raises:
        InvalidRequestError: The text holds half of a surrogate pair, which no engine can encode.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequestError("text holds half a surrogate pair; send valid Unicode.", parameter="text") from error
    if text.isprintable():
        return text
    return "".join(" " if ch not in "\n\t" and (ch < " " or "\x7f" <= ch <= "\x9f") else ch for ch in text)


class Manuscript:
    """What is to be said.

    A text that arrives while it is written is read once from its source and kept, so that the next engine can start
    again from the first word. No more than ``limit`` characters are ever kept.

    Args:
        source: The text, already checked, or an async iterable of its parts.
        limit: Characters that all parts together may have.
    """

    def __init__(self, source: str | AsyncIterable[str], limit: int) -> None:
        self.whole: str | None = source if isinstance(source, str) else None
        self._source = None if isinstance(source, str) else source
        self._limit = limit
        self._parts: list[str] = []
        self._length = 0
        self._ended = False
        self._error: BaseException | None = None
        self._changed = asyncio.Condition()
        self._pump: asyncio.Task[None] | None = None

    @property
    def length(self) -> int:
        """Characters so far."""
        return len(self.whole) if self.whole is not None else self._length

    def source(self) -> str | AsyncGenerator[str, None]:
        """The text from the beginning: whole where it is there, so that it can be cut best, else as it comes."""
        return self.whole if self.whole is not None else self.read()

    async def read(self) -> AsyncGenerator[str, None]:
        """The parts from the beginning, as they come."""
        if self.whole is not None:
            yield self.whole
            return
        if self._pump is None:
            # A task of its own reads the source: a reader that is cancelled must not end it for the others.
            self._pump = asyncio.create_task(self._read_source())
        index = 0
        while True:
            async with self._changed:
                while index == len(self._parts) and not self._ended:
                    await self._changed.wait()
            if index == len(self._parts):
                if self._error is not None:
                    raise self._error
                return
            part = self._parts[index]
            index += 1
            yield part

    async def _read_source(self) -> None:
        assert self._source is not None  # noqa: S101
        try:
            async for part in self._source:
                self._length += len(part)
                if self._length > self._limit:
                    raise TextTooLongError(
                        f"text has more than {self._limit} characters; send less at a time.",
                        parameter="text",
                        limit=self._limit,
                    )
                async with self._changed:
                    self._parts.append(clean_text(part))
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001  whatever the host's iterable raises belongs to who reads the speech
            self._error = error
        finally:
            self._ended = True
            async with self._changed:
                self._changed.notify_all()

    async def aclose(self) -> None:
        """Stop reading the source and close it."""
        if self._pump is not None:
            self._pump.cancel()
            # Not awaited itself: a cancellation of who closes must not be taken for the pump's.
            await asyncio.wait({self._pump})
        if isinstance(self._source, AsyncGenerator):
            await self._source.aclose()
