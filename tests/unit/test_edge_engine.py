"""What the Edge engine computes before and after the network."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from litestar_tts.engines import edge_client
from litestar_tts.engines.edge import EdgeEngine, _locate, _prosody
from litestar_tts.exceptions import ConfigurationError, EngineRejectedError
from litestar_tts.models import Prosody


@pytest.mark.parametrize(
    ("prosody", "gender", "expected"),
    [
        (Prosody(), "Female", ("+0%", "+0Hz", "+0%")),
        (Prosody(speed=2.0, pitch=-12, volume=-20), "Female", ("+100%", "-100Hz", "-90%")),
        (Prosody(speed=0.5, pitch=7, volume=-6.0206), "Male", ("-50%", "+60Hz", "-50%")),
        (Prosody(speed=1.25, pitch=2, volume=-0.01), None, ("+25%", "+20Hz", "+0%")),
    ],
)
def test_prosody_in_the_words_of_the_service(prosody, gender, expected) -> None:
    assert tuple(_prosody(prosody, gender)[key] for key in ("rate", "pitch", "volume")) == expected


def test_native_ranges_stay_within_what_the_service_clamps() -> None:
    capabilities = EdgeEngine().capabilities
    lowest, highest = capabilities.pitch
    assert 2 ** (lowest / 12) >= 0.5
    assert 2 ** (highest / 12) <= 1.5


def test_no_piece_exceeds_a_message_or_ten_minutes() -> None:
    engine = EdgeEngine()
    for speed in engine.capabilities.speed:
        pieces = engine.piece_limits(Prosody(speed=speed))
        assert pieces.max_bytes == 4096
        assert pieces.max_seconds is not None
        assert pieces.max_seconds / speed < 600


def test_words_are_found_by_searching_forward() -> None:
    text = "A cat and another cat: it's 3.14 & a  cat."
    cursor, found = 0, []
    for word in ("A", "cat", "and", "another", "cat", "it's", "3.14", "a", "cat"):
        at = _locate(text, word, cursor)
        assert at is not None
        found.append(at)
        cursor = at + len(word)
    assert found == [0, 2, 6, 10, 18, 23, 28, 35, 38]


def test_a_word_that_is_not_there_does_not_drag_the_rest_along() -> None:
    text = "The concatenation of cats" + " x" * 200 + " cat"
    assert _locate(text, "cat", 4) is None
    assert _locate(text, "", 0) is None
    assert _locate(text, "of", 4) == 18


def test_words_of_scripts_without_spaces() -> None:
    text = "你好世界，再见"
    assert [_locate(text, "你好", 0), _locate(text, "世界", 2), _locate(text, "再见", 4)] == [0, 2, 5]


@pytest.mark.parametrize("url", ["http://x", "127.0.0.1:80", "ws://", "ws://host/path"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="scheme and host"):
        EdgeEngine(url=url)


@pytest.mark.parametrize("option", ["connections", "connect_timeout", "queue_timeout", "voices_timeout"])
def test_numbers_have_to_be_above_zero(option: str) -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        EdgeEngine(**{option: 0})


def test_construction_imports_nothing_heavy() -> None:
    code = (
        "import sys; from litestar_tts.engines.edge import EdgeEngine; EdgeEngine(url='ws://127.0.0.1:1');"
        "print([m for m in ('edge_tts', 'aiohttp', 'av', 'numpy', 'litestar') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"


def test_an_address_of_its_own_leaves_the_package_as_it_was() -> None:
    import edge_tts.communicate
    import edge_tts.voices

    before = (edge_tts.communicate.WSS_URL, edge_tts.voices.VOICE_LIST, edge_tts.Communicate)
    one, two = edge_client._load("ws://127.0.0.1:1"), edge_client._load("wss://[::1]:2")
    assert (edge_tts.communicate.WSS_URL, edge_tts.voices.VOICE_LIST, edge_tts.Communicate) == before
    assert sys.modules["edge_tts.communicate"] is edge_tts.communicate
    addresses = [client.communicate.stream.__globals__["WSS_URL"] for client in (one, two)]
    assert addresses[0].startswith("ws://127.0.0.1:1/consumer/speech/synthesize/readaloud/edge/v1?TrustedClientToken=")
    assert addresses[1].startswith("wss://[::1]:2/consumer/")
    lists = [client.list_voices.__globals__["VOICE_LIST"] for client in (one, two)]
    assert [address.partition("/consumer")[0] for address in lists] == ["http://127.0.0.1:1", "https://[::1]:2"]
    assert (one.host, two.host) == ("127.0.0.1", "::1")


def changed_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str) -> None:
    """As if a later edge-tts kept its addresses elsewhere."""
    real = edge_client.find_spec

    def find(name: str):
        source = Path(real(name).origin).read_text("utf-8")
        assert old in source or name != "edge_tts.communicate"
        path = tmp_path / f"{name}.py"
        path.write_text(source.replace(old, new), "utf-8")
        return importlib.util.spec_from_file_location(name, path)

    monkeypatch.setattr(edge_client, "find_spec", find)
    edge_client._load.cache_clear()


@pytest.fixture(autouse=True)
def fresh_clients():
    yield
    edge_client._load.cache_clear()


async def test_a_package_without_the_address_is_a_clear_error(monkeypatch, tmp_path) -> None:
    changed_package(monkeypatch, tmp_path, "WSS_URL", "WSS_ADDRESS")
    changed = edge_client.find_spec

    def find(name: str):
        spec = changed(name)
        path = Path(spec.origin)
        path.write_text(path.read_text("utf-8").replace("    WSS_ADDRESS,\n", "    WSS_URL as WSS_ADDRESS,\n"), "utf-8")
        return spec

    monkeypatch.setattr(edge_client, "find_spec", find)
    with pytest.raises(EngineRejectedError, match="edge-tts>=7"):
        await EdgeEngine(url="ws://127.0.0.1:1").open()


async def test_a_package_that_ignores_the_address_reaches_nobody(monkeypatch, tmp_path) -> None:
    from litestar_tts.models import Utterance

    changed_package(monkeypatch, tmp_path, 'f"{WSS_URL}&', 'f"wss://elsewhere.invalid/x?y=z&')
    engine = EdgeEngine(url="ws://127.0.0.1:1")
    voice = await engine.find_voice("en-US-AriaNeural")
    with pytest.raises(EngineRejectedError, match="edge-tts>=7"):
        await anext(engine.synthesize(Utterance(text="Hello", voice=voice)))
    await engine.close()
