"""The API is as its own description says: what that allows is answered as it says, what it forbids is refused."""

from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from litestar import Litestar
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from litestar_tts.config import TTSConfig
from litestar_tts.plugin import TTSPlugin
from litestar_tts.server import create_app
from litestar_tts.testing import ToneEngine
from tests.support.scripted import config

KEY = "schema-test-key-of-enough-length"
HEADERS = {"Authorization": f"Bearer {KEY}"}
OPERATIONS = (
    ("GET", "/generate"), ("POST", "/generate"), ("POST", "/generate-stream"), ("POST", "/generate-visemes"),
    ("POST", "/generate-captions"), ("GET", "/voices"), ("GET", "/health"), ("GET", "/metrics"),
)  # fmt: skip

bounded = settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=True
)


@pytest.fixture(scope="module")
def standalone() -> Any:
    """The server's own application, which describes itself."""
    options = TTSConfig(path="/", engines=["espeak"], rate_limit=None, max_text_length=80, api_keys=[KEY], metrics=True)
    return schemathesis.openapi.from_asgi("/docs/openapi.json", create_app(options))


@pytest.fixture(scope="module")
def hosted() -> Any:
    """The plugin among the routes of a host."""
    options = config(ToneEngine(), default_voice="tone:tone-high", max_text_length=80, api_keys=[KEY], metrics=True)
    app = Litestar(plugins=[TTSPlugin(options)], logging_config=None)
    return schemathesis.openapi.from_asgi("/schema/openapi.json", app)


def test_every_operation_is_tried(standalone: Any, hosted: Any):
    for schema, prefix in ((standalone, ""), (hosted, "/tts")):
        found = {operation.ok().label for operation in schema.get_all_operations()}
        assert found == {f"{method} {prefix}{path}" for method, path in OPERATIONS}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_is_allowed_is_answered(standalone: Any, method: str, path: str):
    statuses = conforms(standalone[path][method], GenerationMode.POSITIVE, 40)
    assert statuses[200] >= 1


@pytest.mark.parametrize(("method", "path"), [route for route in OPERATIONS if route[1] != "/health"])
def test_what_is_forbidden_is_refused(standalone: Any, method: str, path: str):
    conforms(standalone[path][method], GenerationMode.NEGATIVE, 40)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_in_a_host(hosted: Any, method: str, path: str):
    operation = hosted[f"/tts{path}"][method]
    conforms(operation, GenerationMode.POSITIVE, 15)
    if path != "/health":
        conforms(operation, GenerationMode.NEGATIVE, 15)


def conforms(operation: Any, mode: GenerationMode, examples: int) -> Counter[int]:
    """Run all of schemathesis' checks on calls of one kind; gives how often each status was answered."""
    statuses: Counter[int] = Counter()

    @settings(bounded, max_examples=examples)
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Case) -> None:
        answer = case.call(headers=HEADERS)
        statuses[answer.status_code] += 1
        # That a text holds something to say, and how much of it is allowed here, is more than the description says; nor
        # that a name is not blank.
        own_rule = answer.status_code in (400, 413) and answer.json().get("parameter") in ("text", "voice")
        excluded = [positive_data_acceptance] if own_rule else []
        if "/voices" in operation.path and answer.status_code == 200 and _is_well_formed(answer.request.url):
            # What was wrong with it got lost on the way: the key is ours, and fields without any value are not sent.
            excluded.append(negative_data_rejection)
        case.validate_response(answer, headers=HEADERS, excluded_checks=excluded)

    call()
    return statuses


def _is_well_formed(url: str) -> bool:
    fields = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    names = [name for name, _ in fields]
    known = set(names) <= {"engine", "language", "gender"} and len(set(names)) == len(names)
    return known and all(1 <= len(value) <= 100 for _, value in fields)
