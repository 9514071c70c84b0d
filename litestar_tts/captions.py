"""Subtitles from the times of spoken words.

The text of a subtitle is taken from the source, so that punctuation and the spacing of every script stay as they were
written; the times are those of the words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from litestar_tts.models import WordBoundary

__all__ = ("Cue", "make_cues", "to_json", "to_srt", "to_vtt")

LINE_WIDTH: Final = 42
"""Columns of a line; a Chinese, Japanese or Korean character takes two."""
MAX_LINES: Final = 2
MAX_SECONDS: Final = 7.0
MIN_SECONDS: Final = 1.0
READING_SPEED: Final = 20.0
"""Columns that a viewer reads in a second."""
LONG_PAUSE: Final = 0.9
"""Seconds of silence that no subtitle should span."""
CHAINED: Final = 0.25
"""Seconds between two subtitles below which the first stays until the second comes: a shorter gap flickers."""

_SENTENCE_END: Final = re.compile(r"[.!?…。！？؟।]['\"’”»)\]」』）]*\s*$|\n\s*$")
_CLAUSE_END: Final = re.compile(r"[,;:–—、，；：،]['\"’”»)\]」』）]*\s*$")
_SPACES: Final = re.compile(r"[^\S\n]+")
_WRITTEN: Final = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)
_OPENING: Final = "([{¿¡«“‘„「『（《〈【"
_IMPOSSIBLE: Final = float("inf")


class Part(msgspec.Struct, frozen=True):
    """A word as it is shown: with the punctuation that belongs to it."""

    text: str
    """Ends with a space where the source has one."""
    start: float
    end: float
    word: WordBoundary | None
    """None: a later part of a word that is longer than a line."""

    @property
    def width(self) -> int:
        """Columns, without the space at the end."""
        return _width(self.text.rstrip())


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """One subtitle; times in seconds."""

    index: int
    """From 1."""
    start: float
    end: float
    lines: tuple[tuple[Part, ...], ...]
    """At most two."""

    @property
    def text(self) -> str:
        """As shown, lines divided by a line feed."""
        return "\n".join("".join(part.text for part in line).strip() for line in self.lines)

    @property
    def words(self) -> list[WordBoundary]:
        """The words that are spoken during this subtitle."""
        return [part.word for line in self.lines for part in line if part.word is not None]


def make_cues(words: Sequence[WordBoundary], text: str = "", *, duration: float | None = None) -> list[Cue]:
    """Break spoken words into subtitles.

    Args:
        words: In the order in which they are spoken. Where no ``offset`` is given they are looked up in the text. Words
            that do not stand in the text, such as numbers that were read out, are shown as they are written.
        text: The source. Without it the words are joined by spaces.
        duration: Seconds of the audio; no subtitle lasts longer. Where there are no words they are spread over it.

    Returns:
        Subtitles in order that never overlap: lines of at most 42 columns, two at most, broken at the ends of sentences
        and clauses where possible, for 1 to 7 seconds where the words allow it.
    """
    if not words and duration:
        # An engine that reports no words: its time is shared by width.
        parts = _narrow(Part(_SPACES.sub(" ", text.strip()), 0.0, duration, None)) if text.strip() else []
    else:
        parts = _parts(_as_written(words, text), text)
    groups = _group(parts)
    starts: list[float] = []
    for group in groups:
        start = round(group[0].start, 3)
        starts.append(max(start, starts[-1] + 0.001) if starts else start)
    cues: list[Cue] = []
    for group, start, following in zip(groups, starts, [*starts[1:], _IMPOSSIBLE], strict=False):
        end = _end(group, start, following, duration)
        cues.append(Cue(index=len(cues) + 1, start=start, end=end, lines=_lines(group)))
    return cues


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip."""
    blocks: list[str] = []
    for cue in cues:
        # An arrow of the text would be read as a line of times.
        text = cue.text.replace("-->", "->")
        blocks.append(f"{cue.index}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{text}\n\n")
    return "".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT; each word but the first of a cue carries its time, so that players can highlight it."""
    blocks = ["WEBVTT\n"]
    for cue in cues:
        latest = round(cue.start * 1000)
        lines: list[str] = []
        for line in cue.lines:
            shown = ""
            for part in line:
                begin = round(part.start * 1000)
                # A time tag must lie inside the cue and behind the one before it.
                if latest < begin < round(cue.end * 1000):
                    shown += f"<{_clock(part.start, '.')}>"
                    latest = begin
                shown += part.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            lines.append(shown.strip())
        blocks.append(f"{cue.index}\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n" + "\n".join(lines) + "\n")
    return "\n".join(blocks)


def to_json(cues: Sequence[Cue]) -> dict[str, Any]:
    """The JSON object of the captions endpoint."""
    return {
        "captions": [
            {
                "index": cue.index,
                "start": cue.start,
                "end": cue.end,
                "text": cue.text,
                "words": [{"text": word.text, "time": word.time, "duration": word.duration} for word in cue.words],
            }
            for cue in cues
        ]
    }


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _width(text: str) -> int:
    columns = 0
    for character in text:
        if not unicodedata.combining(character):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


# --- words with their punctuation -------------------------------------------------------------------------------------


def _parts(words: Sequence[WordBoundary], text: str) -> list[Part]:
    """The whole text, cut into one part for each word; parts wider than a line are cut further."""
    places = _places(words, text)
    parts: list[Part] = []
    clock = 0.0
    for number, (word, (start, _)) in enumerate(zip(words, places, strict=True)):
        if start is None:
            shown = word.text + " "
        else:
            begin = 0 if number == 0 else _split(text, places[number - 1], start)
            following = places[number + 1] if number + 1 < len(places) else (None, None)
            end = len(text) if following[0] is None else _split(text, places[number], following[0])
            shown = _SPACES.sub(" ", text[begin:end])
        time = max(clock, word.time)
        until = max(time + 0.001, word.time + word.duration)
        clock = time
        if shown.strip():
            parts += _narrow(Part(shown, time, until, word))
    return parts


def _as_written(words: Sequence[WordBoundary], text: str) -> list[WordBoundary]:
    """The words, each with its place in the text; a run of words without one becomes what is written there."""
    if not text:
        return list(words)
    located = any(word.offset is not None for word in words)
    written: list[WordBoundary] = []
    strange: list[WordBoundary] = []
    end = 0

    def settle(until: int) -> None:
        found = _WRITTEN.search(text, end, until)
        if strange and found:
            start = strange[0].time
            duration = max(0.0, max(word.time + word.duration for word in strange) - start)
            written.append(WordBoundary(text=found.group(), time=start, duration=duration, offset=found.start()))
        strange.clear()

    for word in words:
        start = word.offset if located or word.offset is not None else text.find(word.text, end)
        if not word.text or start is None or not end <= start < len(text):
            strange.append(word)
            continue
        settle(start)
        written.append(word)
        end = start + len(word.text)
    settle(len(text))
    return written


def _places(words: Sequence[WordBoundary], text: str) -> list[tuple[int | None, int | None]]:
    """Where each word stands in the text; in order, so that no text is shown twice."""
    places: list[tuple[int | None, int | None]] = []
    searched = 0
    for word in words:
        start = word.offset if word.offset is not None else text.find(word.text, searched)
        if not text or not searched <= start < len(text):
            places.append((None, None))
            continue
        end = min(len(text), start + max(1, len(word.text)))
        places.append((start, end))
        searched = end
    # A word that cannot be found would cut the text in two; then all of it is shown as the words have it.
    return places if all(start is not None for start, _ in places) else [(None, None)] * len(places)


def _split(text: str, before: tuple[int | None, int | None], start: int) -> int:
    """Where the text between two words is divided: behind spaces, in front of opening brackets and quotes."""
    end = before[1] or 0
    between = text[end:start]
    space = max(between.rfind(" "), between.rfind("\n"), between.rfind("\t"), between.rfind("\u3000"))
    if space >= 0:
        return end + space + 1
    position = start
    while position > end and text[position - 1] in _OPENING:
        position -= 1
    return position


def _narrow(part: Part) -> list[Part]:
    """Cut what is wider than a line, preferably at spaces, and share its time by width."""
    if part.width <= LINE_WIDTH:
        return [part]
    pieces: list[str] = []
    current = ""
    for chunk in re.findall(r"\S+\s*|\s+", part.text):
        for piece in [chunk] if _width(chunk) <= LINE_WIDTH else list(chunk):
            if current and _width((current + piece).rstrip()) > LINE_WIDTH:
                pieces.append(current)
                current = ""
            current += piece
    pieces.append(current)
    total = sum(map(_width, pieces))
    narrow: list[Part] = []
    done = 0
    for piece in pieces:
        start = part.start + (part.end - part.start) * done / total
        done += _width(piece)
        end = part.start + (part.end - part.start) * done / total
        narrow.append(Part(piece, start, end, None if narrow else part.word))
    return narrow


# --- subtitles --------------------------------------------------------------------------------------------------------


def _group(parts: Sequence[Part]) -> list[Sequence[Part]]:
    """The division into subtitles that costs least."""
    best = [0.0] + [_IMPOSSIBLE] * len(parts)
    previous = [0] * (len(parts) + 1)
    for first in range(len(parts)):
        width = 0
        for last in range(first, len(parts)):
            width += parts[last].width
            if width > LINE_WIDTH * MAX_LINES:
                break
            cost = best[first] + _cost(parts[first : last + 1])
            if cost < best[last + 1]:
                best[last + 1], previous[last + 1] = cost, first
    groups: list[Sequence[Part]] = []
    end = len(parts)
    while end:
        groups.append(parts[previous[end] : end])
        end = previous[end]
    return groups[::-1]


def _cost(group: Sequence[Part]) -> float:
    if len(group) == 1:
        inner = 0.0
    else:
        seconds = group[-1].end - group[0].start
        if seconds > MAX_SECONDS or _fold(group) is None:
            return _IMPOSSIBLE
        pauses = sum(later.start - part.end > LONG_PAUSE for part, later in pairwise(group))
        sentences = sum(1 for part in group[:-1] if _SENTENCE_END.search(part.text))
        inner = 6.0 * pauses + 0.9 * sentences
    # One subtitle more is worth a good place to break, but not every comma.
    short = max(0.0, MIN_SECONDS - (group[-1].end - group[0].start))
    return 1.0 + inner + 1.5 * short + _break_cost(group[-1].text)


def _break_cost(text: str) -> float:
    if _SENTENCE_END.search(text):
        return 0.0
    return 0.5 if _CLAUSE_END.search(text) else 1.5


def _fold(group: Sequence[Part]) -> int | None:
    """How many parts stand in the first line (all: one line); None if two lines do not hold them."""
    whole = _width("".join(part.text for part in group).strip())
    if whole <= LINE_WIDTH and not any("\n" in part.text for part in group[:-1]):
        return len(group)
    best: tuple[float, int] | None = None
    for place in range(1, len(group)):
        above = _width("".join(part.text for part in group[:place]).strip())
        below = _width("".join(part.text for part in group[place:]).strip())
        if above <= LINE_WIDTH and below <= LINE_WIDTH and not _broken(group, place):
            # Even lines read best, a longer one below before a longer one above.
            cost = abs(below - above) / LINE_WIDTH + (0.2 if above > below else 0.0)
            cost += 0.5 * _break_cost(group[place - 1].text)
            best = min(best or (cost, place), (cost, place))
    return best[1] if best else None


def _broken(group: Sequence[Part], place: int) -> bool:
    """Whether another line feed of the source lies elsewhere than at the fold."""
    return any("\n" in part.text for number, part in enumerate(group[:-1], 1) if number != place)


def _lines(group: Sequence[Part]) -> tuple[tuple[Part, ...], ...]:
    fold = _fold(group) or len(group)
    shown = [msgspec.structs.replace(part, text=part.text.replace("\n", " ")) for part in group]
    return tuple(tuple(line) for line in (shown[:fold], shown[fold:]) if line)


def _end(group: Sequence[Part], start: float, following: float, duration: float | None) -> float:
    """When a subtitle goes: not before it can be read, not after the next one comes."""
    spoken = max(part.end for part in group)
    columns = sum(part.width for part in group)
    end = max(spoken, start + max(MIN_SECONDS, min(columns / READING_SPEED, MAX_SECONDS)))
    if following - end < CHAINED:
        end = following
    if duration is not None:
        end = min(end, duration)
    return max(round(min(end, following), 3), start + 0.001)
