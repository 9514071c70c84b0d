"""Words that are heard are found in the text, and texts are cut where a reader would breathe."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.chromium import MARKS
from tests.support.player_page import open_pages, reading_browser

pytest.importorskip("playwright.sync_api")

pytestmark = MARKS


@pytest.fixture(scope="module")
def room() -> Iterator[tuple[str, Any]]:
    with reading_browser() as room:
        yield room


@pytest.fixture
def open_page(room: tuple[str, Any]) -> Iterator[Callable[..., Any]]:
    with open_pages(*room) as open_page:
        yield open_page


FOUND = """async ([text, words]) => {
  const { WordFinder } = await import("/tts/client/player/words.js");
  const finder = new WordFinder(text);
  words.forEach((word, index) => finder.learn(index, word));
  return words.map((word, index) => finder.find(index, word)).map((span) => span && text.slice(span.start, span.end));
}"""


@pytest.mark.parametrize(
    ("text", "said", "marked"),
    [
        ("Dr. Smith saw the doctor.", "doctor smith saw the doctor", "Dr|Smith|saw|the|doctor"),
        ("It cost $3.50 in", "it cost three dollars fifty in", "It|cost|3.50|3.50|3.50|in"),
        ("in 1984.", "in nineteen eighty four", "in|1984|1984|1984"),
        ("the lamp, the lamp", "the lamp the lamp", "the|lamp|the|lamp"),
        ("e-mail, don’t, co-op", "email don't co op", "e-mail|don’t|co|op"),
        ("U.S.A. today", "U S A today", "U|S|A|today"),
        ("U.S.A. today", "USA today", "U.S.A|today"),
        ("今天天气很好，我们去公园。", "今 天 天 气 很好 我们 去 公园", "今|天|天|气|很好|我们|去|公园"),
        ("Cafe\u0301 Äpfel", "café äpfel", "Cafe\u0301|Äpfel"),
        ("50% off", "fifty percent off", "50|50|off"),
        ("ﬁne <b>", "fine b", "ﬁne|b"),
        ("I ❤\ufe0f pizza", "I pizza", "I|pizza"),
    ],
)
def test_finds_words_that_are_written_otherwise(open_page, text: str, said: str, marked: str):
    page = open_page("bare.html")
    assert page.evaluate(FOUND, [text, said.split()]) == marked.split("|")


SECTIONS = """async ([text, lang, size, limit]) => {
  const { nextSection, readText } = await import("/tts/client/player/text.js");
  const article = readText(text, lang), sections = [];
  for (let from = 0, one; (one = nextSection(article, from, size, limit)); from = one.end) sections.push(one);
  return sections.map(({ text }) => text);
}"""


@pytest.mark.parametrize("segmenter", ["", "delete Intl.Segmenter;"], ids=["segmenter", "punctuation"])
@pytest.mark.parametrize(
    ("text", "lang", "limit", "sections"),
    [
        ("One is here. Two is there! Is it?", "en", 1000, ["One is here.", "Two is there!", "Is it?"]),
        ("Dr. Smith, J. Doe e.g. and so on. Next.", "en", 1000, ["Dr. Smith, J. Doe e.g. and so on.", "Next."]),
        ("A heading\n\nIts text.", "en", 1000, ["A heading.", "Its text."]),
        ("今天天气很好。我们去公园！", "zh", 1000, ["今天天气很好。", "我们去公园！"]),
        ("short, then a much longer clause", "en", 20, ["short, then a much", "longer clause."]),
        ("first clause is here, and more", "en", 24, ["first clause is here,", "and more."]),
        ("*** . . . ***\n\nWords. ---", "en", 1000, ["Words. ---"]),
        ("😀" * 3 + "abcdefghij", "en", 7, ["😀😀😀a", "bcdefgh", "ij."]),
        ("…", "en", 10, []),
    ],
)
def test_cuts_where_one_would_breathe(open_page, segmenter: str, text: str, lang: str, limit: int, sections: list[str]):
    page = open_page("bare.html", segmenter)
    assert page.evaluate(SECTIONS, [text, lang, 1, limit]) == sections


def test_begins_at_a_full_stop_with_what_can_be_said(open_page):
    page = open_page("bare.html")
    found = page.evaluate("""async () => {
      const { nextSection, readText } = await import("/tts/client/player/text.js");
      const article = readText("The lamp burns. And the keeper sleeps.", "en"), { text } = article;
      return [14, text.length - 1].map((from) => nextSection(article, from, 5, 200)?.text ?? null);
    }""")
    assert found == ["And the keeper sleeps.", None]
