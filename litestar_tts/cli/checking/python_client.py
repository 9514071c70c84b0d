"""The Python client of this package against this server."""

from __future__ import annotations

from litestar_tts.cli.checking.notes import Fault, Notes, OutOfBudgetError
from litestar_tts.cli.checking.target import Target

__all__ = ("probe_python_client",)


async def probe_python_client(target: Target, notes: Notes) -> str:
    """``AsyncTTSClient``: health, voices, a whole speech, and a stream with visemes in its order."""
    from litestar_tts.client import AsyncTTSClient, AudioChunk, RateLimitError, TTSClientError, Viseme

    client = AsyncTTSClient(
        target.base,
        api_key=target.options.api_key or "",
        timeout=target.options.timeout,
        retries=0,
        http_client=target.http,
    )
    voice, text = await target.voice(), target.sentence
    try:
        async with client:
            health = await client.health()
            voices = await client.voices()
            spoken = await client.generate(text, voice=voice, visemes="oculus")
            sound, clock, late, visemes = 0, 0.0, 0, 0
            async with client.stream_audio_with_visemes(text, voice=voice) as stream:
                async for event in stream:
                    if isinstance(event, AudioChunk):
                        sound += len(event.data)
                        clock = max(clock, event.time)
                    elif isinstance(event, Viseme):
                        visemes += 1
                        late += event.time < clock - 0.1
            end = stream.end
    except RateLimitError as error:
        raise OutOfBudgetError(f"the rate limit of the server is used up: {error}") from None
    except TTSClientError as error:
        fix = "See what the other checks say: the client asks the same."
        raise Fault(f"the Python client gives up: {type(error).__name__}: {error}", advice=fix) from None
    notes.expect(health.version == target.health.get("version"), f"the client reads version {health.version}")
    notes.expect(len(voices) > 0, "the client finds no voice")
    notes.expect(spoken.audio and spoken.visemes, "the client gets a speech without audio or visemes")
    told = (0, 0) if end is None else (end.bytes, end.visemes)
    came = f"{sound} bytes and {visemes} visemes came"
    notes.expect(told == (sound, visemes), f"{came}, but the end says {told[0]} and {told[1]}")
    notes.expect(not late, f"the client got {late} visemes behind their sound")
    return f"generate, stream with visemes ({visemes}), voices, health"
