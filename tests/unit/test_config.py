import pytest

from litestar_tts.config import ENVIRONMENT, RateLimit, TTSConfig
from litestar_tts.exceptions import ConfigurationError
from litestar_tts.models import AudioFormat


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch):
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def test_defaults():
    config = TTSConfig()
    assert config.path == "/tts"
    assert config.default_voice == "en-US-AriaNeural"
    assert config.max_text_length == 1000
    assert config.rate_limit == RateLimit(requests=100, window=60)
    assert config.engines is None


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        ("TTS_ENGINES", "espeak, edge", lambda c: c.engines == ("espeak", "edge")),
        ("TTS_DEFAULT_VOICE", "espeak:de", lambda c: c.default_voice == "espeak:de"),
        ("RATE_LIMIT_REQUESTS", "7", lambda c: c.rate_limit.requests == 7),
        ("RATE_LIMIT_WINDOW", "8", lambda c: c.rate_limit.window == 8),
        ("MAX_TEXT_LENGTH", "9", lambda c: c.max_text_length == 9),
        ("TTS_API_KEYS", "a, b,", lambda c: c.api_keys == ("a", "b")),
        ("TTS_STORE_URL", "valkey://h:1", lambda c: c.store_url == "valkey://h:1"),
        ("TTS_EDGE_URL", "ws://h:1", lambda c: c.edge_url == "ws://h:1"),
        ("TTS_MAX_STREAMS", "3", lambda c: c.max_streams == 3),
        ("TTS_MAX_QUEUE", "0", lambda c: c.max_queue == 0),
        ("TTS_EDGE_CONNECTIONS", "4", lambda c: c.edge_connections == 4),
        ("TTS_TRUSTED_PROXIES", "10.0.0.0/8, ::1", lambda c: c.trusted_proxies == ("10.0.0.0/8", "::1")),
        ("TTS_PIPER_VOICES", "/voices", lambda c: c.piper_voices == "/voices"),
        ("MAX_TEXT_LENGTH", "", lambda c: c.max_text_length == 1000),
    ],
)
def test_environment(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, read):
    monkeypatch.setenv(variable, value)
    assert read(TTSConfig())


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAX_TEXT_LENGTH", "9")
    assert TTSConfig(max_text_length=10).max_text_length == 10


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"path": "tts"}, "path such as"),
        ({"path": "/a/{b:str}"}, "without parameters"),
        ({"engines": []}, "at least one"),
        ({"engines": ["festival"]}, "known names are"),
        ({"engines": "edge"}, "give a list"),
        ({"engines": ["edge", "edge"]}, "once"),
        ({"default_format": "ogg"}, "choose from"),
        ({"default_voice": " "}, "name a voice"),
        ({"voice_aliases": {"": "x"}}, "empty"),
        ({"max_text_length": 0}, "from 1 up"),
        ({"max_streams": 0}, "from 1 up"),
        ({"max_queue": -1}, "from 0 up"),
        ({"edge_connections": 0}, "from 1 up"),
        ({"max_body_size": 0}, "from 1 up"),
        ({"queue_timeout": 0}, "above 0"),
        ({"hedge_after": 0}, "switch it off"),
        ({"service_key": "not a name"}, "identifier"),
        ({"edge_url": "http://host"}, "ws://127.0.0.1:8765"),
        ({"edge_url": "ws://host/path"}, "scheme and host only"),
        ({"store_url": "memcached://h"}, "valkey://"),
        ({"trusted_proxies": ["proxy.local"]}, "10.0.0.0/8"),
        ({"api_keys": "secret"}, "list of keys"),
    ],
)
def test_every_wrong_option_says_the_fix(options, fix: str):
    with pytest.raises(ConfigurationError, match=fix) as raised:
        TTSConfig(**options)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("options", [{"requests": 0}, {"window": 0}])
def test_rate_limit_options(options):
    with pytest.raises(ConfigurationError):
        RateLimit(**options)


@pytest.mark.parametrize("variable", ["MAX_TEXT_LENGTH", "RATE_LIMIT_REQUESTS", "WEB_CONCURRENCY"])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str):
    monkeypatch.setenv(variable, "many")
    with pytest.raises(ConfigurationError, match=f"{variable}='many' is not usable; give a whole number"):
        TTSConfig()


def test_normalised():
    config = TTSConfig(path="/a/b/", default_format="mp3")
    assert config.path == "/a/b"
    assert config.default_format is AudioFormat.MP3
    assert TTSConfig(path="/").path == "/"


def test_body_limit_leaves_room_for_the_longest_text():
    assert TTSConfig(max_text_length=1000).body_limit > 12_000
    assert TTSConfig(max_body_size=500).body_limit == 500
