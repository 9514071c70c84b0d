"""Makes the pieces that an engine spoke one after the other sound as one.

Engines put silence around each piece. The silence at the end of a piece is held back until it is known whether another
piece follows; if so it is cut (or, for PCM, lengthened) to the pause that a reader would make there. It works in the
source's own encoding, so that audio which nothing changes stays untouched: samples for PCM, whole frames for MP3. Only
ends are cut: the silence in front of a piece belongs to the times that its engine reports.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from litestar_tts.audio import executor, pyav
from litestar_tts.audio.decode import Mp3FrameDecoder, PcmReader
from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.mp3 import FrameSplitter, Segment
from litestar_tts.audio.pcm import SAMPLE_SIZE, fade_in, fade_out, first_loud, last_loud
from litestar_tts.audio.seam import Seam
from litestar_tts.exceptions import EngineError

__all__ = ("PieceJoiner",)

_MARGIN_SECONDS: Final = 0.04
"""Kept behind the last audible sample, where a soft consonant may still fade."""
_FADE_SECONDS: Final = 0.005
_OPENING_SECONDS: Final = 0.5
"""Silence at the very start goes on at once: nothing before it could need a pause."""
_MAX_HELD_SECONDS: Final = 10.0


class _Clock:
    """Where sound and silence lie in the joined audio, in samples from its start."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.total = 0
        """End of what has come and was not cut."""
        self._margin = int(_MARGIN_SECONDS * rate)
        self._piece = 0
        """Start of the piece."""
        self._free_until = int(_OPENING_SECONDS * rate)
        """What lies before is never held."""
        self._sound: int | None = None
        """One past the last audible sample of the piece."""
        self._lead: int | None = None
        """Silence that this engine, and its encoder, put in front: the least of any piece so far, since some begin
        with a pause of their own."""

    def heard(self, pcm: bytes | None, samples: int) -> None:
        """The next ``samples`` samples; None: audible, as far as anyone can tell."""
        if pcm is None:
            self._sound = self.total + samples
        elif end := last_loud(pcm):
            if self._sound is None:
                lead = self.total + (first_loud(pcm) or 0) - self._piece
                self._lead = lead if self._lead is None else min(self._lead, lead)
            self._sound = self.total + end
        self.total += samples

    @property
    def release_until(self) -> int:
        """What lies before may go on now."""
        until = self._free_until if self._sound is None else self._sound + self._margin
        return max(until, self.total - int(_MAX_HELD_SECONDS * self.rate))

    def end_of_piece(self, pause: float) -> int:
        """Where the piece should end so that ``pause`` seconds lie between its sound and that of the next."""
        silence = round(pause * self.rate) - (self._lead or 0)
        if self._sound is None:
            return self._piece + max(0, silence)
        return max(self._sound + silence, min(self.total, self._sound + self._margin))

    def end_of_all(self, longest: float) -> int:
        """Where the audio should end so that at most ``longest`` seconds of silence lie behind the last sound."""
        if self._sound is None:
            return self.total
        return min(self.total, self._sound + max(self._margin, round(longest * self.rate)))

    @property
    def fed(self) -> int:
        """Length of what has come of this piece."""
        return self.total - self._piece

    def next_piece(self, start: int) -> None:
        """The next piece begins at ``start``."""
        self.total = self._piece = self._free_until = start
        self._sound = None


class _Pieces(Protocol):
    clock: _Clock

    @property
    def held(self) -> int: ...  # samples of silence

    @property
    def dropping(self) -> int: ...  # samples that are still to be dropped

    def feed(self, data: bytes) -> bytes: ...

    def splice(self, drop: float) -> float: ...

    def next_piece(self, pause: float) -> bytes: ...

    def finish(self, longest: float | None) -> bytes: ...


class _PcmPieces:
    def __init__(self, rate: int) -> None:
        self.clock = _Clock(rate)
        self._reader = PcmReader()
        self._held = bytearray()
        self._drop = 0
        self._seam = False

    @property
    def held(self) -> int:
        return len(self._held) // SAMPLE_SIZE

    @property
    def dropping(self) -> int:
        return self._drop // SAMPLE_SIZE

    def feed(self, data: bytes) -> bytes:
        pcm = self._reader.feed(data)
        if self._drop:
            dropped = min(self._drop, len(pcm))
            self._drop -= dropped
            pcm = pcm[dropped:]
        if self._seam and pcm:
            self._seam = False
            pcm = fade_in(pcm, int(_FADE_SECONDS * self.clock.rate))
        self.clock.heard(pcm, len(pcm) // SAMPLE_SIZE)
        self._held += pcm
        return self._take(self.clock.release_until - (self.clock.total - self.held))

    def splice(self, drop: float) -> float:
        samples = round(drop * self.clock.rate)
        self._reader = PcmReader()
        self._drop, self._seam = samples * SAMPLE_SIZE, True
        return samples / self.clock.rate

    def next_piece(self, pause: float) -> bytes:
        start = self.clock.total - self.held
        wanted = max(0, self.clock.end_of_piece(pause) - start)
        if not self.clock.fed:
            wanted = self.held
        changed = wanted != self.held
        kept = self._take(wanted)
        if changed:
            kept = fade_out(kept, int(_FADE_SECONDS * self.clock.rate)).ljust(wanted * SAMPLE_SIZE, b"\0")
        self._held.clear()
        self._reader, self._drop, self._seam = PcmReader(), 0, False
        self.clock.next_piece(start + wanted)
        return kept

    def finish(self, longest: float | None) -> bytes:
        if longest is not None:
            end = self.clock.end_of_all(longest)
            if end < self.clock.total:
                kept = self._take(end - (self.clock.total - self.held))
                return fade_out(kept, int(_FADE_SECONDS * self.clock.rate))
        return self._take(self.held) + self._reader.rest

    def _take(self, samples: int) -> bytes:
        size = max(0, samples) * SAMPLE_SIZE
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken


class _Mp3Pieces:
    def __init__(self, rate: int, *, trim: bool) -> None:
        self.clock = _Clock(rate)
        self._trim = trim
        self._splitter = FrameSplitter()
        self._frame_samples = 1
        self._decoder: Mp3FrameDecoder | None = None
        self._seam: Seam | None = None
        self._held: deque[Segment] = deque()
        self.held = 0

    @property
    def dropping(self) -> int:
        return self._seam.left * self._frame_samples if self._seam is not None else 0

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        for segment in self._splitter.feed(data):
            if not segment.samples:
                # In mid-stream a tag or an Info frame is an error to some players and a gap to others; in front, an
                # Info frame makes players trim the encoder's delay that they are told to trim anyway.
                continue
            for frame in (segment,) if self._seam is None else self._seam.take(segment):
                self.clock.heard(self._decode(frame) if self._trim else None, frame.samples)
                self._held.append(frame)
                self.held += frame.samples
                out += self._take(self.clock.release_until)
        return b"".join(out)

    def splice(self, drop: float) -> float:
        if self._splitter.header:
            self._frame_samples = self._splitter.header.samples
        samples = self._frame_samples  # also where the rendering before this one broke off without a frame
        frames = round(drop * self.clock.rate / samples)
        self._splitter, self._decoder, self._seam = FrameSplitter(), None, Seam(frames)
        return frames * samples / self.clock.rate

    def next_piece(self, pause: float) -> bytes:
        end = self.clock.end_of_piece(pause) if self._trim and self.clock.fed else self.clock.total
        # To the nearest frame: one more if half of it or more is wanted.
        half = self._splitter.header.samples // 2 if self._splitter.header else 0
        kept = self._take(end - half)
        start = self.clock.total - self.held
        self._held.clear()
        self.held = 0
        self._splitter, self._decoder, self._seam = FrameSplitter(), None, None
        self.clock.next_piece(start)
        return b"".join(kept)

    def finish(self, longest: float | None) -> bytes:
        if longest is not None and self._trim:
            end = self.clock.end_of_all(longest)
            if end < self.clock.total:
                return b"".join(self._take(end))
        return b"".join(self._take(self.clock.total + 1)) + self._splitter.rest

    def _take(self, until: int) -> list[bytes]:
        taken: list[bytes] = []
        while self._held and self.clock.total - self.held < until:
            segment = self._held.popleft()
            self.held -= segment.samples
            taken.append(segment.data)
        return taken

    def _decode(self, segment: Segment) -> bytes | None:
        if self._decoder is None:
            self._decoder = Mp3FrameDecoder()
        try:
            return self._decoder.decode(segment.data, segment.samples)
        except EngineError:
            # Not for the joiner to judge: what cannot be decoded is not silence either.
            return None


class PieceJoiner:
    """Joins the pieces of one utterance; between :meth:`next_piece` calls, the chunks of one piece are fed.

    A text that is one piece comes out byte for byte as it went in, but for tags. The calls of one joiner follow each
    other. The silence between MP3 pieces stays as it is where PyAV is missing.

    Args:
        source: What the engine gives.
    """

    def __init__(self, source: AudioSource) -> None:
        self._threaded = source.encoding == "mp3" and pyav.available()
        self._pieces: _Pieces
        if source.encoding == "mp3":
            self._pieces = _Mp3Pieces(source.sample_rate, trim=self._threaded)
        else:
            self._pieces = _PcmPieces(source.sample_rate)

    @property
    def position(self) -> float:
        """Seconds, on the clock behind the first piece's ``skip_samples``, at which a next piece's time zero would lie.

        Each MP3 piece brings its own encoder delay, and the listener trims one, so this is the length of all frames.
        """
        return self._pieces.clock.total / self._pieces.clock.rate

    @property
    def fed(self) -> float:
        """Seconds of sound and silence that have come of this piece."""
        return self._pieces.clock.fed / self._pieces.clock.rate

    def splice(self, drop: float) -> float:
        """The sound of this piece broke off; what is fed from now on is another rendering that takes it from there.

        Args:
            drop: Seconds at the beginning of the new rendering that have been heard already.

        Returns:
            Seconds that are dropped, in whole frames for MP3.
        """
        return self._pieces.splice(max(0.0, drop))

    @property
    def dropping(self) -> float:
        """Seconds of a new rendering that are still to be dropped; more than nothing at its end: it was too short."""
        return self._pieces.dropping / self._pieces.clock.rate

    @property
    def silence(self) -> float:
        """Seconds of silence that are held back now."""
        return self._pieces.held / self._pieces.clock.rate

    async def feed(self, data: bytes) -> bytes:
        """Take the next bytes of this piece; return what may go on.

        Raises:
            EngineError: This is not the declared encoding.
        """
        if self._threaded:
            return await executor.run(lambda: self._pieces.feed(data))
        return self._pieces.feed(data)

    async def next_piece(self, pause: float) -> bytes:
        """This piece has ended and another follows after ``pause`` seconds of silence; return what comes before it."""
        return self._pieces.next_piece(pause)

    async def finish(self, longest: float | None = None) -> bytes:
        """The last piece has ended: return the silence that is held back.

        Args:
            longest: Seconds of silence that may lie behind the last sound; None: all of it, untouched.
        """
        return self._pieces.finish(longest)
