"""Long work on the command line: books, players, subtitles."""

import json
import os
import re
import resource
import shlex
import signal
import stat
import subprocess
import sys
import time
import wave
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from litestar_tts.audio.formats import skip_samples_of
from litestar_tts.cli import take
from litestar_tts.cli.direct import is_stream
from litestar_tts.cli.sections import SECTION_CHARS, sections
from litestar_tts.cli.take import Order, Take
from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import EngineError, TTSError, UnspeakableTextError
from litestar_tts.models import AudioFormat
from litestar_tts.service import SpeechService
from tests.support.scripted import ScriptedEngine
from tests.support.terminal import in_terminal

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)  # whole processes, several in a row, on a machine that may be busy
PARAGRAPH = (
    "The harbour was empty when she came. Twelve boats had gone out at a quarter to seven. "
    "Nobody had told her, and the kettle was cold.\n\n"
)
PAGES = PARAGRAPH * 27
"""Three sections."""
BOOK = PARAGRAPH * 200
"""Twenty sections, of which the tests wait for a few."""
CHAPTER = PARAGRAPH * 44
"""Four sections."""


def environment(**variables: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    return clean | {"PYTHONPATH": str(ROOT), "TTS_EDGE_URL": "ws://127.0.0.1:9", "TTS_ENGINES": "espeak"} | variables


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "litestar_tts", "say", *arguments]


@pytest.fixture
def say(tmp_path):
    def say(text: str, *arguments: str, limit: int | None = None, **variables: str) -> "subprocess.CompletedProcess":
        (tmp_path / "text.txt").write_text(text, encoding="utf-8")
        return subprocess.run(
            command("@text.txt", *arguments),
            env=environment(**variables),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
            preexec_fn=None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )

    return say


@pytest.fixture
def start(tmp_path):
    """Start the command in the folder; whatever still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        (tmp_path / "text.txt").write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            command("@text.txt", *arguments),
            env=environment(**variables),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(condition, process: "subprocess.Popen[str]", seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finished_sections(target: Path) -> int:
    journal = target.with_name(f"{target.name}.part.journal")
    return journal.read_bytes().count(b"\n") - 1 if journal.exists() else 0


def decode(path: Path) -> tuple[np.ndarray, int]:
    """Samples behind the encoder's delay, on the s16 scale, and Hz."""
    if path.suffix == ".pcm":
        return np.frombuffer(path.read_bytes(), "<i2").astype(float), 24_000
    parts = []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        for frame in container.decode(stream):
            scale = 1.0 if frame.format.name.startswith("s16") else 32768.0
            parts.append(frame.to_ndarray()[0].astype(float) * scale)
        rate = stream.rate
    return np.concatenate(parts)[skip_samples_of(AudioFormat(path.suffix[1:])) :], rate


def longest_silence(samples: np.ndarray, rate: int) -> float:
    loud = np.flatnonzero(np.abs(samples) > 200)
    return float(np.diff(loud).max() / rate)


def told_seconds(line: str) -> float:
    return float(re.search(r"([\d.]+) s(?: \([\d:]+\))? (?:of|played)", line)[1])


def cues(path: Path) -> list[tuple[float, float, str]]:
    found = []
    for block in path.read_text(encoding="utf-8").removeprefix("WEBVTT\n\n").strip().split("\n\n"):
        number, times, *lines = block.splitlines()
        assert int(number) == len(found) + 1
        start, end = (
            int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3]) + int(m[4]) / 1000
            for m in re.finditer(r"(\d\d):(\d\d):(\d\d)[.,](\d{3})", times)
        )
        found.append((start, end, re.sub(r"<[^>]*>", "", " ".join(lines))))
    return found


# --- sections ---------------------------------------------------------------------------------------------------------


def test_sections_hold_the_whole_text_and_end_where_sentences_do():
    text = PAGES.strip()
    found = list(sections(text))
    assert len(found) == 3
    assert " ".join(section.text for section in found).split() == text.split()
    assert all(text[section.offset : section.end] == section.text for section in found)
    assert all(section.text[-1] == "." and len(section.text) < 2 * SECTION_CHARS for section in found)
    assert [section.pause is None for section in found] == [False, False, True]
    assert [section.text for section in sections("Just this.")] == ["Just this."]


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.opus", "a.aac", "a.flac", "a.pcm"])
def test_every_format_is_one_continuous_timeline(say, tmp_path, name):
    result = say(PAGES, "-o", name, "--captions", "a.srt")
    assert result.returncode == 0, result.stderr
    samples, rate = decode(tmp_path / name)
    duration = len(samples) / rate
    assert told_seconds(result.stdout) == pytest.approx(duration, abs=0.03)
    assert longest_silence(samples, rate) < 1.0
    shown = cues(tmp_path / "a.srt")
    assert " ".join(text for *_, text in shown).split() == PAGES.split()
    assert 0 <= shown[0][0] < 0.5
    assert duration - 1 < shown[-1][1] <= duration + 0.001
    assert all(before[1] <= after[0] for before, after in pairwise(shown))
    # Each paragraph is heard where its subtitle begins: silence before, sound after.
    for start, _, _ in [cue for cue in shown if cue[2].startswith("The harbour")][1:]:
        at = int(start * rate)
        assert np.abs(samples[at - rate // 3 : at - rate // 20]).max() < 200
        assert np.abs(samples[at : at + rate // 3]).max() > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "a.srt", "text.txt"])
    if name == "a.flac":
        with av.open(str(tmp_path / name)) as container:
            assert container.duration / av.time_base == pytest.approx(duration, abs=0.001)


def test_a_short_text_has_subtitles_too(say, tmp_path):
    result = say("Hello there. This is short.", "-o", "a.opus", "--captions", "a.vtt")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT\n")
    assert " ".join(text for *_, text in cues(tmp_path / "a.vtt")) == "Hello there. This is short."


# --- interrupted and resumed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["book.wav", "book.opus"])
def test_killed_at_any_moment_it_goes_on_where_it_was(say, start, tmp_path, name):
    target = tmp_path / name
    target.write_bytes(b"older")
    done = 0
    for more in (1, 1):
        process = start(CHAPTER, "-o", name, "--captions", "book.srt")
        until(lambda at=done + more: finished_sections(target) >= at, process)
        process.kill()
        process.wait(10)
        done = finished_sections(target)
        assert target.read_bytes() == b"older"
    # What a kill in the middle of writing leaves: half a section, half a line.
    with Path(f"{target}.part").open("ab") as part, Path(f"{target}.part.journal").open("ab") as journal:
        part.write(b"\x55" * 5001)
        journal.write(b'{"end":99999')
    result = say(CHAPTER, "-o", name, "--captions", "book.srt")
    assert result.returncode == 0, result.stderr
    assert f"{name}: goes on after " in result.stderr
    assert "continued at" in result.stdout
    samples, rate = decode(target)
    assert told_seconds(result.stdout) == pytest.approx(len(samples) / rate, abs=0.03)
    assert longest_silence(samples, rate) < 1.0
    shown = cues(tmp_path / "book.srt")
    assert " ".join(text for *_, text in shown).split() == CHAPTER.split()
    # Every paragraph takes as long as every other, whichever run has spoken it.
    starts = [cue[0] for cue in shown if cue[2].startswith("The harbour")]
    assert len(starts) == 44
    lengths = np.diff(starts)
    assert lengths.max() - lengths.min() < 0.5
    for at in (int(second * rate) for second in starts[1:]):
        assert np.abs(samples[at - rate // 3 : at - rate // 20]).max() < 200
        assert np.abs(samples[at : at + rate // 3]).max() > 1000
    assert not list(tmp_path.glob("*.part*"))


def interrupted(start, tmp_path, *arguments: str) -> str:
    process = start(BOOK, *arguments)
    until(lambda: finished_sections(tmp_path / "book.wav") >= 2, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    return process.stderr.read()


def test_ctrl_c_says_how_to_go_on_and_another_text_starts_over(say, start, tmp_path):
    told = interrupted(start, tmp_path, "-o", "book.wav").splitlines()
    assert re.fullmatch(
        r"book\.wav: \d+:\d\d of speech \(\d+ %\) is kept; the same command again goes on from there\.", told[0]
    )
    assert told[1:] == ["Stopped."]
    result = say(PAGES, "-o", "book.wav")
    assert result.returncode == 0
    assert "starting over" in result.stderr
    assert told_seconds(result.stdout) < 250
    assert not list(tmp_path.glob("*.part*"))


def test_other_options_and_a_lost_part_start_over(start, tmp_path):
    interrupted(start, tmp_path, "-o", "book.wav")
    assert "starting over" in first_line(start(BOOK, "-o", "book.wav", "--speed", "4"))
    interrupted(start, tmp_path, "-o", "book.wav")
    (tmp_path / "book.wav.part").unlink()
    assert "starting over" in first_line(start(BOOK, "-o", "book.wav"))


def first_line(process: "subprocess.Popen[str]") -> str:
    """What it says on standard error before it is ended."""
    line = process.stderr.readline()
    process.kill()
    process.wait(10)
    return line


def test_no_other_voice_goes_on(say, start, tmp_path):
    interrupted(start, tmp_path, "-o", "book.wav")
    kept = finished_sections(tmp_path / "book.wav")
    result = say(BOOK, "-o", "book.wav", TTS_ENGINES="piper")
    assert result.returncode == 1
    assert "espeak is not in use here" in result.stderr
    assert "--no-resume" in result.stderr
    assert finished_sections(tmp_path / "book.wav") == kept


def test_without_resume_nothing_is_left(start, tmp_path):
    assert interrupted(start, tmp_path, "-o", "book.wav", "--no-resume") == "Stopped.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_full_disk_keeps_what_is_finished(say, tmp_path):
    result = say(PAGES, "-o", "a.wav", limit=6_000_000)
    assert result.returncode == 1
    assert "Error: a.wav: " in result.stderr
    assert "is kept" in result.stderr
    assert "Traceback" not in result.stderr
    assert finished_sections(tmp_path / "a.wav") == 1
    result = say(PAGES, "-o", "a.wav")
    assert result.returncode == 0, result.stderr
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() * 2 + 44 == (tmp_path / "a.wav").stat().st_size


def test_a_disk_too_small_for_one_section_leaves_nothing(say, tmp_path):
    result = say(PAGES, "-o", "a.wav", limit=1_000_000)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: a.wav: ")
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "no/such.mp3"], "no such folder"),
        (["-o", "."], ""),
        (["-o", "a.wav", "--captions", "no/such.srt"], "no such folder"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_spoken(say, tmp_path, arguments, words):
    result = say(PAGES, *arguments)
    assert result.returncode in (1, 2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_standard_output_by_its_other_name_is_standard_output(tmp_path):
    with (tmp_path / "out.wav").open("wb") as out:
        done = subprocess.run(
            command("Hello there.", "-o", "/dev/stdout"),
            env=environment(),
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert b"standard output: " in done.stderr
    assert (tmp_path / "out.wav").read_bytes().startswith(b"RIFF")
    assert is_stream("/dev/stdout")
    assert Path("/dev/stdout").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "words"),
    [
        (["Hello.", "-o", "a.wav"], ">&-", 0, ""),
        (["Hello.", "-o", "-"], ">&-", 2, "standard output is closed"),
        (["-", "-o", "a.wav"], "<&-", 2, "standard input is closed"),
    ],
)
def test_closed_standard_streams(tmp_path, arguments, closed, code, words):
    line = shlex.join(command(*arguments))
    done = subprocess.run(
        ["sh", "-c", f"exec {line} {closed}"],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "a.wav").exists() is (code == 0)


def test_an_open_file_of_the_shell_is_written_to_and_not_replaced(tmp_path):
    file = tmp_path / "out.wav"
    line = shlex.join(command("Hello there.", "-o", "/dev/fd/7"))
    done = subprocess.run(
        ["sh", "-c", f"exec {line} 7>{shlex.quote(str(file))}"], env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with wave.open(str(file)) as sound:
        assert sound.getnframes() * 2 + 44 == file.stat().st_size


@pytest.mark.parametrize("pages", ["Hello there.", PAGES])
def test_a_link_stays_a_link(say, tmp_path, pages):
    for name in ("a.wav", "a.srt"):
        (tmp_path / name).symlink_to(f"real-{name}")
    result = say(pages, "-o", "a.wav", "--captions", "a.srt")
    assert result.returncode == 0, result.stderr
    for name in ("a.wav", "a.srt"):
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / f"real-{name}").stat().st_size > 0


def test_sound_and_subtitles_cannot_be_the_same_file(say, tmp_path):
    result = say("Hello.", "--format", "wav", "-o", "a.srt", "--captions", "./a.srt")
    assert result.returncode == 2
    assert "the same file" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_text_as_editors_on_windows_write_it(tmp_path, encoding):
    (tmp_path / "windows.txt").write_bytes("Hello, café.".encode(encoding))
    done = subprocess.run(
        command("@windows.txt", "-o", "a.wav", "--captions", "a.srt"),
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.srt").read_text(encoding="utf-8").splitlines()[2] == "Hello, café."


def test_a_text_that_cannot_be_read_is_not_spoken_in_part(tmp_path):
    (tmp_path / "latin.txt").write_bytes("First line.\nA café.".encode("latin-1"))
    done = subprocess.run(
        command("@latin.txt", "-o", "a.wav"),
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "latin.txt: line 2 is not UTF-8" in done.stderr
    assert "iconv" in done.stderr
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_device_is_named(say):
    result = say("Hello.", "-o", "/dev/full", "--format", "wav")
    assert result.returncode == 1
    assert result.stderr == "Error: /dev/full: No space left on device\n"


# --- an engine that stumbles ------------------------------------------------------------------------------------------


class Stumbling(ScriptedEngine):
    """Fails for the third section, as many times as it is told to."""

    def __init__(self, times: int, error: TTSError) -> None:
        super().__init__()
        self.times, self.error = times, error

    async def synthesize(self, utterance):
        if "Stumble" in utterance.text and self.times:
            self.times -= 1
            raise self.error
        async for event in super().synthesize(utterance):
            yield event


def stumbling_text() -> str:
    parts = [section.text for section in sections(PAGES.strip())]
    return "\n\n".join([*parts[:2], parts[2].replace("Nobody", "Stumble")])


async def stumble(engine: ScriptedEngine, target: Path):
    async with SpeechService(TTSConfig(engines=[engine], max_text_length=10**6)) as service:
        order = Order(text=stumbling_text(), options={"format": "wav"}, target=str(target))
        return await Take(service, order).run()


async def test_an_engine_that_has_spoken_is_asked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(take, "FIRST_WAIT", 0.01)
    spoken = await stumble(Stumbling(2, EngineError("no connection")), tmp_path / "a.wav")
    whole = await stumble(Stumbling(0, EngineError("no connection")), tmp_path / "b.wav")
    assert spoken.duration == whole.duration
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


async def test_one_that_stays_away_leaves_what_it_has_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(take, "FIRST_WAIT", 0.01)
    target = tmp_path / "a.wav"
    with pytest.raises(EngineError):
        await stumble(Stumbling(100, EngineError("no connection")), target)
    assert finished_sections(target) == 2
    assert "is kept" in capsys.readouterr().err
    # A resumed book is told at once that its voice is away, with the way out.
    with pytest.raises(TTSError, match="--no-resume"):
        await stumble(Stumbling(100, EngineError("no connection")), target)
    assert (await stumble(Stumbling(0, EngineError("")), target)).resumed_at > 0
    whole = await stumble(Stumbling(0, EngineError("")), tmp_path / "b.wav")
    assert whole.size == target.stat().st_size
    assert target.read_bytes() == (tmp_path / "b.wav").read_bytes()


async def test_a_section_without_a_sound_is_left_out(tmp_path):
    spoken = await stumble(Stumbling(100, UnspeakableTextError("no sound for this")), tmp_path / "a.wav")
    whole = await stumble(Stumbling(0, EngineError("")), tmp_path / "b.wav")
    assert 0 < spoken.duration < whole.duration


# --- players ----------------------------------------------------------------------------------------------------------


def install(folder: Path, name: str, script: str) -> str:
    """Put a program of that name first on the path; return the path."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


RECORDER = """
import json, os, sys
with open("heard", "ab") as heard:
    while data := os.read(0, 65536):
        heard.write(data)
open("arguments", "w").write(json.dumps(sys.argv[1:]))
"""

HESITANT = """
import os, sys, time
first = os.read(0, 4096)
open("pid", "w").write(str(os.getpid()))
while not os.path.exists("go"):
    time.sleep(0.01)
while os.read(0, 1 << 20):
    pass
"""


def test_what_is_played_is_what_is_written(say, tmp_path):
    path = install(tmp_path / "bin", "ffplay", RECORDER)
    result = say("Hello there. This is played.", "--play", "-o", "a.wav", PATH=path)
    assert result.returncode == 0, result.stderr
    assert "played by ffplay" in result.stdout
    heard, written = (tmp_path / "heard").read_bytes(), (tmp_path / "a.wav").read_bytes()
    assert heard[:4] == b"RIFF"
    assert heard[44:] == written[44:]
    assert len(heard) > 50_000
    assert "pipe:0" in json.loads((tmp_path / "arguments").read_text())


def test_play_alone_writes_no_file(say, tmp_path):
    path = install(tmp_path / "bin", "aplay", RECORDER)
    result = say("Hello there.", "--player", "aplay", PATH=path)
    assert result.returncode == 0, result.stderr
    heard = (tmp_path / "heard").read_bytes()
    assert told_seconds(result.stdout) == pytest.approx(len(heard) / 48_000, abs=0.01)
    assert np.abs(np.frombuffer(heard, "<i2").astype(float)).max() > 1000
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "heard", "arguments", "text.txt"}


def test_a_player_of_mp3_gets_mp3(say, tmp_path):
    path = install(tmp_path / "bin", "mpg123", RECORDER)
    assert say("Hello there.", "--player", "mpg123", PATH=path).returncode == 0
    (tmp_path / "heard").rename(tmp_path / "heard.mp3")
    samples, rate = decode(tmp_path / "heard.mp3")
    assert 0.5 < len(samples) / rate < 2


def test_a_player_of_files_plays_one_section_after_the_other(say, tmp_path):
    script = "import sys, wave\nwith wave.open(sys.argv[1]) as file, open('heard', 'ab') as heard:\n"
    path = install(tmp_path / "bin", "afplay", script + "    heard.write(file.readframes(file.getnframes()))\n")
    result = say(PAGES, "--player", "afplay", "-o", "a.pcm", TMPDIR=str(tmp_path), PATH=path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "heard").read_bytes() == (tmp_path / "a.pcm").read_bytes()
    assert not list(tmp_path.glob("litestar-tts-*"))


def test_it_is_heard_from_its_first_words_on_and_never_gets_far_ahead(start, tmp_path):
    path = install(tmp_path / "bin", "mpv", HESITANT)
    process = start(PAGES, "--player", "mpv", "-o", "book.wav", PATH=path)
    until((tmp_path / "pid").exists, process)
    assert process.poll() is None
    assert not (tmp_path / "book.wav").exists()
    # Whoever listens sets the pace: most of the sound has not been made.
    assert finished_sections(tmp_path / "book.wav") == 0
    (tmp_path / "go").touch()
    assert process.wait(60) == 0, process.stderr.read()
    assert (tmp_path / "book.wav").stat().st_size > 9_000_000


def test_ctrl_c_ends_the_player_too(start, tmp_path):
    path = install(tmp_path / "bin", "mpv", HESITANT)
    process = start(BOOK, "--player", "mpv", PATH=path)
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and pid.read_text(), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr.read() == "Stopped.\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_two_cannot_make_the_same_file(say, start, tmp_path):
    path = install(tmp_path / "bin", "mpv", HESITANT)
    process = start(BOOK, "--player", "mpv", "-o", "book.wav", PATH=path)
    until((tmp_path / "pid").exists, process)
    result = say(BOOK, "-o", "book.wav")
    assert result.returncode == 1
    assert "another process is making this file" in result.stderr
    assert process.poll() is None
    # Killed, it would leave its player behind.
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


@pytest.mark.parametrize(
    ("player", "words"),
    [
        ("sh -c 'echo no such device >&2; exit 3'", "ended with code 3: no such device"),
        ("sh -c 'head -c 100 >/dev/null; exit 0'", "closed before the end"),
        ("sh -c 'exec <&-; sleep 1'", "closed before the end"),
        ("no-such-program -x", "no-such-program was not found"),
    ],
)
def test_a_player_that_ends_ends_the_speech(say, tmp_path, player, words):
    result = say(BOOK, "--player", player)
    assert result.returncode == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


def test_a_player_that_leaves_in_the_last_seconds_is_noticed(say):
    result = say(PARAGRAPH, "--player", "sh -c 'head -c 100 >/dev/null; exit 0'")
    assert result.returncode == 1
    assert "closed before the end" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_environment_names_a_player_and_without_any_the_message_says_what_to_install(say, tmp_path):
    player = f'{shlex.quote(sys.executable)} -c \'import sys; open("n", "w").write(str(len(sys.stdin.buffer.read())))\''
    result = say("Hello.", "--play", TTS_PLAYER=player)
    assert result.returncode == 0, result.stderr
    assert int((tmp_path / "n").read_text()) > 10_000
    (tmp_path / "empty").mkdir()
    result = say("Hello.", "--play", PATH=str(tmp_path / "empty"))
    assert result.returncode == 1
    assert "install" in result.stderr
    assert "mpv" in result.stderr


def test_a_pipe_and_a_player_exclude_each_other(say):
    result = say("Hello.", "--play", "-o", "-")
    assert result.returncode == 2
    assert "--play" in result.stderr


# --- the bar ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_sees_how_far_it_is_and_how_long_it_takes(tmp_path, columns):
    (tmp_path / "text.txt").write_text(BOOK[:15_000])
    terminal = environment(TERM="xterm", COLUMNS=str(columns))
    status, shown = in_terminal(command("@text.txt", "-o", "a.flac"), terminal, tmp_path)
    assert status == 0
    lines = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)) if line]
    assert max(map(len, lines)) <= max(columns, len(lines[-1]))
    speaking = [
        (int(match[1]), match[2])
        for line in lines
        if (match := re.search(r"Speaking .* (\d+) % \S+/15k (\d+:\d\d) of sound \d:\d\d(?:, \d+:\d\d left)?", line))
    ]
    percents = [percent for percent, _ in speaking]
    assert percents == sorted(percents)
    assert percents[0] == 0
    assert percents[-1] > 80
    assert any(" left" in line for line in lines)
    assert any(line.startswith("Encoding") for line in lines)
    assert lines[-1].startswith("a.flac: ")


def test_a_pipe_sees_no_bar(say):
    assert say(PAGES, "-o", "a.mp3").stderr == ""
