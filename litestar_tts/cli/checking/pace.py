"""How soon something is heard, and whether a listener would ever wait."""

from __future__ import annotations

import array
import sys
from collections.abc import Sequence
from typing import Final

from litestar_tts.cli.checking.notes import Notes, SkipProbeError
from litestar_tts.cli.checking.sound import first_audible
from litestar_tts.cli.checking.target import Piece, Target

__all__ = ("probe_streaming", "stalls")

RATE: Final = 24_000
LONGER: Final = 380
"""Characters, some twenty seconds of speech."""
SLOW_START: Final = 1.5
"""Seconds until the first sound from which on people think that nothing happens."""
LONG_STALL: Final = 0.5


async def probe_streaming(target: Target, notes: Notes) -> str:
    """First byte, first sound, and the cadence of a longer stream of PCM, in which every byte has its time."""
    body = await target.body(format="pcm", text=_longer(target.text, min(LONGER, target.max_text_length)))
    answer = await target.ask("POST", "/generate", json=body, status=None)
    if answer.status == 501:
        raise SkipProbeError("the server has no pcm: its audio extra is missing")
    if answer.status != 200:
        answer = await target.ask("POST", "/generate", json=body)
    pcm = answer.body
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    heard = first_audible(samples)
    if not notes.expect(heard is not None, "nothing is heard: the audio is silent") or heard is None:
        return ""
    seconds, last = len(samples) / RATE, answer.pieces[-1].time
    sound = _arrival(answer.pieces, 2 * heard)
    gaps = stalls(answer.pieces, 2 * RATE, from_byte=2 * heard)
    longest = max(
        (later.time - piece.time for piece, later in zip(answer.pieces, answer.pieces[1:], strict=False)), default=0
    )
    factor = last / seconds
    notes.data.update(
        first_byte=round(answer.first_byte, 4),
        first_sound=round(sound, 4),
        duration=round(seconds, 3),
        real_time_factor=round(factor, 4),
        chunks=len(answer.pieces),
        longest_gap=round(longest, 4),
        underruns=len(gaps),
        stalled=round(sum(gaps), 3),
    )
    fix = "The server, or the way to it, is slower than speech: look at its load, its engine, and buffering proxies."
    if gaps:
        problem = (
            f"a listener would wait {'once' if len(gaps) == 1 else f'{len(gaps)} times'}, {sum(gaps):.2f} s in all"
        )
        if sum(gaps) > LONG_STALL:
            notes.complain(problem, fix)
        else:
            notes.doubt(problem, fix)
    if sound > SLOW_START:
        notes.doubt("the first sound is late", "A local engine, or warm_up, makes the start quicker.")
    return (
        f"first byte {1000 * answer.first_byte:.0f} ms, first sound {1000 * sound:.0f} ms, {len(gaps)} underruns; "
        f"{seconds:.1f} s of speech in {last:.2f} s ({1 / factor if factor else 0:.0f}x real time)"
    )


def stalls(pieces: Sequence[Piece], bytes_per_second: int, *, from_byte: int = 0) -> list[float]:
    """How long a listener waits, each time.

    Who plays as soon as the first sound is there has played everything when the next piece comes too late.

    Args:
        pieces: As they came.
        bytes_per_second: Of the audio.
        from_byte: Where the sound begins; playing starts when it has come.
    """
    waits: list[float] = []
    came, empty_at = 0, 0.0
    for piece in pieces:
        before = came
        came += len(piece.data)
        if came <= from_byte:
            continue
        if before <= from_byte:
            empty_at = piece.time + (came - from_byte) / bytes_per_second
            continue
        if piece.time > empty_at:
            waits.append(piece.time - empty_at)
            empty_at = piece.time
        empty_at += len(piece.data) / bytes_per_second
    return waits


def _arrival(pieces: Sequence[Piece], byte: int) -> float:
    came = 0
    for piece in pieces:
        came += len(piece.data)
        if came > byte:
            return piece.time
    return pieces[-1].time


def _longer(text: str, length: int) -> str:
    """The text again and again, up to a length."""
    repeated = text
    while len(repeated) + 1 + len(text) <= length:
        repeated += f" {text}"
    return repeated
