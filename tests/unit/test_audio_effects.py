"""Tempo, pitch and volume, measured on what comes out."""

import numpy as np
import pytest

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.models import AudioFormat, Prosody
from tests.support.sound import Samples, fundamental, likeness, pcm, run, samples_of, silence, sound_spans, speech, tone

RATES = (22_050, 24_000)


async def changed(said: Samples, *, rate: int = 24_000, out_rate: int | None = None, **effects: float) -> Samples:
    stage = AudioStage(
        AudioSource(sample_rate=rate), AudioFormat.PCM, sample_rate=out_rate or rate, effects=Prosody(**effects)
    )
    out = samples_of(await run(stage, pcm(said)))
    assert stage.duration == pytest.approx(len(out) / (out_rate or rate), abs=1e-9)
    return out


def bursts(rate: int, seconds: float) -> tuple[Samples, list[tuple[float, float]]]:
    """Tone bursts at uneven times; with their starts and ends."""
    random = np.random.default_rng(3)
    parts: list[Samples] = []
    spans: list[tuple[float, float]] = []
    at = 0.0
    while at < seconds:
        gap, length = random.uniform(0.15, 0.3), random.uniform(0.1, 0.2)
        parts += [silence(gap, rate=rate), tone(length, rate=rate, frequency=random.uniform(150, 500))]
        spans.append((at + gap, at + gap + length))
        at += gap + length
    return np.concatenate((*parts, silence(0.15, rate=rate))), spans


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("speed", [0.25, 0.5, 0.7, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0])
async def test_speed_divides_the_duration_and_keeps_every_sound_in_place(speed: float, rate: int):
    said, spans = bursts(rate, 4.0)
    heard = await changed(said, rate=rate, speed=speed)
    assert len(heard) == pytest.approx(len(said) / speed, abs=1)
    found = sound_spans(heard, rate, gap=0.1 / speed, peak=800)
    assert len(found) == len(spans)
    offsets = [(a + b) / 2 - (c + d) / 2 / speed for (a, b), (c, d) in zip(found, spans, strict=True)]
    assert abs(np.mean(offsets)) < max(0.006, 0.005 / speed)
    assert max(map(abs, offsets)) < 0.015 + 0.012 / speed


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("pitch", [-12, -7, -1, 1, 7, 12])
async def test_pitch_moves_the_voice_and_not_the_time(pitch: int, rate: int):
    said, spans = bursts(rate, 3.0)
    heard = await changed(said, rate=rate, pitch=pitch)
    assert len(heard) == len(said)
    found = sound_spans(heard, rate, gap=0.1, peak=800)
    assert len(found) == len(spans)
    offsets = [(a + b) / 2 - (c + d) / 2 for (a, b), (c, d) in zip(found, spans, strict=True)]
    assert abs(np.mean(offsets)) < 0.008
    assert max(map(abs, offsets)) < 0.025

    voice = sum(tone(1.0, rate=rate, frequency=150 * k, peak=6000 / k) for k in range(1, 8))
    heard = await changed(np.asarray(voice), rate=rate, pitch=pitch)
    middle = heard[rate // 4 : rate * 3 // 4]
    assert 12 * np.log2(fundamental(middle, rate) / 150) == pytest.approx(pitch, abs=0.1)


@pytest.mark.parametrize("speed", [0.5, 2.0])
@pytest.mark.parametrize("pitch", [-12.0, 12.0])
async def test_speed_and_pitch_together(speed: float, pitch: float):
    heard = await changed(tone(2.0, frequency=200), speed=speed, pitch=pitch, out_rate=16_000)
    assert len(heard) == pytest.approx(32_000 / speed, abs=1)
    middle = heard[len(heard) // 4 : len(heard) * 3 // 4]
    assert 12 * np.log2(fundamental(middle, 16_000) / 200) == pytest.approx(pitch, abs=0.15)


@pytest.mark.parametrize("effects", [{"speed": 0.5}, {"speed": 1.7}, {"pitch": 5}, {"pitch": -5}, {"volume": 6}])
async def test_sound_at_both_edges_stays(effects: dict[str, float]):
    """No silence in front, no lost tail."""
    heard = await changed(tone(0.5, frequency=220), **effects)
    ((start, end),) = sound_spans(heard, 24_000, gap=0.2, peak=400)
    assert start < 0.03
    assert len(heard) / 24_000 - end < 0.05


@pytest.mark.parametrize("volume", [-20, -6, 3, 6, 12, 20])
async def test_volume_is_exact_below_full_scale(volume: float):
    said = speech(1.0) / 16
    heard = await changed(said, volume=volume)
    assert len(heard) == len(said)
    assert np.abs(heard - np.round(said) * 10 ** (volume / 20)).max() <= 1.0


async def test_gain_beyond_full_scale_is_limited_and_not_clipped():
    said = tone(1.0, peak=20_000)
    heard = await changed(said, volume=12)
    middle = heard[4800:-4800]
    assert np.abs(middle).max() <= 32_768
    # Clipping would flatten the tone and so raise odd harmonics; a limiter only turns it down.
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    at = round(300 * len(middle) / 24_000)
    third = spectrum[3 * at - 5 : 3 * at + 6].max()
    assert third < spectrum[at - 5 : at + 6].max() * 0.02
    assert likeness(middle, said[4800:-4800]) > 0.999


async def test_quiet_parts_beside_a_limited_one_keep_their_gain():
    said = np.concatenate(
        (tone(0.5, peak=1000), silence(0.3), tone(0.5, peak=25_000), silence(0.3), tone(0.5, peak=1000))
    )
    heard = await changed(said, volume=12)
    gain = 10 ** (12 / 20)
    for start in (0, len(said) - 12_000):
        part = slice(start, start + 12_000)
        assert np.abs(heard[part] - np.round(said[part]) * gain).max() <= 2.0
