"""A long speech into a file that survives being interrupted, into a player, or both."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, ExitStack, aclosing
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from litestar_tts.audio.formats import skip_samples_of
from litestar_tts.audio.pcm import SAMPLE_SIZE
from litestar_tts.cli.encoding import encode_file
from litestar_tts.cli.playback import Playback
from litestar_tts.cli.progress import Meter, clock
from litestar_tts.cli.sections import Narrator, Section, sections
from litestar_tts.cli.shelf import SectionWriter, is_encoded_last, true_beginning
from litestar_tts.cli.spoken import Spoken
from litestar_tts.cli.subtitles import Subtitles
from litestar_tts.exceptions import EngineError, InvalidRequestError, TTSError, UnspeakableTextError
from litestar_tts.models import AudioChunk, AudioFormat, SpeechInfo, WordBoundary
from litestar_tts.recording import Recording, fingerprint

if TYPE_CHECKING:
    from litestar_tts.cli.players import Player
    from litestar_tts.service import SpeechService

__all__ = ("Order", "Take")

TRIES: Final = 4
"""Times that a section is asked of an engine that has spoken before."""
FIRST_WAIT: Final = 2.0
"""Seconds before the second of them, twice as many before each other."""
LONGEST_WAIT: Final = 60.0
LARGEST_WAV: Final = 0xFFFFFFFF
"""Bytes that its header can name."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted."""

    text: str
    options: dict[str, Any]
    """As for :meth:`SpeechService.request`."""
    target: str | None = None
    """File to write; None: none."""
    player: Player | None = None
    captions: str | None = None
    """File for the subtitles."""
    resume: bool = True
    """Go on from what an earlier run has made, and keep what this one makes if it is interrupted."""
    engine: str | None = None
    """The one that was asked for; here only to tell this order from others."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A section that was spoken."""

    words: list[WordBoundary]
    samples: int
    """That it takes in the file."""


class Take:
    """Carries one order out.

    Args:
        service: Who speaks.
        order: What.
    """

    def __init__(self, service: SpeechService, order: Order) -> None:
        self._service = service
        self._order = order
        self._text = service.check_text(order.text)
        self._narrator = Narrator(service, order.options)
        self._format = service.request(**order.options).format
        self._meter = Meter(len(self._text))
        self._recording: Recording | None = None
        self._playback: Playback | None = None
        self._subtitles: Subtitles | None = None
        self._samples = 0
        """That are finished."""
        self._place = 0
        """Characters that are finished."""
        self._heard_before = 0.0
        """Seconds that the player had when the section began."""
        self._spoken = False
        """Whether the voice has spoken a section in this run."""
        self._began = 0.0
        self._first_audio: float | None = None
        self._resumed_at: float | None = None

    async def run(self) -> Spoken:
        """Do it.

        Raises:
            TTSError: It cannot be spoken.
            OSError: It cannot be written.
            click.ClickException: It cannot be played.
        """
        order = self._order
        async with AsyncExitStack() as stack:
            files = stack.enter_context(ExitStack())
            # Before anything is spoken: whether all of it can be written.
            if order.captions is not None:
                self._subtitles = files.enter_context(Subtitles(order.captions))
            if order.target is not None:
                self._recording = files.enter_context(self._open(order.target))
            if order.player is not None:
                self._playback = await stack.enter_async_context(Playback(order.player, self._narrator.rate))
            self._began = time.monotonic()
            complete = False
            try:
                with self._meter:
                    await self._speak()
                    size = await self._finish()
                    complete = True
                    if self._playback is not None:
                        await self._playback.finish()
            finally:
                if not complete:
                    self._tell_what_is_kept()
        info = self._narrator.info
        assert info is not None  # noqa: S101
        return Spoken(
            target=order.target,
            info=msgspec.structs.replace(info, format=self._format),
            duration=self._seconds - self._delay / self._narrator.rate,
            size=size,
            first_audio=self._first_audio,
            resumed_at=self._resumed_at,
            played_by=order.player.name if order.player else None,
        )

    # --- where it goes on ---------------------------------------------------------------------------------------------

    def _open(self, target: str) -> Recording:
        request = self._narrator.request
        key = fingerprint(
            text=self._text,
            format=self._format,
            voice=request.voice or self._service.config.default_voice,
            engine=self._order.engine,
            prosody=request.prosody,
            rate=request.sample_rate,
        )
        recording = Recording(target, key, resume=self._order.resume)
        if recording.replaced and self._order.resume:
            why = "belongs to another text or other options, or its part file is gone"
            self._meter.say(f"{target}: what was begun there {why}; starting over.")
        if recording.done:
            note = recording.note
            self._samples, self._place = note["samples"], note["place"]
            self._resumed_at = self._seconds
            if note["engine"]:
                self._narrator.info = SpeechInfo(
                    engine=note["engine"],
                    voice=note["voice"],
                    fallback_from=note["fallback_from"],
                    format=self._format,
                    sample_rate=request.sample_rate,
                    skip_samples=0,
                    text_length=len(self._text),
                    viseme_count=None,
                )
            percent = 100 * self._place // len(self._text)
            self._meter.say(
                f"{target}: goes on after {clock(self._seconds)} of speech, {percent} %; --no-resume starts over."
            )
        return recording

    @property
    def _delay(self) -> int:
        """Samples at the start of the file that are no part of the sound."""
        return 0 if self._recording is None or is_encoded_last(self._format) else skip_samples_of(self._format)

    @property
    def _seconds(self) -> float:
        return self._samples / self._narrator.rate

    def _tell_what_is_kept(self) -> None:
        recording = self._recording
        if recording is None or not recording.done:
            return
        if not self._order.resume or self._narrator.info is None:
            recording.discard()
            return
        percent = 100 * self._place // len(self._text)
        click.echo(
            f"{self._order.target}: {clock(self._seconds)} of speech ({percent} %) is kept; "
            "the same command again goes on from there.",
            err=True,
        )

    # --- speaking -----------------------------------------------------------------------------------------------------

    async def _speak(self) -> None:
        done = self._recording.done if self._recording else 0
        if done:
            await self._check_voice()
        self._meter.begin("Speaking", len(self._text), self._place, self._seconds)
        for section in islice(sections(self._text), done, None):
            await self._section(section)
        if self._narrator.info is None:
            raise InvalidRequestError("text holds nothing that this voice can speak.", parameter="text")

    async def _check_voice(self) -> None:
        info = self._narrator.info
        if info is None or self._place >= len(self._text):
            return
        if all(engine.name != info.engine for engine in self._service.engines):
            raise _other_voice(info, f"the engine {info.engine} is not in use here.")
        try:
            await self._narrator.check()
        except TTSError as error:
            raise _other_voice(info, error.detail) from error

    async def _section(self, section: Section) -> None:
        """One section, with patience for an engine that has spoken before."""
        attempt = 0
        while True:
            attempt += 1
            known = self._narrator.info
            try:
                made = await self._attempt(section)
                break
            except UnspeakableTextError:
                # As inside of a shorter text: what a voice has no sound for is left out.
                made = Made(words=[], samples=0)
                break
            except EngineError as error:
                if self._resumed_at is not None and not self._spoken and known is not None:
                    raise _other_voice(known, error.detail) from error
                wait = max(error.retry_after or 0.0, FIRST_WAIT * 2 ** (attempt - 1))
                # What was heard cannot be taken back.
                heard = self._playback is not None and self._playback.seconds > self._heard_before
                if not (self._spoken and error.retryable) or heard or attempt == TRIES or wait > LONGEST_WAIT:
                    raise
                self._meter.say(f"{error.detail} Trying again in {wait:.0f} s.")
                await asyncio.sleep(wait)
        self._commit(section, made)
        if self._playback is not None:
            await self._playback.section_ended()

    async def _attempt(self, section: Section) -> Made:
        playback, rate = self._playback, self._narrator.rate
        self._heard_before = playback.seconds if playback else 0.0
        words: list[WordBoundary] = []
        samples = 0
        last = section.pause is None
        async with (
            SectionWriter(self._recording, self._format, rate, last=last) as writer,
            aclosing(self._narrator.speak(section)) as events,
        ):
            async for event in events:
                if isinstance(event, AudioChunk):
                    if self._first_audio is None:
                        self._first_audio = time.monotonic() - self._began
                    samples += len(event.data) // SAMPLE_SIZE
                    await writer.write(event.data)
                    if playback is not None:
                        await playback.feed(event.data)
                else:
                    words.append(event)
                    if event.offset is not None:
                        self._meter.at(section.offset + event.offset, (self._samples + samples) / rate)
            samples = await writer.finish()
        self._spoken = True
        return Made(words=words, samples=samples)

    def _commit(self, section: Section, made: Made) -> None:
        start = self._seconds
        self._samples += made.samples
        self._place = section.end
        self._meter.at(section.end, self._seconds)
        if self._recording is None:
            if self._subtitles is not None:
                self._subtitles.add(section.text, made.words, start=start, duration=self._seconds - start)
            return
        info = self._narrator.info
        # The process does nothing else, so the loop may wait for the disk.
        self._recording.commit(
            {
                "place": section.end,
                "samples": self._samples,
                "engine": info.engine if info else None,
                "voice": info.voice if info else None,
                "fallback_from": info.fallback_from if info else None,
                "words": [(word.text, word.time, word.duration, word.offset) for word in made.words],
            }
        )

    # --- the end ------------------------------------------------------------------------------------------------------

    async def _finish(self) -> int:
        """Make the files of what was spoken; return the size of the sound's."""
        recording = self._recording
        if recording is not None and self._subtitles is not None:
            self._write_subtitles(recording, self._subtitles)
        size = 0
        if recording is not None and is_encoded_last(self._format):
            size = await encode_file(recording, self._format, self._narrator.rate, self._meter)
            recording.discard()
        elif recording is not None:
            size = recording.size
            if self._format is AudioFormat.WAV and size > LARGEST_WAV:
                self._meter.say("A WAV header cannot tell more than 4 GiB; --format flac is as exact and can.")
            recording.finish(beginning=true_beginning(self._format, self._narrator.rate, size))
        if self._subtitles is not None:
            self._subtitles.finish()
        return size

    def _write_subtitles(self, recording: Recording, subtitles: Subtitles) -> None:
        """From the journal, since earlier runs may have spoken a part; one section at a time is in memory."""
        end = 0.0
        for section, note in zip(sections(self._text), recording.notes(), strict=True):
            words = [
                WordBoundary(text=text, time=time, duration=duration, offset=offset)
                for text, time, duration, offset in note["words"]
            ]
            start, end = end, note["samples"] / self._narrator.rate
            subtitles.add(section.text, words, start=start, duration=end - start)


def _other_voice(info: SpeechInfo, why: str) -> TTSError:
    return InvalidRequestError(
        f"What is there was spoken by {info.voice} ({info.engine}), which cannot go on: {why} "
        "Try again when it can, or start over in another voice with --no-resume."
    )
