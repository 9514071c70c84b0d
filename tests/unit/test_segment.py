"""Sentence borders in many scripts, pieces under limits, text that arrives while it is written."""

import time

import pytest

from litestar_tts.text.segment import Piece, PieceLimits, Splitter, pieces
from litestar_tts.text.sentences import Border, next_border, skip_space


def sentences(text: str) -> list[str]:
    found, start, fresh = [], skip_space(text, 0), True
    while start < len(text):
        border = next_border(text, start, start, fresh=fresh, final=True, eager=False)
        if not isinstance(border, Border):
            found.append(text[start:])
            break
        found.append(text[start : border.end].rstrip())
        start, fresh = skip_space(text, border.end), border.pause > 0.5
    return found


async def cut(text: str, **limits: int) -> list[Piece]:
    return [piece async for piece in pieces(text, PieceLimits(**limits))]


@pytest.mark.parametrize(
    "text",
    [
        # each sentence between bars
        "Dr. Smith met Mr. Jones at 3.14 p.m. today.|He left.|It was No. 5.|I said no.|Then she came.",
        "See e.g. this one, i.e. vol. 3, p. 12, fig. 4.|Done.",
        "Version 1.2.3 is at www.example.com/a.b?c=d!e now.|Mail a.b@example.org please.|Open file.txt first.",
        "The U.S. Army came.|J. R. R. Tolkien wrote.|He lives in the U.S.|He is old.",
        "Well... maybe not.|Wait...|What?|No… really.|Yes!?|Good.",
        '"Stop!" he said.|"Go."|She went.|(It rained.)|‘Why?’|Nobody knew.',
        "It was 2019.|The end came.|It cost 5 dollars.|Fine.",
        "Am 3. Oktober war z.B. der 2. Weltkrieg vorbei.|Er kam, d.h. er ging bzw. lief.|„Hallo.“|Er rief.",
        "Bonjour !|« Ça va ? » dit-il.|M. Dupont part.|Fin.",
        "¿Qué tal?|¡Hola!|El Sr. García llegó.|Adiós.",
        "Привет.|Это т.е. пример, г. Москва.|А. С. Пушкин писал.|Конец!",
        "Γεια σου.|Τι κάνεις;|Καλά.",
        "你好。|我是小明！|「你去哪里？」|他问。|真的……然后走了。|3.5版。",
        "これはペンです。|「はい！」|と言った。",
        "สวัสดีครับ|ผมชื่อสมชาย|วันนี้อากาศดีมาก 10 องศา",
        "यह एक है।|दूसरा वाक्य॥|क्या?",
        "مرحبا بك.|كيف حالك؟|أنا بخير۔|نعم.",
        "Բարեւ։|Ինչպես ես։",
        "ሰላም።|እንዴት ነህ፧|ደህና።",
        "မင်္ဂလာပါ။|နေကောင်းလား။",
        "សួស្តី។|អ្នកសុខសប្បាយទេ?",
    ],
)
def test_sentence_borders(text: str) -> None:
    joiner = "" if "。" in text else " "
    assert sentences(text.replace("|", joiner)) == text.split("|")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A line\nthat goes on\r\nand on.", ["A line\nthat goes on\r\nand on."]),
        ("one line that\n\nends here", ["one line that", "ends here"]),
        ("One \n \n Two", ["One", "Two"]),
        ("# Title\nText starts here.", ["# Title", "Text starts here."]),
        ("Introduction\nThis is the text of\nit.", ["Introduction", "This is the text of\nit."]),
        ("1. First item\n2. Second item\n10) Third", ["1. First item", "2. Second item", "10) Third"]),
        ("Buy:\n- milk\n- bread\n  from rye\n- tea", ["Buy:", "- milk", "- bread\n  from rye", "- tea"]),
        ("第一章\n他来了。", ["第一章", "他来了。"]),
    ],
)
def test_lines(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


async def test_the_first_piece_is_one_sentence_and_later_ones_are_full() -> None:
    found = await cut("This is the first one. " + "And this is another. " * 30, first_chars=100, max_chars=200)
    assert found[0].text == "This is the first one."
    assert all(len(piece.text) > 150 for piece in found[1:-1])
    assert all(piece.text.endswith("another.") and len(piece.text) <= 200 for piece in found[1:])


async def test_a_very_short_first_sentence_takes_the_next_along() -> None:
    found = await cut("Hi. How are you today? I am fine.", first_chars=100)
    assert [piece.text for piece in found] == ["Hi. How are you today?", "I am fine."]
    assert (await cut("Hi. How are you today?", first_chars=10))[0].text == "Hi."


async def test_pauses_are_those_of_a_reader() -> None:
    found = await cut("One sentence here. Two.\n\nThree, and more of it, up to here", first_chars=18, max_chars=18)
    assert [(piece.text, piece.pause) for piece in found] == [
        ("One sentence here.", 0.45),
        ("Two.", 0.7),
        ("Three,", 0.2),
        ("and more of it,", 0.2),
        ("up to here", 0.45),
    ]
    assert [piece.pause for piece in await cut("a" * 30, first_chars=10, max_chars=20)] == [0.05, 0.45]


async def test_a_long_sentence_is_cut_at_a_clause_then_at_a_space_then_anywhere() -> None:
    by_clause = await cut("first some words, then some more words and so on", first_chars=30, max_chars=30)
    assert by_clause[0].text == "first some words,"
    by_space = await cut("some words without any mark between them", first_chars=20, max_chars=20)
    assert [piece.text for piece in by_space] == ["some words without", "any mark between", "them"]
    chinese = await cut("我们今天去公园玩，然后回家吃饭休息看书", first_chars=12, max_chars=12)
    assert [piece.text for piece in chinese] == ["我们今天去公园玩，", "然后回家吃饭休息看书"]


@pytest.mark.parametrize(
    "cluster", ["👩‍👩‍👧‍👦", "🇩🇪", "e\u0301\u0323", "क्षि", "👍🏽", "\u1112\u1161\u11ab", "กำ", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
)
async def test_no_character_is_torn(cluster: str) -> None:
    text = "a" + cluster * 40 + "b"
    for limit in range(len(cluster) + 1, len(cluster) + 9):
        for piece in await cut(text, first_chars=limit, max_chars=limit):
            assert piece.text.lstrip("a").rstrip("b") == cluster * piece.text.count(cluster)


async def test_bytes_count_after_escaping() -> None:
    text = "R&D <b> 你好 " * 100
    for piece in await cut(text, first_chars=200, max_chars=400, max_bytes=64):
        escaped = piece.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert len(escaped.encode()) <= 64


async def test_a_piece_holds_a_letter_or_digit() -> None:
    found = await cut("... !!! Hello there you. ??? *** Next one. --- ", first_chars=40, max_chars=40)
    assert "".join(piece.text for piece in found).replace(" ", "") == "...!!!Hellothereyou.???***Nextone.---"
    assert all(any(char.isalnum() for char in piece.text) for piece in found)
    assert await cut("... !!! 👍 ---") == []
    assert await cut(" \n\n ") == []


async def test_offsets_are_positions_in_the_whole_text() -> None:
    text = "  Ein Satz mit Wörtern.  Noch einer!\n\n\tUnd “der” Schluss" * 50
    for piece in await cut(text, first_chars=30, max_chars=60):
        assert text[piece.offset : piece.offset + len(piece.text)] == piece.text


def test_a_sentence_comes_as_soon_as_it_is_whole() -> None:
    splitter = Splitter(PieceLimits())
    assert splitter.feed("Hello wor") == []
    assert splitter.feed("ld.") == []
    assert [piece.text for piece in splitter.feed(" ")] == ["Hello world."]
    assert splitter.feed("It costs 3.") == []
    assert splitter.feed("50 as Dr. ") == []
    assert [piece.text for piece in splitter.feed("Who said. Then")] == ["It costs 3.50 as Dr. Who said."]
    assert [piece.text for piece in splitter.feed(" it ended? Yes! N")] == ["Then it ended? Yes!"]
    assert [piece.text for piece in splitter.finish()] == ["N"]


@pytest.mark.parametrize(
    ("text", "more", "whole"),
    [
        ("你好。", "我", "你好。"),
        ("यह है।", " वह", "यह है।"),
        ("Really? ", "Yes", "Really?"),
        ("A heading\n\n", "Text", "A heading"),
    ],
)
def test_scripts_with_clear_ends_do_not_wait(text: str, more: str, whole: str) -> None:
    splitter = Splitter(PieceLimits())
    assert [piece.text for piece in splitter.feed(text)] == [whole]
    assert splitter.feed(more) == []


def test_an_open_quotation_waits_for_its_end() -> None:
    splitter = Splitter(PieceLimits())
    assert splitter.feed("他说「你好。") == []
    assert [piece.text for piece in splitter.feed("」他")] == ["他说「你好。」"]


def test_an_endless_sentence_is_spoken_while_it_is_written() -> None:
    splitter = Splitter(PieceLimits(first_chars=50, max_chars=100))
    early = [piece for _ in range(40) for piece in splitter.feed("word after word, ")]
    assert len(early) > 3
    assert "".join(piece.text + " " for piece in [*early, *splitter.finish()]) == "word after word, " * 40


def test_a_finished_splitter_takes_no_more() -> None:
    splitter = Splitter(PieceLimits())
    splitter.finish()
    with pytest.raises(RuntimeError, match="new Splitter"):
        splitter.feed("x")


async def test_pieces_close_the_source_they_were_given() -> None:
    closed = []

    async def source():
        try:
            while True:
                yield "One more sentence. "
        finally:
            closed.append(True)

    stream = pieces(source(), PieceLimits())
    assert (await anext(stream)).text == "One more sentence."
    await stream.aclose()
    assert closed == [True]


ADVERSARIAL = {
    "spaces": " ",
    "dots": ".",
    "no spaces": "a",
    "sentences": "A. ",
    "exclamations": "! ",
    "newlines": "\n",
    "lines": "a\n",
    "marks": "\u0301",
    "flags": "🇦",
    "abbreviations": "Dr. ",
    "thai": "ก ",
    "quotes": '"',
    "ampersands": "&",
    "list": "1. ",
    "headings": "# a\n",
    "full stops": "。",
    "long gaps": "a" + " " * 5000,
    "brackets": "「",
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_time_is_linear(name: str) -> None:
    unit = ADVERSARIAL[name]
    text = "x" + unit * (200_000 // len(unit))
    started = time.process_time()
    splitter = Splitter(PieceLimits(max_chars=800, max_bytes=4096))
    splitter.feed(text)
    splitter.finish()
    splitter = Splitter(PieceLimits(max_chars=800, max_bytes=4096))
    for at in range(40_000):
        splitter.feed(text[at])
    # About 0.3 s; anything quadratic takes minutes.
    assert time.process_time() - started < 5


async def test_a_slow_text_fills_a_piece_sooner() -> None:
    async def longest(text: str) -> int:
        found = await cut(text, max_chars=4096, max_seconds=60)
        assert len(found) > 2
        assert "".join("".join(piece.text.split()) for piece in found) == "".join(text.split())
        return max(len(piece.text) for piece in found[1:])

    digits = await longest("1234567890. " * 50)
    han = await longest("今日は天気がいい。" * 100)
    letters = await longest("Ordinaryword. " * 200)
    assert digits < han < letters


async def test_a_long_first_sentence_stays_whole() -> None:
    text = "This first sentence, " + "which goes on and on, " * 20 + "ends here. And a second one."
    assert (await cut(text, first_chars=200, max_chars=1000))[0].text.endswith("ends here.")
