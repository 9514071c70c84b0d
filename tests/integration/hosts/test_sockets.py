"""On a real socket, under what hosts wrap around us: audio is with the client while the engine still speaks."""

import asyncio
from pathlib import Path

import httpx
import pytest

from litestar_tts.plugin import TTSPlugin
from tests.integration.hosts.layers import LAYERS
from tests.integration.hosts.speaking import LONG
from tests.integration.hosts.test_layers import host
from tests.support.scripted import ScriptedEngine, config
from tests.support.serving import served


@pytest.mark.parametrize("layer", ["nothing", "gzip", "brotli", "prometheus", "opentelemetry", "everything"])
async def test_audio_arrives_while_it_is_made(layer: str, tmp_path: Path):
    engine = ScriptedEngine()
    app = host(layer, tmp_path, TTSPlugin(config(engine)))
    headers = {**LAYERS[layer][1], "accept-encoding": "br, gzip, zstd", "host": "testserver"}
    async with served(app) as url, httpx.AsyncClient(headers=headers) as client:
        await client.get(f"{url}/health")
        token = {"x-csrftoken": client.cookies.get("csrftoken", "")}
        for path in ("/generate", "/generate-stream"):
            engine.middle.clear()
            asked = client.stream("POST", url + path, json={"text": LONG, "format": "pcm"}, headers=token)
            async with asyncio.timeout(10), asked as answer:
                assert answer.status_code == 200
                assert "content-encoding" not in answer.headers
                parts = answer.aiter_raw()
                early = await anext(parts)
                assert early
                assert not engine.stopped.is_set()
                engine.middle.set()
                rest = b"".join([part async for part in parts])
                assert len(rest) > 10_000
