"""From a speech to its answer: prime it, name its headers, stream it."""

import base64
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.types import Receive
from msgspec import UNSET

from litestar_tts.exceptions import TTSError
from litestar_tts.frames import MEDIA_TYPE, encode_control
from litestar_tts.models import SpeechInfo, SpeechResult, Viseme, VisemeSet, WordBoundary
from litestar_tts.road.speech import Speech
from litestar_tts.web.frames import error_message, frames
from litestar_tts.web.problems import log_unexpected, problem_of
from litestar_tts.web.response import WRITE_TIMEOUT, AudioStream
from litestar_tts.web.schema import TTSSpeechResult, TTSViseme, TTSWord
from litestar_tts.web.watch import ClientLeftError, ClientWatch

__all__ = ("UNCACHED", "audio_headers", "speech_frames", "speech_response", "speech_result", "visemes_of", "words_of")

UNCACHED: Final = {
    # In the spelling of Litestar's own layers, which it then replaces.
    "cache-control": "no-store, no-transform",
    # Proxies that wait for a buffer to fill would undo the streaming.
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


async def speech_response(
    speech: Speech,
    *,
    framed: bool = False,
    receive: Receive | None = None,
    instance: str = "",
    background: BackgroundTask | BackgroundTasks | None = None,
    write_timeout: float = WRITE_TIMEOUT,
) -> AudioStream:
    """Wait for the first audio, then give the response that streams the rest.

    Args:
        speech: Not started yet; from here on it is closed by this function or by the response.
        framed: Audio and visemes in frames, instead of the audio alone.
        receive: The request's, whose body must have been read: a client who leaves during the wait ends the speech.
        instance: Path of the request, for problems inside the frames.
        background: As for every response.
        write_timeout: Seconds after which a client who takes nothing at all is cut off.

    Raises:
        TTSError: No audio can be had; the speech is closed.
    """
    watch = ClientWatch(receive) if receive is not None else None
    try:
        with watch.interrupts() if watch is not None else nullcontext():
            info = await speech.start()
    except ClientLeftError:
        await speech.aclose()
        return AudioStream(_nothing(), media_type=MEDIA_TYPE, watch=watch)
    except BaseException:
        if watch is not None:
            watch.close()
        await speech.aclose()
        raise
    chunks = speech_frames(speech, info, instance) if framed else speech.audio()
    return AudioStream(
        chunks,
        media_type=MEDIA_TYPE if framed else info.format.media_type,
        close=speech.aclose,
        watch=watch,
        headers={**audio_headers(info), "X-Stream-Mode": "true"},
        background=background,
        write_timeout=write_timeout,
    )


async def _nothing() -> AsyncGenerator[bytes, None]:
    nobody: tuple[bytes, ...] = ()
    for chunk in nobody:
        yield chunk


async def speech_frames(speech: Speech, info: SpeechInfo, instance: str) -> AsyncGenerator[bytes, None]:
    """The frames of a started speech. What goes wrong is told in its last frame. The caller closes the speech."""
    viseme_set = speech.request.visemes or VisemeSet.DEFAULT
    async with aclosing(frames(speech, info, viseme_set)) as parts:
        try:
            async for part in parts:
                yield part
        except TTSError as error:
            yield encode_control(error_message(problem_of(error, instance)))
        except Exception as error:  # noqa: BLE001  # the client must learn of it, whatever it is
            log_unexpected(error)
            yield encode_control(error_message(problem_of(TTSError(""), instance)))


def audio_headers(info: SpeechInfo) -> dict[str, str]:
    """Headers of every audio answer."""
    headers = {
        **UNCACHED,
        "X-TTS-Engine": header_value(info.engine),
        "X-TTS-Voice": header_value(info.voice),
        "X-Text-Length": str(info.text_length),
    }
    if info.viseme_count is not None:
        headers["X-Viseme-Count"] = str(info.viseme_count)
    if info.fallback_from is not None:
        headers["X-TTS-Fallback-From"] = header_value(info.fallback_from)
    return headers


def header_value(text: str) -> str:
    """A name as a header can carry it: what is not printable ASCII is percent-encoded."""
    return quote(text, safe=_PRINTABLE)


_PRINTABLE: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


def speech_result(result: SpeechResult) -> TTSSpeechResult:
    """A whole speech as the JSON answer has it."""
    return TTSSpeechResult(
        success=True,
        audio=base64.b64encode(result.audio).decode("ascii"),
        visemes=visemes_of(result.visemes),
        words=words_of(result.words),
        timestamp=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        format=result.info.format.value,
        sample_rate=result.info.sample_rate,
        duration=round(result.duration, 6),
        voice=result.info.voice,
        engine=result.info.engine,
    )


def visemes_of(visemes: list[Viseme]) -> list[TTSViseme]:
    """Visemes as JSON answers have them."""
    return [
        TTSViseme(
            time=viseme.time,
            value=viseme.value,
            duration=viseme.duration,
            phoneme=UNSET if viseme.phoneme is None else viseme.phoneme,
        )
        for viseme in visemes
    ]


def words_of(words: list[WordBoundary]) -> list[TTSWord]:
    """Words as JSON answers have them."""
    return [TTSWord(text=word.text, time=word.time, duration=word.duration) for word in words]
