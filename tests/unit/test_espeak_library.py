from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from litestar_tts.espeak import copies
from litestar_tts.espeak.library import Espeak, EspeakEvent
from litestar_tts.exceptions import EngineError, MissingExtraError


@pytest.fixture(scope="module")
def espeak():
    copy = Espeak()
    yield copy
    copy.close()


def phones(espeak: Espeak, text: str, **options: object) -> list[str]:
    return [event.phone for event in espeak.synthesize(text, **options)[2] if event.kind == "phoneme"]


def words(espeak: Espeak, text: str, voice: str = "en-us") -> list[str]:
    events = espeak.synthesize(text, voice=voice)[2]
    return [text[e.position : e.position + e.length] for e in events if e.kind == "word"]


def test_speaks_with_words_and_phones_in_order(espeak):
    pcm, rate, events = espeak.synthesize("Hello world")
    assert rate == 22_050
    assert 0.5 < len(pcm) / 2 / rate < 2
    assert [event.sample for event in events] == sorted(event.sample for event in events)
    assert events[-1].sample <= len(pcm) // 2
    assert "".join(e.phone for e in events if e.kind == "phoneme") == "həlˈoʊwˈɜːld"


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("ru", "Привет, мир!", ["Привет", "мир"]),
        ("hi", "आप कैसे हैं", ["आप", "कैसे", "हैं"]),
        ("en-us", "a 🚀 word 𝒜 here", ["a", "🚀", "word", "𝒜", "here"]),
        ("cmn", "今天", ["今", "天"]),
    ],
)
def test_positions_count_characters_not_bytes_or_utf16(espeak, voice, text, expected):
    assert words(espeak, text, voice) == expected


def test_control_characters_neither_end_nor_shift_the_text(espeak):
    assert words(espeak, "one\0two\x1b\ud800\x9fthree\ufffe four") == ["one", "two", "three", "four"]


def test_parameters_do_not_leak_into_the_next_call(espeak):
    plain = phones(espeak, "Water")
    size = len(espeak.synthesize("Water")[0])
    espeak.synthesize("вода", voice="ru+f2", rate=400, pitch=90, pitch_range=90, volume=20)
    assert phones(espeak, "Water") == plain
    # The library never repeats itself to the sample; a rate that leaked would halve it.
    assert len(espeak.synthesize("Water")[0]) == pytest.approx(size, rel=0.08)


def test_rate_stops_where_event_times_would_go_wrong(espeak):
    pcm, _, events = espeak.synthesize("The quick brown fox jumps over the lazy dog.", rate=10_000)
    assert events[-1].sample == pytest.approx(len(pcm) // 2, abs=300)


def test_returning_false_stops_and_leaves_the_copy_usable(espeak):
    blocks: list[bytes] = []

    def twice(block: bytes, _events: list[EspeakEvent]) -> bool:
        blocks.append(block)
        return len(blocks) < 2

    assert espeak.stream("word " * 300, twice) is False
    assert len(blocks) == 2
    assert words(espeak, "good morning") == ["good", "morning"]


def test_an_exception_of_the_callback_comes_out(espeak):
    def fails(_block: bytes, _events: list[EspeakEvent]) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        espeak.stream("word", fails)
    assert phones(espeak, "word")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "gmw/en-US", "en-us+../x", "en-us+!v/f3", "en-us+f3+f4", "+f3", "en-us+", "", "xx", "/"],
)
def test_only_listed_names_are_voices(espeak, name):
    assert espeak.resolve(name) is None
    with pytest.raises(EngineError, match="no voice"):
        espeak.synthesize("word", voice=name)


def test_listed_names_are_voices_in_any_case(espeak):
    assert espeak.resolve("EN-us") == "gmw/en-US"
    assert espeak.resolve("en-us+F3") == "gmw/en-US+f3"
    assert espeak.resolve("zh") == "sit/cmn"
    assert len(espeak.voices) > 130
    assert len(espeak.variants) > 50


def test_copies_do_not_share_their_state():
    first, second = Espeak(), Espeak()
    try:
        alone = phones(first, "Hello привет", voice="en-us"), phones(second, "Hello привет", voice="ru")
        assert alone[0] != alone[1]
        wrong: list[str] = []

        def speak(copy: Espeak, voice: str, expected: list[str]) -> None:
            for _ in range(30):
                if phones(copy, "Hello привет", voice=voice) != expected:
                    wrong.append(voice)

        threads = [
            threading.Thread(target=speak, args=args)
            for args in ((first, "en-us", alone[0]), (second, "ru", alone[1]), (first, "ru", alone[1]))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
    finally:
        first.close()
        second.close()


def test_a_closed_copy_says_so():
    copy = Espeak()
    copy.close()
    copy.close()
    with pytest.raises(EngineError, match="closed"):
        copy.synthesize("word")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_copy_leaves_nothing_behind(monkeypatch, tmp_path, in_memory):
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Espeak().close()  # whatever is opened once and for all
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    mapped = Path("/proc/self/maps").read_text().count("libespeak-ng")
    for _ in range(3):
        copy = Espeak()
        assert copy.synthesize("word")[0]
        assert list(tmp_path.iterdir()) == []
        copy.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert Path("/proc/self/maps").read_text().count("libespeak-ng") == mapped


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no anonymous files here")
def test_falls_back_to_a_file_where_memory_may_not_be_executed(monkeypatch):
    def forbidden(_name: str) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", forbidden)
    copy = Espeak()
    assert copy.synthesize("word")[0]
    copy.close()


def test_a_library_that_cannot_be_loaded_is_a_clear_error(monkeypatch):
    def fails(_source: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr("litestar_tts.espeak.library.load_copy", fails)
    with pytest.raises(EngineError, match="espeakng-loader"):
        Espeak()


def test_data_that_cannot_be_read_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr("espeakng_loader.get_data_path", lambda: str(tmp_path))
    with pytest.raises(EngineError, match="data"):
        Espeak()


def test_a_missing_wheel_names_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "litestar-tts\[espeak\]"'):
        Espeak()


def test_a_broken_file_is_an_os_error_and_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    source = tmp_path / "broken.so"
    source.write_bytes(b"no library")
    with pytest.raises(OSError, match=r".+"):
        copies.load_copy(source)
    assert list(tmp_path.iterdir()) == [source]
