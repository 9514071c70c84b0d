from __future__ import annotations

import pytest

from litestar_tts.engines.base import Engine
from litestar_tts.engines.espeak import EspeakEngine
from litestar_tts.models import Voice
from litestar_tts.testing import EngineContract


class TestEspeakEngine(EngineContract):
    def make_engine(self) -> EspeakEngine:
        return EspeakEngine()


class TestOneThread(EngineContract):
    def make_engine(self) -> EspeakEngine:
        return EspeakEngine(threads=1)


class TestTimbre(EngineContract):
    def make_engine(self) -> EspeakEngine:
        return EspeakEngine()

    async def choose_voice(self, engine: Engine) -> Voice:
        voice = await engine.best_voice("en-GB", "Female")
        assert voice is not None
        assert voice.gender == "Female"
        return voice


class TestOtherScript(EngineContract):
    text = "Быстрая коричневая лиса прыгает через ленивую собаку, и никто не сказал об этом ни слова."
    other_text = "Тем временем семь зелёных бутылок тихо стояли на старой стене сада."

    def make_engine(self) -> EspeakEngine:
        return EspeakEngine()

    async def choose_voice(self, engine: Engine) -> Voice:
        voice = await engine.best_voice("ru-RU")
        assert voice is not None
        return voice


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Guten Morgen, meine Damen und Herren."),
        ("fr-fr", "Bonjour tout le monde, c'est l'été aujourd'hui."),
        ("cmn", "今天天气怎么样？我们去公园吧！"),
        ("hi", "नमस्ते दुनिया। आप कैसे हैं?"),
        ("ar", "مرحبا بالعالم. كيف حالك؟"),
        ("ko", "안녕하세요 세계. 오늘 어떻게 지내세요?"),
    ],
)
def test_words_and_phones_of_other_languages(code: str, text: str):
    spoken = text

    class Contract(EngineContract):
        text = spoken

        def make_engine(self) -> EspeakEngine:
            return EspeakEngine(threads=1)

        async def choose_voice(self, engine: Engine) -> Voice:
            voice = await engine.find_voice(code)
            assert voice is not None
            return voice

    contract = Contract()
    contract.test_words_lie_in_the_audio()
    contract.test_phones_are_contiguous()
    contract.test_events_come_in_time()
