"""The standalone server: the plugin at the root of an application of its own, and uvicorn around it."""

import errno
import gc
import inspect
import logging
import logging.config
import math
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from litestar_tts.__metadata__ import __version__
from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import ConfigurationError, MissingExtraError
from litestar_tts.limits import SHARE_WARNING
from litestar_tts.logs import log_config
from litestar_tts.plugin import TTSPlugin, get_plugin
from litestar_tts.stopping import ends_well_when_told, tell_of_signals
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.pages import OfflineSwagger, demo_page, docs_router
from litestar_tts.web.problems import exception_handlers

__all__ = ("LOG_LEVELS", "create_app", "serve")

logger = logging.getLogger(__name__)

DEFAULT_HOST: Final = "localhost"
DEFAULT_PORT: Final = 8000
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
DOCS: Final = "/docs"
BACKLOG: Final = 2048
SEND_BUFFER: Final = 32 * 1024
"""Bytes that the kernel may keep for a client who is slow to take them (it takes this for half of what is meant). Left
to itself it takes megabytes, and speech is made for somebody who does not listen. A tenth of a second away, WAV still
arrives at ten times the pace of its sound."""

DESCRIPTION: Final = (
    "Text-to-speech: streamed audio, mouth shapes (visemes) and word times. "
    "Errors are problem details (RFC 9457) with a stable `type`."
)
ANNOUNCEMENT: Final = "LITESTAR_TTS_ANNOUNCEMENT"
"""Names a file with what the first worker that is ready prints."""


def create_app(config: TTSConfig | None = None, *, on_ready: Callable[[], None] | None = None) -> Litestar:
    """Make the standalone application: the API, the demo page at ``/`` and the API's description at ``/docs``.

    Args:
        config: Options; None: from the environment, with the API at the root.
        on_ready: Called at start-up when the engines are open.
    """
    config = config or TTSConfig(path="/", warm_up=True)
    plugin = TTSPlugin(config)

    async def start() -> None:
        await plugin.service.open()
        if on_ready is not None:
            on_ready()

    options: dict[str, Any] = {}
    if "logging_config" in inspect.signature(Litestar.__init__).parameters:
        # Litestar 2 would configure logging for the whole process; whoever runs this application has done so.
        options["logging_config"] = None
    return Litestar(
        route_handlers=_pages(plugin),
        plugins=[plugin],
        exception_handlers=exception_handlers(),
        openapi_config=OpenAPIConfig(
            title="litestar-tts",
            version=__version__,
            description=DESCRIPTION,
            render_plugins=[OfflineSwagger(base=DOCS)],
            openapi_router=docs_router(DOCS),
        ),
        on_startup=[start],
        **options,
    )


def _pages(plugin: TTSPlugin) -> list[ControllerRouterHandler]:
    config = plugin.config
    # The page speaks through the API's own client: without it there is nothing to show.
    if not (config.enabled and config.mount_speech and config.mount_client):
        return []
    return demo_page(
        api=config.path,
        docs=DOCS,
        max_text_length=config.max_text_length,
        # The page is of no use to those who may not load its client.
        keys=None if config.open_client else plugin.keys,
    )


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    log_level: str | None = None,
    config: TTSConfig | None = None,
) -> None:
    """Run the standalone server until it is told to stop.

    What is not given comes from ``TTS_HOST``, ``TTS_PORT``, ``WEB_CONCURRENCY`` and ``TTS_LOG_LEVEL``.

    Args:
        host: Name or address to listen on.
        port: Port; 0 takes a free one.
        workers: Processes.
        log_level: One of ``LOG_LEVELS``.
        config: Options; only with one worker, since other processes read theirs from the environment.

    Raises:
        ConfigurationError: An option cannot work, or the port is taken.
        MissingExtraError: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        raise MissingExtraError("The server", "server") from None
    from litestar_tts.connections import Connection  # needs uvicorn

    host = host or os.environ.get("TTS_HOST") or DEFAULT_HOST
    port = port if port is not None else _whole_number("TTS_PORT", DEFAULT_PORT, least=0, most=65_535)
    workers = workers if workers is not None else _whole_number("WEB_CONCURRENCY", 1, least=1, most=1024)
    level = _level(log_level)
    if config is not None and workers > 1:
        raise ConfigurationError("workers: more than one read their options from the environment; set them there")
    # Each worker's rate limiter, and uvicorn, read the number of workers here.
    os.environ["WEB_CONCURRENCY"] = str(workers)
    logging.config.dictConfig(log_config(level))
    checked = config or TTSConfig(path="/", warm_up=True)
    ApiKeys.from_config(checked)  # a file of keys that cannot be read is said once, before any worker starts
    sockets = _listen(host, port, patience=checked.write_timeout)
    line = f"litestar-tts {__version__} listens on {_url(host, sockets)} (its API is described at {DOCS})\n"
    options: dict[str, Any] = {
        "workers": workers,
        "log_config": log_config(level, worker=workers > 1),
        # The client's address comes from trusted_proxies; uvicorn would believe anybody on this machine.
        "proxy_headers": False,
        "server_header": False,
        # Speech that is cut at the end of its grace must have the time to say so.
        "timeout_graceful_shutdown": math.ceil(checked.shutdown_grace) + 1,
        "http": Connection,
        "backlog": BACKLOG,
    }
    try:
        if workers == 1:
            app = create_app(checked, on_ready=lambda: _ready(app, line))
            with ends_well_when_told():
                uvicorn.Server(uvicorn.Config(app, **options)).run(sockets)
        else:
            _warn_of_shares(checked, workers)
            _supervise(uvicorn.Config(f"{__name__}:_worker_app", factory=True, **options), sockets, line)
    except KeyboardInterrupt:
        pass
    finally:
        for listening in sockets:
            listening.close()


def _supervise(config: Any, sockets: list[socket.socket], line: str) -> None:
    from uvicorn import Server
    from uvicorn.supervisors import Multiprocess

    class Supervisor(Multiprocess):
        """Waits for its processes with an ear for a second Ctrl+C."""

        def join_all(self) -> None:
            while alive := [process for process in self.processes if process.process.is_alive()]:
                if signal.SIGINT in self.signal_queue:
                    self.signal_queue.clear()
                    for process in alive:
                        if process.process.pid is not None:
                            # For a process that is stopping already, the second one.
                            os.kill(process.process.pid, signal.SIGINT)
                alive[0].process.join(0.1)

    file = tempfile.NamedTemporaryFile("w", prefix="litestar-tts-", delete=False, encoding="utf-8")  # noqa: SIM115
    with file:
        file.write(line)
    os.environ[ANNOUNCEMENT] = file.name
    arguments: dict[str, Any] = {"config": config, "sockets": sockets}
    if "target" in inspect.signature(Multiprocess.__init__).parameters:
        # uvicorn up to 0.3x wants the function, later ones make it themselves.
        arguments["target"] = Server(config).run
    try:
        Supervisor(**arguments).run()
    finally:
        Path(file.name).unlink(missing_ok=True)


def _ready(app: Litestar, line: str) -> None:
    tell_of_signals(get_plugin(app).service)
    _settle(line)


def _worker_app() -> Litestar:
    def ready() -> None:
        tell_of_signals(get_plugin(app).service)
        _settle_worker()

    app = create_app(on_ready=ready)
    return app


def _settle(line: str) -> None:
    # What lives now lives as long as the process: the collector need not walk through it while streams are open.
    gc.collect()
    gc.freeze()
    sys.stdout.write(line)
    sys.stdout.flush()


def _settle_worker() -> None:
    announcement = Path(os.environ.get(ANNOUNCEMENT, ""))
    line = ""
    with suppress(OSError):
        text = announcement.read_text(encoding="utf-8")
        announcement.unlink()  # only one worker can
        line = text
    _settle(line)


def _warn_of_shares(config: TTSConfig, workers: int) -> None:
    if config.rate_limit is not None and config.store_url is None:
        share = max(1, config.rate_limit.requests // workers)
        logger.warning(SHARE_WARNING, workers, share, config.rate_limit.window)


def _listen(host: str, port: int, *, patience: float) -> list[socket.socket]:
    """Sockets on every address of ``host``, all with one port, already listening: early clients wait in the queue."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"host {host!r} is not known here; give a name or address of this machine") from error
    sockets: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        chosen = sockets[0].getsockname()[1] if sockets else port
        try:
            sockets.append(_listening(family, kind, protocol, (address[0], chosen, *address[2:])))
            _give_up_after(sockets[-1], patience)
        except OSError as error:
            # Many machines have a name for an address family that is switched off; that one is left out.
            if error.errno == errno.EADDRNOTAVAIL and sockets:
                continue
            for listening in sockets:
                listening.close()
            reason = os.strerror(error.errno or 0).lower()
            fix = "choose another with --port or TTS_PORT"
            raise ConfigurationError(f"cannot listen on {host}, port {port}: {reason}; {fix}") from error
    return sockets


def _listening(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    try:
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(errno.EADDRNOTAVAIL, "address family not supported") from error
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # what it accepts has it too
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.set_inheritable(True)
    except OSError:
        listening.close()
        raise
    return listening


def _give_up_after(listening: socket.socket, patience: float) -> None:
    """Have the system close connections, of those that are accepted there, whose client takes nothing for so long.

    A stream that is cut leaves behind what was sent, and the system would keep that for ever for a client who neither
    takes it nor goes.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Twice the time, since the system counts in whole buffers what a slow reader takes.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1_000 * min(2 * patience, 1e6)))


def _url(host: str, sockets: list[socket.socket]) -> str:
    name = "localhost" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{sockets[0].getsockname()[1]}"


def _whole_number(variable: str, default: int, *, least: int, most: int) -> int:
    text = os.environ.get(variable, "").strip()
    try:
        value = int(text or default)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise ConfigurationError(f"{variable}={text!r} is not usable; give a whole number from {least} to {most}")
    return value


def _level(given: str | None) -> str:
    level = (given or os.environ.get("TTS_LOG_LEVEL") or "info").strip().lower()
    if level not in LOG_LEVELS:
        raise ConfigurationError(f"TTS_LOG_LEVEL={level!r} is not usable; choose from {', '.join(LOG_LEVELS)}")
    return level
