"""A long text, section by section, in one voice.

A section is what may be lost when the work is interrupted, so it is some paragraphs long and ends where a sentence
does. The cuts are the same in every run, and each section is spoken by itself: nothing of how it sounds has to be
remembered from one run to the next but the voice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.join import PieceJoiner
from litestar_tts.models import AudioChunk, AudioFormat, SpeechInfo, SpeechRequest, WordBoundary
from litestar_tts.text.segment import PieceLimits, split

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from litestar_tts.service import SpeechService

__all__ = ("SECTION_CHARS", "Narrator", "Section", "sections")

SECTION_CHARS: Final = 1500
"""About a hundred seconds of speech."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the text that is spoken in one go."""

    text: str
    offset: int
    """Position of its first character in the whole text."""
    pause: float | None
    """Seconds that a reader is silent behind it; None: it is the last."""

    @property
    def end(self) -> int:
        """One past its last character."""
        return self.offset + len(self.text)


def sections(text: str) -> Iterator[Section]:
    """Cut a text; the cuts depend on nothing but the text."""
    held: tuple[int, int, float] | None = None
    for number, piece in enumerate(split(text, PieceLimits(max_chars=SECTION_CHARS))):
        until = piece.offset + len(piece.text)
        if held is not None and number == 1:
            # The first piece is a single sentence, too little to decide by it who speaks the whole book.
            held = (held[0], until, piece.pause)
            continue
        if held is not None:
            yield Section(text=text[held[0] : held[1]], offset=held[0], pause=held[2])
        held = (piece.offset, until, piece.pause)
    if held is not None:
        yield Section(text=text[held[0] : held[1]], offset=held[0], pause=None)


class Narrator:
    """Speaks sections; whoever spoke the first speaks them all.

    Args:
        service: Who has the engines.
        options: As for :meth:`SpeechService.request`; the format does not matter.
        info: Who spoke what came before.
    """

    def __init__(self, service: SpeechService, options: dict[str, Any], info: SpeechInfo | None = None) -> None:
        self.info = info
        """Who speaks; None: that is not settled yet."""
        self._service = service
        request = service.request(visemes=None, **options)
        self.request = msgspec.structs.replace(request, format=AudioFormat.PCM)
        self.rate = self.request.sample_rate

    async def check(self) -> None:
        """Make sure that the voice exists.

        Raises:
            TTSError: It does not.
        """
        await self._service.check_voice(self._pinned())

    async def speak(self, section: Section) -> AsyncGenerator[AudioChunk | WordBoundary, None]:
        """Speak one section.

        Yields:
            Samples, with the pause that belongs behind the section, and words; both count from the section's start.

        Raises:
            TTSError: It cannot be spoken; never is it spoken by another voice.
        """
        joiner = PieceJoiner(AudioSource(sample_rate=self.rate))
        async with self._service.speak(section.text, self._pinned()) as speech:
            info = await speech.start()
            self.info = self.info or info
            async for event in speech:
                if isinstance(event, AudioChunk):
                    data = await joiner.feed(event.data)
                    if data:
                        yield AudioChunk(data=data)
                elif isinstance(event, WordBoundary):
                    yield event
            # An engine's own silence, up to a second, would add to the pause.
            if section.pause is None:
                data = await joiner.finish()
            else:
                data = await joiner.next_piece(section.pause / self.request.prosody.speed)
            if data:
                yield AudioChunk(data=data)

    def _pinned(self) -> SpeechRequest:
        if self.info is None:
            return self.request
        return msgspec.structs.replace(self.request, voice=f"{self.info.engine}:{self.info.voice}")
