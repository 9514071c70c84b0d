"""Sound out of a program that plays, as it is made."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from litestar_tts.audio.formats import AudioSource
from litestar_tts.audio.stage import AudioStage
from litestar_tts.audio.wav import wav_header
from litestar_tts.models import AudioFormat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from litestar_tts.cli.players import Player

__all__ = ("Playback", "PlayerError")

AHEAD: Final = 20.0
"""Seconds of sound that may wait for the player, so that a pause of the engine is not heard."""
PATIENCE: Final = 60.0
"""Seconds that a player may take longer than the sound lasts."""
DYING: Final = 1.0
"""Seconds that a player gets to end before it is made to."""
_SAMPLE: Final = 2
_LAST_WORDS: Final = 4096


class PlayerError(click.ClickException):
    """The player ended too early, or did not start."""


class Playback:
    """One player while it plays. Fed faster than it plays, it makes its feeder wait.

    Use it as an asynchronous context manager: leaving the block before :meth:`finish` silences the player at once.

    Args:
        player: What plays.
        rate: Hz of the samples.
    """

    def __init__(self, player: Player, rate: int) -> None:
        self._player = player
        self._rate = rate
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._last_words = b""
        self._fed = 0
        self._waiting = bytearray()
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0
        self._mp3: AudioStage | None = None

    @property
    def seconds(self) -> float:
        """Length of everything that was fed."""
        return self._fed / (_SAMPLE * self._rate)

    async def feed(self, pcm: bytes) -> None:
        """Give samples; waits while there is enough ahead.

        Raises:
            PlayerError: The player has ended.
        """
        first = not self._fed
        self._fed += len(pcm)
        takes = self._player.takes
        if takes == "file":
            self._waiting += pcm
        elif takes == "mp3":
            self._mp3 = self._mp3 or self._stage()
            await self._send(await self._mp3.feed(pcm))
        else:
            await self._send(wav_header(self._rate) + pcm if first and takes == "wav" else pcm)

    async def section_ended(self) -> None:
        """A good place to cut, for a player that needs files."""
        if self._player.takes != "file" or not self._waiting:
            return
        if self._process is not None:
            await self._played()
        if self._files is None:
            self._files = tempfile.TemporaryDirectory(prefix="litestar-tts-")
        self._count += 1
        # Two names in turn: some players still hold the file that they have just played.
        file = Path(self._files.name) / f"section-{self._count % 2}.wav"
        file.write_bytes(wav_header(self._rate, len(self._waiting)) + self._waiting)
        self._waiting.clear()
        await self._start(str(file))

    async def finish(self) -> None:
        """All was fed: wait until it was heard.

        Raises:
            PlayerError: The player ended with an error.
        """
        await self.section_ended()
        if self._mp3 is not None:
            await self._send(await self._mp3.finish())
        if self._process is None:
            return
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        await self._played()
        if stdin is not None:
            try:
                await stdin.wait_closed()
            except (BrokenPipeError, ConnectionResetError):
                # It left well, but not with everything.
                raise await self._ended() from None

    async def aclose(self) -> None:
        """Silence; harmless when it has ended."""
        if self._mp3 is not None:
            await self._mp3.aclose()
        process = self._process
        if process is not None and process.returncode is None:
            _send_signal(process, signal.SIGTERM)
            try:
                async with asyncio.timeout(DYING):
                    await process.wait()
            except TimeoutError:
                _send_signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DYING):
                        await process.wait()
        await self._hear_out()
        if self._files is not None:
            with contextlib.suppress(OSError):
                self._files.cleanup()
            self._files = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # --- the process --------------------------------------------------------------------------------------------------

    def _stage(self) -> AudioStage:
        return AudioStage(AudioSource(sample_rate=self._rate), AudioFormat.MP3, sample_rate=self._rate)

    async def _start(self, file: str = "") -> asyncio.subprocess.Process:
        pipe = self._player.takes != "file"
        # In a session of its own a Ctrl-C reaches us alone: it is us who say what happens then.
        options: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._player.command(rate=self._rate, file=file),
                stdin=asyncio.subprocess.PIPE if pipe else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                **options,
            )
        except OSError as error:
            raise PlayerError(f"the player {self._player.name} does not start: {error.strerror or error}") from error
        if process.stdin is not None:
            high = int(AHEAD * self._rate * _SAMPLE)
            process.stdin.transport.set_write_buffer_limits(high=high, low=high // 2)
        self._process = process
        self._listener = asyncio.create_task(self._listen(process))
        return process

    async def _send(self, data: bytes) -> None:
        if not data:
            return
        process = self._process or await self._start()
        if process.returncode is not None or process.stdin is None:
            raise await self._ended()
        try:
            process.stdin.write(data)
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._ended() from None

    async def _played(self) -> None:
        """Wait for the player to end by itself."""
        process = self._process
        if process is None:
            return
        try:
            async with asyncio.timeout(self.seconds + PATIENCE):
                await process.wait()
        except TimeoutError:
            raise PlayerError(f"the player {self._player.name} does not end; stopped it") from None
        if process.returncode:
            raise await self._ended()

    async def _ended(self) -> PlayerError:
        """What to say of a player that ended before its time."""
        process = self._process
        if process is not None and process.returncode is None:
            # It takes no more sound but still runs, or is just about to end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DYING):
                    await process.wait()
        await self._hear_out()
        code = None if process is None else process.returncode
        if not code:
            return PlayerError(f"the player {self._player.name} was closed before the end")
        lines = self._last_words.decode("utf-8", "replace").strip().splitlines()
        why = f": {lines[-1].strip()}" if lines else ""
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return PlayerError(f"the player {self._player.name} {how}{why}")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Keep the end of what it complains about."""
        if process.stderr is not None:
            while data := await process.stderr.read(_LAST_WORDS):
                self._last_words = (self._last_words + data)[-_LAST_WORDS:]

    async def _hear_out(self) -> None:
        listener = self._listener
        if listener is None:
            return
        # A child of the player may hold the pipe open.
        await asyncio.wait([listener], timeout=DYING / 4)
        listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listener


def _send_signal(process: asyncio.subprocess.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            # With whatever it has started: a command line of the user's may be a shell.
            os.killpg(process.pid, number)
