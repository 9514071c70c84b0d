"""A terminal, to see what a command shows to somebody who sits at one."""

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ("in_terminal",)


def in_terminal(command: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> tuple[int, str]:
    """Run a command with both outputs on a terminal; its exit code and all that was shown, escapes too."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:  # Linux: nobody holds the other end any more
            break
        if not data:
            break
        shown += data
    os.close(leader)
    return process.wait(10), shown.decode()
