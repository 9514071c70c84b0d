"""From what the caller typed to the address of the API."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click
import msgspec

from litestar_tts.cli.checking.notes import Fault

if TYPE_CHECKING:
    import httpx

__all__ = ("candidates", "locate", "reason_of")

MOUNTED: Final = "/tts"
TLS: Final = "TLS: "
OURS: Final = frozenset({"status", "version", "engines", "queue"})


def candidates(url: str) -> list[str]:
    """Addresses at which the API may be, best first.

    Raises:
        click.UsageError: It is no address.
    """
    given = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable:
        raise click.UsageError(f"{url!r} is no address of a server; give http://HOST:PORT, with a path if it has one")
    origin = f"{parts.scheme}://{parts.netloc}"
    return list(dict.fromkeys(origin + path for path in _paths(parts.path.rstrip("/"))))


def _paths(path: str) -> Iterator[str]:
    yield path
    yield path + MOUNTED
    # Somebody may have copied the address of one of its pages.
    while path:
        path = path.rpartition("/")[0]
        yield path
    yield MOUNTED


async def locate(http: httpx.AsyncClient, url: str) -> tuple[str, dict[str, Any]]:
    """The API's address, and what its health route says.

    Raises:
        Fault: Nobody answers, or somebody else.
    """
    import httpx

    answers: list[str] = []
    for base in candidates(url):
        try:
            response = await http.get(f"{base}/health", headers={"accept-encoding": "identity"})
        except httpx.ConnectError as error:
            reason = reason_of(error)
            fix = "Start it (litestar-tts serve), or correct the address."
            if reason.startswith(TLS):
                fix = "Is it https, or http? With https, is its certificate valid, and known to this machine?"
            raise Fault(f"nobody answers at {base}: {reason}", advice=fix) from None
        except httpx.TimeoutException:
            raise Fault(f"{base} does not answer in time", advice="Check address and firewall.") from None
        except httpx.InvalidURL as error:
            raise click.UsageError(f"{url!r} is no address: {error}") from None
        except httpx.HTTPError as error:
            fix = "Is it an HTTP server, and http or https as it should be?"
            raise Fault(f"{base} does not speak HTTP as it should: {error}", advice=fix) from None
        health = _health(response.content)
        if health is not None:
            return base, health
        server = response.headers.get("server")
        kind = response.headers.get("content-type", "nothing").partition(";")[0]
        answers.append(f"{response.url.path}: {response.status_code} {kind}{f' from {server[:40]}' if server else ''}")
    raise Fault(
        f"no litestar-tts server there ({'; '.join(answers[:3])})",
        advice="Give the path under which the plugin is mounted, e.g. http://HOST:PORT/tts.",
    )


def reason_of(error: Exception) -> str:
    """What the machine says about a connection that was not made."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            # Its errno is TLS's own, and another error's in the system.
            said = getattr(cause, "verify_message", "") or cause.reason or str(cause)
            return TLS + said.replace("_", " ").lower()
        if isinstance(cause, OSError) and cause.errno:
            # asyncio's own words for it are the address once more.
            return (os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)).lower()
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


def _health(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) and found.keys() >= OURS else None
