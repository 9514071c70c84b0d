"""The mouth of one utterance: keeps words and visemes in step with the audio that passes by."""

from __future__ import annotations

from collections import deque

from litestar_tts.engines.base import Capabilities
from litestar_tts.models import PhoneSpan, SpeechRequest, Viseme, VisemeSet, WordBoundary
from litestar_tts.road.performance import PieceStart
from litestar_tts.visemes.phonemes import Phonemizer
from litestar_tts.visemes.sets import view
from litestar_tts.visemes.timeline import TimelineBuilder

__all__ = ("Lips", "Silent")


class Silent:
    """For who wants no visemes: words pass, and nothing waits."""

    final_until = float("inf")

    def __init__(self) -> None:
        self._words: deque[WordBoundary] = deque()

    async def begin_piece(self, start: PieceStart) -> None:
        """A piece of the text begins."""

    def word(self, word: WordBoundary) -> None:
        """The engine reported a word."""
        self._words.append(word)

    def phone(self, span: PhoneSpan) -> None:
        """The engine reported a phone."""

    def heard(self, until: float) -> None:
        """Audio up to here has come."""

    def end_piece(self, end: float) -> None:
        """The sound of the piece ends here."""

    def finish(self, end: float) -> None:
        """All audio ends here."""

    def due(self, until: float) -> list[Viseme | WordBoundary]:
        """What starts before a time and has not been handed out, in order."""
        words: list[Viseme | WordBoundary] = []
        while self._words and self._words[0].time < until:
            words.append(self._words.popleft())
        return words


class Lips(Silent):
    """Words and visemes.

    Args:
        capabilities: What the engine reports by itself.
        language: Of the voice; chooses the dialect of the phonemes.
        request: Which set, and whether phonemes are named.
        phonemizer: Shared by all utterances.
    """

    def __init__(
        self, capabilities: Capabilities, language: str, request: SpeechRequest, phonemizer: Phonemizer
    ) -> None:
        super().__init__()
        self._language = language
        self._set = request.visemes or VisemeSet.DEFAULT
        self._named = request.phonemes
        self._client = request.client
        self._phonemizer = phonemizer
        self._builder = TimelineBuilder(words=capabilities.words, phones=capabilities.phones, language=language)
        self._visemes: deque[Viseme] = deque()
        self._offset = 0

    @property
    def final_until(self) -> float:  # type: ignore[override]
        """Audio before this time may be heard: the lips for it are known."""
        return self._builder.final_until

    async def begin_piece(self, start: PieceStart) -> None:
        """Look up what the piece sounds like."""
        self._offset = start.piece.offset
        planned = await self._phonemizer.phonemize(start.piece.text, self._language, self._client)
        self._builder.begin_piece(start.time, planned, start.piece.text)

    def word(self, word: WordBoundary) -> None:
        """Place the word's phones."""
        super().word(word)
        offset = None if word.offset is None else word.offset - self._offset
        self._builder.add_word(WordBoundary(text=word.text, time=word.time, duration=word.duration, offset=offset))
        self._collect()

    def phone(self, span: PhoneSpan) -> None:
        """Take an exact phone."""
        self._builder.add_phone(span)
        self._collect()

    def heard(self, until: float) -> None:
        """Audio up to here has come."""
        self._builder.heard(until)
        self._collect()

    def end_piece(self, end: float) -> None:
        """The sound of the piece ends here."""
        self._builder.end_piece(end)
        self._collect()

    def finish(self, end: float) -> None:
        """All audio ends here: close the mouth."""
        self._builder.finish(end)
        self._collect()

    def due(self, until: float) -> list[Viseme | WordBoundary]:
        """What starts before a time and has not been handed out, in order."""
        found = super().due(until)
        while self._visemes and self._visemes[0].time < until:
            found.append(self._visemes.popleft())
        found.sort(key=lambda event: event.time)
        return found

    def _collect(self) -> None:
        for span in self._builder.take():
            self._visemes.extend(view(span, self._set, self._named))
