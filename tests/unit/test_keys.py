"""API keys: where they are looked for, how they are compared, how their file is followed."""

import base64
import copy
import logging
import os
import time
from pathlib import Path

import pytest
from litestar.datastructures import Headers

from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import ConfigurationError
from litestar_tts.web.auth import known_key
from litestar_tts.web.keys import ApiKeys, sent_keys


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def write(path: Path, text: str | bytes, *, age: float = 60.0) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    then = time.time() - age
    os.utime(path, (then, then))


def basic(password: str, user: str = "anybody", encoding: str = "utf-8") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode(encoding)).decode()}


# --- in headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer right"},
        {"authorization": "bearer    right  "},
        {"authorization": "  BEARER right"},
        {"x-api-key": "right"},
        {"x-api-key": " right "},
        {"authorization": "Bearer wrong", "x-api-key": "right"},
        {"authorization": "Bearer right", "x-api-key": "wrong"},
        basic("right"),
        basic("right", user=""),
        basic("right", user="Zoë"),
        # The password of a proxy in front, and our key beside it.
        {**basic("of-the-proxy"), "x-api-key": "right"},
    ],
)
def test_a_key_is_found_wherever_it_stands(headers: dict[str, str]):
    assert known_key(ApiKeys(["left", "right"]), Headers(headers)) is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "right"},
        {"authorization": "Token right"},
        {"authorization": "Bearer right, Bearer right"},
        {"authorization": "Bearer righ"},
        {"authorization": "Bearer rightt"},
        {"authorization": "Bearer RIGHT"},
        {"authorization": "Bearer right\x00"},
        {"authorization": "Bearer \xff\xfe"},
        {"authorization": "Bearer " + "r" * 100_000},
        {"authorization": "Basic right"},
        {"authorization": "Basic"},
        {"authorization": "Basic ===="},
        {"authorization": "Basic \xe9\xe9"},
        {"authorization": "Basic " + base64.b64encode(b"right").decode()},
        {"authorization": "Basic " + base64.b64encode(b"right:").decode()},
        {"authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
        {"authorization": "Basic " + base64.b64encode(b"a:" + b"r" * 100_000).decode()},
        basic("wrong"),
        {"x-api-key": ""},
        {"x-api-key": "\x00"},
        {"x-api-key": "\u20ac\ud800"},
        {"api-key": "right"},
    ],
)
def test_whatever_else_is_sent_is_no_key_and_no_failure(headers: dict[str, str]):
    assert known_key(ApiKeys(["right"]), Headers(headers)) is None


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_letters_beyond_ascii_come_in_either_spelling(encoding: str):
    keys = ApiKeys(["schlüssel", "other"])
    as_read = "schlüssel".encode(encoding).decode("latin-1")
    plain = known_key(keys, Headers({"authorization": f"Bearer {as_read}"}))
    assert plain is not None
    assert plain == known_key(keys, Headers(basic("schlüssel", encoding=encoding)))
    assert ApiKeys(["ключ"]).recognise(["ключ".encode().decode("latin-1")]) is not None


def test_names_are_of_one_key_and_do_not_show_it():
    keys = ApiKeys(["first-key", "second-key"])
    names = {keys.recognise([key]) for key in ("first-key", "second-key")}
    assert len(names) == 2
    assert not [name for name in names if name is None or "key" in name]
    assert ApiKeys(["first-key"]).recognise(["first-key"]) in names, "workers count one client together"


def test_an_empty_key_never_opens_anything():
    assert known_key(ApiKeys([""]), Headers({"x-api-key": "", "authorization": "Bearer "})) is None
    assert sent_keys(basic("")).ambient is None


# --- passwords that a browser sends by itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://public.example"}, True),
        ({"origin": "http://tts.example:8000"}, True),
        ({"origin": "HTTP://TTS.example:8000"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "something new"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://tts.example:8001"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "http://[::"}, False),
    ],
)
def test_a_page_of_another_site_cannot_use_a_visitors_password(headers: dict[str, str], *, known: bool):
    keys = ApiKeys(["right"])
    everywhere = {"host": "tts.example:8000", **headers}
    found = known_key(keys, Headers({**everywhere, **basic("right")}))
    assert (found is not None) == known
    assert known_key(keys, Headers({**everywhere, **basic("right")}), links=True) is not None
    # A key that a program has sent is the right of whoever knows it.
    assert known_key(keys, Headers({**everywhere, "authorization": "Bearer right"})) is not None


# --- in a file --------------------------------------------------------------------------------------------------------


def test_the_file_has_one_key_a_line(tmp_path: Path, clock: Clock):
    path = tmp_path / "keys"
    write(path, "\ufeff# who may speak\n\n  first \r\nsec#ond # of Ada\n\t# nobody\nзамок\n#hidden\n")
    keys = ApiKeys(["always"], file=path, clock=clock)
    for key in ("always", "first", "sec#ond", "замок".encode().decode("latin-1")):
        assert key in keys, key
    for key in ("", "#", "# who may speak", "sec", "hidden", "#hidden", "of Ada", "sec#ond # of Ada", "nobody"):
        assert key not in keys, key


@pytest.mark.parametrize(
    "content", [None, "", "\n\n", "# only a comment\n", b"\xff\xfe\x00", "k" * (1024 * 1024 + 1), Path("folder")]
)
def test_a_file_without_keys_lets_nobody_start(tmp_path: Path, content):
    path = tmp_path / "keys"
    if isinstance(content, Path):
        path.mkdir()
    elif content is not None:
        write(path, content)
    with pytest.raises(ConfigurationError, match=r"api_keys_file \(environment: TTS_API_KEYS_FILE\).*one.* a line"):
        ApiKeys(["other"], file=path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        ApiKeys(file=path)


def test_keys_come_and_go_with_the_file(tmp_path: Path, clock: Clock, caplog):
    caplog.set_level(logging.INFO, "litestar_tts")
    path = tmp_path / "keys"
    write(path, "old\n")
    keys = ApiKeys(["always"], file=path, clock=clock)
    write(path, "new\nnewer\n", age=30)
    assert "old" in keys, "not more than a look a second"
    clock.now += 1
    assert "old" not in keys
    assert "new" in keys
    assert "always" in keys
    assert "2 keys" in caplog.text
    assert "new" not in caplog.text.replace("newer", "new").replace("2 keys", "")


def test_looks_once_a_second_and_reads_only_what_changed(tmp_path: Path, clock: Clock, monkeypatch):
    path = tmp_path / "keys"
    write(path, "key\n")
    keys = ApiKeys(file=path, clock=clock)
    looks, reads = [], []
    plain_stat, plain_open = Path.stat, Path.open
    monkeypatch.setattr(Path, "stat", lambda self, **options: (looks.append(self), plain_stat(self, **options))[1])
    monkeypatch.setattr(Path, "open", lambda self, *a, **b: (reads.append(self), plain_open(self, *a, **b))[1])
    for _ in range(100):
        assert "key" in keys
        clock.now += 0.05
    assert 4 <= len(looks) <= 6
    assert reads == []


def test_a_change_within_the_files_resolution_is_seen(tmp_path: Path, clock: Clock):
    path = tmp_path / "keys"
    now = time.time_ns()
    path.write_text("aaaa\n")
    os.utime(path, ns=(now, now))
    keys = ApiKeys(file=path, clock=clock)
    # Same size, same inode, same time: only reading tells.
    path.write_text("bbbb\n")
    os.utime(path, ns=(now, now))
    clock.now += 1
    assert "aaaa" not in keys
    assert "bbbb" in keys


@pytest.mark.parametrize("trouble", ["missing", "folder", "bytes", "large"])
def test_a_file_that_breaks_later_leaves_the_last_good_keys(tmp_path: Path, clock: Clock, caplog, trouble: str):
    path = tmp_path / "keys"
    write(path, "good\n")
    keys = ApiKeys(file=path, clock=clock)
    path.unlink()
    if trouble == "folder":
        path.mkdir()
    elif trouble == "bytes":
        write(path, b"\xff\xff\n")
    elif trouble == "large":
        write(path, "k\n" * 600_000)
    for _ in range(5):
        clock.now += 1
        assert "good" in keys
    assert len(caplog.records) == 1, "said once"
    assert "the keys that were last read stay" in caplog.text
    if path.is_dir():
        path.rmdir()
    write(path, "better\n", age=10)
    clock.now += 1
    assert "better" in keys
    assert "good" not in keys
    assert not [record for record in caplog.records if "good" in record.getMessage() or "better" in record.getMessage()]


def test_a_file_that_is_emptied_lets_nobody_in(tmp_path: Path, clock: Clock, caplog):
    path = tmp_path / "keys"
    write(path, "key\n")
    keys = ApiKeys(["always"], file=path, clock=clock)
    write(path, "# nobody\n", age=10)
    for _ in range(3):
        clock.now += 1
        assert "key" not in keys
        assert "always" in keys
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "API keys file: it has no key; it lets nobody in"
    ]


def test_a_file_that_is_replaced_by_another_is_followed(tmp_path: Path, clock: Clock):
    """As secrets are mounted: a link that is turned to another file."""
    write(tmp_path / "one", "first\n")
    write(tmp_path / "two", "other\n")
    link = tmp_path / "keys"
    link.symlink_to("one")
    keys = ApiKeys(file=link, clock=clock)
    fresh = tmp_path / "fresh"
    fresh.symlink_to("two")
    fresh.replace(link)
    clock.now += 1
    assert "other" in keys
    assert "first" not in keys


def test_copies_are_the_same_keys(tmp_path: Path):
    write(tmp_path / "keys", "key\n")
    keys = ApiKeys(file=tmp_path / "keys")
    assert copy.deepcopy(keys) is keys
    assert copy.deepcopy({"guard": keys})["guard"] is keys


# --- in the configuration ---------------------------------------------------------------------------------------------


def test_a_configuration_asks_for_keys(tmp_path: Path, monkeypatch):
    assert not TTSConfig().asks_for_keys
    assert ApiKeys.from_config(TTSConfig()) is None
    assert TTSConfig(api_keys=["a"]).asks_for_keys
    write(tmp_path / "keys", "from-the-file\n")
    monkeypatch.setenv("TTS_API_KEYS_FILE", str(tmp_path / "keys"))
    config = TTSConfig(api_keys=["a"])
    assert config.asks_for_keys
    keys = ApiKeys.from_config(config)
    assert keys is not None
    assert "a" in keys
    assert "from-the-file" in keys


@pytest.mark.parametrize("keys", [[""], ["a", " "], ["a "], ["a", None]])
def test_what_is_no_key_is_refused(keys):
    with pytest.raises(ConfigurationError, match="api_keys") as caught:
        TTSConfig(api_keys=keys)
    assert "'a'" not in str(caught.value)
