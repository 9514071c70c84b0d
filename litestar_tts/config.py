"""Options of the plugin and the server: what they mean, what they default to, what they may be.

An option that is not given is read from its environment variable, where it has one; see ``ENVIRONMENT``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from litestar_tts.exceptions import ConfigurationError
from litestar_tts.models import AudioFormat

if TYPE_CHECKING:
    from litestar.types import Guard, Middleware

    from litestar_tts.engines.base import Engine

__all__ = ("DEFAULT_ENGINES", "DEFAULT_VOICE", "ENVIRONMENT", "RateLimit", "TTSConfig")

T = TypeVar("T")

DEFAULT_VOICE: Final = "en-US-AriaNeural"
DEFAULT_ENGINES: Final = ("edge", "piper", "espeak")
"""Order of preference when nothing else is said; those whose packages are not installed are left out."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "api_keys": "TTS_API_KEYS",
    "api_keys_file": "TTS_API_KEYS_FILE",
    "default_voice": "TTS_DEFAULT_VOICE",
    "edge_connections": "TTS_EDGE_CONNECTIONS",
    "edge_url": "TTS_EDGE_URL",
    "engines": "TTS_ENGINES",
    "max_queue": "TTS_MAX_QUEUE",
    "max_streams": "TTS_MAX_STREAMS",
    "max_streams_per_client": "TTS_MAX_STREAMS_PER_CLIENT",
    "max_text_length": "MAX_TEXT_LENGTH",
    "piper_voices": "TTS_PIPER_VOICES",
    "rate_limit.requests": "RATE_LIMIT_REQUESTS",
    "rate_limit.window": "RATE_LIMIT_WINDOW",
    "shutdown_grace": "TTS_SHUTDOWN_GRACE",
    "store_url": "TTS_STORE_URL",
    "trusted_proxies": "TTS_TRUSTED_PROXIES",
    "workers": "WEB_CONCURRENCY",
}
"""Option → environment variable."""

STORE_SCHEMES: Final = ("valkey", "valkeys", "redis", "rediss", "valkey+unix", "redis+unix")


def _env(option: str, convert: Callable[[str], T], default: T) -> Callable[[], T]:
    variable = ENVIRONMENT[option]

    def read() -> T:
        value = os.environ.get(variable, "").strip()
        if not value:
            return default
        try:
            return convert(value)
        except ValueError as error:
            number = "a number" if convert is float else "a whole number"
            raise ConfigurationError(f"{variable}={value!r} is not usable; give {number}") from error

    return read


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _parts(url: str) -> SplitResult | None:
    """The parts of an address; None if it is none. An address may hold a password: no error may quote it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _refuse(option: str, value: object, fix: str) -> None:
    variable = ENVIRONMENT.get(option)
    where = f"{option} (environment: {variable})" if variable else option
    raise ConfigurationError(f"{where} is {value!r}; {fix}")


@dataclass(slots=True, kw_only=True, frozen=True)
class RateLimit:
    """How much one client may ask for; one budget over all routes, sockets, workers and machines that share a store."""

    requests: int = field(default_factory=_env("rate_limit.requests", int, 100))
    """Requests that make speech, per window. Environment: ``RATE_LIMIT_REQUESTS``."""
    window: int = field(default_factory=_env("rate_limit.window", int, 60))
    """Length of the sliding window in seconds. Environment: ``RATE_LIMIT_WINDOW``."""

    def __post_init__(self) -> None:
        if self.requests < 1:
            _refuse("rate_limit.requests", self.requests, "give a number from 1 up, or rate_limit=None for no limit")
        if self.window < 1:
            _refuse("rate_limit.window", self.window, "give whole seconds from 1 up")


@dataclass(slots=True, kw_only=True)
class TTSConfig:
    """Options of one :class:`~litestar_tts.plugin.TTSPlugin`. All are checked here, with an error that says the fix."""

    path: str = "/tts"
    """Where the routes are mounted; ``/`` for the root."""
    enabled: bool = True
    """False: the plugin adds nothing to the application, e.g. in a worker process that shares its code."""
    engines: Sequence[str | Engine] | None = field(default_factory=_env("engines", _names, None))
    """Names (``edge``, ``piper``, ``espeak``) or instances, in order: the first is preferred, the rest take over when
    it fails. None: ``DEFAULT_ENGINES`` as far as they are installed. Environment: ``TTS_ENGINES`` (comma list)."""
    default_voice: str = field(default_factory=_env("default_voice", str, DEFAULT_VOICE))
    """Voice of a request that names none. Where no engine has it, the nearest voice of its language speaks.
    Environment: ``TTS_DEFAULT_VOICE``."""
    default_format: AudioFormat | str | None = None
    """Audio format of a request that names none. None: each route's own (``/generate`` wav, ``/generate-stream``
    mp3)."""
    voice_aliases: Mapping[str, str] = field(default_factory=dict)
    """Further names of voices, e.g. ``{"narrator": "en-GB-SoniaNeural"}``; compared without case."""
    max_text_length: int = field(default_factory=_env("max_text_length", int, 1000))
    """Characters that one request may have spoken. Environment: ``MAX_TEXT_LENGTH``."""
    max_body_size: int | None = None
    """Bytes that the body of a request may have. None: enough for ``max_text_length`` in any script."""
    body_timeout: float = 10.0
    """Seconds that the body of a request may take to arrive."""
    write_timeout: float = 300.0
    """Seconds after which a stream is cut whose client takes nothing at all; one who takes a little is waited for."""
    rate_limit: RateLimit | None = field(default_factory=RateLimit)
    """Budget of one client; None: no limit."""
    trusted_proxies: Sequence[str] = field(default_factory=_env("trusted_proxies", _names, _names("")))
    """Addresses or networks (``10.0.0.0/8``) whose ``X-Forwarded-For`` is believed when a client is identified.
    Environment: ``TTS_TRUSTED_PROXIES`` (comma list)."""
    store_url: str | None = field(default_factory=_env("store_url", str, None), repr=False)
    """``valkey://…`` or ``redis://…``, where several workers or machines share their limits. Environment:
    ``TTS_STORE_URL``."""
    workers: int = field(default_factory=_env("workers", int, 1))
    """Number of processes that serve this application; without ``store_url`` each takes its share of the rate limit."""
    max_streams: int = field(default_factory=_env("max_streams", int, 200))
    """Utterances that one process speaks at the same time. Environment: ``TTS_MAX_STREAMS``."""
    max_streams_per_client: int | None = field(default_factory=_env("max_streams_per_client", int, None))
    """Utterances that one process speaks at the same time for one client. None: half of ``max_streams``, and at
    least 100. Environment: ``TTS_MAX_STREAMS_PER_CLIENT``."""
    max_queue: int = field(default_factory=_env("max_queue", int, 200))
    """Utterances that may wait for their turn; more are refused with 503. Environment: ``TTS_MAX_QUEUE``."""
    queue_timeout: float = 30.0
    """Seconds that an utterance may wait for its turn."""
    hedge_after: float | None = 1.5
    """Seconds without audio from an online engine after which it is asked a second time; half as much again later the
    next engine starts beside it. Whoever has sound first, speaks. None: engines are tried strictly one after the
    other."""
    retries: int = 2
    """How often an online engine is asked again, after a moment, when it failed before its first audio; 0: never."""
    shutdown_grace: float = field(default_factory=_env("shutdown_grace", float, 10.0))
    """Seconds that speech in progress has to finish when the application stops; then it is cut. Environment:
    ``TTS_SHUTDOWN_GRACE``."""
    warm_up: bool = False
    """True: when the application starts, engines are loaded and the online one is looked for in the background, so that
    the first request need not wait for it."""
    edge_url: str | None = field(default_factory=_env("edge_url", str, None), repr=False)
    """Scheme and host of the read-aloud service, e.g. ``ws://127.0.0.1:8765``, for gateways and tests. None:
    Microsoft's. Environment: ``TTS_EDGE_URL``."""
    edge_connections: int = field(default_factory=_env("edge_connections", int, 16))
    """Sockets to the read-aloud service that one process may have open. Environment: ``TTS_EDGE_CONNECTIONS``."""
    piper_voices: str | Path | None = field(default_factory=_env("piper_voices", str, None))
    """Folder with further Piper voices (``*.onnx`` with ``*.onnx.json`` beside). Environment: ``TTS_PIPER_VOICES``."""
    api_keys: Sequence[str] = field(default_factory=_env("api_keys", _names, _names("")), repr=False)
    """Keys of which a client must send one (``Authorization: Bearer …``); empty, and no ``api_keys_file``: open.
    Environment: ``TTS_API_KEYS`` (comma list)."""
    api_keys_file: str | Path | None = field(default_factory=_env("api_keys_file", str, None))
    """File with further keys, one a line, ``#`` begins a comment; it is read again when it changes. Environment:
    ``TTS_API_KEYS_FILE``."""
    service_key: str = "tts_service"
    """Name under which host handlers get the :class:`TTSService` injected; the only one at application level."""
    guards: Sequence[Guard] = ()
    """Litestar guards of our routes, beside those of the host's layers."""
    middleware: Sequence[Middleware] = ()
    """Litestar middleware of our routes, outside our own."""
    opt: Mapping[str, Any] = field(default_factory=dict)
    """Litestar ``opt`` of our routes."""
    csrf_exempt: bool = False
    """True: our POST routes are exempt from the host's CSRF protection."""
    tags: Sequence[str] = ("speech",)
    """OpenAPI tags of our routes."""
    security: Sequence[Mapping[str, list[str]]] | None = None
    """OpenAPI security requirements of our routes. None: Bearer when ``api_keys`` or ``api_keys_file`` are set."""
    include_in_schema: bool = True
    """False: our routes do not appear in the OpenAPI document."""
    mount_speech: bool = True
    """Mount the speech routes (``/generate`` …); False: only the injected service."""
    mount_client: bool = True
    """Mount the browser client's files (``/client/tts.js`` …) beside the speech routes."""
    open_client: bool = False
    """True: the browser client's files need no key, for pages of other origins, which cannot send one with a module
    that they import."""
    metrics: bool = False
    """Mount ``GET /metrics`` (Prometheus text)."""

    def __post_init__(self) -> None:
        self._check_path()
        self._check_engines()
        self._check_formats()
        self._check_network()
        self._check_keys()
        for option, least in (
            ("max_text_length", 1),
            ("max_streams", 1),
            ("max_queue", 0),
            ("edge_connections", 1),
            ("workers", 1),
            ("retries", 0),
        ):
            value = getattr(self, option)
            if not isinstance(value, int) or value < least:
                _refuse(option, value, f"give a whole number from {least} up")
        if self.max_streams_per_client is not None and self.max_streams_per_client < 1:
            _refuse("max_streams_per_client", self.max_streams_per_client, "give a whole number from 1 up, or None")
        if self.max_body_size is not None and self.max_body_size < 1:
            _refuse("max_body_size", self.max_body_size, "give bytes from 1 up, or None")
        for option in ("queue_timeout", "body_timeout", "write_timeout"):
            if getattr(self, option) <= 0:
                _refuse(option, getattr(self, option), "give seconds above 0")
        if self.shutdown_grace < 0:
            _refuse("shutdown_grace", self.shutdown_grace, "give seconds from 0 up")
        if self.hedge_after is not None and self.hedge_after <= 0:
            _refuse("hedge_after", self.hedge_after, "give seconds above 0, or None to switch it off")
        if not self.service_key.isidentifier():
            _refuse("service_key", self.service_key, "give a Python identifier: handlers name it as a parameter")

    @property
    def asks_for_keys(self) -> bool:
        """Whether a client needs a key."""
        return bool(self.api_keys) or self.api_keys_file is not None

    @property
    def body_limit(self) -> int:
        """Bytes that a request's body may have."""
        # A character is at most 12 bytes in JSON ("\\ud83d\\ude00"); the other fields fit in 16 KiB.
        return self.max_body_size or 12 * self.max_text_length + 16_384

    def _check_path(self) -> None:
        if not self.path.startswith("/") or re.search(r"[{}\s?#]|//", self.path):
            _refuse("path", self.path, "give a path such as '/tts', without parameters")
        if self.path != "/":
            self.path = self.path.rstrip("/")

    def _check_engines(self) -> None:
        if self.engines is None:
            return
        if isinstance(self.engines, str):
            _refuse("engines", self.engines, "give a list, e.g. ['edge', 'espeak']")
        names = [engine if isinstance(engine, str) else engine.name for engine in self.engines]
        if not names:
            _refuse("engines", names, f"name at least one of {', '.join(DEFAULT_ENGINES)}, or give an Engine")
        for engine in self.engines:
            if isinstance(engine, str) and engine not in DEFAULT_ENGINES:
                _refuse(
                    "engines", engine, f"known names are {', '.join(DEFAULT_ENGINES)}; for your own, give the Engine"
                )
        if len(set(names)) < len(names):
            _refuse("engines", names, "name each engine once")

    def _check_formats(self) -> None:
        if self.default_format is not None:
            try:
                self.default_format = AudioFormat(self.default_format)
            except ValueError:
                _refuse("default_format", self.default_format, f"choose from {', '.join(AudioFormat)}")
        if not self.default_voice.strip():
            _refuse("default_voice", self.default_voice, f"name a voice, e.g. {DEFAULT_VOICE}")
        for alias, voice in self.voice_aliases.items():
            if not alias.strip() or not voice.strip():
                _refuse("voice_aliases", {alias: voice}, "neither side may be empty")

    def _check_keys(self) -> None:
        if isinstance(self.api_keys, str):
            _refuse("api_keys", "…", "give a list of keys, not one string")
        if any(not isinstance(key, str) or key != key.strip() or not key for key in self.api_keys):
            _refuse("api_keys", "…", "give keys of at least one character, without white space around")
        if self.api_keys_file is not None and not str(self.api_keys_file).strip():
            _refuse("api_keys_file", self.api_keys_file, "name a file, or None for no further keys")

    def _check_network(self) -> None:
        if self.edge_url is not None:
            url = _parts(self.edge_url)
            if url is None or url.scheme not in ("ws", "wss") or not url.netloc or url.path.strip("/") or url.query:
                _refuse("edge_url", "…", "give scheme and host only, e.g. ws://127.0.0.1:8765")
        if self.store_url is not None:
            url = _parts(self.store_url)
            if url is None or url.scheme not in STORE_SCHEMES:
                fix = "give valkey://host:port or redis://host:port, in a password %2F for / and so on"
                _refuse("store_url", "…", fix)
        for proxy in self.trusted_proxies:
            try:
                ip_network(proxy, strict=False)
            except ValueError:
                _refuse("trusted_proxies", proxy, "give addresses or networks, e.g. 10.0.0.0/8")
