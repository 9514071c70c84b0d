"""Speech of any length into a file, in sections that outlive an interruption; in steps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from litestar_tts.audio.pcm import SAMPLE_SIZE
from litestar_tts.audio.wav import HEADER_SIZE, wav_header
from litestar_tts.client import flow, wire
from litestar_tts.client.errors import (
    APIError,
    BadRequestError,
    ConnectError,
    EngineFailedError,
    NotJoinableError,
    OverloadedError,
    ProtocolError,
    RateLimitError,
    StreamTruncatedError,
    TTSClientError,
    TTSTimeoutError,
)
from litestar_tts.client.retries import Retries, pause_before
from litestar_tts.client.silence import ending_of
from litestar_tts.client.steps import Close, Next, Wait, Work
from litestar_tts.client.types import Download, DownloadProgress
from litestar_tts.models import DEFAULT_SAMPLE_RATE, AudioFormat
from litestar_tts.recording import Recording, fingerprint
from litestar_tts.text.segment import PieceLimits, split

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from litestar_tts.client.silence import Ending
    from litestar_tts.client.steps import Answer, Steps

__all__ = ("Job", "download", "job_of")

SECTION_CHARS: Final = 5000
"""Most characters of a section, however much the server takes: so much is spoken anew after an interruption."""
_USUAL_LIMIT: Final = 1000
"""Of a server that does not tell its limit."""
_LONGEST_WAIT: Final = 300.0
"""Seconds that a download waits for a server that asks it to."""
_JOINABLE: Final = (AudioFormat.WAV, AudioFormat.PCM, AudioFormat.MP3, AudioFormat.AAC)
_SUFFIXES: Final[Mapping[str, AudioFormat]] = {
    **{f".{one.value}": one for one in AudioFormat},
    ".ogg": AudioFormat.OPUS,
    ".oga": AudioFormat.OPUS,
    ".wave": AudioFormat.WAV,
    ".raw": AudioFormat.PCM,
}
_LEAD_SECONDS: Final = 0.03
"""Silence that most engines make in front of the first sound of a section."""
_NEVER_BETTER: Final = ("engine-rejected",)

_PASSING: Final = (
    ConnectError,
    TTSTimeoutError,
    StreamTruncatedError,
    RateLimitError,
    OverloadedError,
    EngineFailedError,
)
"""What may be over a moment later."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be downloaded."""

    text: str
    path: Path
    format: AudioFormat
    options: dict[str, Any]
    resume: bool
    on_progress: Any

    @property
    def key(self) -> str:
        """The same for the same request, whichever server answers it."""
        return fingerprint(text=self.text, format=self.format.value, **self.options)


def job_of(
    text: str,
    path: str | os.PathLike[str],
    options: Mapping[str, Any],
    *,
    resume: bool,
    on_progress: Callable[[DownloadProgress], object] | None,
) -> Job:
    """Look at what was asked.

    Raises:
        ValueError: The format is not known.
    """
    given = {name: value for name, value in options.items() if value is not None}
    file = Path(path)
    if not file.name:
        raise ValueError(f"{str(file)!r} is a folder; name a file")
    name = given.pop("format", None) or _SUFFIXES.get(file.suffix.lower())
    if name is None:
        raise ValueError(f"the name {file.name!r} tells no format: give format=… or a name such as speech.mp3")
    try:
        chosen = AudioFormat(name)
    except ValueError:
        raise ValueError(f"{name!r} is no format; choose from {', '.join(AudioFormat)}") from None
    # Wrong options are told now, before anything is opened.
    wire.audio_call(text, given)
    return Job(text=text.strip(), path=file, format=chosen, options=given, resume=resume, on_progress=on_progress)


def download(job: Job, retries: Retries) -> Steps[Download]:
    """Speak all of it into the file.

    Raises:
        TTSClientError: It cannot be spoken now; what is finished is kept for the next time.
        OSError: It cannot be written.
    """
    health = yield from flow.ask_health(retries)
    told = health.max_text_length
    limit = told if told is not None and told > 0 else _USUAL_LIMIT
    if job.format not in _JOINABLE and len(job.text) > limit:
        raise NotJoinableError(
            f"The text has {len(job.text)} characters and the server takes {limit} at a time; pieces of "
            f"{job.format.value} cannot be joined. Choose from {', '.join(one.value for one in _JOINABLE)}."
        )
    recording = Recording(job.path, job.key, resume=job.resume)
    try:
        return (yield from _record(job, recording, limit, retries))
    finally:
        recording.close()


def _record(job: Job, recording: Recording, limit: int, retries: Retries) -> Steps[Download]:
    resumed = recording.done
    report = _Reporter(job, recording)
    report()
    unspeakable: BadRequestError | None = None
    for text, end, pause in _sections(job, recording.note.get("end", 0), limit):
        section = _Section(job, recording, text, report)
        try:
            yield from _persist(section, retries)
        except BadRequestError as error:
            # A voice has no sound for a stretch of another script: left out, as the server does within a request.
            if error.parameter != "text":
                raise
            unspeakable = error
            continue
        if end < len(job.text):
            section.rest(pause / job.options.get("speed", 1.0))
        yield Work(partial(recording.commit, {"end": end, **section.facts}))
        report()
    if unspeakable is not None and recording.done == 0:
        raise unspeakable
    note = recording.note
    beginning = wav_header(note["rate"], recording.size - HEADER_SIZE) if job.format is AudioFormat.WAV else b""
    yield Work(partial(recording.finish, beginning=beginning))
    return Download(
        path=job.path,
        size=recording.size,
        format=job.format,
        engine=note.get("engine"),
        voice=note.get("voice"),
        sections=recording.done,
        resumed=resumed,
    )


def _sections(job: Job, start: int, limit: int) -> Iterator[tuple[str, int, float]]:
    """What is left to say from a position on: each section, where it ends, and how long a reader pauses behind it."""
    text = job.text
    if start == 0 and (len(text) <= min(limit, SECTION_CHARS) or job.format not in _JOINABLE):
        yield text, len(text), 0.0
        return
    found = start > 0
    for piece in split(text[start:], PieceLimits(max_chars=min(limit, SECTION_CHARS))):
        found = True
        yield piece.text, start + piece.offset + len(piece.text), piece.pause
    if not found:
        # Nothing that can be spoken: the server says so in its own words.
        yield text[:limit], len(text), 0.0


class _Reporter:
    def __init__(self, job: Job, recording: Recording) -> None:
        self._job = job
        self._recording = recording

    def __call__(self) -> None:
        if self._job.on_progress is None:
            return
        recording = self._recording
        self._job.on_progress(
            DownloadProgress(
                characters=recording.note.get("end", 0),
                total=len(self._job.text),
                sections=recording.done,
                size=recording.size + recording.pending,
            )
        )


def _persist(section: _Section, retries: Retries) -> Steps[None]:
    """Get a section, however often its answer breaks off, as long as there is hope."""
    attempt = 0
    furthest = 0
    while True:
        try:
            yield from section.fetch()
        except _PASSING as error:
            # Further than ever: one that forgets what it has sent, each time, would be asked forever.
            if section.kept > furthest:
                attempt, furthest = 0, section.kept
            if attempt >= retries.count or not _may_pass(error):
                raise
            pause = error.retry_after if isinstance(error, APIError) else None
        else:
            return
        yield Wait(pause_before(attempt) if pause is None else pause + pause_before(0))
        attempt += 1


def _may_pass(error: TTSClientError) -> bool:
    if not isinstance(error, APIError):
        return True
    return error.slug not in _NEVER_BETTER and (error.retry_after or 0.0) <= _LONGEST_WAIT


class _Section:
    """One request for a part of the text, asked again from where it broke off if the server can do that."""

    def __init__(self, job: Job, recording: Recording, text: str, report: Callable[[], None]) -> None:
        self.received = 0
        """Bytes of the answer so far."""
        self.facts: dict[str, Any] = {}
        self._recording = recording
        self._report = report
        self._format = job.format
        self._wav = job.format is AudioFormat.WAV
        self._ending: Ending | None = None
        self._lead = _LEAD_SECONDS
        self._etag: str | None = None
        self._head = b""
        self._options = {**job.options, **_same_voice(recording.note)}
        self._call = wire.audio_call(text, {**self._options, "format": job.format})

    @property
    def kept(self) -> int:
        """Bytes that need not be asked for again."""
        return self.received if self._etag is not None else 0

    def fetch(self) -> Steps[None]:
        """Ask for it, or for its rest.

        Raises:
            TTSClientError: It did not come, or not all of it.
        """
        answer = yield from self._ask()
        try:
            wire.limited_to(answer, "audio")
            self._begin(answer)
            while (data := (yield Next(answer))) is not None:
                self._take(data)
                self._report()
        finally:
            yield Close(answer)
        if self.received <= (HEADER_SIZE if self._wav else 0):
            raise ProtocolError(f"{answer.url} answered no audio.")
        if self._format in (AudioFormat.WAV, AudioFormat.PCM) and self.received % SAMPLE_SIZE:
            # Not every proxy tells that it lost its server; and all that follows would be noise.
            self._etag = None
            raise StreamTruncatedError(f"The answer of {answer.url} broke off in the middle of a sample.")

    def rest(self, pause: float) -> None:
        """Be silent behind it, together with the silence that is there already, and with that before the next one."""
        if self._ending is not None:
            self._recording.write(self._ending.silence(pause - self._lead - self._ending.quiet))

    def _ask(self) -> Steps[Answer]:
        call = self._call
        if self.kept:
            ranged = {"Range": f"bytes={self.received}-", "If-Range": self._etag}
            call = msgspec.structs.replace(call, headers={**call.headers, **ranged})
        try:
            return (yield from flow.open_answer(call, Retries(0), fine=(200, 206)))
        except APIError as error:
            if error.status != 416:
                raise
            self._etag = None
            raise StreamTruncatedError("The server has lost the rest of a section; it is asked anew.") from None

    def _begin(self, answer: Answer) -> None:
        if answer.status == 206:
            if answer.headers.get("content-range", "").startswith(f"bytes {self.received}-") and self.kept:
                return
            self._etag = None
            raise StreamTruncatedError("The server answered another part than was asked for.")
        info = wire.audio_info(answer.headers, self._options)
        if info.format is not self._format:
            raise ProtocolError(f"{answer.url} answered {info.format.value}, and was asked for {self._format.value}.")
        self._recording.rewind()
        self.received, self._head = 0, b""
        etag = answer.headers.get("etag", "")
        self._etag = etag if etag.startswith('"') else None
        rate = info.sample_rate or DEFAULT_SAMPLE_RATE
        self._lead = _LEAD_SECONDS + info.skip_samples / rate
        self._ending = ending_of(info.format, rate) if info.format in _JOINABLE else None
        self.facts = {"engine": info.engine, "voice": info.voice}

    def _take(self, data: bytes) -> None:
        self.received += len(data)
        if self._wav and len(self._head) < HEADER_SIZE:
            missing = HEADER_SIZE - len(self._head)
            self._head, data = self._head + data[:missing], data[missing:]
            if len(self._head) < HEADER_SIZE:
                return
            self._check_head()
            if self._recording.size == 0:
                self._recording.write(self._head)
        self._recording.write(data)
        if self._ending is not None:
            self._ending.feed(data)

    def _check_head(self) -> None:
        head = self._head
        if head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt " or head[36:40] != b"data":
            raise ProtocolError("The server's WAV does not begin with the header that this client knows.")
        rate = int.from_bytes(head[24:28], "little")
        if self._recording.note.get("rate", rate) != rate:
            raise ProtocolError(f"A section came with {rate} Hz, unlike the ones before; they cannot be joined.")
        self.facts["rate"] = rate


def _same_voice(note: Mapping[str, Any]) -> dict[str, Any]:
    """Whoever spoke the first section speaks all of them, and nobody else."""
    engine, voice = note.get("engine"), note.get("voice")
    return {"voice": f"{engine}:{voice}", "fallback": False} if engine and voice else {}
