"""The shelf: texts with their title, author and language."""

from functools import cache
from pathlib import Path

import msgspec

__all__ = ("Article", "Summary", "find", "shelf")

TEXTS = Path(__file__).parent / "texts"

NARRATORS = {
    "en-US": ("en-US-GuyNeural", "ben"),
    "en-GB": ("en-GB-SoniaNeural", "ada"),
    "de-DE": ("de-DE-KatjaNeural", "zuri"),
    "fr-FR": ("fr-FR-DeniseNeural", "ada"),
}
"""Language → voice and face of who reads it."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the shelf shows."""

    slug: str
    title: str
    author: str
    language: str
    minutes: float
    """Time that reading it aloud takes, roughly."""


class Article(Summary, frozen=True, kw_only=True):
    """A whole text."""

    paragraphs: list[str]
    voice: str
    face: str
    """Which ``<tts-avatar>`` reads it."""

    @property
    def text(self) -> str:
        """What is read aloud."""
        return "\n\n".join([f"{self.title}.", *self.paragraphs])


@cache
def shelf() -> dict[str, Article]:
    """All articles by slug."""
    return {path.stem: _read(path) for path in sorted(TEXTS.glob("*.txt"))}


def find(slug: str) -> Article | None:
    """One article; None if there is none."""
    return shelf().get(slug)


def _read(path: Path) -> Article:
    head, *paragraphs = path.read_text(encoding="utf-8").strip().split("\n\n")
    title, author, language = head.split("\n")
    voice, face = NARRATORS[language]
    return Article(
        slug=path.stem,
        title=title,
        author=author,
        language=language,
        minutes=round(sum(map(len, paragraphs)) / 15 / 60, 1),
        paragraphs=paragraphs,
        voice=voice,
        face=face,
    )
