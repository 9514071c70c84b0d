"""What the commands share: errors in one line, an event loop that cleans up, the host's configuration."""

import asyncio
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from litestar_tts.config import TTSConfig
from litestar_tts.engines.base import Engine
from litestar_tts.exceptions import InvalidRequestError, TTSError
from litestar_tts.service import SpeechService

__all__ = ("engine_named", "errors_in_one_line", "host_config", "quiet_logs", "run_to_end", "service_config", "stopped")

P = ParamSpec("P")
T = TypeVar("T")


class OneLine(click.ClickException):
    """An error of this package, as one line and exit code 1."""

    def __init__(self, error: TTSError) -> None:
        super().__init__(error.detail)


def errors_in_one_line(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a command: what it may raise becomes a line on standard error and exit code 1."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TTSError as error:
            raise OneLine(error) from error
        except KeyboardInterrupt:
            stopped(signal.SIGINT)
        except BrokenPipeError:
            # Whoever read our output has enough; Python would complain once more when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'output'}: {error.strerror or error}") from error

    return wrapped


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; when we are told to stop, let it clean up and leave with the code that shells expect."""

    async def run() -> T:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, _stop, task, number)
            except NotImplementedError:  # Windows; Ctrl-C comes as KeyboardInterrupt there
                break
        return await task

    told: list[int] = []

    def _stop(task: "asyncio.Task[T]", number: int) -> None:
        told.append(number)
        # Once: a shell's job control, and impatient fingers, say it twice, and cleaning up takes a moment.
        if len(told) == 1:
            task.cancel()

    try:
        return asyncio.run(run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        stopped(told[0] if told else signal.SIGINT)


def stopped(number: int) -> NoReturn:
    """Leave with the code that shells expect of who was told to stop."""
    click.echo("Stopped.", err=True)
    sys.exit(128 + number)


def host_config(ctx: click.Context) -> TTSConfig | None:
    """The configuration of the plugin in the application that ``litestar`` has found; None outside of one."""
    env = ctx.obj
    if callable(env):
        env = env()
    app = getattr(env, "app", None)
    if app is None:
        return None
    from litestar_tts.plugin import TTSPlugin

    return next((plugin.config for plugin in app.plugins.init if isinstance(plugin, TTSPlugin)), None)


def service_config(ctx: click.Context) -> TTSConfig:
    """The host's configuration, or one from the environment."""
    return host_config(ctx) or TTSConfig()


def engine_named(name: str, config: TTSConfig) -> Engine:
    """The engine of that name.

    Raises:
        InvalidRequestError: There is none; the message names those that there are.
    """
    engines = SpeechService(config).engines
    for engine in engines:
        if engine.name == name.lower():
            return engine
    raise InvalidRequestError(f"There is no engine {name!r} here; there are {', '.join(one.name for one in engines)}.")


def quiet_logs() -> None:
    """Log errors only, or what ``TTS_LOG_LEVEL`` says: the last line of a command tells what happened."""
    level = os.environ.get("TTS_LOG_LEVEL", "error").upper()
    known = logging.getLevelNamesMapping()
    logging.basicConfig(format="%(levelname)s %(message)s", level=known.get(level, logging.ERROR))
