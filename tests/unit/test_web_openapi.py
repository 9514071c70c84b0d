"""The API's description: complete, valid by its own rules, and changed only on purpose."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.openapi import OpenAPIConfig

from litestar_tts.models import AudioFormat
from litestar_tts.plugin import TTSPlugin
from litestar_tts.web.schema import TTSGenerateRequest, TTSVisemeRequest, read_body
from tests.support.scripted import ScriptedEngine, config

SNAPSHOT = Path(__file__).parent / "openapi.json"
SPEAKING = ("/tts/generate", "/tts/generate-stream", "/tts/generate-visemes", "/tts/generate-captions")


def described(*plugins: TTSPlugin, examples: bool = False, **options: Any) -> dict[str, Any]:
    plugins = plugins or (TTSPlugin(config(ScriptedEngine(), **options)),)
    info = OpenAPIConfig(title="host", version="1", create_examples=examples)
    app = Litestar(plugins=list(plugins), openapi_config=info, logging_config=None)
    return msgspec.to_builtins(app.openapi_schema.to_schema())


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described(api_keys=["k"], metrics=True)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def inside(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from inside(inner)


def test_it_is_what_it_was(document: dict[str, Any]):
    """Written anew by: python -m tests.unit.test_web_openapi"""
    assert document == json.loads(SNAPSHOT.read_text())


def test_a_host_that_has_examples_made_gets_them_without_noise_in_ours():
    document = described(examples=True)
    problem = document["paths"]["/tts/generate"]["post"]["responses"]["400"]["content"]["application/problem+json"]
    assert set(problem) == {"schema"}


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    for value in inside(document):
        reference = value.get("$ref")
        if isinstance(reference, str):
            target: Any = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            assert target


def test_every_operation_is_whole(document: dict[str, Any]):
    ids = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert set(ids.values()) == {1}
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"] == ["speech"]
        assert (method == "post") == ("requestBody" in operation)
        for status, response in operation["responses"].items():
            assert 200 <= int(status) < 600
            assert response["description"]
        names = [parameter["name"] for parameter in operation.get("parameters", ())]
        assert len(set(names)) == len(names)
        for schema in inside(operation):
            if schema.get("type") == "array":
                assert "items" in schema


def test_audio_is_binary_in_every_format(document: dict[str, Any]):
    for method in ("get", "post"):
        good = document["paths"]["/tts/generate"][method]["responses"]["200"]
        assert set(good["content"]) == {audio.media_type for audio in AudioFormat} | {"application/json"}
        assert good["content"]["audio/mpeg"]["schema"] == {"type": "string", "format": "binary"}
        assert {"X-Viseme-Count", "X-TTS-Engine", "X-TTS-Voice", "X-Request-ID"} <= set(good["headers"])


def test_errors_are_problems_everywhere(document: dict[str, Any]):
    for path in SPEAKING:
        responses = document["paths"][path]["post"]["responses"]
        assert set(responses) == {"200", "400", "401", "404", "408", "413", "415", "429", "501", "502", "503", "504"}
    for path, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status != "200" and path != "/tts/health":
                (media_type,) = response["content"]
                assert media_type == "application/problem+json"
                assert response["content"][media_type]["schema"] == {"$ref": "#/components/schemas/TTSProblem"}


def test_examples_are_requests_that_work(document: dict[str, Any]):
    kinds = {"/tts/generate": TTSGenerateRequest, "/tts/generate-visemes": TTSVisemeRequest}
    for path, kind in kinds.items():
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{kind.__name__}"}
        for example in content["examples"].values():
            assert read_body(json.dumps(example["value"]).encode(), kind)


def test_query_parameters_are_the_fields_of_the_body(document: dict[str, Any]):
    fields = document["components"]["schemas"]["TTSGenerateRequest"]["properties"]
    parameters = {p["name"]: p for p in document["paths"]["/tts/generate"]["get"]["parameters"]}
    assert set(parameters) == set(fields) == set(TTSGenerateRequest.__struct_fields__)
    assert [name for name, parameter in parameters.items() if parameter["required"]] == ["text"]
    assert parameters["speed"]["schema"] == {"type": "number", "minimum": 0.25, "maximum": 4.0, "default": 1.0}


def test_keys_are_described_only_where_there_are_some(document: dict[str, Any]):
    assert document["components"]["securitySchemes"]["TTSApiKey"]["scheme"] == "bearer"
    assert document["paths"]["/tts/voices"]["get"]["security"] == [{"TTSApiKey": []}]
    assert {} in document["paths"]["/tts/health"]["get"]["security"]
    open_to_all = described()
    assert "securitySchemes" not in open_to_all["components"]
    assert "security" not in open_to_all["paths"]["/tts/voices"]["get"]
    own = described(api_keys=["k"], security=[{"session": []}], tags=["talk"])
    assert own["paths"]["/tts/voices"]["get"]["security"] == [{"session": []}]
    assert own["paths"]["/tts/voices"]["get"]["tags"] == ["talk"]


def test_two_mounts_have_ids_of_their_own_and_one_set_of_models():
    document = described(
        TTSPlugin(config(ScriptedEngine(), path="/one")),
        TTSPlugin(config(ScriptedEngine("other"), path="/api/two", service_key="other")),
    )
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids) == 14
    assert {"oneGenerate", "getOneGenerate", "apiTwoGenerate"} <= set(ids)
    assert [name for name in document["components"]["schemas"] if name.endswith("GenerateRequest")] == [
        "TTSGenerateRequest"
    ]


def test_it_can_be_left_out_of_the_hosts_description():
    assert described(include_in_schema=False, api_keys=["k"])["paths"] == {}


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(described(api_keys=["k"], metrics=True), indent=1, sort_keys=True) + "\n")
