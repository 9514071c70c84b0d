"""The plugin beside other plugins, twice, derived, switched off: nothing of the host's changes."""

import sys
from types import ModuleType
from typing import Any

import pytest
from litestar import Litestar, MediaType, get
from litestar.config.compression import CompressionConfig
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import QueryParameter
from litestar.plugins import InitPlugin
from starlette.exceptions import HTTPException as StarletteHTTPException

from litestar_tts.exceptions import ConfigurationError
from litestar_tts.plugin import TTSPlugin, get_plugin
from litestar_tts.web.response import AudioStream
from litestar_tts.web.service import TTSService
from tests.integration.hosts.asking import Browser
from tests.integration.hosts.speaking import works
from tests.support.scripted import ScriptedEngine, application, client_of, config

TEXT = "Hello there world"
BODY = {"text": TEXT}


@get("/", media_type=MediaType.TEXT)
async def index() -> str:
    return "the host's page"


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.mark.parametrize("path", ["/tts", "/", "/api/v1/speech", "/tts/"])
async def test_any_path(engine: ScriptedEngine, path: str):
    await works(application(engine, path=path), path.rstrip("/"))


async def test_two_mounts(engine: ScriptedEngine):
    other = ScriptedEngine("other")
    plugins = [
        TTSPlugin(config(engine, path="/one")),
        TTSPlugin(config(other, path="/two", service_key="second_voice")),
    ]

    @get("/services")
    async def services(
        tts_service: NamedDependency[TTSService], second_voice: NamedDependency[TTSService]
    ) -> list[str]:
        return [tts_service.engines[0].name, second_voice.engines[0].name]

    app = Litestar([services], plugins=plugins, logging_config=None)
    async with client_of(app) as client:
        for path, name in (("/one", "tone"), ("/two", "other")):
            assert (await client.post(f"{path}/generate", json=BODY)).headers["x-tts-engine"] == name
            assert (await client.get(f"{path}/nonsense")).headers["content-type"] == "application/problem+json"
        assert (await client.get("/services")).json() == ["tone", "other"]
        assert (await client.get("/schema/openapi.json")).status_code == 200


async def test_two_mounts_with_the_default_key(engine: ScriptedEngine):
    plugins = [TTSPlugin(config(engine, path="/one")), TTSPlugin(config(ScriptedEngine("other"), path="/two"))]

    @get("/service")
    async def service(tts_service: NamedDependency[TTSService]) -> str:
        return tts_service.engines[0].name

    app = Litestar([service], plugins=plugins, logging_config=None)
    async with client_of(app) as client:
        assert (await client.get("/service")).text == "tone"
        assert (await client.post("/two/generate", json=BODY)).headers["x-tts-engine"] == "other"


def test_what_two_plugins_cannot_share(engine: ScriptedEngine):
    with pytest.raises(ConfigurationError, match="path of its own"):
        Litestar(plugins=[TTSPlugin(config(engine)), TTSPlugin(config(engine, service_key="other"))])
    same = [TTSPlugin(config(engine, path=path, service_key="voice")) for path in ("/one", "/two")]
    with pytest.raises(ConfigurationError, match="service_key"):
        Litestar(plugins=same)


def test_a_dependency_of_the_host_by_that_name(engine: ScriptedEngine):
    async def mine() -> int:
        return 1

    with pytest.raises(ConfigurationError, match="service_key"):
        application(engine, host={"dependencies": {"tts_service": Provide(mine)}})


def test_a_parameter_of_the_host_by_that_name(engine: ScriptedEngine):
    parameters = {"tts_service": QueryParameter(name="tts_service", annotation=str, default="")}
    with pytest.raises(ConfigurationError, match="service_key"):
        application(engine, host={"parameters": parameters})


async def test_disabled_it_adds_nothing():
    plain = Litestar([index], logging_config=None)
    app = Litestar([index], plugins=[TTSPlugin(config(ScriptedEngine(), enabled=False))], logging_config=None)
    assert {route.path for route in app.routes} == {route.path for route in plain.routes}
    assert "tts_service" not in app.dependencies
    assert app.signature_namespace == plain.signature_namespace


async def test_without_routes_the_service_is_still_injected(engine: ScriptedEngine):
    @get("/say")
    async def say(tts_service: NamedDependency[TTSService]) -> AudioStream:
        return await tts_service.response(TEXT, format="wav")

    app = application(engine, mount_speech=False, host={"route_handlers": [say]})
    async with client_of(app) as client:
        assert (await client.get("/tts/health")).status_code == 404
        assert (await client.get("/say")).content[:4] == b"RIFF"


async def test_no_shared_object_is_changed(engine: ScriptedEngine):
    before = Litestar(logging_config=None).openapi_config
    handlers: list[Any] = [index]
    dependencies: dict[str, Any] = {}
    pages: dict[Any, Any] = {}
    host = {"route_handlers": handlers, "dependencies": dependencies, "exception_handlers": pages}
    application(engine, host=host, api_keys=["k"], tags=["mine"])
    other = Litestar([index], logging_config=None)
    assert other.openapi_config is before
    assert before is not None
    assert before.tags is None
    assert "securitySchemes" not in other.openapi_schema.to_schema()["components"]
    # Litestar itself adds one of its own here.
    pages.pop(StarletteHTTPException, None)
    assert (handlers, dependencies, pages) == ([index], {}, {})


def test_a_hosts_security_schemes_stay_beside_ours(engine: ScriptedEngine):
    own = Components(
        security_schemes={"session": SecurityScheme(type="apiKey", name="sid", security_scheme_in="cookie")}
    )
    for components in (own, [own]):
        described = OpenAPIConfig(title="host", version="1", components=components)
        app = application(engine, host={"openapi_config": described}, api_keys=["k"])
        schema = app.openapi_schema.to_schema()
        assert set(schema["components"]["securitySchemes"]) == {"session", "TTSApiKey"}
        assert schema["info"]["title"] == "host"
    assert set(own.security_schemes or {}) == {"session"}


async def test_a_host_without_openapi(engine: ScriptedEngine):
    app = application(engine, host={"openapi_config": None}, api_keys=["k"])
    async with client_of(app) as client:
        assert (await client.get("/tts/health")).status_code == 200


def test_a_type_that_is_only_imported_for_type_checkers(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("a_host")
    code = """
from litestar import get
from litestar.di import NamedDependency

@get("/x")
async def say(tts_service: "NamedDependency[TTSService]") -> str: ...
"""
    monkeypatch.setitem(sys.modules, "a_host", module)
    exec(code, vars(module))  # noqa: S102
    app = application(engine, host={"route_handlers": [module.say]})
    assert "/x" in {route.path for route in app.routes}


async def test_the_plugin_is_found_even_if_it_is_derived(engine: ScriptedEngine):
    class Mine(TTSPlugin):
        pass

    mine = Mine(config(engine))
    app = Litestar(plugins=[mine], logging_config=None)
    assert get_plugin(app) is mine
    await works(app)
    with pytest.raises(LookupError):
        get_plugin(Litestar())


async def test_a_plugin_that_comes_later_still_finds_its_place(engine: ScriptedEngine):
    class Later(InitPlugin):
        def on_app_init(self, app_config: Any) -> Any:
            app_config.route_handlers.append(index)
            return app_config

    app = Litestar(plugins=[TTSPlugin(config(engine)), Later()], logging_config=None)
    async with client_of(app) as client:
        assert (await client.get("/")).text == "the host's page"
    await works(app)


async def test_compression_that_a_later_plugin_sets(engine: ScriptedEngine):
    class Later(InitPlugin):
        def on_app_init(self, app_config: Any) -> Any:
            app_config.compression_config = CompressionConfig(backend="gzip", minimum_size=1)
            return app_config

    plugins = [TTSPlugin(config(engine)), TTSPlugin(config(ScriptedEngine(), path="/two")), Later()]
    app = Litestar([index], plugins=plugins, logging_config=None)
    assert (await Browser(app).ask("GET", "/")).header("content-encoding") == "gzip"
    await works(app)
    await works(app, "/two")


def test_a_host_that_names_our_types_itself(engine: ScriptedEngine):
    application(engine, host={"signature_types": [TTSService]})
    app = application(engine, host={"signature_namespace": {"TTSService": int}})
    assert app.signature_namespace["TTSService"] is int


async def test_engines_are_closed_with_the_application_and_open_again(engine: ScriptedEngine):
    app = application(engine)
    async with client_of(app) as client:
        await client.post("/tts/generate", json=BODY)
        assert engine.shut == 0
    assert engine.shut == 1
    await works(app)
