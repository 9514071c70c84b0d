"""The Edge engine keeps what every engine promises; the real client speaks to a service on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from litestar_tts.engines.base import Engine
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.models import Voice
from litestar_tts.testing import EngineContract
from tests.support.edge_service import EdgeService


@pytest.fixture(scope="module")
def service() -> Iterator[EdgeService]:
    with EdgeService() as running:
        yield running


class TestEdgeEngine(EngineContract):
    @pytest.fixture(autouse=True)
    def at_home(self, service: EdgeService, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        self.url = service.url

    def make_engine(self) -> EdgeEngine:
        return EdgeEngine(url=self.url)


class TestOtherScript(TestEdgeEngine):
    text = "Η γρήγορη καφέ αλεπού πηδάει πάνω από τον τεμπέλη σκύλο, και κανείς δεν είπε ούτε λέξη γι' αυτό."
    other_text = "Εν τω μεταξύ, επτά πράσινα μπουκάλια στέκονταν ήσυχα στον παλιό τοίχο του κήπου."

    async def choose_voice(self, engine: Engine) -> Voice:
        voice = await engine.best_voice("el-GR", "Male")
        assert voice is not None
        assert voice.gender == "Male"
        return voice
