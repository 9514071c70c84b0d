"""Where sentences end, in any script, also while the text is still being written."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from litestar_tts.text.abbreviations import ABBREVIATIONS, BEFORE_NUMBERS, ORDINAL_NOUNS, STARTERS

__all__ = ("PARAGRAPH_PAUSE", "PHRASE_PAUSE", "SENTENCE_PAUSE", "Border", "Search", "next_border", "skip_space")

SENTENCE_PAUSE: Final = 0.45
"""Seconds that a reader waits between sentences."""
PARAGRAPH_PAUSE: Final = 0.7
PHRASE_PAUSE: Final = 0.2
"""Behind a clause, and at a space of Thai and Lao, which is all that these write between sentences."""

# Scripts whose full stops mean nothing else: no space has to follow.
_STRONG: Final = "。．！？｡؟۔։።፧፨။།।॥។៕܀᠃"
_SOFT: Final = ".!?…⋯‼⁇⁈⁉\u037e"
_CANDIDATE: Final = re.compile(
    # A run has a bound: an endless one must not be read again for each of its parts.
    rf"(?P<stop>[{_SOFT}{_STRONG}]{{1,64}}|(?<=[\u0370-\u03ff\u1f00-\u1fff]);)"
    r"|(?P<line>[\n\u2028\u2029\x85])"
    r"|(?<=[\u0e00-\u0eff])(?P<space>[ \u00a0])"
)
_CLOSERS: Final = re.compile(
    r"(?:[\u00a0\u202f\u2009]?[»›]|[\"'”’)\]}」』）】》〉〕｝＂＇«‹*_]|“(?=\s|$)|\[\d{1,3}\]){1,8}"
)
_SPACE: Final = re.compile(r"\s+")
_LINE_BREAK: Final = re.compile(r"\r\n|[\n\x85\u2028]")
_TOKEN: Final = re.compile(r"[^\s(\[{<\"“„«»‹›‘‚*_/…—–]*$")
_WORD: Final = re.compile(r"[^\W\d_]+")
_LIST_MARK: Final = re.compile(r"(?:[-*+•‣◦▪·–—]|\(?\d{1,3}[.)]|\(?[a-zA-Z]\)|#{1,6})(?=\s)")
_HALF_MARK: Final = re.compile(r"(?:[-*+•‣◦▪·–—]|\(?\d{0,3}[.)]?|\(?[a-zA-Z]?\)?|#{1,6})$")
_ROMAN_OR_LETTER: Final = re.compile(r"(?:[IVXLC]{1,6}|[^\W\d_])$")
_QUOTES: Final = (("「", "」"), ("『", "』"), ("“", "”"), ("（", "）"), ("《", "》"), ("【", "】"))
_REPEATS: Final = "ๆฯໆຯ"

_HEADING_CHARS: Final = 60
_LOOK_BACK: Final = 240


class Border(NamedTuple):
    """The end of a sentence."""

    end: int
    """One past its last character; closing quotes belong to it."""
    pause: float


class Search(NamedTuple):
    """No border found yet."""

    scan: int
    """Where to look on when there is more text."""


class _Text(NamedTuple):
    text: str
    start: int
    fresh: bool
    final: bool
    eager: bool


def skip_space(text: str, at: int) -> int:
    """The first position from ``at`` on that is not white space."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def next_border(text: str, start: int, scan: int, *, fresh: bool, final: bool, eager: bool) -> Border | Search:
    """Find the end of the sentence that begins at ``start``.

    Args:
        text: What has been written so far.
        start: First character of the sentence.
        scan: No border lies before this position.
        fresh: The sentence is the first of its paragraph.
        final: Nothing will be added to the text.
        eager: The text may pause here for long, so take a likely end for a certain one.
    """
    source = _Text(text, start, fresh, final, eager)
    while True:
        match = _CANDIDATE.search(text, max(scan, start))
        if match is None:
            return Search(len(text))
        if match.lastgroup == "stop":
            verdict = _at_stop(source, match.start(), match.end())
        elif match.lastgroup == "line":
            verdict = _at_line(source, match.start())
        else:
            verdict = _at_thai_space(source, match.start())
        if verdict is None:
            return Search(match.start())
        if isinstance(verdict, Border):
            return verdict
        scan = match.end()


# None: more text is needed; False: no border here.
_Verdict = Border | bool | None


def _at_stop(source: _Text, at: int, stop: int) -> _Verdict:
    text = source.text
    run = text[at:stop]
    closers = _CLOSERS.match(text, stop)
    end = closers.end() if closers else stop
    if any(mark in _STRONG for mark in run):
        return _at_strong(source, at, run, end)
    if end == len(text):
        return Border(end, SENTENCE_PAUSE) if source.final else None
    if not text[end].isspace():
        # A full stop between letters belongs to an address or a number; Chinese and Japanese follow without a space.
        cjk = "\u2e80" <= text[end] <= "\u9fff" or "\uac00" <= text[end] <= "\uffef" or text[end] in "“‘"
        return Border(end, SENTENCE_PAUSE) if cjk and _ends_word(text, at, run) else False
    behind = skip_space(text, end)
    if _breaks(text, end, behind) > 1:
        return Border(end, PARAGRAPH_PAUSE)
    if behind == len(text):
        if source.final:
            return Border(end, SENTENCE_PAUSE)
        certain = source.eager and (_shouts(run) or (run == "." and _is_ordinary(_token(source, at))))
        return Border(end, SENTENCE_PAUSE) if certain else None
    verdict = _before_next(source, at, run, behind, quoted=end > stop)
    if verdict is False and _breaks(text, end, behind):
        return _at_line(source, end)
    return Border(end, SENTENCE_PAUSE) if verdict is True else verdict


def _at_strong(source: _Text, at: int, run: str, end: int) -> _Verdict:
    text = source.text
    following = text[end : end + 1]
    if run == "．" and text[at - 1 : at].isdigit() and (following.isdigit() or (not following and not source.final)):
        return False if following else None
    if not following and not source.final:
        sentence = text[max(source.start, end - _LOOK_BACK) : end]
        if not source.eager or any(sentence.count(opener) > sentence.count(closer) for opener, closer in _QUOTES):
            return None
    behind = skip_space(text, end)
    return Border(end, PARAGRAPH_PAUSE if _breaks(text, end, behind) > 1 else SENTENCE_PAUSE)


def _before_next(source: _Text, at: int, run: str, behind: int, *, quoted: bool) -> bool | None:
    """Whether the sentence ends, judged by what stands on both sides of the white space."""
    following = source.text[behind]
    if following in "»›":
        return False
    if _shouts(run) or run in (";", "\u037e"):
        return not (quoted and following.islower())
    if run != ".":
        return following.isupper() or following.istitle()
    if following.islower():
        return False
    return _ends_with_full_stop(source, at, behind)


def _ends_with_full_stop(source: _Text, at: int, behind: int) -> bool | None:
    text = source.text
    token = _token(source, at)
    bare = token.strip(",;:'’-").casefold()
    first = at - len(token) <= source.start
    if not bare:
        return True
    if bare.isdigit():
        return not first and (len(bare) > 2 or _next_word(source, behind, ORDINAL_NOUNS, otherwise=True))
    if first and _ROMAN_OR_LETTER.match(bare.upper()):
        return False
    if len(bare) == 1 and bare.isalpha() and bare.upper() != bare.lower():
        return False
    if bare in BEFORE_NUMBERS and text[behind].isdigit():
        return False
    if bare in ABBREVIATIONS:
        return False
    parts = bare.split(".")
    if len(parts) > 1 and all(len(part) <= 2 and part.isalpha() for part in parts):
        return bare in ("a.m", "p.m") or _next_word(source, behind, STARTERS, otherwise=False)
    return True


def _next_word(source: _Text, behind: int, words: frozenset[str], *, otherwise: bool) -> bool | None:
    match = _WORD.match(source.text, behind, behind + 24)
    if match is None:
        return otherwise
    if match.end() == len(source.text) and not source.final:
        return None
    return (match.group() in words) is not otherwise


def _token(source: _Text, at: int) -> str:
    """What stands before the full stop without a space."""
    found = _TOKEN.search(source.text[max(source.start, at - 24) : at])
    return found.group() if found else ""


def _is_ordinary(token: str) -> bool:
    bare = token.casefold()
    return len(bare) > 1 and bare.isalpha() and bare not in ABBREVIATIONS and bare not in BEFORE_NUMBERS


def _ends_word(text: str, at: int, run: str) -> bool:
    return _shouts(run) or (run == "." and at > 0 and text[at - 1].isalpha())


def _shouts(run: str) -> bool:
    return any(mark in "!?‼⁇⁈⁉" for mark in run)


def _breaks(text: str, at: int, end: int) -> int:
    """Line breaks in a stretch of white space; 2 and more are a blank line."""
    gap = text[at:end]
    return 2 if "\u2029" in gap else len(_LINE_BREAK.findall(gap))


def _at_line(source: _Text, at: int) -> _Verdict:
    text = source.text
    behind = skip_space(text, at)
    if _breaks(text, at, behind) > 1:
        return Border(at, PARAGRAPH_PAUSE)
    if behind == len(text):
        return False if source.final else None
    head = text[behind : behind + 8]
    if behind + len(head) == len(text) and not source.final and _HALF_MARK.match(head):
        return None
    begin = max(source.start, text.rfind("\n", max(source.start, at - _LOOK_BACK), at) + 1)
    line = text[begin:at].strip()
    if line.startswith("#"):
        return Border(at, PARAGRAPH_PAUSE)
    if _LIST_MARK.match(head):
        return Border(at, SENTENCE_PAUSE)
    if _LIST_MARK.match(line) and text[behind - 1] not in " \t":
        return Border(at, SENTENCE_PAUSE)
    if source.fresh and begin == source.start and _is_heading(line, text[behind]):
        return Border(at, PARAGRAPH_PAUSE)
    return False


def _is_heading(line: str, following: str) -> bool:
    if not line or len(line) > _HEADING_CHARS or not (line[-1].isalnum() or line[-1] in ":：)）"):
        return False
    uncased = line[0].isalpha() and line[0].upper() == line[0].lower()
    if uncased:
        return len(line) <= _HEADING_CHARS // 3
    return (line[0].isupper() or line[0].isdigit()) and not following.islower()


def _at_thai_space(source: _Text, at: int) -> _Verdict:
    text = source.text
    behind = skip_space(text, at)
    if behind == len(text):
        return False if source.final else None
    if _breaks(text, at, behind):
        return False
    following = text[behind]
    return Border(at, PHRASE_PAUSE) if "\u0e01" <= following <= "\u0edf" and following not in _REPEATS else False
