"""Whatever the text and the limits: nothing that can be spoken is lost, doubled, torn or too long."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.text.segment import Piece, PieceLimits, Splitter

TOKENS = (
    "Hello", "Dr.", "e.g.", "3.14", "No. 5", "U.S.", "...", "…", "!", "?", ". ", "\n", "\n\n", " ", "\t", ", ", "; ",
    "你好", "。", "「", "」", "！", "สวัสดี", "नमस्ते", "।", "؟", "“", "”", '"', "»", "«", "&", "<", ">", "&amp;",
    "- ", "1. ", "# ", "👩‍👩‍👧", "🇩🇪", "e\u0301", "\u0301", "\u200d", "한국",
    "\r\n", "x" * 30, "-", "—", "α;", "\u2029",
)  # fmt: skip

texts = st.lists(st.sampled_from(TOKENS) | st.text(max_size=6), max_size=60).map("".join)
limits = st.builds(
    PieceLimits,
    first_chars=st.integers(1, 60),
    max_chars=st.integers(1, 120),
    max_bytes=st.none() | st.integers(6, 200),
)
roomy = PieceLimits(first_chars=100_000, max_chars=100_000)


def check(text: str, found: list[Piece], limits: PieceLimits) -> None:
    reached = 0
    for piece in found:
        assert text[piece.offset : piece.offset + len(piece.text)] == piece.text
        assert not re.search(r"[^\W_]", text[reached : piece.offset])
        assert re.search(r"[^\W_]", piece.text)
        assert piece.text == piece.text.strip()
        assert len(piece.text) <= limits.max_chars
        if limits.max_bytes is not None:
            escaped = piece.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            assert len(escaped.encode("utf-8", "surrogatepass")) <= limits.max_bytes
        assert piece.pause > 0
        assert piece.offset >= reached
        reached = piece.offset + len(piece.text)
    assert not re.search(r"[^\W_]", text[reached:])


def whole(text: str, limits: PieceLimits) -> list[Piece]:
    splitter = Splitter(limits)
    return splitter._feed(text, eager=False) + splitter.finish()


@settings(max_examples=300, deadline=None)
@given(texts, limits)
def test_whole_text(text: str, limits: PieceLimits) -> None:
    check(text, whole(text, limits), limits)


@settings(max_examples=300, deadline=None)
@given(texts, limits, st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_text_that_is_being_written(text: str, limits: PieceLimits, steps: list[int]) -> None:
    splitter, found, at, turn = Splitter(limits), [], 0, 0
    while at < len(text):
        step = steps[turn % len(steps)]
        found += splitter.feed(text[at : at + step])
        at, turn = at + step, turn + 1
    check(text, found + splitter.finish(), limits)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_joined_pieces_are_the_text_apart_from_white_space(text: str) -> None:
    found = whole(text, roomy)
    expected = "".join(text.split()) if re.search(r"[^\W_]", text) else ""
    assert "".join("".join(piece.text.split()) for piece in found) == expected


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(1, 40))
def test_slices_of_a_whole_text_do_not_show(text: str, step: int) -> None:
    limits = PieceLimits(first_chars=20, max_chars=50)
    splitter, found = Splitter(limits), []
    for at in range(0, len(text), step):
        found += splitter._feed(text[at : at + step], eager=False)
    check(text, found + splitter.finish(), limits)
