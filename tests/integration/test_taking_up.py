"""A stream that breaks off goes on where it was, in the same voice, through the real client."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Timeouts
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.exceptions import EngineError
from litestar_tts.models import AudioFormat, SpeechResult
from litestar_tts.service import SpeechService
from tests.support.edge_service import EdgeService
from tests.support.sound import decode, likeness
from tests.support.timeline import check_timeline, payloads

FIRST = "The road goes ever on and on."
SECOND = "Down past many doors where it began, then far ahead all roads have gone."
THIRD = "I must follow it if I can."
TEXT = f"{FIRST} {SECOND} {THIRD}"
ARIA = "en-US-AriaNeural"


@pytest.fixture(scope="module")
def edge():
    with EdgeService() as service:
        yield service


@pytest.fixture
async def service(edge: EdgeService, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SpeechService]:
    monkeypatch.setattr("litestar_tts.road.take.pause_before_retry", lambda _: 0.0)
    edge.reset()
    engine = EdgeEngine(url=edge.url, timeouts=Timeouts(first_audio=2.0, gap=0.3, whole=60))
    async with SpeechService(TTSConfig(engines=[engine, "espeak"], hedge_after=None)) as service:
        yield service
        edge.wait(lambda counters: counters.open == 0)
    edge.reset()


async def whole(service: SpeechService, text: str = TEXT, **options) -> SpeechResult:
    return await service.speak(text, voice=ARIA, **options).collect()


def is_whole(result: SpeechResult, text: str) -> None:
    assert result.info.engine == "edge"
    assert " ".join(word.text for word in result.words) == " ".join(text.replace(".", "").replace(",", "").split())
    times = [word.time for word in result.words]
    assert times == sorted(times)
    check_timeline(payloads(result.visemes), result.duration)


@pytest.mark.parametrize(
    "fault", ["close_mid", "abort_mid", "hang_mid", "garbage_frame", "garbage_path", "empty_audio"]
)
@pytest.mark.parametrize("target", [AudioFormat.WAV, AudioFormat.MP3])
async def test_the_listener_hears_the_whole_text(service, edge, fault: str, target: AudioFormat):
    spoken = await whole(service, format=target)
    edge.reset()
    edge.fault_for = lambda request: fault if request.text.startswith("Down") and len(edge.requests) == 2 else None
    got = await whole(service, format=target)
    is_whole(got, TEXT)
    # The second piece broke off in its first sentence, which is spoken again with what follows.
    assert edge.texts == [FIRST, f"{SECOND} {THIRD}", f"{SECOND} {THIRD}"]
    assert {request.voice for request in edge.requests} == {edge.requests[0].voice}
    assert got.duration == pytest.approx(spoken.duration, abs=0.03)
    expected = [word.time for word in spoken.words]
    assert [word.time for word in got.words] == pytest.approx(expected, abs=0.03)
    # Nothing sounds twice, nothing is missing: it is the same sound but for the seam.
    (mended, _), (clean, _) = decode(got.audio, target), decode(spoken.audio, target)
    assert len(mended) == pytest.approx(len(clean), abs=0.03 * 24_000)
    assert likeness(np.abs(mended), np.abs(clean)) > 0.9


async def test_between_two_sentences_the_next_one_is_asked_for(service, edge):
    text = f"{FIRST} {THIRD} {SECOND}"

    def fault(request):
        # Half of this piece's sound lies behind its first sentence.
        return "close_mid" if request.text.startswith(THIRD) and len(edge.requests) == 2 else None

    edge.fault_for = fault
    is_whole(await whole(service, text), text)
    assert edge.texts[2] in {SECOND, f"{THIRD} {SECOND}"}


async def test_breaking_off_again_and_again_is_survived_while_it_gets_further(service, edge):
    sentences = [f"Sentence number {name} is here." for name in ("one", "two", "three", "four", "five", "six")]
    text = " ".join(sentences)
    edge.fault_for = lambda request: "close_mid" if len(request.text) > 60 else None
    result = await whole(service, text)
    is_whole(result, text)
    assert len(edge.texts) >= 4
    starts = {text.index(sentence) for sentence in sentences}
    assert {text.index(asked) for asked in edge.texts} <= starts, "every one begins with a sentence"


async def test_a_sentence_that_never_ends_is_given_up(service, edge):
    edge.fail("close_mid", None)
    with pytest.raises(EngineError):
        async for _ in service.speak(SECOND, voice=f"edge:{ARIA}"):
            pass
    assert edge.counters.requests == 8


async def test_what_breaks_off_behind_the_last_word_is_whole(service, edge):
    edge.fail("no_turn_end_close", None)
    is_whole(await whole(service), TEXT)
    assert edge.texts == [FIRST, f"{SECOND} {THIRD}"]


async def test_the_next_piece_is_asked_for_while_one_is_heard(service, edge):
    edge.first_delay = 0.05
    try:
        async with service.speak(TEXT, voice=ARIA, format="mp3") as speech:
            await speech.start()
            await edge.until(lambda counters: counters.requests == 2)
        await edge.until(lambda counters: counters.open == 0)
    finally:
        edge.first_delay = 0.0


@pytest.mark.parametrize("fault", ["close_before", "no_audio", "403", "503", "handshake_reset"])
async def test_a_piece_that_does_not_begin_is_asked_for_again(service, edge, fault: str):
    await whole(service, FIRST)
    edge.reset()
    times = 2  # edge-tts asks a second time by itself after a 403
    if fault in ("close_before", "no_audio"):
        seen: list[str] = []

        def later(request):
            seen.append(request.text)
            return fault if request.text.startswith("Down") and len(seen) < 4 else None

        edge.fault_for = later
        is_whole(await whole(service), TEXT)
        return
    async with service.speak(TEXT, voice=ARIA, format="mp3") as speech:
        # The second handshake and those that follow are struck, the first was not.
        await speech.start()
        edge.fail(fault, times)
        heard = b"".join([event.data async for event in speech if hasattr(event, "data")])
    assert heard
