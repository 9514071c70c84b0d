import asyncio
from collections.abc import AsyncGenerator

import pytest

from litestar_tts.exceptions import InvalidRequestError, TextTooLongError
from litestar_tts.road.manuscript import Manuscript, clean_text


class Tokens:
    def __init__(self, *parts: str, error: Exception | None = None) -> None:
        self.parts, self.error = parts, error
        self.reads = 0
        self.closed = False

    async def stream(self) -> AsyncGenerator[str, None]:
        try:
            for part in self.parts:
                self.reads += 1
                yield part
            if self.error:
                raise self.error
        finally:
            self.closed = True


async def read(manuscript: Manuscript) -> list[str]:
    return [part async for part in manuscript.read()]


async def test_a_whole_text_is_one_part():
    manuscript = Manuscript("Hello.", 10)
    assert await read(manuscript) == await read(manuscript) == ["Hello."]
    await manuscript.aclose()


async def test_a_source_is_read_once_for_all_readers():
    tokens = Tokens("One ", "two ", "three.")
    manuscript = Manuscript(tokens.stream(), 100)
    both = await asyncio.gather(read(manuscript), read(manuscript))
    assert both == [["One ", "two ", "three."]] * 2
    assert tokens.reads == 3
    assert manuscript.length == 14
    await manuscript.aclose()


async def test_a_reader_that_is_cancelled_does_not_end_the_source_for_others():
    gate = asyncio.Event()

    async def source() -> AsyncGenerator[str, None]:
        yield "One "
        await gate.wait()
        yield "two."

    manuscript = Manuscript(source(), 100)
    gone = asyncio.create_task(read(manuscript))
    async for part in manuscript.read():
        assert part == "One "
        break
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    gate.set()
    assert await read(manuscript) == ["One ", "two."]
    await manuscript.aclose()


async def test_too_much_text_is_refused_while_it_comes():
    tokens = Tokens("x" * 8, "y" * 8)
    manuscript = Manuscript(tokens.stream(), 10)
    with pytest.raises(TextTooLongError):
        await read(manuscript)
    await manuscript.aclose()
    assert tokens.closed


async def test_the_writers_error_reaches_the_reader():
    manuscript = Manuscript(Tokens("One ", error=RuntimeError("model went away")).stream(), 100)
    parts = []
    with pytest.raises(RuntimeError, match="model went away"):
        async for part in manuscript.read():
            parts.append(part)
    assert parts == ["One "]
    await manuscript.aclose()


async def test_closing_closes_the_source():
    tokens = Tokens("One ", "two.")
    manuscript = Manuscript(tokens.stream(), 100)
    stream = manuscript.read()
    assert await anext(stream) == "One "
    await stream.aclose()
    await manuscript.aclose()
    assert tokens.closed


@pytest.mark.parametrize(
    ("text", "clean"),
    [("plain", "plain"), ("a\0b\x07c", "a b c"), ("a\nb\tc", "a\nb\tc"), ("é\x85ü", "é ü"), ("🙂", "🙂")],
)
def test_control_characters_become_spaces_in_place(text: str, clean: str):
    assert clean_text(text) == clean


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(InvalidRequestError):
        clean_text("a\ud800b")
