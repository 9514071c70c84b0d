"""The snapshot of voices, and a list that keeps nobody waiting."""

import asyncio
import re
import time

import pytest

from litestar_tts.engines.edge_voices import VoiceList, long_name, snapshot, voices_of
from litestar_tts.exceptions import EngineError

ENTRY = {
    "ShortName": "en-US-NewNeural",
    "Gender": "Female",
    "Locale": "en-US",
    "Status": "GA",
    "VoiceTag": {"VoicePersonalities": ["Warm", " Clear"]},
}


def voice_list(fetch, *, ttl: float = 3600, retry: float = 60, patience: float = 0.2) -> VoiceList:
    return VoiceList(fetch, ttl=ttl, retry=retry, patience=patience)


def test_every_voice_of_the_snapshot_is_well_formed() -> None:
    voices = snapshot()
    assert len(voices) > 300
    assert len({voice.id.casefold() for voice in voices}) == len(voices)
    for voice in voices:
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?-[A-Z]{2}(-[a-z]+)?", voice.language), voice
        assert re.fullmatch(re.escape(voice.language) + r"-[A-Z]\w+Neural", voice.id), voice
        assert voice.gender in ("Female", "Male")
        assert voice.engine == "edge"
        assert voice.name.replace(" ", "") + "Neural" == voice.id.rpartition("-")[2]
    assert {voice.language.partition("-")[0] for voice in voices} >= {"ar", "de", "en", "es", "fr", "hi", "ja", "zh"}


def test_the_well_known_are_there() -> None:
    ids = {voice.id: voice for voice in snapshot()}
    assert ids["en-US-AriaNeural"].gender == "Female"
    assert ids["en-US-AndrewMultilingualNeural"].name == "Andrew Multilingual"
    assert len([name for name in ids if "Multilingual" in name]) == 12


def test_children_do_not_stand_first() -> None:
    females = [voice.name for voice in snapshot() if voice.language == "en-US" and voice.gender == "Female"]
    assert females[0] == "Aria"
    assert females[-1] == "Ana"


def test_edge_tts_takes_the_long_name_of_every_voice() -> None:
    from edge_tts import Communicate

    for voice in snapshot():
        communicate = Communicate("x", long_name(voice), boundary="WordBoundary")
        assert communicate.tts_config.voice == long_name(voice)
    by_id = {voice.id: voice for voice in snapshot()}
    short = Communicate("x", "zh-CN-liaoning-XiaobeiNeural").tts_config.voice
    assert short == long_name(by_id["zh-CN-liaoning-XiaobeiNeural"])


def test_entries_that_are_no_voices_are_left_out() -> None:
    entries = [
        ENTRY,
        {**ENTRY, "ShortName": "en-US-OldNeural", "Status": "Deprecated"},
        {**ENTRY, "ShortName": None},
        {**ENTRY, "ShortName": "en-US-Bad Name\n"},
        {**ENTRY, "ShortName": "en-US-OddNeural", "Gender": "?", "VoiceTag": {"VoicePersonalities": None}},
        {"ShortName": "x"},
        "nonsense",
        None,
    ]
    new, odd = voices_of(entries)
    assert (new.id, new.gender, new.description) == ("en-US-NewNeural", "Female", "Warm, Clear")
    assert (odd.id, odd.gender, odd.description) == ("en-US-OddNeural", None, None)


async def test_the_live_list_is_the_truth_once_it_is_there() -> None:
    calls = []

    async def fetch():
        calls.append(1)
        return [ENTRY]

    voices = voice_list(fetch)
    assert (await voices.find("EN-us-arianeural")).id == "en-US-AriaNeural"
    assert not calls
    assert (await voices.find("en-us-newneural")).id == "en-US-NewNeural"
    assert [voice.id for voice in await voices.get()] == ["en-US-NewNeural"]
    assert await voices.find("en-US-AriaNeural") is None
    assert len(calls) == 1


async def test_a_failure_is_remembered() -> None:
    calls = []

    async def fetch():
        calls.append(1)
        raise EngineError("down")

    voices = voice_list(fetch)
    assert await voices.find("xx-XX-NobodyNeural") is None
    assert await voices.get() == snapshot()
    assert await voices.find("xx-XX-NobodyNeural") is None
    assert len(calls) == 1
    again = voice_list(fetch, retry=0)
    await again.get()
    await again.get()
    assert len(calls) == 3


async def test_an_empty_list_is_a_failure() -> None:
    async def fetch():
        return []

    assert await voice_list(fetch).get() == snapshot()


async def test_nobody_waits_long_and_the_answer_is_used_when_it_comes() -> None:
    answer: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()
    voices = voice_list(lambda: answer, patience=0.05)
    started = time.monotonic()
    both = await asyncio.gather(voices.get(), voices.get())
    assert time.monotonic() - started < 1
    assert both == [snapshot(), snapshot()]
    answer.set_result([ENTRY])
    assert [voice.id for voice in await voices.get()] == ["en-US-NewNeural"]


async def test_an_old_list_is_renewed_in_the_background() -> None:
    answers: asyncio.Queue[list[object]] = asyncio.Queue()
    voices = voice_list(answers.get, ttl=0)
    answers.put_nowait([ENTRY])
    assert len(await voices.get()) == 1
    started = time.monotonic()
    assert len(await voices.get()) == 1
    assert time.monotonic() - started < 0.1
    task = voices._task
    answers.put_nowait([ENTRY, {**ENTRY, "ShortName": "en-US-OtherNeural"}])
    await asyncio.wait_for(task, 1)
    assert (await voices.find("en-US-OtherNeural")) is not None
    await voices.close()


async def test_close_stops_a_question_under_way() -> None:
    voices = voice_list(asyncio.Event().wait, patience=0.01)
    await voices.get()
    task = voices._task
    await voices.close()
    assert task.cancelled()


@pytest.mark.parametrize("name", ["", "en-US", "Aria", "en-US-AriaNeural "])
async def test_only_whole_names_are_found(name: str) -> None:
    async def fetch():
        raise EngineError("down")

    assert await voice_list(fetch).find(name) is None
