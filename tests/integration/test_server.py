"""The standalone server: a real process, a real socket."""

import asyncio
import gzip
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

import litestar_tts.web.pages
from litestar_tts.config import TTSConfig
from litestar_tts.plugin import TTSPlugin
from litestar_tts.server import create_app
from litestar_tts.web.pages import demo_page
from tests.support.valkey import valkey_server

ROOT = Path(__file__).parents[2]


class Running:
    """A server process; what it writes is collected line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self.readers = [
            threading.Thread(target=self._read, args=(process.stdout, self.out), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, self.err), daemon=True),
        ]
        self.ready = threading.Event()
        self.spoke = threading.Condition()
        for reader in self.readers:
            reader.start()

    def _read(self, stream, lines: list[str]) -> None:
        for line in stream:
            with self.spoke:
                lines.append(line)
                self.spoke.notify_all()
            if lines is self.out and "listens on" in line:
                self.ready.set()

    @property
    def url(self) -> str:
        found = re.search(r"http://\S+", "".join(self.out))
        assert found is not None
        return found[0]

    def wait_for_log(self, pattern: str) -> str:
        def found() -> "re.Match[str] | None":
            return re.search(pattern, "".join(self.err))

        with self.spoke:
            assert self.spoke.wait_for(found, timeout=10), f"no {pattern!r} in {''.join(self.err)}"
        match = found()
        assert match is not None
        return match[0]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        for reader in self.readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


def environment(**variables: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RATE_LIMIT"))}
    clean.pop("WEB_CONCURRENCY", None)
    # Nothing answers at that port, and says so at once.
    return clean | {"PYTHONPATH": str(ROOT), "TTS_EDGE_URL": "ws://127.0.0.1:9", "TTS_ENGINES": "espeak"} | variables


@contextmanager
def serving(*arguments: str, cwd: Path | None = None, code: str | None = None, **variables: str):
    command = [sys.executable, "-m", "litestar_tts", "serve", "--port", "0", *arguments]
    if code is not None:
        command = [sys.executable, "-c", code]
    process = subprocess.Popen(
        command, env=environment(**variables), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    running = Running(process)
    try:
        assert running.ready.wait(30), f"not ready: {''.join(running.err)}"
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def test_speaks_and_logs_each_stream_once(server):
    answer = httpx.post(f"{server.url}/generate", json={"text": "Hello world", "format": "wav"})
    assert answer.status_code == 200
    assert answer.content[:4] == b"RIFF"
    assert len(answer.content) > 10_000
    server.wait_for_log(r"speech complete")
    log = "".join(server.err)
    assert log.count("speech starts: 11 characters") == 1
    assert log.count("speech complete") == 1
    assert "Hello" not in log


def test_access_log_never_shows_a_query(server):
    answer = httpx.get(f"{server.url}/generate", params={"text": "very private", "format": "wav"})
    assert answer.status_code == 200
    line = server.wait_for_log(r".*GET /generate .*\n")
    assert '"GET /generate HTTP/1.1" 200' in line
    assert "private" not in "".join(server.err + server.out)


def test_listens_on_every_address_of_localhost(server):
    port = httpx.URL(server.url).port
    families = {family for family, *_ in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        if family in families:
            with socket.create_connection((address, port), timeout=5):
                pass


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/generate", 405)])
def test_what_is_not_there_is_a_problem(server, method, path, status):
    answer = httpx.request(method, server.url + path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["instance"] == path


def test_forwarded_addresses_make_no_new_client(server):
    with serving(RATE_LIMIT_REQUESTS="5") as limited:
        statuses = [
            httpx.get(
                f"{limited.url}/generate", params={"text": "a"}, headers={"X-Forwarded-For": f"203.0.113.{number}"}
            ).status_code
            for number in range(8)
        ]
    assert statuses == [200] * 5 + [429] * 3


def test_dot_env_is_read_but_the_environment_goes_first(tmp_path):
    (tmp_path / ".env").write_text("MAX_TEXT_LENGTH=7\nRATE_LIMIT_REQUESTS=3\n")
    with serving(cwd=tmp_path, RATE_LIMIT_REQUESTS="50") as running:
        answer = httpx.post(f"{running.url}/generate", json={"text": "12345678"})
        assert answer.status_code == 413
        answer = httpx.post(f"{running.url}/generate", json={"text": "1234567"})
        assert answer.headers["RateLimit-Limit"] == "50"


def test_a_taken_port_is_one_clear_line(server):
    port = httpx.URL(server.url).port
    command = [sys.executable, "-m", "litestar_tts", "serve", "--port", str(port)]
    result = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"port {port}" in result.stderr
    assert "TTS_PORT" in result.stderr


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"TTS_PORT": "abc"}, "TTS_PORT"),
        ({"TTS_LOG_LEVEL": "loud"}, "TTS_LOG_LEVEL"),
        ({"MAX_TEXT_LENGTH": "0"}, "MAX_TEXT_LENGTH"),
    ],
)
def test_a_wrong_environment_is_one_clear_line(variables, word):
    command = [sys.executable, "-m", "litestar_tts", "serve"]
    result = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=30, check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert word in result.stderr


BROKEN = """
from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Capabilities, Engine
from litestar_tts.exceptions import EngineError
from litestar_tts.models import AudioChunk, Voice
from litestar_tts.server import serve

class Breaking(Engine):
    name = "breaking"
    capabilities = Capabilities()

    async def voices(self):
        return [Voice(id="one", name="One", engine=self.name, language="en-US")]

    async def synthesize(self, utterance):
        for _ in range(40):
            yield AudioChunk(data=bytes(4800))
        raise EngineError("The engine broke.")

serve(port=0, config=TTSConfig(path="/", engines=[Breaking()]))
"""


def test_a_stream_that_breaks_off_is_logged_in_lines_without_traceback():
    with serving(code=BROKEN) as running:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(f"{running.url}/generate", json={"text": "very private"})
        running.wait_for_log("the stream broke off: The engine broke.")
    log = "".join(running.err)
    assert "Traceback" not in log
    assert "private" not in log


# --- several workers --------------------------------------------------------------------------------------------------


def count_accepted(url: str, requests: int) -> int:
    async def run() -> int:
        # A new connection for each request, so that every worker gets some.
        limits = httpx.Limits(max_keepalive_connections=0, max_connections=20)
        async with httpx.AsyncClient(limits=limits, timeout=30) as client:
            calls = [client.get(f"{url}/generate", params={"text": "a"}) for _ in range(requests)]
            return sum(answer.status_code == 200 for answer in await asyncio.gather(*calls))

    return asyncio.run(run())


def test_workers_take_their_share_and_one_warning_names_the_setting():
    with serving("--workers", "2", RATE_LIMIT_REQUESTS="10") as running:
        accepted = count_accepted(running.url, 60)
        assert 5 <= accepted <= 10
        log = "".join(running.err)
        assert log.count("TTS_STORE_URL") == 1
        assert sum("listens on" in line for line in running.out) == 1


def test_workers_with_a_store_share_one_exact_budget():
    with (
        valkey_server() as valkey,
        serving(
            "--workers", "2", RATE_LIMIT_REQUESTS="10", TTS_STORE_URL=f"valkey://127.0.0.1:{valkey.port}"
        ) as running,
    ):
        assert count_accepted(running.url, 60) == 10
        assert "TTS_STORE_URL" not in "".join(running.err)


def test_stops_at_once_when_told():
    with serving("--workers", "2") as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(15) in (0, 130)
        assert "Traceback" not in "".join(running.err)


# --- pages ------------------------------------------------------------------------------------------------------------


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_demo_page_is_strict_and_whole(server):
    page = httpx.get(f"{server.url}/")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    rules = policy(page)
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self'"
    assert "{" not in re.sub(r"<svg.*?</svg>", "", page.text, flags=re.DOTALL), "a placeholder is left"
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        answer = httpx.get(server.url + path)
        assert answer.status_code == 200, path
        if path.startswith("/assets"):
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_docs_need_no_network(server, path):
    page = httpx.get(server.url + path)
    assert page.status_code == 200
    assert policy(page)["script-src"] == "'self'"
    assert not re.search(r"https?://", page.text)
    assert "<script>" not in page.text
    for source in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert httpx.get(server.url + source).status_code == 200, source


def test_openapi_document(server):
    document = httpx.get(f"{server.url}/docs/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert "/generate" in document["paths"]
    assert not [path for path in document["paths"] if path.startswith(("/docs", "/assets"))]


def test_assets_are_only_ours(server):
    digest = re.search(r"/assets/(\w+)/demo.js", httpx.get(f"{server.url}/").text)[1]
    for name in (
        f"{digest}/..%2f..%2fconfig.py",
        f"{digest}/..%2fdocs.js",
        f"{digest}/demo.html",
        "0/demo.js",
    ):
        assert httpx.get(f"{server.url}/assets/{name}").status_code == 404
    connection = http.client.HTTPConnection(httpx.URL(server.url).host, httpx.URL(server.url).port, timeout=5)
    connection.request("GET", f"/assets/{digest}/../../config.py")
    assert connection.getresponse().status == 404
    connection.close()


async def test_docs_without_the_files_say_what_to_install(monkeypatch):
    monkeypatch.setattr(litestar_tts.web.pages.importlib.util, "find_spec", lambda name: None)
    app = create_app(TTSConfig(path="/", engines=["espeak"]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:  # type: ignore[arg-type]
        page = await client.get("/docs")
    assert page.status_code == 200
    assert 'pip install "litestar-tts[server]"' in page.text


async def test_pages_follow_the_root_path():
    app = create_app(TTSConfig(path="/api", engines=["espeak"]))
    transport = httpx.ASGITransport(app, root_path="/proxy")  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        page = await client.get("/proxy/")
        docs = await client.get("/proxy/docs")
    assert 'data-api="/proxy/api"' in page.text
    assert 'src="/proxy/assets/' in page.text
    assert 'data-document="/proxy/docs/openapi.json"' in docs.text


async def test_demo_page_has_any_path_and_links_of_its_host():
    links = {"Home & away": "/home"}
    handlers = demo_page(path="/a/studio", api="/voice", docs="/docs", max_text_length=77, links=links)
    app = Litestar(handlers, plugins=[TTSPlugin(TTSConfig(path="/voice", engines=["espeak"]))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:  # type: ignore[arg-type]
        page = await client.get("/a/studio")
        assert page.status_code == 200
        assert policy(page)["script-src"] == "'self'"
        assert policy(page)["require-trusted-types-for"] == "'script'"
        assert '<a href="/home">Home &amp; away</a>' in page.text
        assert 'maxlength="77"' in page.text
        files = [path for path in re.findall(r'(?:src|href)="(/[^"]+)"', page.text) if path not in ("/home", "/docs")]
        assert any(path.startswith("/a/studio/assets/") for path in files)
        assert "/voice/client/tts.js" in files
        for path in files:
            assert (await client.get(path)).status_code == 200, path
        assert (await client.get("/")).status_code == 404


@pytest.mark.parametrize("option", ["mount_client", "mount_speech", "enabled"])
async def test_without_a_client_there_is_no_demo_page(option):
    app = create_app(TTSConfig(path="/", engines=["espeak"], **{option: False}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:  # type: ignore[arg-type]
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/docs")).status_code == 200


def test_the_pages_scripts_are_complete_and_stay_small():
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "litestar_tts/static/demo").glob("*.js")}
    assert all(len(script.splitlines()) < 400 for script in files.values())
    assert len(gzip.compress("".join(files.values()).encode())) < 24_000
    imported = set(re.findall(r'(?:from |import\()"\./([^"]+)"', "".join(files.values())))
    assert imported | {"demo.js"} == set(files)
