"""The command line, as a shell runs it."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import av
import pytest

from litestar_tts import __version__
from tests.support.terminal import in_terminal

ROOT = Path(__file__).parents[2]
LONG = "This sentence is spoken again and again, until somebody has had enough of it. " * 400


def environment(**variables: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    return clean | {"PYTHONPATH": str(ROOT), "TTS_EDGE_URL": "ws://127.0.0.1:9"} | variables


@pytest.fixture
def run(tmp_path):
    def run(*arguments: str, stdin: bytes | None = None, **variables: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [sys.executable, "-m", "litestar_tts", *arguments],
            input=stdin,
            env=environment(**variables),
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


def one_line(result: "subprocess.CompletedProcess[bytes]") -> str:
    text = result.stderr.decode()
    assert result.returncode == 1, text
    assert text.count("\n") == 1, text
    return text


def seconds_of(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return float(sum(frame.samples for frame in container.decode(stream)) / stream.rate)


def test_say_writes_a_wav_with_true_sizes(run, tmp_path):
    result = run("say", "Hello world", "--engine", "espeak")
    assert result.returncode == 0, result.stderr
    with wave.open(str(tmp_path / "speech.wav")) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() * 2 + 44 == (tmp_path / "speech.wav").stat().st_size
        duration = file.getnframes() / 24_000
    line = result.stdout.decode()
    assert line.startswith("speech.wav: ")
    assert "(espeak)" in line
    assert float(re.search(r"([\d.]+) s of wav", line)[1]) == pytest.approx(duration, abs=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["speech.wav"]


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.opus", "a.ogg", "a.aac", "a.flac", "a.pcm"])
def test_the_suffix_chooses_the_format(run, tmp_path, name):
    result = run("say", "Hello world", "--engine", "espeak", "-o", name)
    assert result.returncode == 0, result.stderr
    path = tmp_path / name
    heads = {"wav": b"RIFF", "opus": b"OggS", "ogg": b"OggS", "flac": b"fLaC", "aac": b"\xff\xf1", "mp3": b"\xff\xf3"}
    assert path.read_bytes().startswith(heads.get(name[2:], b""))
    if name != "a.pcm":
        assert 0.5 < seconds_of(path) < 2


def test_format_goes_before_the_suffix(run, tmp_path):
    assert run("say", "Hello", "--engine", "espeak", "-o", "a.bin", "--format", "flac").returncode == 0
    assert (tmp_path / "a.bin").read_bytes()[:4] == b"fLaC"


def test_say_takes_text_from_standard_input_and_from_a_file(run, tmp_path):
    (tmp_path / "text.txt").write_text("Guten Tag, schöne Welt.", encoding="utf-8")
    assert run("say", "@text.txt", "--voice", "espeak:de", "-o", "a.wav").returncode == 0
    result = run("say", "-", "--voice", "espeak:de", "-o", "b.wav", stdin="Guten Tag, schöne Welt.".encode())
    assert result.returncode == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_say_writes_to_standard_output_and_nothing_else_there(run):
    result = run("say", "Hello", "--engine", "espeak", "-o", "-")
    assert result.returncode == 0
    assert result.stdout[:4] == b"RIFF"
    assert b"standard output: " in result.stderr
    with wave.open(io.BytesIO(result.stdout)) as file:
        assert file.getframerate() == 24_000


def test_speed_halves_the_duration(run, tmp_path):
    text = "This sentence is long enough to be measured with some care."
    assert run("say", text, "--engine", "espeak", "-o", "a.wav").returncode == 0
    assert run("say", text, "--engine", "espeak", "-o", "b.wav", "--speed", "2").returncode == 0
    assert seconds_of(tmp_path / "b.wav") == pytest.approx(seconds_of(tmp_path / "a.wav") / 2, rel=0.15)


def test_the_next_engine_speaks_when_edge_cannot_and_the_line_says_so(run):
    result = run("say", "Hello", TTS_ENGINES="edge,espeak")
    assert result.returncode == 0, result.stderr
    assert b"(espeak instead of edge)" in result.stdout


def test_a_text_longer_than_the_servers_limit_is_fine(run):
    result = run("say", "Word. " * 300, "--engine", "espeak", "-o", "a.mp3", MAX_TEXT_LENGTH="10")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["say", "Hello", "--voice", "espeak:nobody"], ["nobody"]),
        (["say", "Hello", "--voice", "edge:en-US-AriaNeural"], ["Edge"]),
        (["say", "Hello", "--engine", "nothing"], ["nothing", "espeak"]),
        (["say", "...", "--engine", "espeak"], ["letter or digit"]),
        (["say", "Hello", "--speed", "9"], ["speed"]),
        (["say", "@missing.txt"], ["missing.txt"]),
        (["say", "Hello", "--engine", "espeak", "-o", "no/such/folder.wav"], ["no/such"]),
        (["voices", "--engine", "nothing"], ["nothing"]),
        (["voices", "--language", "xx"], ["no voice"]),
    ],
)
def test_failures_are_one_line_and_leave_no_file(run, tmp_path, arguments, words):
    text = one_line(run(*arguments))
    assert all(word in text for word in words), text
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_suffix_names_the_formats(run):
    result = run("say", "Hello", "-o", "a.xyz")
    assert result.returncode == 2
    assert b"opus" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_leaves_what_was_there(tmp_path, number):
    target = tmp_path / "a.wav"
    target.write_bytes(b"older")
    command = [sys.executable, "-m", "litestar_tts", "say", "-", "--engine", "espeak", "-o", str(target), "--no-resume"]
    process = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(LONG.encode())
    process.stdin.close()
    deadline = time.monotonic() + 20
    while not any(path.suffix == ".part" and path.stat().st_size for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(10) == 128 + number
    assert process.stderr.read() == b"Stopped.\n"
    process.stderr.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert target.read_bytes() == b"older"


@pytest.mark.parametrize("arguments", [["doctor"], ["say", "-", "-o", "a.wav"], ["voices"]])
def test_ctrl_c_is_said_in_one_way(tmp_path, arguments):
    """At a place where no event loop runs: the command looks for its standard input, or for packages."""
    script = (
        "import os, signal, sys\n"
        "import litestar_tts.cli.doctor as d, litestar_tts.cli.say as s\n"
        "import litestar_tts.cli.commands as c\n"
        # Whoever starts tests in the background may have it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def stop(*_, **__): signal.raise_signal(signal.SIGINT)\n"
        "for place, name in ((d, 'examine'), (s, '_read'), (c, 'service_config')): setattr(place, name, stop)\n"
        "from litestar_tts.cli import main\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment(),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (130, b"Stopped.\n")


@pytest.mark.parametrize("command", ["doctor", "voices"])
def test_a_dotenv_file_that_cannot_be_read(tmp_path, command):
    (tmp_path / ".env").write_bytes("TTS_ENGINES=espeak".encode("utf-16"))
    result = subprocess.run(
        [sys.executable, "-m", "litestar_tts", command],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 1
    assert b".env" in result.stderr
    assert b"UTF-8" in result.stderr
    assert result.stderr.count(b"\n") == 1


def test_a_reader_that_leaves_is_no_traceback():
    command = [sys.executable, "-m", "litestar_tts", "say", "-", "--engine", "espeak", "-o", "-"]
    process = subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdin.write(LONG.encode())
    process.stdin.close()
    process.stdout.read(100)
    process.stdout.close()
    assert process.wait(20) == 1
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def shown_by(*arguments: str) -> str:
    command = [sys.executable, "-m", "litestar_tts", *arguments]
    return in_terminal(command, environment(TERM="xterm", COLUMNS="100", TTS_ENGINES="espeak"))[1]


def test_a_terminal_gets_a_bar_for_long_texts_but_never_audio(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(LONG[:1500])
    shown = shown_by("say", f"@{text}", "--engine", "espeak", "-o", str(tmp_path / "a.mp3"))
    assert "Speaking" in shown
    assert "%" in shown
    assert "spoil the terminal" in shown_by("say", "Hello", "--engine", "espeak", "-o", "-")


def test_a_terminal_gets_a_table_of_voices():
    shown = shown_by("voices", "--engine", "espeak", "--language", "en")
    assert "Voice" in shown
    assert "en-gb" in shown
    assert re.search(r"\d+ voices", shown)


def test_voices_for_pipes_and_for_programs(run):
    lines = run("voices", "--language", "de", TTS_ENGINES="espeak").stdout.decode().splitlines()
    assert ["de", "espeak"] in [line.split("\t")[:2] for line in lines]
    body = json.loads(run("voices", "--language", "de", "--json", TTS_ENGINES="espeak").stdout)
    assert body["count"] == len(body["voices"]) == len(lines)
    assert {"id", "name", "engine", "language"} <= set(body["voices"][0])


def test_version_and_help(run):
    assert __version__ in run("--version").stdout.decode()
    for arguments in ((), ("say",), ("voices",), ("serve",)):
        result = run(*arguments, "--help")
        assert result.returncode == 0
        assert "--help" in result.stdout.decode()


def test_without_click_the_command_to_install_it_is_named():
    code = "import sys; sys.modules['click'] = None; from litestar_tts.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, timeout=30, check=False
    )
    assert 'pip install "litestar-tts[server]"' in one_line(result)


HOST = """
from litestar import Litestar
from litestar_tts import TTSConfig, TTSPlugin

app = Litestar(plugins=[TTSPlugin(TTSConfig(path="/speech", engines=["espeak"], default_voice="de"))])
"""


def test_the_same_commands_in_a_host_application_use_its_options(tmp_path):
    (tmp_path / "app.py").write_text(HOST)

    def litestar(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-m", "litestar", "tts", *arguments]
        return subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, timeout=60, check=False)

    result = litestar("say", "Guten Tag", "-o", "a.wav")
    assert result.returncode == 0, result.stderr
    assert b"voice de (espeak)" in result.stdout
    lines = litestar("voices").stdout.decode().splitlines()
    assert {line.split("\t")[1] for line in lines} == {"espeak"}
    for command in ("serve", "say", "voices"):
        assert command in litestar("--help").stdout.decode()
