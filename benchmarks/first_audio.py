"""Time to the first audio byte through a real socket, beside the bare engine without any server."""

import asyncio
import statistics
import time
from contextlib import aclosing

from benchmarks.server import SENTENCE, request, running
from litestar_tts import AudioChunk, Engine, TTSConfig, TTSService, Utterance
from tests.support.edge_service import EdgeService

RUNS = 40
VOICES = {"espeak": "en-us", "piper": "en_US-joe-medium", "edge": "en-US-AriaNeural"}


async def bare(engine: Engine, utterance: Utterance) -> float:
    began = time.perf_counter()
    async with aclosing(engine.synthesize(utterance)) as events:
        async for event in events:
            if isinstance(event, AudioChunk):
                return time.perf_counter() - began
    raise RuntimeError("the engine made no sound")


async def compare(name: str, port: int, edge_url: str) -> None:
    async with TTSService(TTSConfig(engines=[name], edge_url=edge_url)) as service:
        engine = service.engines[0]
        await service.open()
        voice = await engine.find_voice(VOICES[name])
        assert voice is not None
        utterance = Utterance(text=SENTENCE, voice=voice)
        body: dict[str, object] = {"text": SENTENCE, "voice": f"{name}:{voice.id}", "format": "mp3"}
        await bare(engine, utterance)
        await request(port, body)
        alone, served, plain = [], [], []
        for _ in range(RUNS):  # in turn, so that a slow moment of the machine hits all
            alone.append(await bare(engine, utterance))
            served.append((await request(port, body))[0])
            plain.append((await request(port, {**body, "format": "pcm"}))[0])
    figures = [statistics.median(values) * 1000 for values in (alone, served, plain)]
    print(
        f"{name:7} engine alone {figures[0]:7.2f} ms   server mp3 {figures[1]:7.2f} ms (+{figures[1] - figures[0]:.2f})"
        f"   server pcm {figures[2]:7.2f} ms (+{figures[2] - figures[0]:.2f})"
    )


def main() -> None:
    """Print the medians of paired runs."""
    with EdgeService() as edge, running(TTS_EDGE_URL=edge.url) as (port, _):
        for name in VOICES:
            asyncio.run(compare(name, port, edge.url))
