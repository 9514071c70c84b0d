"""The six audio formats: each decodes, and is as long as it says."""

from __future__ import annotations

import base64
import binascii

from litestar_tts.cli.checking.notes import Fault, Notes
from litestar_tts.cli.checking.sound import SKIP, can_decode, decode, first_audible
from litestar_tts.cli.checking.speech import close_enough
from litestar_tts.cli.checking.target import Target, expect_keys
from litestar_tts.models import AudioFormat

__all__ = ("COST", "probe_formats")

COST = len(AudioFormat)
PADDING = 0.15
"""Seconds that the last block of an encoder may last beyond the sound."""


async def probe_formats(target: Target, notes: Notes) -> str:
    """Each format as one object, which says how long its audio is."""
    good: list[str] = []
    for audio_format in AudioFormat:
        body = await target.body(text=target.sentence, format=audio_format.value, stream=False)
        answer = await target.ask("POST", "/generate", json=body, status=None)
        if answer.status == 501:
            fix = 'pip install "litestar-tts[audio]" on the server'
            notes.doubt(f"{audio_format.value} needs a part that the server has not", fix)
            continue
        if answer.status != 200:
            answer = await target.ask("POST", "/generate", json=body)
        try:
            seconds = _check(answer.json(), audio_format.value, notes)
        except Fault as fault:
            notes.complain(fault.figure, fault.advice)
            continue
        notes.data[audio_format.value] = seconds
        good.append(audio_format.value)
    unread = [name for name in good if not can_decode(name)]
    if unread:
        fix = 'pip install "litestar-tts[audio]" here, to have them decoded'
        notes.doubt(f"{', '.join(unread)} could not be decoded here", fix)
    return f"{' '.join(good)}: decode, right length"


def _check(found: dict[str, object], audio_format: str, notes: Notes) -> float:
    expect_keys(audio_format, found, audio=str, duration=(int, float), sample_rate=int, format=str)
    notes.expect(found["format"] == audio_format, f"{audio_format}: format is said to be {found['format']!r}")
    said = float(str(found["duration"]))
    try:
        data = base64.b64decode(str(found["audio"]), validate=True)
    except (binascii.Error, ValueError):
        raise Fault(f"{audio_format}: audio is not base64") from None
    if can_decode(audio_format):
        rate = int(str(found["sample_rate"]))
        sound = decode(data, audio_format, rate)
        notes.expect(sound.rate == rate, f"{audio_format}: {sound.rate} Hz, but {rate} are said")
        notes.expect(first_audible(sound.samples) is not None, f"{audio_format}: silent")
        padding = PADDING if audio_format in ("mp3", "aac", "opus") else 0.06
        close_enough(audio_format, sound.duration(SKIP.get(audio_format, 0)), said, notes, padding)
    return said
