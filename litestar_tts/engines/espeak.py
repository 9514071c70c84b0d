"""The eSpeak NG engine: formant synthesis of about 138 languages, made here, with exact times of words and phones."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import ClassVar, Final

import msgspec

from litestar_tts.engines.base import Capabilities, Engine, PieceLimits, best_voice
from litestar_tts.espeak.alignment import SpokenPhone, SpokenWord
from litestar_tts.espeak.library import Espeak, EspeakVoice
from litestar_tts.espeak.takes import Manner, Take, record
from litestar_tts.espeak.voices import WITHOUT_DICTIONARY, tag_of, voice_for
from litestar_tts.espeak.worker import EspeakWorker, Wanted
from litestar_tts.exceptions import UnspeakableTextError
from litestar_tts.models import AudioChunk, EngineEvent, PhoneSpan, Utterance, Voice, WordBoundary

__all__ = ("EspeakEngine",)

FEMALE_TIMBRE: Final = "f3"
FIRST_CHUNK: Final = 0.25
CHUNK: Final = 1.0
"""Seconds of audio in a chunk."""
MAX_CHARACTERS: Final = 2_000
"""Of one call of the library; longer texts are spoken in several."""


class EspeakEngine(Engine):
    """Speaks with libespeak-ng, which comes as a wheel (extra ``espeak``).

    Args:
        threads: Sentences that are made at the same time, each with its own copy of the library, which makes about a
            thousand seconds of audio in one. None: one, or two where there are at least four processors.
    """

    name: ClassVar[str] = "espeak"

    def __init__(self, *, threads: int | None = None) -> None:
        self.capabilities = Capabilities(
            encoding="pcm",
            sample_rate=22_050,
            words=True,
            phones=True,
            instant=True,
            # Measured over voices and texts: here the duration is met within 3 %, the pitch within half a semitone and
            # the volume within half a decibel (more than 0 dB would clip).
            speed=(0.55, 2.0),
            pitch=(-6.0, 8.0),
            volume=(-20.0, 0.0),
            # A call is recorded whole before its first sound is heard, so a sentence at a time costs least.
            pieces=PieceLimits(one_sentence=True),
            # Measured over voices and texts: sound starts 0 to 12 ms after the beginning (50 ms before a voiceless
            # stop, whose closure that is) and ends 7 ms before the end.
        )
        self._worker = EspeakWorker(copies=threads or (2 if (os.cpu_count() or 1) >= 4 else 1))
        self._catalogue: _Catalogue | None = None

    async def open(self) -> None:
        """Load the library, which takes some 20 ms.

        Raises:
            MissingExtraError: The package ``espeakng-loader`` is not installed.
            EngineError: The library cannot be loaded here.
        """
        await self._load()

    async def close(self) -> None:
        """Stop all utterances, end the threads and free the library."""
        self._catalogue = None
        await self._worker.close()

    async def voices(self) -> Sequence[Voice]:
        """One voice for each language and dialect, in its default timbre."""
        return (await self._load()).voices

    async def find_voice(self, name: str) -> Voice | None:
        """A voice by its code, or any code that the library takes for it, with or without a timbre: ``en-gb+f2``."""
        return (await self._load()).find(name)

    async def best_voice(self, language: str, gender: str | None = None) -> Voice | None:
        """The nearest dialect; in a female timbre if that is asked for."""
        catalogue = await self._load()
        voice = catalogue.nearest(language)
        if voice is not None and gender == "Female":
            voice = catalogue.find(f"{voice.id}+{FEMALE_TIMBRE}") or voice
        return voice

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        """Speak; each word and phone comes before the audio in which it starts.

        Yields:
            Chunks of s16le mono PCM, words, and contiguous phones from the first sample to the last.

        Raises:
            UnspeakableTextError: The voice cannot say any of it.
            EngineError: The library failed.
        """
        prosody = utterance.prosody
        manner = Manner.of(utterance.voice.id, speed=prosody.speed, semitones=prosody.pitch, decibels=prosody.volume)
        text, offset, time, heard = utterance.text, 0, 0.0, False
        while offset < len(text):
            end = _end_of_call(text, offset)
            take = await self._worker.run(partial(_record, text[offset:end], manner), utterance.client)
            heard = heard or any(phone.ipa for phone in take.phones)
            following = end if take.resume is None else offset + take.resume
            if not heard and following == len(text) and any(char.isalnum() for char in text):
                raise UnspeakableTextError(
                    f"The voice {utterance.voice.id} cannot say this text; choose a voice of its language."
                )
            for event in _events(take, text, offset, time):
                yield event
            time += len(take.pcm) / 2 / take.sample_rate
            offset = following

    async def _load(self) -> _Catalogue:
        if self._catalogue is None:
            catalogue = await self._worker.run(_read_catalogue)
            if catalogue.sample_rate != self.capabilities.sample_rate:
                self.capabilities = msgspec.structs.replace(self.capabilities, sample_rate=catalogue.sample_rate)
            self._catalogue = catalogue
        return self._catalogue


class _Catalogue:
    """The voices of one release of the library."""

    def __init__(self, sample_rate: int, voices: Sequence[EspeakVoice], timbres: Sequence[EspeakVoice]) -> None:
        self.sample_rate = sample_rate
        self.voices: list[Voice] = []
        self._by_code: dict[str, Voice] = {}
        self._timbres = {timbre.stem: timbre for timbre in timbres}
        for voice in voices:
            code = voice.languages[0].casefold()
            if code in self._by_code:
                code = voice.stem
            if code not in WITHOUT_DICTIONARY:
                known = Voice(
                    id=code, name=voice.name, engine=EspeakEngine.name, language=tag_of(code), gender=voice.gender
                )
                self._by_code[code] = known
                self.voices.append(known)
        # The library's further names: that of the file wins ("fr" is its French of France), then the order of its list.
        for names in (lambda voice: (voice.stem,), lambda voice: voice.languages[1:]):
            for voice in voices:
                own = self._by_code.get(voice.languages[0].casefold())
                if own is not None:
                    for code in names(voice):
                        self._by_code.setdefault(code.casefold(), own)

    def nearest(self, language: str) -> Voice | None:
        """The voice that comes nearest to a language tag; none of a merely related language."""
        wanted = language.casefold().replace("_", "-")
        exact = next((voice for voice in self.voices if voice.language.casefold() == wanted), None)
        code = voice_for(language, related=False)
        return exact or (self.find(code) if code else None) or best_voice(self.voices, language)

    def find(self, name: str) -> Voice | None:
        """A voice by one of its codes, optionally with a timbre behind ``+``."""
        code, plus, stem = name.casefold().partition("+")
        voice, timbre = self._by_code.get(code), self._timbres.get(stem)
        if voice is None or not plus:
            return voice
        if timbre is None:
            return None
        return msgspec.structs.replace(
            voice, id=f"{voice.id}+{stem}", name=f"{voice.name}, {timbre.name}", gender=timbre.gender
        )


def _read_catalogue(espeak: Espeak, _wanted: Wanted) -> _Catalogue:
    return _Catalogue(espeak.sample_rate, espeak.voices, espeak.variants)


def _record(text: str, manner: Manner, espeak: Espeak, wanted: Wanted) -> Take:
    return record(espeak, text, manner, wanted)


def _end_of_call(text: str, start: int) -> int:
    end = start + MAX_CHARACTERS
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", start + MAX_CHARACTERS // 2, end)
    return space + 1 if space >= 0 else end


def _events(take: Take, text: str, offset: int, base: float) -> Iterator[EngineEvent]:
    """The events of one take in the order of their times, each chunk behind what starts in it."""
    rate = take.sample_rate
    words, phones = list(reversed(take.words)), list(reversed(_without_gaps(take.phones)))
    sent, size = 0, int(FIRST_CHUNK * rate)
    while sent < len(take.pcm) // 2:
        until = sent + size
        while words and (not words[-1].phones or words[-1].phones[0].start < until):
            word = words.pop()
            if word.phones:
                yield _boundary(word, text, offset, base, rate)
        while phones and phones[-1].start < until:
            phone = phones.pop()
            yield PhoneSpan(phone=phone.ipa, time=base + phone.start / rate, duration=(phone.end - phone.start) / rate)
        yield AudioChunk(data=take.pcm[2 * sent : 2 * until])
        sent, size = until, int(CHUNK * rate)


def _boundary(word: SpokenWord, text: str, offset: int, base: float, rate: int) -> WordBoundary:
    start, end = word.phones[0].start, word.phones[-1].end
    return WordBoundary(
        text=text[offset + word.start : offset + word.end],
        time=base + start / rate,
        duration=(end - start) / rate,
        offset=offset + word.start,
    )


def _without_gaps(phones: Sequence[SpokenPhone]) -> list[SpokenPhone]:
    """Phones that last, with neighbouring pauses joined."""
    joined: list[SpokenPhone] = []
    for phone in phones:
        if not phone.ipa and joined and not joined[-1].ipa:
            joined[-1] = SpokenPhone("", 0, joined[-1].start, phone.end)
        elif phone.end > phone.start:
            joined.append(phone)
    return joined
