"""One private copy of libespeak-ng, synchronous; :mod:`litestar_tts.espeak.worker` puts threads and asyncio on top.

The library keeps its voice, its parameters and its callback in globals and corrupts them silently when two callers
meet, also when the other caller is somebody else's package in the same process. So each :class:`Espeak` loads its own
copy of the shared library under a name of its own, and lets one caller in at a time.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from litestar_tts.espeak.copies import load_copy
from litestar_tts.exceptions import EngineError, MissingExtraError

__all__ = (
    "MAX_RATE",
    "MIN_RATE",
    "NORMAL_RATE",
    "Espeak",
    "EspeakEvent",
    "EspeakVoice",
    "OnBlock",
    "is_installed",
)

MIN_RATE: Final = 80
NORMAL_RATE: Final = 175
MAX_RATE: Final = 449
"""Words per minute. At 450 the library switches to a compressor that shortens the audio but not its event times."""

BUFFER_MS: Final = 1_000
"""Audio per callback. Each callback has to win the interpreter's lock, so small buffers cost seconds beside busy
threads, while a second of audio is made in less than a millisecond."""

_SYNCHRONOUS: Final = 2
_PHONEME_EVENTS: Final = 0x0001
_PHONEME_IPA: Final = 0x0002
_DONT_EXIT: Final = 0x8000
_UTF8: Final = 1
_FROM_CHARACTER: Final = 1
_ENDPAUSE: Final = 0x1000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_KINDS: Final[dict[int, Literal["word", "phoneme", "end"]]] = {1: "word", 7: "phoneme", 5: "end"}
_PHONEME: Final = 7
_GENDERS: Final[dict[int, Literal["Male", "Female"]]] = {1: "Male", 2: "Female"}
_UNSPEAKABLE: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), " ")
"""One for one, so that positions stay: a NUL would end the C string, and half a surrogate pair has no UTF-8."""


class EspeakEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that happens at one sample of the audio."""

    kind: Literal["word", "phoneme", "end"]
    """``end`` closes a clause or sentence."""
    sample: int
    """Position in the audio of this call."""
    position: int
    """Of a word: its first character in the text, counted from 0. Not always exact for numbers and abbreviations."""
    length: int
    """Of a word: its characters; the rest of a contraction (``'t``) is not counted."""
    phone: str
    """Of a phoneme: IPA as the library writes it, with stress marks; empty for a pause."""


class EspeakVoice(msgspec.Struct, frozen=True):
    """A voice file of the library."""

    name: str
    identifier: str
    """Path below the library's voice folder, e.g. ``gmw/en-US``."""
    languages: tuple[str, ...]
    """Language codes, the voice's own first."""
    gender: Literal["Male", "Female"] | None

    @property
    def stem(self) -> str:
        """Last part of the identifier, in lower case: ``en-us``; of a timbre: ``f3``."""
        return self.identifier.rsplit("/", 1)[-1].casefold()


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

OnBlock = Callable[[bytes, list[EspeakEvent]], bool]
"""Gets each block of PCM with the events that lie in it; returns False to stop the synthesis."""


def is_installed() -> bool:
    """Whether the wheel with the library is there; imports nothing."""
    return importlib.util.find_spec("espeakng_loader") is not None


class Espeak:
    """A copy of the library with its state. One caller at a time; others wait for their turn.

    Args:
        buffer_ms: Audio per callback, in milliseconds; the library takes it only once.

    Raises:
        MissingExtraError: The wheel is not installed.
        EngineError: The library or its data cannot be loaded.
    """

    def __init__(self, *, buffer_ms: int = BUFFER_MS) -> None:
        if not is_installed():
            raise MissingExtraError("eSpeak NG", "espeak")
        import espeakng_loader

        try:
            library, release = load_copy(Path(espeakng_loader.get_library_path()))
            data = os.fsencode(espeakng_loader.get_data_path())
        except (OSError, RuntimeError) as error:
            raise EngineError("libespeak-ng cannot be loaded; reinstall the package espeakng-loader") from error
        _declare(library)
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.sample_rate: int = library.espeak_Initialize(_SYNCHRONOUS, buffer_ms, data, options)
        """Hz of everything that this copy speaks."""
        if self.sample_rate <= 0:
            release()
            raise EngineError(
                "eSpeak NG does not find its data; reinstall the package espeakng-loader in a shorter path"
            )
        self._release = release
        self._library: ctypes.CDLL | None = library
        self._lock = threading.Lock()
        self._on_block: OnBlock | None = None
        self._stopped = False
        self._failure: BaseException | None = None
        # The library keeps only the address: this object has to live as long as the copy.
        self._callback = _Callback(self._handle)
        library.espeak_SetSynthCallback(self._callback)
        self.voices: Sequence[EspeakVoice] = _list_voices(library, None)
        """The voices that the library lists, one for each language or dialect."""
        self.variants: Sequence[EspeakVoice] = _list_voices(library, b"variant")
        """Timbres that can be put on any voice, as in ``en-us+f3``."""
        self._identifiers = _index(self.voices)
        self._timbres = {variant.stem: variant.identifier.rsplit("/", 1)[-1] for variant in self.variants}

    def resolve(self, voice: str) -> str | None:
        """The library's own path of a voice such as ``en-us`` or ``en-us+f3``; None if it lists no such voice.

        Nothing but a listed name gets through, so that a voice's name never becomes a path of the caller's choice.
        """
        base, plus, variant = voice.casefold().partition("+")
        identifier = self._identifiers.get(base)
        if identifier is None or not plus:
            return identifier
        timbre = self._timbres.get(variant)
        return f"{identifier}+{timbre}" if timbre is not None else None

    def stream(
        self,
        text: str,
        on_block: OnBlock,
        *,
        voice: str = "en-us",
        rate: int = NORMAL_RATE,
        pitch: int = 50,
        pitch_range: int = 50,
        volume: int = 100,
        end_pause: bool = False,
    ) -> bool:
        """Speak into a callback, which runs in this thread.

        Args:
            text: What to say. Positions in the events count its characters.
            on_block: Gets s16le mono PCM and the events that lie in it.
            voice: A listed voice, optionally with a timbre.
            rate: Words per minute; clamped to what works.
            pitch: 0 to 100, 50 is the voice's own; 50 steps are an octave of the base.
            pitch_range: 0 to 100, linear: the swing of the intonation above the base; 50 is the voice's own.
            volume: 0 to 200, linear; 100 is the library's own, more clips.
            end_pause: End with the pause that the library would make before a next sentence.

        Returns:
            False if ``on_block`` stopped it.

        Raises:
            EngineError: There is no such voice, or the library refused.
        """
        identifier = self.resolve(voice)
        if identifier is None:
            raise EngineError(f"eSpeak NG has no voice {voice!r}")
        data = text.translate(_UNSPEAKABLE).encode()
        with self._lock:
            library = self._library
            if library is None:
                raise EngineError("this copy of eSpeak NG is closed")
            if library.espeak_SetVoiceByName(identifier.encode()) != 0:
                raise EngineError(f"eSpeak NG cannot load the voice {voice!r}")
            library.espeak_SetParameter(_RATE, _clamp(rate, MIN_RATE, MAX_RATE), 0)
            library.espeak_SetParameter(_PITCH, _clamp(pitch, 0, 100), 0)
            library.espeak_SetParameter(_RANGE, _clamp(pitch_range, 0, 100), 0)
            library.espeak_SetParameter(_VOLUME, _clamp(volume, 0, 200), 0)
            self._on_block, self._stopped, self._failure = on_block, False, None
            try:
                flags = _UTF8 | (_ENDPAUSE if end_pause else 0)
                status = library.espeak_Synth(data, len(data) + 1, 0, _FROM_CHARACTER, 0, flags, None, None)
                stopped, failure = self._stopped, self._failure
            finally:
                self._on_block = self._failure = None
        if failure is not None:
            raise failure
        if status != 0 and not stopped:
            raise EngineError(f"eSpeak NG refused to speak (status {status})")
        return not stopped

    def synthesize(
        self,
        text: str,
        *,
        voice: str = "en-us",
        rate: int = NORMAL_RATE,
        pitch: int = 50,
        pitch_range: int = 50,
        volume: int = 100,
    ) -> tuple[bytes, int, list[EspeakEvent]]:
        """Speak in one go: s16le mono PCM, its sample rate in Hz, and the events. Arguments as in :meth:`stream`."""
        blocks: list[bytes] = []
        events: list[EspeakEvent] = []

        def keep(block: bytes, its_events: list[EspeakEvent]) -> bool:
            blocks.append(block)
            events.extend(its_events)
            return True

        self.stream(text, keep, voice=voice, rate=rate, pitch=pitch, pitch_range=pitch_range, volume=volume)
        return b"".join(blocks), self.sample_rate, events

    def close(self) -> None:
        """Free the library and its memory; waits for a synthesis that runs. Harmless when closed."""
        with self._lock:
            library, self._library = self._library, None
            if library is not None:
                library.espeak_Terminate()
                self._release()

    def _handle(self, samples: Any, count: int, events: Any) -> int:
        on_block = self._on_block
        if on_block is None or self._failure is not None:
            return 1
        try:
            found = _read_events(events)
            block = ctypes.string_at(samples, 2 * count) if samples and count > 0 else b""
            if (block or found) and not on_block(block, found):
                self._stopped = True
                return 1
        except BaseException as error:  # noqa: BLE001  nothing can be raised through C: stream() does it afterwards
            self._failure = error
            return 1
        return 0


def _clamp(value: int, least: int, most: int) -> int:
    return min(max(value, least), most)


def _declare(library: ctypes.CDLL) -> None:
    library.espeak_Initialize.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
    library.espeak_SetSynthCallback.argtypes = (_Callback,)
    library.espeak_SetSynthCallback.restype = None
    library.espeak_ListVoices.argtypes = (ctypes.POINTER(_Voice),)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
    library.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )


def _read_events(events: Any) -> list[EspeakEvent]:
    found: list[EspeakEvent] = []
    index = 0
    while True:
        event = events[index]
        kind = event.type
        if kind == 0:
            return found
        index += 1
        name = _KINDS.get(kind)
        if name is not None:
            # The field holds 8 bytes; a longer name may end in the middle of a character.
            phone = event.id.decode("utf-8", "ignore") if kind == _PHONEME else ""
            found.append(EspeakEvent(name, event.sample, event.text_position - 1, event.length, phone))


def _list_voices(library: ctypes.CDLL, language: bytes | None) -> tuple[EspeakVoice, ...]:
    wanted = None
    if language is not None:
        text = ctypes.create_string_buffer(language)
        wanted = ctypes.byref(_Voice(languages=ctypes.addressof(text)))
    listed = library.espeak_ListVoices(wanted)
    found = []
    index = 0
    while listed[index]:
        voice = listed[index].contents
        index += 1
        gender: Literal["Male", "Female"] | None = (
            "Female" if voice.gender == 2 else "Male" if voice.gender == 1 else None
        )
        name, identifier = voice.name.decode().strip(), voice.identifier.decode().replace("\\", "/")
        found.append(EspeakVoice(name, identifier, _languages(voice.languages), gender))
    return tuple(found)


def _languages(address: int) -> tuple[str, ...]:
    # A priority byte, a zero-terminated code, and so on; a priority of zero ends the list.
    codes = []
    while ctypes.string_at(address, 1) != b"\0":
        code = ctypes.string_at(address + 1)
        codes.append(code.decode())
        address += len(code) + 2
    return tuple(codes)


def _index(voices: Sequence[EspeakVoice]) -> dict[str, str]:
    """Name → identifier. A voice's own code wins over its file's name, and that over codes that it serves besides."""
    index: dict[str, str] = {}
    for voice in voices:
        index.setdefault(voice.languages[0].casefold(), voice.identifier)
    for voice in voices:
        index.setdefault(voice.stem, voice.identifier)
    for voice in voices:
        for code in voice.languages[1:]:
            index.setdefault(code.casefold(), voice.identifier)
    return index
