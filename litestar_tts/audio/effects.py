"""Tempo, pitch, volume and sample rate, by FFmpeg's filters.

The input is cut into blocks of fixed length before it goes in, so that the output depends on the samples alone and not
on how they were chunked.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from litestar_tts.audio import pyav
from litestar_tts.audio.pcm import SAMPLE_SIZE
from litestar_tts.models import Prosody

__all__ = ("EffectChain", "FilterGraph", "needs_effects")

_BLOCKS_PER_SECOND: Final = 25
_TEMPO_MAX: Final = 2.0
"""Factor of one ``atempo``; beyond it skips samples instead of blending them, below its inverse it refuses."""


class FilterGraph:
    """A straight line of filters: s16le mono in, mono of another rate and format out."""

    def __init__(self, rate: int, filters: list[tuple[str, str]], *, out_rate: int, out_format: str = "s16") -> None:
        av = pyav.load()
        graph = av.filter.Graph()
        # These filters work in one thread; older versions of PyAV cannot be told and keep idle ones.
        if hasattr(graph, "threads"):
            graph.threads = 1
        source = graph.add("abuffer", f"sample_rate={rate}:sample_fmt=s16:channel_layout=mono:time_base=1/{rate}")
        middle = [graph.add(name, arguments) for name, arguments in filters]
        shape = graph.add("aformat", f"sample_rates={out_rate}:sample_fmts={out_format}:channel_layouts=mono")
        graph.link_nodes(source, *middle, shape, graph.add("abuffersink")).configure()
        self._graph: Any = graph
        self._drained = (av.error.BlockingIOError, av.error.EOFError)
        self._rate = rate
        self._sample_size = 4 if out_format.startswith("flt") else 2
        self._position = 0

    def push(self, block: bytes | bytearray | memoryview) -> bytes:
        """Take one block; return what the filters have now."""
        self._graph.push(pyav.make_frame(block, "s16", self._rate, self._position))
        self._position += len(block) // SAMPLE_SIZE
        return self._pull()

    def flush(self) -> bytes:
        """End the input; return what the filters still held."""
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> bytes:
        parts: list[bytes] = []
        while True:
            try:
                parts.append(pyav.plane_bytes(self._graph.pull(), self._sample_size))
            except self._drained:
                return b"".join(parts)


class _Plan(NamedTuple):
    filters: list[tuple[str, str]]
    lead: int
    """Samples of silence that have to go in first, so that sound comes out when it should."""
    tail: int
    """Samples of silence that push the last sound out."""


class EffectChain:
    """Samples in, samples as they should sound out; the length is exact: source divided by speed."""

    def __init__(self, prosody: Prosody, *, rate: int, out_rate: int) -> None:
        plan = _plan(prosody, rate)
        self._graph = FilterGraph(rate, plan.filters, out_rate=out_rate)
        self._ratio = out_rate / rate / prosody.speed
        self._tail = plan.tail
        self._block = rate // _BLOCKS_PER_SECOND * SAMPLE_SIZE
        self._buffer = bytearray(plan.lead * SAMPLE_SIZE)
        self._taken = 0
        self._given = 0

    def feed(self, pcm: bytes) -> bytes:
        """Take the next samples; return those that are ready."""
        self._taken += len(pcm) // SAMPLE_SIZE
        self._buffer += pcm
        return self._release(self._blocks())

    def finish(self) -> bytes:
        """The rest, cut or filled to the exact length."""
        wanted = round(self._taken * self._ratio)
        self._buffer += bytes(self._tail * SAMPLE_SIZE)
        rest = self._blocks()
        if self._buffer:
            rest += self._graph.push(bytes(self._buffer))
        rest += self._graph.flush()
        missing = max(0, wanted - self._given) * SAMPLE_SIZE
        return self._release(rest[:missing].ljust(missing, b"\0"))

    def _blocks(self) -> bytes:
        whole = len(self._buffer) - len(self._buffer) % self._block
        with memoryview(self._buffer) as view:
            parts = [self._graph.push(view[at : at + self._block]) for at in range(0, whole, self._block)]
        del self._buffer[:whole]
        return b"".join(parts)

    def _release(self, pcm: bytes) -> bytes:
        self._given += len(pcm) // SAMPLE_SIZE
        return pcm


def needs_effects(prosody: Prosody) -> bool:
    """Whether ``prosody`` changes the sound at all."""
    return prosody.speed != 1.0 or prosody.pitch != 0.0 or prosody.volume != 0.0


def _plan(prosody: Prosody, rate: int) -> _Plan:
    filters: list[tuple[str, str]] = []
    shifted = rate
    if prosody.pitch:
        # Played faster by the wanted interval, then stretched back to its duration below.
        shifted = round(rate * 2 ** (prosody.pitch / 12))
        filters += [("asetrate", str(shifted)), ("aresample", str(rate))]
    tempo = prosody.speed * rate / shifted
    lead = tail = 0
    if tempo != 1.0:
        stages = max(1, math.ceil(math.log(max(tempo, 1 / tempo), _TEMPO_MAX) - 1e-9))
        factor = tempo ** (1 / stages)
        filters += [("atempo", f"tempo={factor:.9f}")] * stages
        lead, tail = _tempo_padding(rate, shifted / rate, factor, stages)
    if prosody.volume:
        filters.append(("volume", f"volume={prosody.volume}dB:precision=double"))
    if prosody.volume > 0:
        # Without "level" it leaves alone what stays below full scale; "latency" takes its look-ahead back out.
        filters.append(("alimiter", "limit=1:level=0:attack=5:release=50:latency=1"))
    return _Plan(filters, lead, tail)


def _tempo_padding(rate: int, pitch_factor: float, factor: float, stages: int) -> tuple[int, int]:
    # atempo works in windows of 1/24 s, rounded up to a power of two. Measured on tone bursts, sound leaves each stage
    # a quarter of a window early on its input's clock, and up to two windows stay inside at the end.
    window = 1 << math.ceil(math.log2(rate / 24))
    at_input = sum(factor**stage for stage in range(stages))
    return round(window / 4 * at_input * pitch_factor), round(2 * window * at_input * pitch_factor)
