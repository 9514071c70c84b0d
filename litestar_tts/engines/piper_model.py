"""A Piper model: its file, its symbols, its sound and how long each symbol lasts.

Import this module only in a worker: numpy, onnxruntime and piper come with it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from piper import PiperConfig, PiperVoice

__all__ = ("Cancelled", "Job", "PiperModel", "Sound", "expose_durations", "resample")

Samples = NDArray[np.float32]

_BOS: Final = "^"
_EOS: Final = "$"
_PAD: Final = "_"

ROUNDING_SHARE: Final = 0.27
"""Share of a sentence that does not shrink with the length scale: a symbol lasts whole frames, rounded up."""


class Cancelled(Exception):  # noqa: N818
    """Nobody waits for this sound any more."""


class Job:
    """A synthesis that can be stopped from another thread, before it runs and while it does."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.options = onnxruntime.RunOptions()

    def cancel(self) -> None:
        """Stop; the running thread raises :class:`Cancelled` at once."""
        self.cancelled.set()
        self.options.terminate = True


class Sound(NamedTuple):
    """One spoken sentence."""

    samples: Samples
    """Mono, full scale is ±1."""
    ends: tuple[float, ...] | None
    """Where each symbol ends, in seconds: for ``^``, the sentence's symbols and ``$``. The time of the pad between two
    symbols is shared by them. None: the model does not tell."""


class PiperModel:
    """A loaded voice. Several threads may use it at the same time.

    Args:
        path: The ``.onnx`` file, with ``.onnx.json`` beside it.
        threads: Processor cores that one synthesis may use.

    Raises:
        OSError: A file cannot be read.
        ValueError: The configuration cannot be understood.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
        self.sample_rate = self._config.sample_rate
        data, durations = expose_durations(path.read_bytes())
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        # The arena would keep the memory of the longest sentence ever spoken (hundreds of MB).
        options.enable_cpu_mem_arena = False
        # Idle threads that spin take the processor away from the server's event loop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._outputs = [self._session.get_outputs()[0].name] + ([durations] if durations else [])
        self._voice = PiperVoice(session=self._session, config=self._config)

    @property
    def diacritized(self) -> bool:
        """Whether a model of its own runs over each text before its phonemes are looked up (Arabic)."""
        return self._config.espeak_voice == "ar"

    def symbols(self, text: str) -> list[list[str]]:
        """The model's symbols of each sentence of a text; those it does not know are left out."""
        # Double brackets would have their content read as phonemes.
        sentences = self._voice.phonemize(text.replace("[[", "((").replace("]]", "))"))
        known = self._config.phoneme_id_map
        kept = ([symbol for symbol in sentence if symbol in known and symbol != _PAD] for sentence in sentences)
        return [sentence for sentence in kept if sentence]

    def speak(self, sentence: Sequence[str], *, speed: float, job: Job) -> Sound:
        """Make the sound of one sentence, at most once for each job.

        Raises:
            Cancelled: The job was cancelled.
        """
        if job.cancelled.is_set():
            raise Cancelled
        symbols = (_BOS, *sentence, _EOS)
        ids = self._ids(symbols)
        try:
            outputs: Any = self._session.run(self._outputs, self._inputs(ids, speed), job.options)
        except Exception:
            if job.cancelled.is_set():
                raise Cancelled from None
            raise
        samples = outputs[0].reshape(-1).astype(np.float32)
        peak = float(np.max(np.abs(samples), initial=0.0))
        if peak > 1e-8:
            samples /= peak
        durations = outputs[1].reshape(-1) if len(outputs) > 1 else None
        ends = None
        if durations is not None and durations.size == len(ids):
            ends = self._ends(symbols, durations * (self._config.hop_length / self.sample_rate))
        return Sound(samples, ends)

    def _ids(self, symbols: Sequence[str]) -> list[int]:
        ids: list[int] = []
        for symbol in symbols:
            ids += self._config.phoneme_id_map[symbol]
            if symbol != _EOS:
                ids += self._config.phoneme_id_map[_PAD]
        return ids

    def _inputs(self, ids: Sequence[int], speed: float) -> dict[str, NDArray[Any]]:
        config = self._config
        # Speed 1 must be the voice's own pace, so the part that does not shrink is taken out on both sides.
        scale = config.length_scale * (1 / speed - ROUNDING_SHARE) / (1 - ROUNDING_SHARE)
        inputs: dict[str, NDArray[Any]] = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array([config.noise_scale, scale, config.noise_w_scale], dtype=np.float32),
        }
        if config.num_speakers > 1:
            inputs["sid"] = np.array([config.default_speaker_id], dtype=np.int64)
        return inputs

    def _ends(self, symbols: Sequence[str], durations: NDArray[Any]) -> tuple[float, ...]:
        ends: list[float] = []
        position, clock = 0, 0.0
        for symbol in symbols:
            width = len(self._config.phoneme_id_map[symbol])
            clock += float(durations[position : position + width].sum())
            position += width
            pad = 0.0
            if symbol != _EOS:
                width = len(self._config.phoneme_id_map[_PAD])
                pad = float(durations[position : position + width].sum())
                position += width
            ends.append(clock + pad / 2)
            clock += pad
        return tuple(ends)


# --- resampling -------------------------------------------------------------------------------------------------------

_TAPS: Final = 32


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """Bring a whole sentence to another rate by windowed-sinc interpolation (32 taps, Hann window).

    Good enough for speech models, whose rates differ by less than two; the audio stage does the rest.
    """
    if rate == wanted or not samples.size:
        return samples
    count = round(samples.size * wanted / rate)
    position = np.arange(count) * (rate / wanted)
    base = np.floor(position).astype(np.int64)
    cutoff = min(1.0, wanted / rate)
    half = _TAPS // 2
    padded = np.pad(samples, (half, half + 1))
    result = np.zeros(count, dtype=np.float64)
    for tap in range(-half + 1, half + 1):
        distance = position - base - tap
        window = np.cos(np.pi * distance / (2 * half)) ** 2
        result += padded[base + tap + half] * np.sinc(cutoff * distance) * cutoff * window
    return result.astype(np.float32)


# --- the model's file -------------------------------------------------------------------------------------------------

_MODEL_GRAPH: Final = 7
_GRAPH_NODE: Final = 1
_GRAPH_OUTPUT: Final = 12
_NODE_OUTPUT: Final = 2
_NODE_TYPE: Final = 4
_VALUE_NAME: Final = 1


class _Field(NamedTuple):
    number: int
    start: int
    """Of the field's tag."""
    content: int
    end: int


def expose_durations(model: bytes) -> tuple[bytes, str | None]:
    """Make an ONNX file's symbol durations an output of its graph.

    The durations are what the graph's only ``Ceil`` node gives. Its name is appended to the list of outputs, which in
    the file's encoding (protocol buffers) means one more field in the graph and a new length in front of it.

    Args:
        model: The bytes of the file.

    Returns:
        The bytes to load, and the name of the output with the frames of each symbol; unchanged and None where the graph
        has no such node or more than one.
    """
    graph = next((field for field in _fields(model, 0, len(model)) if field.number == _MODEL_GRAPH), None)
    if graph is None:
        return model, None
    rounded: list[bytes] = []
    outputs: list[bytes] = []
    for field in _fields(model, graph.content, graph.end):
        if field.number == _GRAPH_NODE:
            node = list(_fields(model, field.content, field.end))
            if any(part.number == _NODE_TYPE and model[part.content : part.end] == b"Ceil" for part in node):
                rounded += [model[part.content : part.end] for part in node if part.number == _NODE_OUTPUT]
        elif field.number == _GRAPH_OUTPUT:
            value = _fields(model, field.content, field.end)
            outputs += [model[part.content : part.end] for part in value if part.number == _VALUE_NAME]
    if len(rounded) != 1:
        return model, None
    name = rounded[0]
    if name in outputs:
        return model, name.decode()
    output = _message(_GRAPH_OUTPUT, _message(_VALUE_NAME, name))
    length = _varint(graph.end - graph.content + len(output))
    patched = b"".join(
        (
            model[: graph.start],
            _varint(_MODEL_GRAPH << 3 | 2),
            length,
            model[graph.content : graph.end],
            output,
            model[graph.end :],
        )
    )
    return patched, name.decode()


def _fields(data: bytes, start: int, end: int) -> Iterator[_Field]:
    position = start
    while position < end:
        begin = position
        tag, position = _read_varint(data, position)
        kind = tag & 7
        content = position
        if kind == 0:
            _, position = _read_varint(data, position)
        elif kind == 1:
            position += 8
        elif kind == 2:
            length, content = _read_varint(data, position)
            position = content + length
        elif kind == 5:
            position += 4
        else:
            raise ValueError("not an ONNX file")
        if position > end:
            raise ValueError("the ONNX file is cut short")
        yield _Field(tag >> 3, begin, content, position)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("not an ONNX file")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
