"""What every engine promises, as tests."""
# ruff: noqa: S101  the contract is made of assertions

from __future__ import annotations

import asyncio
import math
import re
import threading
from array import array
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import ClassVar, TypeVar

import msgspec

from litestar_tts.engines.base import Capabilities, Engine, language_of
from litestar_tts.exceptions import TTSError
from litestar_tts.models import AudioChunk, EngineEvent, PhoneSpan, Prosody, Utterance, Voice, WordBoundary

__all__ = ("EngineContract", "Performance", "listen")

T = TypeVar("T")


class Performance(msgspec.Struct, kw_only=True):
    """All that one utterance gave."""

    utterance: Utterance
    capabilities: Capabilities
    chunks: list[bytes] = []
    words: list[WordBoundary] = []
    phones: list[PhoneSpan] = []
    lateness: list[tuple[EngineEvent, float]] = []
    """Each word and phone with the seconds of audio that had come when it came, minus its own time."""

    @property
    def audio(self) -> bytes:
        """The chunks joined."""
        return b"".join(self.chunks)

    @property
    def duration(self) -> float:
        """Seconds of sound, without the encoder's delay."""
        capabilities = self.capabilities
        size = sum(map(len, self.chunks))
        if capabilities.encoding == "pcm":
            return size / 2 / capabilities.sample_rate
        return max(0.0, size * 8 / capabilities.bit_rate - capabilities.skip_samples / capabilities.sample_rate)


async def listen(engine: Engine, utterance: Utterance) -> Performance:
    """Speak one utterance to its end and keep everything."""
    performance = Performance(utterance=utterance, capabilities=engine.capabilities)
    async with aclosing(engine.synthesize(utterance)) as events:
        async for event in events:
            if isinstance(event, AudioChunk):
                performance.chunks.append(event.data)
                continue
            performance.lateness.append((event, performance.duration - event.time))
            if isinstance(event, WordBoundary):
                performance.words.append(event)
            else:
                performance.phones.append(event)
    return performance


class EngineContract:
    """What every engine promises, as tests. Subclass it, name the subclass ``Test…``, and override what follows."""

    text: ClassVar[str] = "The quick brown fox jumps over the lazy dog, and nobody said a word about it."
    """Something of at least eight different words that the first voice can say."""
    other_text: ClassVar[str] = "Meanwhile, seven green bottles were standing quietly on an old garden wall."
    """Something else."""
    limit: ClassVar[float] = 20.0
    """Seconds that one utterance may take to be made."""
    odd_texts: ClassVar[Sequence[str]] = ("...", "😀🚀", "слово 語 คำ", "a\x00b\x1bc\ud7ff\ufffe", "1" * 60, "x" * 300)

    def make_engine(self) -> Engine:
        """A new engine, not opened."""
        raise NotImplementedError("override make_engine() to return your engine")

    async def choose_voice(self, engine: Engine) -> Voice:
        """The voice that speaks; by default the one that is best for English, or else the first."""
        return await engine.best_voice("en-US") or (await engine.voices())[0]

    # --- voices

    def test_construction_takes_nothing(self) -> None:
        """No thread, and a name that can stand in front of a voice's."""
        threads = threading.active_count()
        engine = self.make_engine()
        assert threading.active_count() == threads, "construction must not start threads"
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", engine.name), f"{engine.name!r} cannot be a prefix of voice names"

    def test_voices_are_valid(self) -> None:
        """Ids, names, languages and genders are what the API promises."""

        async def check(engine: Engine) -> None:
            voices = await engine.voices()
            assert voices, "an engine without voices cannot speak"
            ids = [voice.id.casefold() for voice in voices]
            assert len(set(ids)) == len(ids), "ids must differ, also without regard to case"
            for voice in voices:
                assert voice.id
                assert voice.id == voice.id.strip(), f"blanks around {voice.id!r}"
                assert ":" not in voice.id, f"a colon in {voice.id!r} would end the engine's name"
                assert voice.name.strip(), f"{voice.id} has no name"
                assert voice.engine == engine.name, f"{voice.id} belongs to {voice.engine!r}"
                assert re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{1,12})*", voice.language), f"{voice.language!r} is no tag"
                assert voice.gender in (None, "Female", "Male"), f"{voice.gender!r} is no gender"

        self._run(check)

    def test_voices_are_found(self) -> None:
        """By id without regard to case, by language; and nothing else is."""

        async def check(engine: Engine) -> None:
            for voice in (await engine.voices())[:20]:
                assert await engine.find_voice(voice.id) == voice
                assert await engine.find_voice(voice.id.upper()) == voice
                best = await engine.best_voice(voice.language)
                assert best is not None, f"no voice for {voice.language}, which is that of {voice.id}"
                assert language_of(best.language) == language_of(voice.language)
            for name in ("", "no such voice", "../../etc/passwd", "x" * 10_000):
                assert await engine.find_voice(name) is None
            assert await engine.best_voice("zxx") is None, "nobody speaks no language"

        self._run(check)

    # --- sound

    def test_audio_is_whole(self) -> None:
        """There is sound, in whole samples or frames."""

        async def check(engine: Engine) -> None:
            performance = await self._speak(engine, self.text)
            assert performance.chunks, "no audio"
            assert all(performance.chunks), "an empty chunk"
            assert 1.0 < performance.duration < 60.0, f"{performance.duration:.2f} s for {self.text!r}"
            if engine.capabilities.encoding == "pcm":
                assert all(len(chunk) % 2 == 0 for chunk in performance.chunks), "half a sample"
                samples = array("h", performance.audio)
                assert max(map(abs, samples)) > 300, "nothing to hear"
            else:
                _check_frames(performance.audio, engine.capabilities)

        self._run(check)

    def test_words_lie_in_the_audio(self) -> None:
        """Words are in order, inside the audio, and at their places in the text."""

        async def check(engine: Engine) -> None:
            if not engine.capabilities.words:
                return
            performance = await self._speak(engine, self.text)
            words = performance.words
            assert len(words) >= 4, f"only {len(words)} words of {self.text!r}"
            for word, following in zip(words, [*words[1:], None], strict=True):
                assert word.text.strip(), "a word without text"
                assert word.time >= 0, f"{word} starts before the audio"
                assert word.duration > 0, f"{word} does not last"
                assert word.time + word.duration <= performance.duration + 0.05, f"{word} ends behind the audio"
                assert following is None or following.time >= word.time, f"{following} comes before {word}"
            places = [(word.offset, word.text) for word in words if word.offset is not None]
            assert [place for place, _ in places] == sorted(place for place, _ in places), "offsets go back"
            for place, text in places:
                assert self.text[place : place + len(text)] == text, f"{text!r} is not at {place} of the text"

        self._run(check)

    def test_phones_are_contiguous(self) -> None:
        """Phones follow each other from the first sample to the last."""

        async def check(engine: Engine) -> None:
            if not engine.capabilities.phones:
                return
            performance = await self._speak(engine, self.text)
            phones = performance.phones
            assert any(span.phone for span in phones), "no phones"
            end = 0.0
            for span in phones:
                assert abs(span.time - end) <= 0.001, f"{span} does not start where the last one ended ({end:.3f})"
                assert span.duration > 0, f"{span} does not last"
                assert not re.search(r"[ˈˌ\s0-9]", span.phone), f"{span.phone!r} is more than a phone"
                end = span.time + span.duration
            assert end <= performance.duration + 0.001, "phones behind the end of the audio"
            assert end >= performance.duration - 0.25, "no phones at the end of the audio"

        self._run(check)

    def test_events_come_in_time(self) -> None:
        """Phones come before their audio, words at most a second behind."""

        async def check(engine: Engine) -> None:
            performance = await self._speak(engine, self.text)
            for event, late in performance.lateness:
                allowed = 0.02 if isinstance(event, PhoneSpan) else 1.0
                assert late <= allowed, f"{event} came {late:.2f} s after its audio"

        self._run(check)

    def test_prosody_is_kept_in_the_declared_range(self) -> None:
        """The ends of the declared ranges do what they say."""

        async def check(engine: Engine) -> None:
            capabilities = engine.capabilities
            plain = (await self._speak(engine, self.text)).duration
            for speed in {*capabilities.speed} - {1.0}:
                duration = (await self._speak(engine, self.text, Prosody(speed=speed))).duration
                assert math.isclose(duration * speed, plain, rel_tol=0.15), (
                    f"speed {speed}: {duration:.2f} of {plain:.2f} s"
                )
            for pitch in {*capabilities.pitch} - {0.0}:
                duration = (await self._speak(engine, self.text, Prosody(pitch=pitch))).duration
                assert math.isclose(duration, plain, rel_tol=0.1), f"pitch {pitch} changes the duration"
            if capabilities.encoding == "pcm" and capabilities.volume[0] < -3:
                quiet = await self._speak(engine, self.text, Prosody(volume=capabilities.volume[0]))
                loud = await self._speak(engine, self.text)
                assert max(array("h", quiet.audio)) < max(array("h", loud.audio)), "volume does nothing"

        self._run(check)

    def test_a_full_piece_is_spoken(self) -> None:
        """A text as long as the engine says it takes."""

        async def check(engine: Engine) -> None:
            pieces = engine.capabilities.pieces
            text = (self.text + " ") * (pieces.max_chars // len(self.text))
            performance = await self._speak(engine, text.strip() or self.text[: pieces.max_chars])
            assert performance.duration > 1.0

        self._run(check)

    def test_any_text_comes_to_an_end(self) -> None:
        """Symbols, other scripts, control characters: spoken or refused, never stuck."""

        async def check(engine: Engine) -> None:
            for text in self.odd_texts:
                try:
                    await self._speak(engine, text)
                except TTSError:
                    continue  # an engine may refuse, in its own words

        self._run(check)

    # --- many at once, and ends of all kinds

    def test_utterances_do_not_mix(self) -> None:
        """Several at once give what each gives alone."""

        async def check(engine: Engine) -> None:
            texts = [self.text, self.other_text] * 2
            alone = [await self._speak(engine, text) for text in texts[:2]] * 2
            together = await asyncio.gather(*(self._speak(engine, text) for text in texts))
            for one, other in zip(alone, together, strict=True):
                assert [word.text for word in one.words] == [word.text for word in other.words]
                assert [span.phone for span in one.phones if span.phone] == [
                    span.phone for span in other.phones if span.phone
                ]
                assert math.isclose(one.duration, other.duration, rel_tol=0.15, abs_tol=0.3)

        self._run(check)

    def test_closing_early_frees_the_engine(self) -> None:
        """A generator that is closed in the middle, or before it began, leaves nothing behind."""

        async def check(engine: Engine) -> None:
            utterance = await self._utterance(engine, self.text)
            for _ in range(5):
                events = engine.synthesize(utterance)
                await asyncio.wait_for(anext(events), self.limit)
                await asyncio.wait_for(events.aclose(), 2.0)
            unused = engine.synthesize(utterance)
            await unused.aclose()
            assert (await self._speak(engine, self.text)).chunks

        self._run(check)

    def test_cancelling_frees_the_engine(self) -> None:
        """Cancelling is at once, and leaves nothing behind."""

        async def check(engine: Engine) -> None:
            utterance = await self._utterance(engine, self.text)
            tasks = [asyncio.create_task(listen(engine, utterance)) for _ in range(5)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 2.0)
            assert all(isinstance(result, (asyncio.CancelledError, Performance)) for result in done), done
            assert (await self._speak(engine, self.text)).chunks

        self._run(check)

    def test_closes_and_opens_again(self) -> None:
        """Closing twice is harmless, and the engine speaks after it is opened again."""

        async def check(engine: Engine) -> None:
            assert (await self._speak(engine, self.text)).chunks
            await engine.close()
            await engine.close()
            await engine.open()
            assert (await self._speak(engine, self.text)).chunks

        self._run(check)

    def test_close_without_open_is_harmless(self) -> None:
        """As the plugin does where nobody ever spoke."""
        asyncio.run(self.make_engine().close())

    def test_close_ends_what_speaks(self) -> None:
        """Closing leaves no listener waiting."""

        async def check(engine: Engine) -> None:
            utterance = await self._utterance(engine, self.text)
            events = engine.synthesize(utterance)
            await asyncio.wait_for(anext(events), self.limit)
            await asyncio.wait_for(engine.close(), self.limit)

            async def rest() -> None:
                try:
                    async for _ in events:
                        pass
                except TTSError:
                    pass

            await asyncio.wait_for(rest(), self.limit)

        self._run(check)

    def test_works_on_one_event_loop_after_another(self) -> None:
        """As tests and command lines do."""
        engine = self.make_engine()

        async def once() -> None:
            await engine.open()
            try:
                assert (await self._speak(engine, self.text)).chunks
            finally:
                await engine.close()

        asyncio.run(once())
        asyncio.run(once())

    # --- helpers

    def _run(self, check: Callable[[Engine], Awaitable[T]]) -> T:
        async def opened() -> T:
            engine = self.make_engine()
            await engine.open()
            try:
                return await check(engine)
            finally:
                await engine.close()

        return asyncio.run(opened())

    async def _utterance(self, engine: Engine, text: str, prosody: Prosody | None = None) -> Utterance:
        return Utterance(text=text, voice=await self.choose_voice(engine), prosody=prosody or Prosody())

    async def _speak(self, engine: Engine, text: str, prosody: Prosody | None = None) -> Performance:
        utterance = await self._utterance(engine, text, prosody)
        return await asyncio.wait_for(listen(engine, utterance), self.limit)


def _check_frames(audio: bytes, capabilities: Capabilities) -> None:
    """Layer III frames of one size, end to end."""
    per_frame = 144 if capabilities.sample_rate >= 32_000 else 72
    position = 0
    while position < len(audio):
        header = audio[position : position + 4]
        assert len(header) == 4, "a frame's header is cut"
        assert header[0] == 0xFF, f"no frame at byte {position}"
        assert header[1] & 0xE0 == 0xE0, f"no frame at byte {position}"
        padding = header[2] >> 1 & 1
        position += per_frame * capabilities.bit_rate // capabilities.sample_rate + padding
    assert position == len(audio), "the last frame is cut"
