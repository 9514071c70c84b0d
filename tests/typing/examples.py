"""Checked by mypy in strict mode and by pyright: what users write is typed as they expect."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import assert_type

from litestar import Litestar, get
from litestar.di import NamedDependency

from litestar_tts import (
    AudioChunk,
    Capabilities,
    Engine,
    EngineEvent,
    SpeechEnd,
    SpeechInfo,
    SpeechResult,
    TTSConfig,
    TTSPlugin,
    TTSService,
    Utterance,
    Viseme,
    Voice,
    WordBoundary,
)
from litestar_tts.web.response import AudioStream


class Custom(Engine):
    name = "custom"
    capabilities = Capabilities(sample_rate=16_000, words=True)

    async def voices(self) -> Sequence[Voice]:
        return [Voice(id="one", name="One", engine=self.name, language="en-US")]

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        yield WordBoundary(text=utterance.text, time=0.0, duration=0.1)
        yield AudioChunk(data=bytes(3200))


@get("/greeting")
async def greeting(tts_service: NamedDependency[TTSService]) -> AudioStream:
    return await tts_service.response("Hello!", format="mp3")


async def tokens() -> AsyncIterator[str]:
    yield "Hello."


async def use(service: TTSService) -> None:
    async with service.speak(tokens(), voice="custom:one") as speech:
        assert_type(await speech.start(), SpeechInfo)
        async for event in speech:
            assert_type(event, AudioChunk | WordBoundary | Viseme | SpeechEnd)
    async for data in service.speak("Hello.").audio():
        assert_type(data, bytes)
    assert_type(await service.speak("Hello.").collect(), SpeechResult)
    assert_type(await service.voices(language="en"), list[Voice])


plugin = TTSPlugin(TTSConfig(engines=[Custom(), "espeak"]))
assert_type(plugin.service, TTSService)
app = Litestar(route_handlers=[greeting], plugins=[plugin])
