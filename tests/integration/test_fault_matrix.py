"""Every fault of the read-aloud service × once or always × before or after the first byte × with or without fallback.

The real ``edge-tts`` talks to a loopback service of its own in each case, and clients hear the answer over a real
server. Whatever happens, an answer that its client takes for complete holds the whole speech.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NamedTuple, Self

import httpx
import pytest
import pytest_asyncio
from edge_tts.drm import DRM
from litestar import Litestar

from litestar_tts.engines import chain
from litestar_tts.engines.base import Timeouts
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.engines.espeak import EspeakEngine
from litestar_tts.plugin import TTSPlugin
from litestar_tts.road import take
from tests.support.edge_faults import AMID, AT_ONCE, AT_THE_END, HANDSHAKE_FAULTS
from tests.support.edge_service import EdgeService
from tests.support.hearing import Heard, audible_seconds, decoded, hear, truth_of
from tests.support.scripted import config
from tests.support.serving import served

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT: Final = "The tide comes in. Boats turn at their ropes. Gulls walk on the wet sand."
"""Spoken in two pieces: the first sentence, and the rest."""

DOORS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "stream": ("/generate", {"format": "mp3"}),
    "json": ("/generate", {"format": "wav", "stream": False}),
    "frames": ("/generate-stream", {"format": "mp3"}),
}

# Where a fault strikes: `first`: before any audio; `amid`: in the middle of the first piece; `later`: in the second
# piece, when the listener has audio. What must come of it: the engine that speaks the whole text, the status of a clean
# error, or `cut`: the client notices. `a/b`: a where audio is streamed, b where the answer is whole or an error.
TABLE: Final = """
fault              where  once            once, alone     always          always, alone

403                first  edge            edge            espeak          502
403_no_date        first  espeak          502             espeak          502
wrong_clock        first  edge            edge            edge            edge
429                first  espeak          502             espeak          502
503                first  edge            edge            espeak          502
handshake_reset    first  edge            edge            espeak          502
handshake_hang     first  espeak          504             espeak          504
close_before       first  edge            edge            espeak          502
abort_before       first  edge            edge            espeak          502
hang_before        first  espeak          504             espeak          504
no_audio           first  edge            edge            espeak          502
refuse             first  edge            edge            espeak          502
close_mid          first  edge            edge            espeak          502
abort_mid          first  edge            edge            espeak          502
hang_mid           first  espeak          504             espeak          504
stall              first  edge            edge            edge            edge
slow               first  edge            edge            edge            edge
chatter            first  espeak          504             espeak          504
garbage_frame      first  edge            edge            espeak          502
garbage_path       first  edge            edge            espeak          502
garbage_type       first  edge            edge            espeak          502
garbage_metadata   first  edge            edge            espeak          502
garbage_json       first  edge            edge            espeak          502
empty_audio        first  edge            edge            espeak          502

close_mid          amid   edge            edge            cut/espeak      cut/502
abort_mid          amid   edge            edge            cut/espeak      cut/502
hang_mid           amid   edge            edge            cut/espeak      cut/504
stall              amid   edge            edge            edge            edge
slow               amid   edge            edge            edge            edge
chatter            amid   edge            edge            cut/espeak      cut/504
garbage_frame      amid   edge            edge            cut/espeak      cut/502
garbage_path       amid   edge            edge            cut/espeak      cut/502
garbage_type       amid   edge            edge            cut/espeak      cut/502
garbage_metadata   amid   edge            edge            cut/espeak      cut/502
garbage_json       amid   edge            edge            cut/espeak      cut/502
empty_audio        amid   edge            edge            cut/espeak      cut/502
no_turn_end        amid   edge            edge            edge            edge
no_turn_end_close  amid   edge            edge            edge            edge
no_turn_end_abort  amid   edge            edge            edge            edge
no_close_ack       amid   edge            edge            edge            edge

403                later  edge            edge            cut/espeak      cut/502
403_no_date        later  edge            edge            cut/espeak      cut/502
wrong_clock        later  edge            edge            edge            edge
429                later  edge            edge            cut/espeak      cut/502
503                later  edge            edge            cut/espeak      cut/502
handshake_reset    later  edge            edge            cut/espeak      cut/502
handshake_hang     later  edge            edge            cut/espeak      cut/504
close_before       later  edge            edge            cut/espeak      cut/502
abort_before       later  edge            edge            cut/espeak      cut/502
hang_before        later  edge            edge            cut/espeak      cut/504
no_audio           later  edge            edge            cut/espeak      cut/502
refuse             later  edge            edge            cut/espeak      cut/502
close_mid          later  edge            edge            cut/espeak      cut/502
abort_mid          later  edge            edge            cut/espeak      cut/502
hang_mid           later  edge            edge            cut/espeak      cut/504
stall              later  edge            edge            edge            edge
slow               later  edge            edge            edge            edge
garbage_frame      later  edge            edge            cut/espeak      cut/502
empty_audio        later  edge            edge            cut/espeak      cut/502
no_turn_end        later  edge            edge            edge            edge
no_turn_end_close  later  edge            edge            edge            edge
no_turn_end_abort  later  edge            edge            edge            edge
no_close_ack       later  edge            edge            edge            edge
"""

COLUMNS: Final = (("once", True), ("once", False), ("always", True), ("always", False))
"""How often, and whether another engine may speak."""
ASKED: Final = {
    # Before the first audio all doors are one.
    "first": (("stream",), ("frames",), ("stream", "json"), ("frames", "json")),
    "amid": (("stream",), ("frames", "json"), ("stream", "json"), ("frames",)),
    "later": (("stream",), ("frames", "json"), ("stream", "json"), ("frames",)),
}
"""Doors that are tried, for each column."""
WAITING: Final = frozenset({"handshake_hang", "hang_before", "hang_mid", "chatter", "no_turn_end"})
"""Faults that only a timer ends."""
SHORT: Final = Timeouts(first_audio=1.6, gap=1.0, whole=3.0)
PATIENT: Final = Timeouts(first_audio=10.0, gap=10.0)
"""Where no timer may have a part in the outcome."""


class Case(NamedTuple):
    """A line of the table."""

    fault: str
    where: str
    outcomes: tuple[str, ...]

    @property
    def timeouts(self) -> Timeouts:
        return SHORT if self.fault in WAITING else PATIENT


def lines() -> Iterator[Case]:
    for line in TABLE.strip().splitlines()[1:]:
        if line:
            fault, where, *outcomes = line.split()
            yield Case(fault, where, tuple(outcomes))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy and no pauses; and what ``edge-tts`` learns about its clock holds for the whole process."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for module in (chain, take):
        monkeypatch.setattr(module, "pause_before_retry", lambda _: 0.01)
    monkeypatch.setattr(take, "TRIES", 3)
    known = DRM.clock_skew_seconds
    yield
    DRM.clock_skew_seconds = known


async def test_the_table_knows_every_fault():
    cases = list(lines())
    assert {case.fault for case in cases} == HANDSHAKE_FAULTS | AT_ONCE | AMID | AT_THE_END
    assert {case.fault for case in cases if case.where == "amid"} == AMID | AT_THE_END
    later = {case.fault for case in cases if case.where == "later"}
    assert later >= HANDSHAKE_FAULTS | AT_ONCE | AT_THE_END | {"close_mid", "abort_mid", "hang_mid", "stall"}
    assert all(len(case.outcomes) == len(COLUMNS) for case in cases)


@pytest.mark.parametrize("case", list(lines()), ids=lambda case: f"{case.fault}-{case.where}")
async def test_a_fault(case: Case, stages: "Stages"):
    async def cell(column: int, door: str) -> str | None:
        how_often, fallback = COLUMNS[column]
        after, at = {"first": (0, 0.0), "amid": (0, 0.5), "later": (1, 0.5)}[case.where]
        with EdgeService() as service:
            service.fail(case.fault, 1 if how_often == "once" else None, after=after, at=at)
            async with stages.use(EdgeEngine(url=service.url, connect_timeout=1, timeouts=case.timeouts)) as ask:
                heard = await ask(door, fallback)
                # Nothing of it is left while the application goes on.
                await service.until(lambda counters: counters.open == 0)
        wanted = case.outcomes[column].split("/")[-1 if door == "json" else 0]
        got = outcome(heard)
        if got in wanted.split("|"):
            return None
        return f"{how_often}, {'with' if fallback else 'without'} fallback, {door}: {got}, not {wanted}"

    before = asyncio.all_tasks()
    cells = [cell(column, door) for column, doors in enumerate(ASKED[case.where]) for door in doors]
    told = await asyncio.gather(*cells, return_exceptions=True)
    wrong = [repr(line) if isinstance(line, BaseException) else line for line in told if line]
    assert not wrong, "\n".join(wrong)
    left = asyncio.all_tasks() - before
    if left:
        # What serves a connection that is just being closed.
        await asyncio.wait(left, timeout=5)
    assert not asyncio.all_tasks() - before


@pytest.mark.parametrize("away", ["refused", "unknown name", "no TLS"])
async def test_a_service_that_cannot_be_reached(away: str, stages: "Stages", monkeypatch: pytest.MonkeyPatch):
    with EdgeService() as service, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}"
        if away == "unknown name":
            url = "ws://speech.invalid"

            async def unknown(*_: Any, **__: Any) -> Any:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
        elif away == "no TLS":
            url = service.url.replace("ws:", "wss:")
        for fallback, wanted in ((True, "espeak"), (False, "502")):
            for door in DOORS:
                async with stages.use(EdgeEngine(url=url, connect_timeout=1, timeouts=PATIENT)) as ask:
                    assert outcome(await ask(door, fallback)) == wanted, door


@pytest.mark.parametrize("fault", ["handshake_hang", "hang_before", "stall"])
async def test_company_for_a_service_that_is_late(fault: str, stages: "Stages"):
    with EdgeService() as service:
        service.stall_seconds = 5.0
        service.fail(fault, times=None, at=0.0)
        engine = EdgeEngine(url=service.url, connect_timeout=4, timeouts=PATIENT)
        async with stages.use(engine, hedge_after=0.2) as ask:
            for door in DOORS:
                heard = await ask(door, True)
                assert outcome(heard) == "espeak"
                assert heard.seconds < 3
            await service.until(lambda counters: counters.open == 0)


@pytest.mark.parametrize("fault", ["403", "503", "hang", "garbage", "empty"])
async def test_speech_does_not_depend_on_the_list_of_voices(fault: str, stages: "Stages"):
    with EdgeService() as service:
        service.voices_fault = fault
        engine = EdgeEngine(url=service.url, timeouts=PATIENT, voices_timeout=0.4)
        async with stages.use(engine) as ask:
            for door in DOORS:
                assert outcome(await ask(door, False)) == "edge"


class Stages:
    """Applications behind real servers, each with a new service for each use: to make them anew would take longer."""

    def __init__(self, number: int) -> None:
        self._plugins = [TTSPlugin(config(EspeakEngine(), mount_client=False)) for _ in range(number)]
        apps = (Litestar(plugins=[plugin], logging_config=None, openapi_config=None) for plugin in self._plugins)
        self._apps = list(apps)
        self._free: asyncio.Queue[tuple[TTSPlugin, str]] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Only http is spoken; to read the system's certificates takes time.
        self._client = await self._stack.enter_async_context(httpx.AsyncClient(timeout=15, verify=False))  # noqa: S501
        for plugin, app in zip(self._plugins, self._apps, strict=True):
            self._free.put_nowait((plugin, await self._stack.enter_async_context(served(app))))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def use(self, edge: EdgeEngine, *, hedge_after: float | None = None) -> AsyncIterator[Any]:
        """A service with two engines; gives the way to ask it."""
        plugin, url = await self._free.get()
        options: dict[str, Any] = {"default_voice": "en-US-AriaNeural", "hedge_after": hedge_after}
        plugin.service.__init__(config(edge, EspeakEngine(), **options))  # type: ignore[misc]

        async def ask(door: str, fallback: bool) -> Heard:  # noqa: FBT001
            path, body = DOORS[door]
            return await hear(self._client, url + path, {**body, "text": TEXT, "fallback": fallback})

        try:
            yield ask
        finally:
            await plugin.service.close()
            self._free.put_nowait((plugin, url))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stages() -> AsyncIterator[Stages]:
    async with Stages(6) as made:
        yield made


def outcome(heard: Heard) -> str:
    """What came of a request, once it was found to be honest."""
    if heard.status != 200:
        problem = heard.problem
        assert problem is not None
        assert heard.headers["content-type"] == "application/problem+json"
        assert problem["status"] == heard.status
        assert ("retry-after" in heard.headers) == ("retry_after" in problem)
        assert not heard.audio
        return str(heard.status)
    if not heard.ended:
        # Frames can say what happened, and do.
        assert (heard.problem is not None) == ("frames" in heard.headers["content-type"])
        return "cut"
    assert heard.problem is None
    truth = truth_of(TEXT)
    sound = decoded(heard.audio)
    assert audible_seconds(sound) == pytest.approx(truth.audible, rel=0.05), heard.engine
    if heard.words is not None:
        known = truth.words if heard.engine == "edge" else TEXT.replace(".", "").split()
        assert heard.words == known
    if heard.declared is not None:
        assert len(sound) / 24_000 == pytest.approx(heard.declared, abs=0.15)
    return heard.engine
