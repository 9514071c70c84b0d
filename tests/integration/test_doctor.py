"""``litestar-tts doctor``: real installations, broken in real ways."""

import contextlib
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from litestar_tts import __version__
from litestar_tts.cli.diagnosis.children import load_modules, speak_once
from litestar_tts.cli.diagnosis.keys import examine_keys
from litestar_tts.cli.diagnosis.machine import examine_machine
from litestar_tts.cli.diagnosis.network import examine_network
from litestar_tts.cli.diagnosis.port import examine_port
from litestar_tts.cli.diagnosis.secrets import masked, masked_url, secrets_of
from litestar_tts.cli.diagnosis.settings import examine_settings
from litestar_tts.cli.diagnosis.store import examine_store
from litestar_tts.cli.diagnosis.worker import WORD
from litestar_tts.cli.findings import Finding, Status
from litestar_tts.config import ENVIRONMENT
from tests.support.edge_service import EdgeService
from tests.support.faulty import application, served
from tests.support.valkey import valkey_server

ROOT = Path(__file__).parents[2]
OURS = ("TTS_", "RATE_LIMIT", "MAX_TEXT", "WEB_CONC")

HIDING = """
import sys
from importlib.machinery import PathFinder

HIDDEN = {modules!r}
NAMES = {names!r}


class Filter:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if name in HIDDEN else PathFinder.find_spec(name, path, target)

    @staticmethod
    def find_distributions(context):
        return [] if context.name in NAMES else PathFinder.find_distributions(context)

    invalidate_caches = staticmethod(PathFinder.invalidate_caches)


sys.meta_path[:] = [Filter if finder is PathFinder else finder for finder in sys.meta_path]
"""
"""A ``sitecustomize`` that lets a package look as if it had never been installed."""


@pytest.fixture
def shim(tmp_path):
    folder = tmp_path / "shim"
    folder.mkdir()
    return folder


@pytest.fixture
def doctor(tmp_path, shim):
    place = tmp_path / "place"
    place.mkdir()

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(OURS) and not name.lower().endswith("_proxy")
        }
        defaults = {"TTS_ENGINES": "espeak", "TTS_PORT": "0", "PYTHONPATH": f"{shim}{os.pathsep}{ROOT}"}
        return subprocess.run(
            [sys.executable, "-m", "litestar_tts", "doctor", *arguments],
            env=clean | defaults | variables,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    run.place = place  # type: ignore[attr-defined]
    return run


def findings(result: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, Any]]:
    """The worst of each name."""
    order = ("fail", "warn", "ok", "skip")
    found: dict[str, dict[str, Any]] = {}
    for finding in json.loads(result.stdout)["findings"]:
        known = found.get(finding["name"])
        if known is None or order.index(finding["status"]) < order.index(known["status"]):
            found[finding["name"]] = finding
    return found


@pytest.fixture
def here(monkeypatch, tmp_path):
    """One examination in this process, with nothing but the given variables."""
    for name in list(os.environ):
        if name.startswith(OURS) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)

    def run(examine: Any, *arguments: Any, **variables: str) -> list[Finding]:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return list(examine(*arguments))

    return run


def hide(shim: Path, names: list[str], modules: list[str]) -> None:
    (shim / "sitecustomize.py").write_text(HIDING.format(modules=set(modules), names=set(names)))


@contextlib.contextmanager
def listening(answer: Any = None) -> Iterator[int]:
    """A port on which somebody takes connections and, if told to, says something."""
    server = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                held.append(connection)
                if answer is not None:
                    connection.recv(4096)
                    connection.sendall(answer)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)
        for connection in held:
            connection.close()


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# --- well -------------------------------------------------------------------------------------------------------------


def test_a_healthy_installation(doctor):
    with EdgeService() as service:
        result = doctor("--json", TTS_ENGINES="edge,piper,espeak", TTS_EDGE_URL=service.url)
        assert WORD.strip(".") in service.texts[0]
    assert result.returncode == 0, result.stdout
    assert result.stderr == ""
    body = json.loads(result.stdout)
    assert body["version"] == __version__
    assert body["status"] == "ok", [finding for finding in body["findings"] if finding["status"] == "warn"]
    assert body["todo"] == []
    found = findings(result)
    assert found["speech"]["data"]["engines"] == ["edge", "piper", "espeak"]
    for engine in ("edge", "piper", "espeak"):
        assert found[f"engine {engine}"]["data"]["bytes"] > 1000
        assert found[f"engine {engine}"]["data"]["seconds"] > 0
    assert list(found["network"]["data"]["steps"]) == ["name (DNS)", "connection (TCP)", "answer"]
    assert found["clock"]["status"] == "ok"
    assert found["port"]["status"] == "ok"
    assert found["edge-tts"]["data"]["version"].startswith("7.")


def test_plain_lines_end_with_what_to_do(doctor):
    result = doctor(TTS_ENGINES="espeak", MAX_TEXT_LENGHT="50")
    assert result.returncode == 0, result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith("ok    python")
    assert "\x1b" not in result.stdout
    at = lines.index("This installation can speak. What could be better:")
    assert lines[at + 1] == "  1. Did you mean MAX_TEXT_LENGTH instead of MAX_TEXT_LENGHT?"


# --- packages ---------------------------------------------------------------------------------------------------------


def test_an_old_edge_tts(doctor, shim):
    info = shim / "edge_tts-6.1.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edge-tts\nVersion: 6.1.9\n")
    package = shim / "edge_tts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "communicate.py").write_text("class Communicate:\n    def __init__(self, text, voice): ...\n")
    (package / "voices.py").write_text("async def list_voices():\n    return []\n")
    result = doctor("--json", TTS_ENGINES="edge,espeak", HTTPS_PROXY=f"http://127.0.0.1:{closed_port()}")
    assert result.returncode == 1
    found = findings(result)
    assert found["edge-tts"]["status"] == "fail"
    assert "6.1.9" in found["edge-tts"]["figure"]
    assert found["engine edge"]["status"] == "warn"
    line = 'pip install -U "edge-tts>=7.3.1,<8"'
    assert found["edge-tts"]["advice"] == found["engine edge"]["advice"] == line
    assert json.loads(result.stdout)["todo"].count(line) == 1
    assert found["speech"]["status"] == "ok"


def test_litestar_out_of_range(doctor, shim):
    info = shim / "litestar-1.51.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: litestar\nVersion: 1.51.0\n")
    result = doctor("--json")
    assert result.returncode == 1
    found = findings(result)
    assert found["litestar"]["status"] == "fail"
    assert found["litestar"]["advice"].startswith('pip install -U "litestar>=2.')


def test_a_missing_extra_says_what_is_lost(doctor, shim):
    hide(shim, ["av", "piper-tts"], ["av", "piper"])
    result = doctor("--json", TTS_ENGINES="espeak")
    assert result.returncode == 0, result.stdout
    found = findings(result)
    assert found["extra audio"]["status"] == "warn"
    assert "WAV" in found["extra audio"]["figure"]
    assert found["extra audio"]["advice"] == 'pip install "litestar-tts[audio]"'
    assert found["extra piper"]["status"] == "skip"
    assert found["engine piper"]["figure"] == "not in TTS_ENGINES"


def test_a_configured_engine_that_is_not_installed(doctor, shim):
    hide(shim, ["piper-tts"], ["piper"])
    result = doctor("--json", TTS_ENGINES="piper,espeak")
    assert result.returncode == 1
    found = findings(result)
    assert found["engine piper"]["status"] == found["extra piper"]["status"] == "fail"
    assert found["engine piper"]["advice"] == 'pip install "litestar-tts[piper]"'
    assert found["speech"]["status"] == "ok"


def test_no_engine_at_all(doctor, shim):
    hide(shim, ["piper-tts", "espeakng-loader"], ["piper", "espeakng_loader"])
    result = doctor("--json", TTS_ENGINES="", HTTPS_PROXY=f"http://127.0.0.1:{closed_port()}")
    assert result.returncode == 1
    found = findings(result)
    assert found["speech"]["status"] == "fail"
    assert found["speech"]["advice"].endswith('pip install "litestar-tts[standard]"')
    assert found["engine espeak"]["status"] == "skip"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libavcodec.so.62: cannot open shared object file')", "libavcodec.so.62"),
        ("import os; os.abort()", "SIGABRT"),
    ],
)
def test_a_wheel_that_does_not_load_here(doctor, shim, code, words):
    (shim / "av.py").write_text(code)
    result = doctor("--json")
    assert result.returncode == 0, result.stdout
    found = findings(result)
    assert found["extra audio"]["status"] == "warn"
    assert words in found["extra audio"]["figure"]
    assert "pip install --force-reinstall av" in found["extra audio"]["advice"]
    # Those behind it were still looked at.
    assert found["extra valkey"]["status"] == found["extra server"]["status"] == "ok"


def test_a_local_engine_that_crashes(doctor, shim):
    (shim / "espeakng_loader.py").write_text("import os; os.abort()")
    result = doctor("--json", TTS_ENGINES="espeak")
    assert result.returncode == 1
    found = findings(result)
    assert found["engine espeak"]["status"] == "fail"
    assert "SIGABRT" in found["engine espeak"]["figure"]
    assert found["speech"]["status"] == "fail"


def test_what_hangs_is_left_behind(here, shim, monkeypatch):
    (shim / "espeakng_loader.py").write_text("import time; time.sleep(600)")
    (shim / "slow_one.py").write_text("import time; time.sleep(600)")
    monkeypatch.syspath_prepend(str(shim))
    (answer,) = here(lambda: [speak_once("espeak", "en", patience=1.0)])
    assert answer["error"] == "no answer within 1 s"
    assert answer["timeout"] is True
    (loaded,) = here(lambda: [load_modules(["csv", "slow_one", "json"], patience=4.0)])
    assert loaded.get("csv", "not reached") in (None, "not reached")
    assert "slow_one" not in loaded


def test_a_service_that_says_nothing_is_left_behind(here):
    with listening() as port:
        (answer,) = here(lambda: [speak_once("edge", "x", patience=60.0)], TTS_EDGE_URL=f"ws://127.0.0.1:{port}")
    assert "error" in answer
    assert answer["kind"] in ("TimeoutError", "EngineTimeoutError", "EngineError")


def test_a_file_of_the_current_folder_does_not_come_before_a_package(doctor):
    (doctor.place / "array.py").write_text("raise SystemExit(9)")
    (doctor.place / "json.py").write_text("raise SystemExit(9)")
    script = shutil.which("litestar-tts", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the console script is not installed beside this Python")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    result = subprocess.run(
        [script, "doctor", "--json"],
        env=clean | {"TTS_ENGINES": "espeak", "TTS_PORT": "0"},
        cwd=doctor.place,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert findings(result)["engine espeak"]["status"] == "ok"


# --- the network ------------------------------------------------------------------------------------------------------


def test_no_way_out(doctor):
    """A proxy that is not there stands for any network that does not work; nothing leaves this machine."""
    variables = {"HTTPS_PROXY": f"http://user:hunter22@127.0.0.1:{closed_port()}"}
    result = doctor("--json", TTS_ENGINES="edge,espeak", **variables)
    assert result.returncode == 0, result.stdout
    found = findings(result)
    assert found["network"]["status"] == found["engine edge"]["status"] == "warn"
    assert "proxy failed: Connection refused" in found["network"]["figure"]
    assert "HTTPS_PROXY" in found["network"]["advice"]
    assert found["speech"]["data"]["engines"] == ["espeak"]
    assert "hunter22" not in result.stdout
    alone = doctor("--json", TTS_ENGINES="edge", **variables)
    assert alone.returncode == 1
    found = findings(alone)
    assert found["network"]["status"] == found["speech"]["status"] == "fail"


def test_a_proxy_that_refuses(here):
    with listening(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as port:
        (found,) = here(examine_network, HTTPS_PROXY=f"http://127.0.0.1:{port}")
    assert found.status is Status.WARN
    assert "tunnel failed: the proxy says 407 Proxy Authentication Required" in found.figure


def test_without_another_engine_the_network_is_needed(here):
    (found,) = here(partial(examine_network, only=True), HTTPS_PROXY=f"http://127.0.0.1:{closed_port()}")
    assert found.status is Status.FAIL
    (found,) = here(partial(examine_network, wanted=False))
    assert found.status is Status.SKIP


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n", None])
def test_a_gateway_without_tls(here, answer):
    with listening(answer) as port:
        (found,) = here(examine_network, TTS_EDGE_URL=f"wss://127.0.0.1:{port}")
    assert found.status is Status.FAIL
    assert "TLS failed" in found.figure


def test_a_gateway_that_is_not_there(here):
    (found,) = here(examine_network, TTS_EDGE_URL=f"ws://127.0.0.1:{closed_port()}")
    assert found.status is Status.FAIL
    assert "connection (TCP) failed: Connection refused" in found.figure
    assert "TTS_EDGE_URL" in str(found.advice)
    (found,) = here(examine_network, TTS_EDGE_URL="ws://no.such.host.invalid")
    assert "name (DNS) failed" in found.figure


def test_a_clock_that_is_wrong(here):
    for skew, way in ((3600, "behind"), (-7200, "ahead of")):
        date = formatdate(time.time() + skew, usegmt=True).encode()
        with listening(b"HTTP/1.1 404 Not Found\r\nDate: " + date + b"\r\nContent-Length: 0\r\n\r\n") as port:
            network, clock = here(examine_network, TTS_EDGE_URL=f"ws://127.0.0.1:{port}")
        assert network.status is Status.OK
        assert clock.status is Status.WARN
        assert clock.data["skew"] == pytest.approx(-skew, abs=30)
        assert way in clock.figure


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMIT_REQUESTS", "lots"),
        ("RATE_LIMIT_WINDOW", "0"),
        ("MAX_TEXT_LENGTH", "-1"),
        ("TTS_PORT", "70000"),
        ("TTS_LOG_LEVEL", "loud"),
        ("TTS_ENGINES", "espeak,festival"),
        ("TTS_EDGE_URL", "https://example.invalid/path"),
        ("TTS_STORE_URL", "mysql://somewhere"),
        ("WEB_CONCURRENCY", "many"),
        ("TTS_TRUSTED_PROXIES", "proxy.local"),
    ],
)
def test_a_value_that_cannot_work(here, tmp_path, name, value):
    # Another that is wrong hides nothing.
    found, other, dotenv = here(examine_settings, tmp_path, **{name: value, "TTS_MAX_STREAMS": "none"})
    if found.data["variable"] != name:
        found, other = other, found
    assert found.status is other.status is Status.FAIL
    assert found.data["variable"] == name
    assert name in found.figure
    assert name in str(found.advice)
    assert dotenv.status is Status.SKIP


def test_a_wrong_value_of_another_part_does_not_silence_the_engines(doctor):
    result = doctor("--json", TTS_EDGE_URL="https://example.invalid/path", MAX_TEXT_LENGTH="lots")
    assert result.returncode == 1
    assert [finding["status"] for finding in json.loads(result.stdout)["findings"]].count("fail") == 2
    assert findings(result)["speech"]["status"] == "ok"


def test_slips_of_the_pen(here, tmp_path):
    slips = {"TTS_ENGINE": "espeak", "RATE_LIMIT_REQUEST": "5", "MAX_TEXT_LENGHT": "5", "TTS_COLOUR": "red"}
    found = here(examine_settings, tmp_path, **slips)
    advice = [finding.advice for finding in found if finding.status is Status.WARN]
    assert advice == [
        "Did you mean MAX_TEXT_LENGTH instead of MAX_TEXT_LENGHT?",
        "Did you mean RATE_LIMIT_REQUESTS instead of RATE_LIMIT_REQUEST?",
        "Unset TTS_COLOUR if it was meant for us.",
        "Did you mean TTS_ENGINES instead of TTS_ENGINE?",
    ]


def test_every_variable_is_known(here, tmp_path):
    """A new option must not be called unknown."""
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "litestar_tts").rglob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"((?:TTS|RATE|MAX)_[A-Z_]+)"', source))
    assert {"TTS_API_KEY", "TTS_HOST"} <= read
    found = here(examine_settings, tmp_path, **dict.fromkeys(read | set(ENVIRONMENT.values()), ""))
    assert [finding.figure for finding in found if finding.status is Status.WARN] == []


def test_the_dotenv_file(here, tmp_path):
    file = tmp_path / ".env"
    file.write_text("MAX_TEXT_LENGTH=50\nTTS_ENGINES=piper\nthis is nothing\n")
    settings, broken, read = here(examine_settings, tmp_path, TTS_ENGINES="espeak", MAX_TEXT_LENGTH="50")
    assert "MAX_TEXT_LENGTH=50" in settings.figure
    assert "line 3 is not NAME=value" in broken.figure
    assert read.figure == "2 of our settings; the environment goes before it for TTS_ENGINES"
    file.write_bytes(b"\xff\xfe\x00")
    assert here(examine_settings, tmp_path)[-1].status is Status.FAIL


def test_the_dotenv_file_is_really_read(doctor):
    (doctor.place / ".env").write_text("TTS_ENGINES=piper\nMAX_TEXT_LENGTH=lots\n")
    found = findings(doctor("--json"))
    assert found["settings"]["data"]["variable"] == "MAX_TEXT_LENGTH"
    assert "TTS_ENGINES" in found[".env"]["figure"]


def test_a_default_voice_that_nobody_has(doctor):
    found = findings(doctor("--json", TTS_DEFAULT_VOICE="espeak:klingonese"))
    assert found["default voice"]["status"] == "warn"
    assert "default voice" not in findings(doctor("--json", TTS_DEFAULT_VOICE="espeak:de"))


def test_secrets_are_never_shown(doctor):
    variables = {
        "TTS_API_KEYS": "topsecret1, topsecret2",
        "TTS_API_KEY": "topsecret3",
        "TTS_STORE_URL": f"valkey://me:topsecret4@127.0.0.1:{closed_port()}/0",
        "TTS_EDGE_URL": f"ws://me:topsecret5@127.0.0.1:{closed_port()}",
        "HTTPS_PROXY": f"http://me:top%24secret6@127.0.0.1:{closed_port()}",
        "TTS_ENGINES": "edge,espeak",
    }
    result = doctor("--json", **variables)
    assert "secret" not in result.stdout + result.stderr
    assert "2 keys" in result.stdout


def test_masking():
    secrets = secrets_of({"TTS_API_KEYS": "alpha,beta,x", "A_URL": "redis://u:p%40ss@h", "B_PROXY": "http://["})
    assert secrets == ["p%40ss", "alpha", "beta", "p@ss"]
    finding = Finding(name="n", status=Status.OK, figure="alpha p@ss", advice="beta", data={"a": ["p%40ss", 1]})
    (shown,) = masked([finding], secrets)
    assert (shown.figure, shown.advice, shown.data) == ("*** ***", "***", {"a": ["***", 1]})
    assert masked_url("redis://u:p@h:1/0") == "redis://***@h:1/0"
    assert masked_url("redis://h:1/0") == "redis://h:1/0"


# --- port, store, folders ---------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def test_a_port_that_another_program_has(doctor):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            result = doctor("--json", TTS_HOST="127.0.0.1", TTS_PORT=str(server.server_port))
        finally:
            server.shutdown()
    assert result.returncode == 1
    found = findings(result)["port"]
    assert found["status"] == "fail"
    assert "taken by another web server (SimpleHTTP" in found["figure"]
    assert "--port" in found["advice"]


def test_a_port_that_something_else_has(here):
    with listening(b"220 mail.example ESMTP\r\n") as port:
        (found,) = here(examine_port, TTS_HOST="127.0.0.1", TTS_PORT=str(port))
    assert "does not speak HTTP" in found.figure


def test_a_port_that_our_own_server_has(here):
    with served(application()) as url:
        (found,) = here(examine_port, TTS_HOST="127.0.0.1", TTS_PORT=url.rpartition(":")[2])
    assert found.status is Status.OK
    assert f"a litestar-tts {__version__} server is running there" in found.figure


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine(here, host):
    (found,) = here(examine_port, TTS_HOST=host, TTS_PORT="0")
    assert found.status is Status.FAIL
    assert "TTS_HOST" in str(found.advice)


def test_a_file_of_keys_is_there_and_of_nobody_elses_business(here, tmp_path):
    path = tmp_path / "keys"
    (found,) = here(examine_keys)
    assert found.status is Status.SKIP
    (found,) = here(examine_keys, TTS_API_KEYS_FILE=str(path))
    assert found.status is Status.FAIL
    assert "no such file" in found.figure
    path.write_text("# nobody yet\n")
    (found,) = here(examine_keys, TTS_API_KEYS_FILE=str(path))
    assert found.status is Status.FAIL
    assert "one key a line" in found.advice
    path.write_text("secret-of-ada\n")
    for mode, status in ((0o600, Status.OK), (0o640, Status.OK), (0o644, Status.WARN), (0o620, Status.WARN)):
        path.chmod(mode)
        (found,) = here(examine_keys, TTS_API_KEYS_FILE=str(path))
        assert found.status is status, oct(mode)
        assert "secret" not in found.figure
    assert found.advice == f"chmod 600 {path}"


def test_the_store(here):
    (found,) = here(examine_store)
    assert found.status is Status.SKIP
    with valkey_server() as server:
        (found,) = here(examine_store, TTS_STORE_URL=f"valkey://127.0.0.1:{server.port}/0")
        assert found.status is Status.OK, found
    (found,) = here(examine_store, TTS_STORE_URL=f"redis://127.0.0.1:{closed_port()}/0")
    assert found.status is Status.FAIL
    assert "refused" in found.figure
    with listening() as port:  # takes the connection, and says nothing
        (found,) = here(examine_store, TTS_STORE_URL=f"valkey://127.0.0.1:{port}/0")
    assert found.status is Status.FAIL


def test_the_store_without_its_client(doctor, shim):
    hide(shim, ["valkey"], ["valkey"])
    found = findings(doctor("--json", TTS_STORE_URL="valkey://127.0.0.1:1/0"))
    assert found["store"]["advice"] == 'pip install "litestar-tts[valkey]"'
    assert found["store"]["status"] == "fail"


def test_a_folder_of_voices(here, tmp_path):
    def look(folder: Path) -> Finding:
        found = here(examine_machine, TTS_PIPER_VOICES=str(folder))
        return next(finding for finding in found if finding.name == "piper voices")

    assert look(tmp_path / "nowhere").status is Status.FAIL
    folder = tmp_path / "voices"
    folder.mkdir()
    assert look(folder).status is Status.WARN
    (folder / "a.onnx").write_bytes(b"x")
    assert "a.onnx (no .onnx.json)" in look(folder).figure
    (folder / "a.onnx.json").write_text("{}")
    assert look(folder).status is Status.OK


def test_a_player(here, tmp_path):
    def look(**variables: str) -> Finding:
        return next(finding for finding in here(examine_machine, **variables) if finding.name == "player")

    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "aplay").write_text("#!/bin/sh\n")
    (programs / "aplay").chmod(0o755)
    assert look(PATH=str(programs)).figure.startswith("aplay")
    assert look(PATH=str(tmp_path)).status is Status.SKIP
    assert look(TTS_PLAYER="no-such-player").status is Status.FAIL
