"""Whatever the read-aloud service does, call after call: who gets an answer to its end has heard the whole text."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from litestar import Litestar

from litestar_tts.engines import chain
from litestar_tts.engines.base import Timeouts
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.plugin import TTSPlugin
from litestar_tts.road import take
from tests.support.edge_faults import AMID, AT_ONCE, AT_THE_END, Strike
from tests.support.edge_service import EdgeService
from tests.support.hearing import Heard, heard_of, missing, truth_of
from tests.support.scripted import Asgi, config

TEXT = "A cat slept on the stones, and nobody thought of waking it. The harbour lay quiet. Later the wind rose, and men"
SILENT = {"hang_before", "hang_mid", "no_turn_end", "chatter"}
FAULTS = ["503", "handshake_reset", *sorted((AT_ONCE | AMID | AT_THE_END) - SILENT)]
FORMATS = ("mp3", "pcm", "wav", "opus")
STREAMED = ("/tts/generate", "/tts/generate-stream")

strikes = st.none() | st.builds(Strike, st.sampled_from(FAULTS), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.8, 0.9, 0.99]))
sequences = st.lists(strikes, max_size=7).map(tuple)


class World:
    """One service and one application, which begins anew for each example."""

    def __init__(self) -> None:
        self.service = EdgeService()
        self.service.stall_seconds = self.service.slow_seconds = 0.0
        self.service.__enter__()
        self._runner = asyncio.Runner()
        self._plugin = TTSPlugin(config(self._edge(), mount_client=False))
        self._app = Litestar(plugins=[self._plugin], logging_config=None, openapi_config=None)
        self.truth = truth_of(TEXT)

    def _edge(self) -> EdgeEngine:
        return EdgeEngine(url=self.service.url, connect_timeout=1, timeouts=Timeouts(first_audio=10, gap=10))

    def ask(self, sequence: tuple[Strike | None, ...], path: str, body: dict[str, Any]) -> Heard:
        waiting = iter(sequence)
        self.service.reset()
        self.service.faults.by_chance = lambda: next(waiting, None)
        options: dict[str, Any] = {"default_voice": "en-US-AriaNeural", "hedge_after": None}
        self._plugin.service.__init__(config(self._edge(), **options))  # type: ignore[misc]

        async def run() -> Heard:
            answer = Asgi(self._app, path, {"text": TEXT, **body})
            async with asyncio.timeout(30):
                await asyncio.wait({answer.task})
            answer.task.exception()  # a stream that breaks off ends in one
            await self._plugin.service.close()
            await self.service.until(lambda counters: counters.open == 0)
            return heard_of(answer.status, answer.headers, answer.body, ended=answer.complete)

        return self._runner.run(run())

    def close(self) -> None:
        self._runner.close()
        self.service.__exit__()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        for module in (chain, take):
            patch.setattr(module, "pause_before_retry", lambda _: 0.0)
        made = World()
        yield made
        made.close()


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(sequence=sequences, path=st.sampled_from(STREAMED), kind=st.sampled_from(FORMATS))
@example(sequence=(None, Strike("garbage_frame", 0.2), Strike("empty_audio", 0.0)), path=STREAMED[1], kind="pcm")
@example(sequence=(Strike("empty_audio", 0.1), None, Strike("abort_mid", 0.0)), path=STREAMED[1], kind="mp3")
def test_an_answer_that_ends_is_whole(world: World, sequence: tuple[Strike | None, ...], path: str, kind: str):
    heard = world.ask(sequence, path, {"format": kind})
    event(f"{heard.status} {'whole' if heard.ended else 'cut'}, {world.service.counters.connections} calls")
    if heard.status == 200 and heard.ended:
        assert missing(heard, TEXT, world.truth, audio_format=kind) == ""
        assert heard.problem is None
    else:
        assert heard.status in (200, 502, 503, 504)
        assert any(sequence)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(sequence=sequences, kind=st.sampled_from(FORMATS))
def test_a_whole_answer_is_whole(world: World, sequence: tuple[Strike | None, ...], kind: str):
    heard = world.ask(sequence, "/tts/generate", {"format": kind, "stream": False})
    if heard.status == 200:
        assert missing(heard, TEXT, world.truth, audio_format=kind) == ""
    else:
        assert heard.status in (502, 503, 504)
        assert any(sequence)
