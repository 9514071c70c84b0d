"""Sounds to feed to the audio stage, and ways to measure what came out."""

import io
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.models import AudioFormat

EDGE = AudioSource(encoding="mp3", sample_rate=24_000, bit_rate=48_000, skip_samples=1105)
"""As Edge sends it, from the encoder that Edge uses."""

Samples = NDArray[np.float64]


def tone(seconds: float, *, rate: int = 24_000, frequency: float = 300.0, peak: float = 8000.0) -> Samples:
    """A tone whose edges rise and fall in 10 ms."""
    time = np.arange(round(seconds * rate)) / rate
    edges = np.minimum(1, np.minimum(time, seconds - time) / 0.01)
    return peak * edges * np.sin(2 * np.pi * frequency * time)


def silence(seconds: float, *, rate: int = 24_000) -> Samples:
    return np.zeros(round(seconds * rate))


def speech(seconds: float, *, rate: int = 24_000, seed: int = 1) -> Samples:
    """Syllables of a buzzing voice below 3 kHz, of uneven length, with short pauses between."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    start = 0.02
    while start < seconds - 0.05:
        length = min(random.uniform(0.06, 0.2), seconds - 0.02 - start)
        pitch = random.uniform(100, 220)
        syllable = sum(tone(length, rate=rate, frequency=pitch * k, peak=6000 / k) for k in range(1, int(2800 / pitch)))
        at = round(start * rate)
        out[at : at + len(syllable)] += np.asarray(syllable)
        start += length + random.uniform(0.03, 0.12)
    return out / max(1.0, np.abs(out).max() / 16_000)


def pcm(samples: Samples) -> bytes:
    return np.round(samples).astype("<i2").tobytes()


def samples_of(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(float)


def edge_mp3(samples: Samples) -> bytes:
    """24 kHz, 48 kbit/s, no tag, no Info frame."""
    context = av.CodecContext.create("libmp3lame", "w")
    context.sample_rate, context.layout, context.format, context.bit_rate = 24_000, "mono", "s16p", 48_000
    context.time_base = Fraction(1, 24_000)
    context.open()
    frame = av.AudioFrame.from_ndarray(np.round(samples).astype("<i2")[None, :], format="s16p", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 24_000, 0, context.time_base
    return b"".join(bytes(packet) for part in (frame, None) for packet in context.encode(part))


def tagged_mp3(samples: Samples) -> bytes:
    """A file as a muxer writes it: ID3v2 tag and Info frame in front."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        container.metadata["title"] = "tagged"
        stream = container.add_stream("libmp3lame", rate=24_000, layout="mono", bit_rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.round(samples).astype("<i2")[None, :], format="s16p", layout="mono")
        frame.sample_rate = 24_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decode(data: bytes, target: AudioFormat) -> tuple[Samples, int]:
    """What FFmpeg's demuxer and decoder make of a whole answer: samples on the s16 scale, and Hz."""
    if target is AudioFormat.PCM:
        return samples_of(data), 0
    parts: list[Samples] = []
    rate = 0
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            rate = frame.rate
            scale = 1.0 if frame.format.name.startswith("s16") else 32768.0
            parts.append(frame.to_ndarray()[0].astype(float) * scale)
    return np.concatenate(parts), rate


async def run(stage: AudioStage, data: bytes, chunk: int = 4800) -> bytes:
    """Feed it all; return all."""
    out = [await stage.feed(data[at : at + chunk]) for at in range(0, len(data), chunk)]
    out.append(await stage.finish())
    return b"".join(out)


def resampled(samples: Samples, rate: int, out_rate: int) -> Samples:
    """By Fourier transform: exact for the band-limited sounds here."""
    count = round(len(samples) * out_rate / rate)
    spectrum = np.fft.rfft(samples)
    wanted = np.zeros(count // 2 + 1, complex)
    both = min(len(spectrum), len(wanted))
    wanted[:both] = spectrum[:both]
    return np.fft.irfft(wanted, count) * count / len(samples)


def lag(got: Samples, wanted: Samples) -> int:
    """Samples by which ``got`` comes later than ``wanted``, by cross-correlation."""
    size = 1 << (len(got) + len(wanted)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(wanted, size)), size)
    at = int(np.argmax(correlation))
    return at if at < size // 2 else at - size


def likeness(got: Samples, wanted: Samples) -> float:
    """Correlation coefficient of the part that both have."""
    both = min(len(got), len(wanted))
    return float(np.corrcoef(got[:both], wanted[:both])[0, 1])


def sound_spans(samples: Samples, rate: int, *, gap: float = 0.03, peak: float = 100.0) -> list[tuple[float, float]]:
    """Start and end in seconds of every stretch of sound with less than ``gap`` seconds of silence in it."""
    loud = np.flatnonzero(np.abs(samples) > peak)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > gap * rate)
    starts = np.concatenate(([loud[0]], loud[cuts + 1]))
    ends = np.concatenate((loud[cuts], [loud[-1]]))
    return [(float(start) / rate, float(end) / rate) for start, end in zip(starts, ends, strict=True)]


def fundamental(samples: Samples, rate: int) -> float:
    """F0 in Hz by autocorrelation, 60 to 1000 Hz, refined by a parabola."""
    spectrum = np.fft.rfft(samples, 2 * len(samples))
    auto = np.fft.irfft(np.abs(spectrum) ** 2)[: len(samples)]
    low, high = rate // 1000, rate // 60
    at = low + int(np.argmax(auto[low:high]))
    before, peak, after = auto[at - 1 : at + 2]
    return rate / (at + 0.5 * (before - after) / (before - 2 * peak + after))
