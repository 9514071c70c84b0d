"""One recording: speed, pitch and volume in common units instead of the library's, and a bound on its length."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec

from litestar_tts.espeak.alignment import SpokenPhone, SpokenWord, align, parse_phone, separate
from litestar_tts.espeak.library import MAX_RATE, MIN_RATE, NORMAL_RATE, Espeak, EspeakEvent
from litestar_tts.exceptions import EngineError

__all__ = ("Manner", "Take", "phone_count", "record")

MAX_SECONDS: Final = 120.0
"""Audio that one take holds (5 MB); the rest of the text is left for the next one."""
MAX_WORD_SECONDS: Final = 4 * MAX_SECONDS
"""A single word that lasts longer is an error."""

LONGEST_CLOSURE: Final = 0.12
"""Seconds for which a stop is silent at most, before its burst."""
SHORTEST_SOUND: Final = 0.01
"""Seconds: shorter silences are no closures, and each phone keeps as much."""
SILENT: Final = 8
"""Amplitude of the library's silence (it is almost digital)."""

MAX_PHONES: Final = 200
"""Of one word that are counted."""

MAX_TRIES: Final = 6
TOLERANCE: Final = 0.015
"""Relative error of the duration at which the search for a rate ends."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How to say it, in the library's parameters but for the speed."""

    voice: str
    speed: float = 1.0
    pitch: int = 50
    pitch_range: int = 50
    volume: int = 100

    @classmethod
    def of(cls, voice: str, *, speed: float, semitones: float, decibels: float) -> Manner:
        """From speed (2.0 halves the duration), semitones and decibels."""
        pitch, pitch_range = _pitch(semitones)
        return cls(voice=voice, speed=speed, pitch=pitch, pitch_range=pitch_range, volume=_volume(decibels))


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded. Positions in samples of this take and in characters of its text."""

    pcm: bytes
    sample_rate: int
    words: list[SpokenWord]
    phones: list[SpokenPhone]
    """Contiguous from the first sample to the last."""
    resume: int | None = None
    """Where in the text the next take has to go on; None: all is said."""


def record(espeak: Espeak, text: str, manner: Manner, wanted: Callable[[], bool]) -> Take:
    """Speak a text, or as much of it as fits one take.

    The library's rate says little about the duration: pauses shrink faster than words, and short words faster than long
    ones. So other speeds than 1 are found by trying, which at a thousandth of real time costs less than stretching.

    Raises:
        EngineError: Nobody wants it any more, or the library failed.
    """

    def at(rate: int) -> Take:
        return _record_at(espeak, text, manner, rate, wanted)

    take = at(NORMAL_RATE)
    if manner.speed != 1.0 and take.words:
        whole = take.resume is None
        take = _at_speed(at, take, manner.speed) if whole else at(round(NORMAL_RATE * manner.speed))
    words = separate(text[: take.resume], take.words, lambda word: phone_count(espeak, word, manner.voice))
    return msgspec.structs.replace(take, words=words)


def phone_count(espeak: Espeak, word: str, voice: str) -> int:
    """How many phones a word has when it stands by itself."""
    phones = 0

    def count(_block: bytes, events: list[EspeakEvent]) -> bool:
        nonlocal phones
        phones += sum(event.kind == "phoneme" and bool(parse_phone(event.phone)[0]) for event in events)
        return phones < MAX_PHONES

    espeak.stream(word, count, voice=voice, rate=MAX_RATE, pitch=100)
    return phones


def _at_speed(at: Callable[[int], Take], normal: Take, speed: float) -> Take:
    """Close in on the rate that gives the duration, from both sides (regula falsi on the logarithm)."""
    target = len(normal.pcm) / speed
    best, best_error = normal, math.log(speed)
    # The nearest try that lasted too long, and the nearest that was too short; no error: not tried.
    slow, fast = _Try(MIN_RATE), _Try(MAX_RATE)
    if speed > 1:
        slow = _Try(NORMAL_RATE, best_error)
    else:
        fast = _Try(NORMAL_RATE, best_error)
    rate = round(NORMAL_RATE * speed**0.92)
    tried = {NORMAL_RATE}
    while rate not in tried and len(tried) <= MAX_TRIES:
        tried.add(rate)
        take = at(rate)
        error = math.log(len(take.pcm) / target)
        if abs(error) < abs(best_error):
            best, best_error = take, error
        if abs(best_error) <= TOLERANCE:
            break
        # The side that stays counts half, or a bent curve would be approached from one side in ever smaller steps.
        if error > 0:
            slow, fast = _Try(rate, error), fast.halved() if slow.error else fast
        else:
            slow, fast = slow.halved() if fast.error else slow, _Try(rate, error)
        rate = _between(slow, fast, guess=rate * math.exp(error))
        if rate in tried:
            rate = (slow.rate + fast.rate) // 2
    return best


class _Try(msgspec.Struct, frozen=True):
    rate: int
    error: float = 0.0

    def halved(self) -> _Try:
        return _Try(self.rate, self.error / 2)


def _between(slow: _Try, fast: _Try, guess: float) -> int:
    if not slow.error or not fast.error:
        return min(max(round(guess), slow.rate), fast.rate)
    return round(slow.rate + (fast.rate - slow.rate) * slow.error / (slow.error - fast.error))


def _record_at(espeak: Espeak, text: str, manner: Manner, rate: int, wanted: Callable[[], bool]) -> Take:
    pcm = bytearray()
    events: list[EspeakEvent] = []
    limit, hard_limit = (2 * int(seconds * espeak.sample_rate) for seconds in (MAX_SECONDS, MAX_WORD_SECONDS))

    def keep(block: bytes, its_events: list[EspeakEvent]) -> bool:
        pcm.extend(block)
        events.extend(its_events)
        if not wanted():
            return False
        return len(pcm) <= limit or (len(pcm) <= hard_limit and _cut(text, events, pcm) is None)

    complete = espeak.stream(
        text,
        keep,
        voice=manner.voice,
        rate=rate,
        pitch=manner.pitch,
        pitch_range=manner.pitch_range,
        volume=manner.volume,
    )
    if not complete and not wanted():
        raise EngineError("nobody listens any more")
    words, phones = align(text, events, len(pcm) // 2)
    if complete:
        phones = _with_closures(phones, pcm, espeak.sample_rate)
        return Take(pcm=bytes(pcm), sample_rate=espeak.sample_rate, words=words, phones=phones)
    last = _cut(text, events, pcm)
    if last is None:
        raise EngineError("one word of this text takes minutes to say; shorten it")
    cut = last.phones[0].start
    return Take(
        pcm=bytes(pcm[: 2 * cut]),
        sample_rate=espeak.sample_rate,
        words=[word for word in words if word.start < last.start],
        phones=_with_closures([phone for phone in phones if phone.end <= cut], pcm, espeak.sample_rate),
        resume=last.start,
    )


def _cut(text: str, events: list[EspeakEvent], pcm: bytearray) -> SpokenWord | None:
    """The last word that sounds, before which a take can end; None if it is the only one."""
    words = [word for word in align(text, events, len(pcm) // 2)[0] if word.phones]
    return words[-1] if len(words) > 1 else None


def _with_closures(phones: list[SpokenPhone], pcm: bytearray, rate: int) -> list[SpokenPhone]:
    """Give the silence in front of a stop to the stop.

    The library times "p", "t" and "k" by their bursts, but while it is silent before them the mouth is closed already.
    """
    longest, audible = int(LONGEST_CLOSURE * rate), int(SHORTEST_SOUND * rate)
    closed: list[SpokenPhone] = []
    for phone in phones:
        before = closed[-1] if closed else None
        if phone.ipa and before is not None and before.ipa:
            first = max(before.start + audible, phone.start - longest)
            start = phone.start
            # A burst that comes a moment before its time is part of the sound, not the end of the closure.
            for last in range(start, max(first, start - audible), -1):
                if not _is_loud(pcm, last - 1):
                    start = last
                    break
            silent = start
            while silent > first and not _is_loud(pcm, silent - 1):
                silent -= 1
            if start - silent >= audible:
                closed[-1] = msgspec.structs.replace(before, end=silent)
                phone = msgspec.structs.replace(phone, start=silent)  # noqa: PLW2901
        closed.append(phone)
    return closed


def _is_loud(pcm: bytearray, sample: int) -> bool:
    return abs(int.from_bytes(pcm[2 * sample : 2 * sample + 2], "little", signed=True)) > SILENT


_SWING: Final = 0.28
"""The library takes this share of a wider swing off the base, to keep its middle; fitted to the measured F0."""


def _pitch(semitones: float) -> tuple[int, int]:
    """Base and swing that move the whole melody by a number of semitones.

    The library's pitch moves the base only (50 steps an octave) and adds the swing of the intonation to it in hertz, so
    the swing has to be scaled too, or it would come out flat below and lively above.
    """
    factor: float = 2 ** (semitones / 12)
    base = factor + _SWING * (factor - 1)
    return round(50 + 50 * math.log2(max(base, 0.5))), round(50 * factor)


def _volume(decibels: float) -> int:
    # Linear, but for an offset of a good step that was measured at the low end.
    return round(1.2 + 98.8 * 10 ** (min(decibels, 0.0) / 20))
