"""A speech as frames: what goes into which one, and in which order."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import Any, Final

from litestar_tts.frames import MAX_PAYLOAD, encode_audio, encode_control, encode_viseme
from litestar_tts.models import AudioChunk, SpeechEnd, SpeechEvent, SpeechInfo, Viseme, VisemeSet, WordBoundary
from litestar_tts.visemes import sets

__all__ = ("end_message", "error_message", "frames", "start_message", "words_message")

VERSION: Final = 1
_CHANNELS: Final = 1


def start_message(info: SpeechInfo, viseme_set: VisemeSet) -> dict[str, Any]:
    """The control message that comes first."""
    # Weights say what a shape looks like; every other set is known by its names.
    described = {"viseme_names": sets.names(viseme_set), "viseme_shapes": sets.shapes(viseme_set)}
    return {
        "type": "start",
        "v": VERSION,
        "format": info.format.value,
        "sample_rate": info.sample_rate,
        "channels": _CHANNELS,
        "skip_samples": info.skip_samples,
        "viseme_set": viseme_set.value,
        **{name: values for name, values in described.items() if values is not None},
        "viseme_count": info.viseme_count,
        "engine": info.engine,
        "voice": info.voice,
    }


def words_message(words: Sequence[WordBoundary]) -> dict[str, Any]:
    """The control message for spoken words."""
    return {"type": "words", "words": [{"text": w.text, "time": w.time, "duration": w.duration} for w in words]}


def end_message(end: SpeechEnd) -> dict[str, Any]:
    """The control message that comes last."""
    return {"type": "end", "duration": end.duration, "visemes": end.visemes, "bytes": end.bytes}


def error_message(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The control message that comes last when the speech failed.

    The problem is a member of its own, since its ``type`` is not the message's; what a client is likely to show stands
    beside it too.
    """
    return {"type": "error", "title": problem["title"], "status": problem["status"], "detail": problem["detail"]} | {
        "error": dict(problem)
    }


MAX_PENDING: Final = 512
"""Words and visemes that may wait for audio before they go out on their own."""


async def frames(
    events: AsyncIterable[SpeechEvent], info: SpeechInfo, viseme_set: VisemeSet = VisemeSet.DEFAULT
) -> AsyncGenerator[bytes, None]:
    """The frames of one speech. The caller closes ``events``.

    Yields:
        Whole frames. Words and visemes go out together with the audio that follows them, in one piece.
    """
    yield encode_control(start_message(info, viseme_set))
    words: list[WordBoundary] = []
    visemes: list[Viseme] = []
    async for event in events:
        if isinstance(event, WordBoundary):
            words.append(event)
        elif isinstance(event, Viseme):
            visemes.append(event)
        elif isinstance(event, AudioChunk):
            last = visemes.pop() if visemes and len(event.data) <= MAX_PAYLOAD else None
            ahead = _flush(words, visemes)
            if last is None:
                yield ahead + encode_audio(event.data, event.time, event.duration)
            else:
                yield ahead + encode_viseme(last.index, last.time, event.data)
        else:
            yield _flush(words, visemes) + encode_control(end_message(event), event.duration)
        if len(words) + len(visemes) >= MAX_PENDING:
            yield _flush(words, visemes)


def _flush(words: list[WordBoundary], visemes: list[Viseme]) -> bytes:
    parts = [encode_control(words_message(words), words[0].time)] if words else []
    parts.extend(encode_viseme(viseme.index, viseme.time) for viseme in visemes)
    words.clear()
    visemes.clear()
    return b"".join(parts)
