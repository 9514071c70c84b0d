import io
import re
from collections.abc import Iterator

import av
import pytest
from litestar.testing import TestClient

from demo_app.app import create_app
from demo_app.articles import shelf
from litestar_tts import TTSConfig


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(TTSConfig(engines=["espeak"], max_text_length=20_000))) as client:
        yield client


def test_the_shelf(client: TestClient):
    articles = client.get("/articles").json()
    assert {article["slug"] for article in articles} == set(shelf())
    assert {article["language"] for article in articles} >= {"en-US", "de-DE", "fr-FR"}
    article = client.get("/articles/magi").json()
    assert article["author"] == "O. Henry"
    assert len(article["paragraphs"]) > 3
    # Read by somebody who is there.
    assert article["voice"] in {voice["id"] for voice in client.get("/tts/voices").json()["voices"]}


@pytest.mark.parametrize("slug", sorted(shelf()))
def test_every_article_can_be_listened_to(client: TestClient, slug: str):
    answer = client.get(f"/articles/{slug}/audio?speed=2")
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["x-tts-voice"].startswith(shelf()[slug].language[:2])
    with av.open(io.BytesIO(answer.content)) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 24_000
    assert seconds > len(shelf()[slug].text) / 60


def test_what_is_wrong_is_said(client: TestClient):
    assert client.get("/articles/nothing").status_code == 404
    assert client.get("/articles/nothing/audio").status_code == 404
    assert client.get("/articles/magi/audio?speed=9").status_code == 400


def test_the_pages_and_the_documentation(client: TestClient):
    for path in ("/", "/studio"):
        page = client.get(path)
        assert "'unsafe-inline'" not in page.headers["content-security-policy"]
        for file in re.findall(r'(?:src|href)="(/[^"#]*)"', page.text):
            assert client.get(file).status_code == 200, file
    assert 'data-api="/tts"' in client.get("/studio").text
    assert client.get("/tts/health").status_code == 200
    paths = client.get("/docs/openapi.json").json()["paths"]
    assert {"/articles", "/articles/{slug}/audio", "/tts/generate", "/tts/generate-stream"} <= set(paths)


def test_a_failing_engine_is_a_problem_and_not_a_crash():
    from litestar_tts import EngineError
    from litestar_tts.testing import ToneEngine

    tone = ToneEngine(fail=EngineError("the tone is out"))
    with TestClient(create_app(TTSConfig(engines=[tone], max_text_length=20_000))) as client:
        answer = client.get("/articles/magi/audio")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
