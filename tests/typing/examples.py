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
from litestar_tts.client import AsyncTTSClient, Caption, Download, Event, GeneratedSpeech, Health, StreamInfo, TTSClient
from litestar_tts.client import AudioChunk as ClientChunk
from litestar_tts.client import Viseme as ClientViseme
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


async def ask(client: AsyncTTSClient) -> None:
    async with client.stream_audio("Hello.", format="mp3", voice=None) as stream:
        assert_type(stream.info, StreamInfo)
        async for data in stream:
            assert_type(data, bytes)
    async for event in client.stream_audio_with_visemes("Hello.", visemes="vrm"):
        assert_type(event, ClientChunk | ClientViseme | WordBoundary)
    assert_type(await client.generate("Hello.", phonemes=True), GeneratedSpeech)
    assert_type(await client.generate_captions("Hello."), str)
    assert_type(await client.generate_captions("Hello.", format="json"), list[Caption])
    assert_type(await client.download("Hello.", "hello.wav", speed=1.5), Download)
    assert_type(await client.voices(language="en"), list[Voice])
    assert_type(await client.health(), Health)
    await client.generate("Hello.", speeed=1.5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def ask_in_a_thread(client: TTSClient) -> None:
    with client.stream_audio_with_visemes("Hello.") as stream:
        events: list[Event] = list(stream)
    assert_type(events[0], ClientChunk | ClientViseme | WordBoundary)
    assert_type(client.generate_captions("Hello.", format="vtt"), str)
    assert_type(client.generate("Hello."), GeneratedSpeech)
