"""The way to the read-aloud service, step by step: name, connection, TLS, and its clock."""

from __future__ import annotations

import contextlib
import email.utils
import os
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from litestar_tts.cli.findings import Finding, Status

__all__ = ("examine_network", "within")

T = TypeVar("T")

HOST: Final = "speech.platform.bing.com"
ALL: Final = 6.0
STEP: Final = 3.0
"""Seconds for the whole way, and for each step of it."""
MOST_ADDRESSES: Final = 4
SKEW: Final = 60.0
"""Seconds; the service's tokens are good for five minutes."""
_OTHERWISE: Final = "Behind a proxy set HTTPS_PROXY; to do without a network set TTS_ENGINES=piper,espeak."
PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


class _Place(NamedTuple):
    host: str
    port: int
    tls: bool
    proxy: tuple[str, int] | None
    configured: bool
    """By ``TTS_EDGE_URL``."""


class _StepError(Exception):
    def __init__(self, step: str, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.step, self.reason, self.advice = step, reason, advice


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do it in a thread that is left behind when it takes too long: looking up a name cannot be cancelled.

    Raises:
        TimeoutError: It took too long.
    """
    done: list[Any] = []

    def run() -> None:
        try:
            done.append((work(), None))
        except BaseException as error:  # noqa: BLE001  # raised again where somebody waits
            done.append((None, error))

    thread = threading.Thread(target=run, daemon=True, name="doctor-step")
    thread.start()
    thread.join(seconds)
    if not done:
        raise TimeoutError(f"no answer within {seconds:g} s")
    result, error = done[0]
    if error is not None:
        raise error
    found: T = result
    return found


def examine_network(*, wanted: bool = True, only: bool = False) -> list[Finding]:
    """Whether the service can be reached, and if not, at which step it ends.

    Args:
        wanted: Whether the configuration uses the service at all.
        only: Whether nothing else could speak by configuration.
    """
    if not wanted:
        return [Finding(name="network", status=Status.SKIP, figure="edge is not in TTS_ENGINES")]
    try:
        place = _place()
    except ValueError:
        return []  # the settings say so
    serious = Status.FAIL if place.configured or only else Status.WARN
    steps: dict[str, float] = {}
    data: dict[str, Any] = {"host": place.host, "port": place.port, "steps": steps, "proxy": place.proxy is not None}
    try:
        deadline = time.monotonic() + ALL
        with contextlib.closing(_connect(place, steps, deadline)) as connection:
            skew = _clock_skew(connection, place, steps)
    except _StepError as error:
        figure = f"{place.host}: {error.step} failed: {error.reason}"
        data["failed"] = error.step
        return [Finding(name="network", status=serious, figure=figure, advice=error.advice, data=data)]
    through = f" through the proxy {place.proxy[0]}:{place.proxy[1]}" if place.proxy else ""
    times = ", ".join(f"{step} {1000 * seconds:.0f} ms" for step, seconds in steps.items())
    figure = f"{place.host} is in reach{through}: {times}"
    found = [Finding(name="network", status=Status.OK, figure=figure, data=data)]
    if skew is not None:
        found.append(_clock(skew))
    return found


def _place() -> _Place:
    url = os.environ.get("TTS_EDGE_URL", "").strip()
    parts = urlsplit(url or f"wss://{_host_of_client()}")
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(url)
    tls = parts.scheme == "wss"
    proxy = None
    if not urllib.request.proxy_bypass(parts.hostname):
        # edge-tts asks the environment the same way.
        address = urllib.request.getproxies().get("https" if tls else "http")
        if address:
            there = urlsplit(address if "://" in address else f"http://{address}")
            proxy = (there.hostname or "", there.port or (443 if there.scheme == "https" else 80))
    return _Place(parts.hostname, parts.port or (443 if tls else 80), tls, proxy, bool(url))


def _host_of_client() -> str:
    """The host that the installed client speaks to, which has changed before."""
    try:
        address = import_module("edge_tts.constants").WSS_URL
    except Exception:  # noqa: BLE001  # a broken client has its own line
        return HOST
    return urlsplit(str(address)).hostname or HOST


def _connect(place: _Place, steps: dict[str, float], deadline: float) -> socket.socket:
    host, port = place.proxy or (place.host, place.port)
    what = "the proxy's name" if place.proxy else "name (DNS)"
    with _step(what, steps, _name_advice(place)):
        addresses = within(_patience(deadline), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    with _step("proxy" if place.proxy else "connection (TCP)", steps, _connection_advice(place)):
        connection = _reach(addresses, _patience(deadline))
    try:
        connection.settimeout(_patience(deadline) / 2)
        if place.proxy and place.tls:
            with _step("tunnel", steps, "Ask who runs the proxy to allow this host, or set NO_PROXY."):
                _tunnel(connection, place)
        if place.tls:
            with _step("TLS", steps, "A proxy that reads along, or a wrong clock: see the reason; set SSL_CERT_FILE."):
                connection = _context().wrap_socket(connection, server_hostname=place.host)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _step(name: str, steps: dict[str, float], advice: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        if "expired" in error.verify_message or "not yet valid" in error.verify_message:
            advice = f"Check this machine's date: it says {time.strftime('%Y-%m-%d')}."
        raise _StepError(name, f"certificate: {error.verify_message}", advice) from error
    except TimeoutError:
        raise _StepError(name, f"no answer within {time.monotonic() - started:.1f} s", advice) from None
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _StepError(name, reason, advice) from error
    steps[name] = round(time.monotonic() - started, 4)


def _patience(deadline: float) -> float:
    return max(0.2, min(STEP, deadline - time.monotonic()))


def _reach(addresses: list[Any], patience: float) -> socket.socket:
    """A connection to the first address that answers, all in one step's time."""
    deadline = time.monotonic() + patience
    failure: OSError = TimeoutError()
    chosen = addresses[:MOST_ADDRESSES]
    for number, (family, kind, protocol, _, address) in enumerate(chosen):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(max(left / (len(chosen) - number), 0.2))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
            continue
        return connection
    raise failure


def _tunnel(connection: socket.socket, place: _Place) -> None:
    target = f"{place.host}:{place.port}"
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = _head(connection)
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or words[1] != b"200":
        raise ValueError(f"the proxy says {b' '.join(words[1:]).decode('latin-1')[:80] or 'nothing'}")


def _clock_skew(connection: socket.socket, place: _Place, steps: dict[str, float]) -> float | None:
    """Seconds by which our clock is ahead of the service's."""
    target = f"http://{place.host}:{place.port}/" if place.proxy and not place.tls else "/"
    try:
        started = time.monotonic()
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {place.host}\r\nConnection: close\r\n\r\n".encode())
        head = _head(connection).decode("latin-1")
    except OSError:
        return None
    steps["answer"] = round(time.monotonic() - started, 4)
    date = next((line[5:].strip() for line in head.split("\r\n") if line.lower().startswith("date:")), None)
    if date is None:
        return None
    try:
        return time.time() - email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return None


def _head(connection: socket.socket) -> bytes:
    data, deadline = b"", time.monotonic() + STEP
    while b"\r\n\r\n" not in data and len(data) < 65_536 and time.monotonic() < deadline:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    return data


def _clock(skew: float) -> Finding:
    data = {"skew": round(skew, 1)}
    if abs(skew) < SKEW:
        return Finding(name="clock", status=Status.OK, figure=f"{abs(skew):.0f} s off", data=data)
    way = "ahead of" if skew > 0 else "behind"
    return Finding(
        name="clock",
        status=Status.WARN,
        figure=f"{abs(skew):.0f} s {way} the service's; its tokens depend on the time, so it refuses at first",
        advice="Set this machine's clock, or let it follow a time server.",
        data=data,
    )


def _context() -> ssl.SSLContext:
    try:
        # What edge-tts trusts.
        return ssl.create_default_context(cafile=import_module("certifi").where())
    except ImportError:
        return ssl.create_default_context()


def _name_advice(place: _Place) -> str:
    if place.proxy:
        return f"Correct the proxy in {_proxy_variables()}."
    if place.configured:
        return "Correct the host in TTS_EDGE_URL, or this machine's name servers."
    return f"No network, or no name server. {_OTHERWISE}"


def _connection_advice(place: _Place) -> str:
    if place.proxy:
        return f"Nobody answers at the proxy of {_proxy_variables()}; correct or unset it."
    if place.configured:
        return "Nobody answers at TTS_EDGE_URL; start the gateway or correct the address."
    return f"A firewall may be in the way. {_OTHERWISE}"


def _proxy_variables() -> str:
    names = [name for name in PROXIES[:-1] if os.environ.get(name) or os.environ.get(name.lower())]
    return " or ".join(names) or "the system's settings"
