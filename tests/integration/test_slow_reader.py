"""What a reader costs who does not read."""

import asyncio
import fcntl
import gc
import socket
import struct
import sys
from contextlib import aclosing

import pytest

from litestar_tts.config import TTSConfig
from litestar_tts.engines import edge_session
from litestar_tts.engines.edge import EdgeEngine
from litestar_tts.engines.edge_client import RECEIVE_BUFFER
from litestar_tts.engines.edge_conversation import BUFFER_BYTES, Conversation
from litestar_tts.engines.edge_voices import snapshot
from litestar_tts.models import AudioChunk, Utterance, WordBoundary
from litestar_tts.server import SEND_BUFFER, _listen
from litestar_tts.service import SpeechService
from tests.support.edge_service import EdgeService

ARIA = next(voice for voice in snapshot() if voice.id == "en-US-AriaNeural")
TEXT = "Nothing but words and more of them here, and so on and on. " * 20


@pytest.fixture
def service(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with EdgeService() as running:
        yield running


def conversation() -> Conversation:
    (found,) = (one for one in gc.get_objects() if isinstance(one, Conversation) and not one.task.done())
    return found


def transport_of(one: Conversation) -> asyncio.Transport:
    transport = one._wire._transport
    assert transport is not None
    return transport


async def paused(one: Conversation) -> None:
    async with asyncio.timeout(10):
        while transport_of(one).is_reading():
            await asyncio.sleep(0.005)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel in its own language")
async def test_a_listener_who_stalls_costs_a_bounded_number_of_bytes(service):
    engine = EdgeEngine(url=service.url)
    heard = []
    async with aclosing(engine.synthesize(Utterance(text=TEXT, voice=ARIA))) as events:
        heard.append(await anext(events))
        one = conversation()
        await paused(one)
        kernel = transport_of(one).get_extra_info("socket")
        assert one._size <= BUFFER_BYTES + 1024
        assert kernel.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVE_BUFFER
        (unread,) = struct.unpack("i", fcntl.ioctl(kernel.fileno(), 0x541B, bytes(4)))  # FIONREAD
        # With what aiohttp has taken from the kernel and not given out, which cannot be more than the kernel had.
        assert one._size + 2 * unread <= 256 * 1024
        del one, kernel
        heard += [event async for event in events]
    audio = b"".join(event.data for event in heard if isinstance(event, AudioChunk))
    spoken = service.spoken(service.requests[-1])
    assert len(spoken.mp3) > 2 * BUFFER_BYTES
    assert audio == spoken.mp3
    await engine.close()


async def test_a_listener_who_stalled_and_leaves_frees_the_socket_at_once(service):
    engine = EdgeEngine(url=service.url, connections=1)
    events = engine.synthesize(Utterance(text=TEXT, voice=ARIA))
    await anext(events)
    await paused(conversation())
    await events.aclose()
    assert engine._session is not None
    await service.until(lambda counters: counters.open == 0, 2)
    assert not engine._session.gate.busy
    await engine.close()


async def test_who_stalls_makes_way_for_who_listens_and_hears_it_all_later(service, monkeypatch):
    monkeypatch.setattr(edge_session, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(edge_session, "_LOOK_SECONDS", 0.05)
    sentence = ("on and on " * 45).strip() + ". "
    text = sentence * 3
    config = TTSConfig(engines=["edge"], edge_url=service.url, edge_connections=2, max_text_length=10_000)
    async with SpeechService(config) as tts:
        undisturbed = await tts.speak(text, format="mp3", visemes=None).collect()
        stalled = [tts.speak(text, format="mp3", visemes=None) for _ in range(2)]
        for speech in stalled:
            await speech.start()
        await service.until(lambda counters: counters.open == 2)
        async with asyncio.timeout(10):
            others = await asyncio.gather(*(tts.speak("Hello.", format="mp3").collect() for _ in range(3)))
        assert {other.info.engine for other in others} == {"edge"}
        for speech in stalled:
            async with aclosing(speech):
                words = [event.text async for event in speech if isinstance(event, WordBoundary)]
            assert words == [word.text for word in undisturbed.words]
        assert service.counters.most_open <= 2


async def test_nobody_has_to_make_way_while_there_is_room(service, monkeypatch):
    monkeypatch.setattr(edge_session, "STALLED_SECONDS", 0.0)
    engine = EdgeEngine(url=service.url, connections=2)
    async with aclosing(engine.synthesize(Utterance(text=TEXT, voice=ARIA))) as events:
        await anext(events)
        await paused(conversation())
        async with aclosing(engine.synthesize(Utterance(text="Hello.", voice=ARIA))) as others:
            assert [event async for event in others]
        assert [event async for event in events]
    await engine.close()


def test_what_the_server_accepts_keeps_little_for_slow_readers():
    listening, *others = _listen("127.0.0.1", 0, patience=1)
    with listening, socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER
    assert not others
