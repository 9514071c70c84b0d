"""What comes into the audio stage, and what each format that goes out decodes to."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from litestar_tts.models import AudioFormat

__all__ = ("OPUS_RATES", "AudioSource", "bit_rate_of", "decoded_rate", "encoder_rate", "skip_samples_of")

OPUS_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Hz that the Opus codec takes; everything else is resampled to 48000 first."""

_OPUS_DECODED_RATE: Final = 48_000

_SKIP_SAMPLES: Final = {AudioFormat.MP3: 1105, AudioFormat.AAC: 1024}
"""Encoder delays that decoders leave in the sound. LAME's 576 and the 529 of every MP3 decoder; one frame of AAC.
Opus declares its own in the stream's header, and decoders trim it."""

# Mono speech: transparent enough at the voice's own bandwidth, and below what each codec allows at that rate.
_BIT_RATES: Final = {
    AudioFormat.MP3: {8_000: 32_000, 16_000: 48_000, 22_050: 64_000, 24_000: 64_000, 44_100: 96_000, 48_000: 96_000},
    AudioFormat.AAC: {8_000: 32_000, 16_000: 48_000, 22_050: 64_000, 24_000: 64_000, 44_100: 96_000, 48_000: 96_000},
    AudioFormat.OPUS: {8_000: 24_000, 16_000: 32_000, 24_000: 40_000, 48_000: 48_000},
}


class AudioSource(msgspec.Struct, frozen=True, kw_only=True):
    """The encoding in which an engine's audio arrives; always mono."""

    encoding: Literal["pcm", "mp3"] = "pcm"
    """``pcm`` is s16le, ``mp3`` a constant-bit-rate MPEG audio stream."""
    sample_rate: int = 24_000
    """Hz."""
    bit_rate: int = 0
    """Bits per second of ``mp3``; 0 for ``pcm``."""
    skip_samples: int = 0
    """Encoder delay at the start of ``mp3``, in samples of what it decodes to."""


def decoded_rate(target: AudioFormat, sample_rate: int) -> int:
    """Hz of what a listener's decoder makes of ``target`` when ``sample_rate`` was asked for."""
    return _OPUS_DECODED_RATE if target is AudioFormat.OPUS else sample_rate


def encoder_rate(target: AudioFormat, sample_rate: int) -> int:
    """Hz at which the encoder of ``target`` is fed when ``sample_rate`` was asked for."""
    if target is AudioFormat.OPUS and sample_rate not in OPUS_RATES:
        return _OPUS_DECODED_RATE
    return sample_rate


def skip_samples_of(target: AudioFormat) -> int:
    """Samples at the start of what our own encoder's ``target`` decodes to that are not part of the sound."""
    return _SKIP_SAMPLES.get(target, 0)


def bit_rate_of(target: AudioFormat, rate: int) -> int:
    """Bits per second for ``target`` encoded at ``rate`` Hz; 0 for formats without loss."""
    rates = _BIT_RATES.get(target)
    if rates is None:
        return 0
    return next((bits for limit, bits in rates.items() if rate <= limit), max(rates.values()))
