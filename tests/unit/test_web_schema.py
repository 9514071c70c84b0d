"""Bodies and queries are read strictly, and every refusal names what is wrong."""

import json
import urllib.parse
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litestar_tts.exceptions import InvalidRequestError
from litestar_tts.web.schema import TTSCaptionRequest, TTSGenerateRequest, TTSVisemeRequest, read_body, read_query

GOOD = {"text": "Hello"}


def refused(body: bytes, kind: type = TTSGenerateRequest) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        read_body(body, kind)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 5), ("text", None), ("text", ["a"]), ("text", ""), ("text", True),
        ("voice", None), ("voice", ""), ("voice", 1), ("voice", "v" * 201), ("voice", {"id": "x"}),
        ("format", "ogg"), ("format", None), ("format", 1), ("format", "MP3"),
        ("speed", "1.0"), ("speed", True), ("speed", None), ("speed", 0.2499), ("speed", 4.0001), ("speed", [1]),
        ("speed", 10**30), ("speed", -1), ("pitch", 12.5), ("pitch", "0"), ("pitch", -12.5), ("pitch", False),
        ("volume", 21), ("volume", -21), ("volume", "loud"), ("visemes", "disney"), ("visemes", None), ("visemes", 0),
        ("fallback", 1), ("fallback", "true"), ("fallback", None), ("phonemes", 0), ("phonemes", "yes"),
        ("sample_rate", 11025), ("sample_rate", "24000"), ("sample_rate", 24000.5), ("sample_rate", True),
        ("sample_rate", 10**40), ("stream", 1), ("stream", "false"), ("stream", None),
        ("timing", "auto"), ("txet", "Hello"), ("", 1), ("a" * 500, 1), ("nul\x00", 1), ("`", 1),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(field: str, value: object):
    error = refused(json.dumps({**GOOD, field: value}).encode())
    assert error.extra["parameter"] == (field if len(field) <= 64 else f"{field[:61]}…")
    assert len(error.detail) < 300


@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"0x1", b"01", b"9" * 5000, b"1" + b"0" * 400]
)
def test_numbers_that_are_none(number: bytes):
    refused(b'{"text":"Hello","speed":' + number + b"}")


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"null", b"[]", b'"text"', b"5", b"{", b'{"text":"a"', b'{"text":"a"} {}', b"text=Hello",
        b'{"text":"\\ud800"}', b'{"text":"\\udc00\\ud800 and more text behind"}', b'{"text":"\xff\xfe"}',
        b'{"text":"a\nb"}', b"{'text':'a'}", b'{"text":"a",}', b"[" * 100_000,
        b'{"text":' * 50_000, b"{}", b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
    ],
)  # fmt: skip
def test_bodies_that_are_none(body: bytes):
    refused(body)


def test_what_is_missing_is_named():
    assert refused(b"{}").extra["parameter"] == "text"


def test_choices_are_listed():
    assert "flac" in refused(b'{"text":"a","format":"ogg"}').detail
    assert "22050" in refused(b'{"text":"a","sample_rate":1}').detail
    assert "srt" in refused(b'{"text":"a","format":"mp3"}', TTSCaptionRequest).detail
    assert "estimated" in refused(b'{"text":"a","timing":"x"}', TTSVisemeRequest).detail


def test_the_text_is_never_quoted():
    error = refused(b'{"text":"my secret","speed":"my secret"}')
    assert "secret" not in error.detail


def test_the_edges_of_ranges_are_good():
    for field, values in (("speed", (0.25, 4, 1)), ("pitch", (-12, 12, 0.5)), ("volume", (-20, 20))):
        for value in values:
            read = read_body(json.dumps({**GOOD, field: value}).encode(), TTSGenerateRequest)
            assert getattr(read, field) == value


def query(**fields: str) -> bytes:
    return urllib.parse.urlencode(fields).encode()


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("", "text"), ("text=", "text"), ("text=a&speed=nan", "speed"), ("text=a&speed=inf", "speed"),
        ("text=a&speed=-inf", "speed"), ("text=a&speed=", "speed"), ("text=a&speed=fast", "speed"),
        ("text=a&speed=1_0", "speed"), ("text=a&speed=1e999", "speed"), ("text=a&pitch=13", "pitch"),
        ("text=a&sample_rate=1", "sample_rate"), ("text=a&sample_rate=24000.5", "sample_rate"),
        ("text=a&phonemes=maybe", "phonemes"), ("text=a&stream=", "stream"), ("text=a&format=x", "format"),
        ("text=a&voice=", "voice"), ("text=a&b=1", "b"), ("text=a&text=b", "text"), ("text=%ff", "text"),
        ("text=a&%ff=1", "The query"), ("text=a&timing=auto", "timing"), ("a=1&text=a", "a"),
    ],
)  # fmt: skip
def test_queries_that_are_refused(text: str, parameter: str):
    with pytest.raises(InvalidRequestError) as caught:
        read_query(text.encode(), TTSGenerateRequest)
    assert caught.value.extra["parameter"] == parameter


def test_a_query_gives_what_a_body_gives():
    fields = {
        "text": "Héllo + 100 % & more",
        "speed": 1.5,
        "sample_rate": 48000,
        "stream": False,
        "format": "opus",
        "visemes": "arkit",
    }
    asked = read_query(
        query(**{name: str(value).lower() if name != "text" else value for name, value in fields.items()}),
        TTSGenerateRequest,
    )  # type: ignore[arg-type]
    assert asked == read_body(json.dumps(fields).encode(), TTSGenerateRequest)


def test_a_number_is_a_text_too():
    assert read_query(b"text=42", TTSGenerateRequest).text == "42"
    assert read_query(b"text=null", TTSGenerateRequest).text == "null"


@given(st.binary(max_size=300))
def test_any_body_is_read_or_refused(body: bytes):
    with suppress(InvalidRequestError):
        assert read_body(body, TTSGenerateRequest).text


@given(st.binary(max_size=200))
def test_any_query_is_read_or_refused(text: bytes):
    with suppress(InvalidRequestError):
        assert read_query(text, TTSGenerateRequest).text


@given(st.text(min_size=1, max_size=50))
def test_every_text_comes_through(text: str):
    assert read_body(json.dumps({"text": text}).encode(), TTSGenerateRequest).text == text
    assert read_query(query(text=text), TTSGenerateRequest).text == text
