"""Audio and visemes in one stream of frames."""

from __future__ import annotations

import msgspec

from litestar_tts.cli.checking.notes import Fault, Notes
from litestar_tts.cli.checking.sound import SKIP, can_decode, decode, first_audible
from litestar_tts.cli.checking.speech import close_enough
from litestar_tts.cli.checking.target import Answer, Target, expect_keys
from litestar_tts.cli.checking.timeline import timeline_problems, word_problems
from litestar_tts.frames import MEDIA_TYPE, Frame, FrameError, FrameParser
from litestar_tts.models import VisemeSet
from litestar_tts.visemes.sets import names

__all__ = ("Story", "probe_frames", "read_frames")

LATE = 0.002
"""Seconds by which a viseme may come behind its audio: times are whole milliseconds."""


class Story(msgspec.Struct, kw_only=True):
    """What a stream of frames told."""

    start: dict[str, object] = msgspec.field(default_factory=dict)
    end: dict[str, object] | None = None
    error: dict[str, object] | None = None
    audio: bytearray = msgspec.field(default_factory=bytearray)
    visemes: list[tuple[float, int, int]] = msgspec.field(default_factory=list)
    """Time, index, and bytes of audio that had come before."""
    words: list[object] = msgspec.field(default_factory=list)
    times: list[float] = msgspec.field(default_factory=list)
    """Of audio payloads without a viseme, which say their own."""


def read_frames(answer: Answer) -> Story:
    """Read a whole answer.

    Raises:
        Fault: It is no stream of frames, it was cut, or it ends with an error.
    """
    where = answer.request
    if answer.media_type != MEDIA_TYPE:
        raise Fault(f"{where}: Content-Type is {answer.media_type or 'missing'}, not {MEDIA_TYPE}")
    story, parser = Story(), FrameParser()
    try:
        for piece in answer.pieces:
            for frame in parser.feed(piece.data):
                _tell(story, frame, where)
        parser.finish()
    except FrameError as error:
        raise Fault(f"{where}: {error}") from None
    if story.error is not None:
        raise Fault(f"{where}: error {story.error.get('status')}: {story.error.get('detail')}")
    return story


def _tell(story: Story, frame: Frame, where: str) -> None:
    if not frame.is_control:
        if frame.viseme is not None:
            story.visemes.append((frame.time / 1000, frame.viseme, len(story.audio)))
        elif frame.payload:
            story.times.append(frame.time / 1000)
        story.audio += frame.payload
        return
    message = frame.control()
    kind = message["type"]
    if kind == "start":
        expect_keys(f"{where}: start", message, v=int, format=str, sample_rate=int, channels=int, skip_samples=int)
        expect_keys(f"{where}: start", message, viseme_set=str, engine=str, voice=str)
        story.start = message
    elif kind == "words":
        expect_keys(f"{where}: words", message, words=list)
        story.words += message["words"]
    elif kind == "end":
        expect_keys(f"{where}: end", message, duration=(int, float), visemes=int, bytes=int)
        story.end = message
    elif kind == "error":
        story.error = message


async def probe_frames(target: Target, notes: Notes) -> str:
    """``POST /generate-stream``: in PCM, where every byte has its time, and in its default format."""
    exact = await target.ask("POST", "/generate-stream", json=await target.body(format="pcm"), status=None)
    shown: list[str] = []
    if exact.status == 501:
        notes.doubt("pcm needs the audio extra on the server", 'pip install "litestar-tts[audio]" on the server')
    elif exact.status != 200:
        await target.ask("POST", "/generate-stream", json=await target.body(format="pcm"))
    else:
        story = read_frames(exact)
        _check(story, "pcm", notes)
        _check_order(story, notes)
        shown.append(f"{len(story.visemes)} visemes, each before its sound")
    answer = await target.ask("POST", "/generate-stream", json=await target.body(phonemes=True))
    story = read_frames(answer)
    audio_format = str(story.start["format"])
    _check(story, audio_format, notes)
    shown.append(f"{len(story.words)} words, {len(story.audio) / 1024:.0f} KiB of {audio_format}")
    return ", ".join(shown)


def _check(story: Story, audio_format: str, notes: Notes) -> None:
    where, end, start = f"frames ({audio_format})", story.end or {}, story.start
    notes.expect(start["format"] == audio_format, f"{where}: start says {start['format']!r}")
    skip = SKIP.get(audio_format, 0)
    notes.expect(start["skip_samples"] == skip, f"{where}: skip_samples is {start['skip_samples']}, not {skip}")
    known = names(VisemeSet.DEFAULT)
    notes.expect(start["viseme_set"] == "default", f"{where}: viseme_set is {start['viseme_set']!r}")
    told = start.get("viseme_names")
    notes.expect(isinstance(told, list) and tuple(told) == known, f"{where}: viseme_names are not those of the set")
    notes.expect(end["bytes"] == len(story.audio), f"{where}: end says {end['bytes']} bytes, {len(story.audio)} came")
    problem = f"{where}: end says {end['visemes']} visemes, {len(story.visemes)} came"
    notes.expect(end["visemes"] == len(story.visemes), problem)
    duration = float(str(end["duration"]))
    # Frames say when a viseme starts; it lasts until the next one.
    starts = [time for time, _, _ in story.visemes]
    visemes = [
        {"time": time, "value": index, "duration": round(until - time, 6)}
        for (time, index, _), until in zip(story.visemes, [*starts[1:], duration], strict=True)
    ]
    for problem in timeline_problems(visemes, VisemeSet.DEFAULT, duration):
        notes.complain(f"{where}: {problem}")
    for problem in word_problems(story.words, duration):
        notes.complain(f"{where}: {problem}")
    notes.expect(story.words, f"{where}: no words")
    notes.expect(story.times == sorted(story.times), f"{where}: the times of audio go back")
    if can_decode(audio_format):
        sound = decode(bytes(story.audio), audio_format, int(str(start["sample_rate"])))
        notes.expect(first_audible(sound.samples) is not None, f"{where}: the audio is silent")
        tolerance = 0.06 if audio_format == "pcm" else 0.15
        close_enough(where, sound.duration(skip), duration, notes, tolerance)


def _check_order(story: Story, notes: Notes) -> None:
    """In PCM every byte has its time: no viseme may come behind the sound that it belongs to."""
    rate = 2 * int(str(story.start["sample_rate"]))
    late = [time for time, _, before in story.visemes if before / rate > time + LATE]
    problem = f"frames: {len(late)} visemes come behind their sound, the first at {late[0] if late else 0:.3f} s"
    notes.expect(not late, problem)
