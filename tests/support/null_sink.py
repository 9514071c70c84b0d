"""Sound that nobody hears: Firefox's audio clock stands still on a machine without a sound device."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ("NoSoundError", "null_sink")

NAME = "litestar_tts_tests"
# Without, the first sound of a page waits two seconds for PulseAudio to have played out its silence.
NO_REWINDS = "norewinds=1"


class NoSoundError(Exception):
    """There is neither a sound server nor a sound device."""


@contextmanager
def null_sink() -> Iterator[dict[str, str]]:
    """Gives the environment for programs whose sound goes nowhere.

    A sink in the session's own server (PulseAudio, or PipeWire's pipewire-pulse), else a PulseAudio of our own, else
    the sound device as it is.

    Raises:
        NoSoundError: None of them is there.
    """
    load = ("load-module", "module-null-sink", f"sink_name={NAME}")
    if shutil.which("pactl") and (module := _pactl(*load, NO_REWINDS) or _pactl(*load)):
        try:
            yield {"PULSE_SINK": NAME}
        finally:
            _pactl("unload-module", module)
    elif program := shutil.which("pulseaudio"):
        with _own_server(program) as address:
            yield {"PULSE_SERVER": address}
    elif sys.platform != "linux" or any(Path("/dev/snd").glob("pcm*p")):
        yield {}
    else:
        raise NoSoundError


def _pactl(*arguments: str) -> str:
    """What it prints; nothing if it fails, as it does without a running server."""
    done = subprocess.run(["pactl", *arguments], capture_output=True, text=True, timeout=20, check=False)
    return "" if done.returncode else done.stdout.strip()


@contextmanager
def _own_server(program: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        socket = Path(home, "socket")
        modules = [f"module-null-sink {NO_REWINDS}", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
        process = subprocess.Popen(
            [program, "-n", "--daemonize=no", "--exit-idle-time=-1", *[f"--load={module}" for module in modules]],
            env=os.environ | {"HOME": home, "XDG_RUNTIME_DIR": home},
            stderr=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + 20
            while not socket.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise NoSoundError
                time.sleep(0.02)
            yield f"unix:{socket}"
        finally:
            process.terminate()
            process.wait(20)
