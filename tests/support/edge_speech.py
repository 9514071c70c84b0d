"""What the loopback service says: eSpeak's speech as Edge would send it, with the true times of its words."""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import OrderedDict
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np

from litestar_tts.espeak.library import NORMAL_RATE, Espeak, EspeakEvent

RATE = 24_000
SILENCE_BEFORE = 0.1
SILENCE_BEHIND = 0.8
TICKS = 10_000_000
_CACHED = 512
_WRITTEN = re.compile(r"[^\s，。！？、；：…「」『』（）《》“”]+")
_BASE_HZ = {"Female": 200.0, "Male": 120.0}


class Word(NamedTuple):
    """A word event: ticks of 100 ns on the clock of the sound that went into the encoder."""

    text: str
    offset: int
    duration: int


class Spoken(NamedTuple):
    """One message's worth of speech."""

    mp3: bytes
    words: tuple[Word, ...]
    pcm: bytes
    """What went into the encoder: s16le mono 24 kHz, silence included."""


class Prosody(NamedTuple):
    """As the SSML says it: percent, Hz, percent."""

    rate: int = 0
    pitch: int = 0
    volume: int = 0


_lock = threading.Lock()
_cache: OrderedDict[tuple[str, str, str | None, Prosody], Spoken] = OrderedDict()
_espeak: list[Espeak] = []


def speak(text: str, locale: str, gender: str | None, prosody: Prosody) -> Spoken:
    """Speak a text; the same request always gives the same bytes."""
    key = (text, locale, gender, prosody)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
        if not _espeak:
            _espeak.append(Espeak())
        spoken = _cache[key] = _speak(_espeak[0], *key)
        while len(_cache) > _CACHED:
            _cache.popitem(last=False)
        return spoken


def _speak(espeak: Espeak, text: str, locale: str, gender: str | None, prosody: Prosody) -> Spoken:
    base = _BASE_HZ.get(gender or "", 165.0)
    factor = min(1.5, max(0.5, 1 + prosody.pitch / base))
    voice, pitch = _voice(espeak, locale, gender), round(50 + 50 * math.log2(factor))
    pcm, source_rate, events = espeak.synthesize(text, voice=voice, pitch=pitch)
    if prosody.rate:
        # Words per minute are only roughly the inverse of the duration; Edge's rate is exactly that.
        speed = 1 + prosody.rate / 100
        wanted = len(pcm) / speed
        first, _, _ = espeak.synthesize(text, voice=voice, rate=round(NORMAL_RATE * speed), pitch=pitch)
        rate = round(NORMAL_RATE * speed * len(first) / wanted)
        pcm, source_rate, events = espeak.synthesize(text, voice=voice, rate=rate, pitch=pitch)
    gain = 1 + prosody.volume / 100
    sound = np.clip(_resample(np.frombuffer(pcm, "<i2"), source_rate) * gain, -32_768, 32_767)
    whole = np.concatenate([_silence(SILENCE_BEFORE), np.round(sound).astype("<i2"), _silence(SILENCE_BEHIND)])
    return Spoken(_encode(whole), _words(text, events, source_rate, len(pcm) // 2), whole.tobytes())


def _voice(espeak: Espeak, locale: str, gender: str | None) -> str:
    timbre = "+f3" if gender == "Female" else ""
    tag = locale.lower()
    for name in (tag, {"zh": "cmn"}.get(tag.split("-")[0], tag.split("-")[0])):
        if espeak.resolve(name):
            return name + timbre
    return "en-us" + timbre


def _words(text: str, events: list[EspeakEvent], rate: int, total: int) -> tuple[Word, ...]:
    marks = [event for event in events if event.kind in ("word", "end")]
    words: list[Word] = []
    reached = 0
    for index, event in enumerate(marks):
        if event.kind != "word" or event.position < reached:
            continue
        written = _written(text, event.position)
        if not any(char.isalnum() for char in written):
            continue
        reached = event.position + len(written)
        later = (mark.sample for mark in marks[index + 1 :] if mark.kind == "end" or mark.position >= reached)
        end = next(later, total)
        start = round((event.sample / rate + SILENCE_BEFORE) * TICKS)
        words += _segmented(Word(written, start, max(1, round((end - event.sample) / rate * TICKS))))
    return tuple(words)


def _written(text: str, at: int) -> str:
    """The word that stands there, as Edge would write it: without punctuation around."""
    match = _WRITTEN.match(text, at)
    written = match.group() if match else ""
    while written and not (written[-1].isalnum() or unicodedata.category(written[-1]).startswith("M")):
        written = written[:-1]
    return written


def _segmented(word: Word) -> list[Word]:
    """Chinese comes in short words, not in whole clauses; eSpeak knows only the clause."""
    if not "\u3040" <= word.text[0] <= "\u9fff":
        return [word]
    parts = [word.text[at : at + 2] for at in range(0, len(word.text), 2)]
    share = word.duration // len(parts)
    return [Word(part, word.offset + index * share, share) for index, part in enumerate(parts)]


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), "<i2")


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    if rate == RATE:
        return samples.astype(float)
    # Sample k of the result lies at k / 24000 s exactly: no filter delay may creep into the word times.
    count = round(len(samples) * RATE / rate)
    return np.interp(np.arange(count) * rate / RATE, np.arange(len(samples)), samples)


def _encode(samples: np.ndarray) -> bytes:
    context = av.CodecContext.create("libmp3lame", "w")
    context.sample_rate, context.layout, context.format, context.bit_rate = RATE, "mono", "s16p", 48_000
    context.time_base = Fraction(1, RATE)
    # The encoder's quickest search: three times faster, and good enough to listen to.
    context.options = {"compression_level": "9"}
    context.open()
    out = []
    size = 576
    for at in range(0, len(samples), size):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + size], format="s16p", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        out += [bytes(packet) for packet in context.encode(frame)]
    out += [bytes(packet) for packet in context.encode(None)]
    return b"".join(out)
