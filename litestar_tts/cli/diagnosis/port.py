"""Whether the server could listen where it is told to, and who is there already."""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import sys
from typing import Any, Final

from litestar_tts.cli.diagnosis.network import within
from litestar_tts.cli.findings import Finding, Status

__all__ = ("examine_port",)

PATIENCE: Final = 1.5
DEFAULTS: Final = ("localhost", 8000)
HEALTH: Final = ("/health", "/tts/health")


def examine_port() -> list[Finding]:
    """The port of ``TTS_HOST`` and ``TTS_PORT``, or the default one."""
    host = os.environ.get("TTS_HOST", "").strip() or DEFAULTS[0]
    text = os.environ.get("TTS_PORT", "").strip()
    if text and not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        return []  # the settings say so
    port = int(text or DEFAULTS[1])
    # Nobody chose the default, and whoever has it may well be the application that speaks.
    serious = Status.FAIL if text else Status.WARN
    place = f"{host}, port {port}"
    try:
        addresses = within(PATIENCE, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, TimeoutError):
        fix = "Set TTS_HOST to a name or address of this machine, e.g. localhost or 0.0.0.0."
        return [Finding(name="port", status=Status.FAIL, figure=f"{place}: no such host here", advice=fix)]
    problem = next((found for address in addresses if (found := _problem(address)) is not None), None)
    if problem is None:
        return [Finding(name="port", status=Status.OK, figure=f"{place} is free")]
    if problem == errno.EADDRINUSE:
        return [_taken(host, port, place, serious)]
    fixes = {
        errno.EACCES: "Ports below 1024 need special rights; set TTS_PORT to a higher one, e.g. 8000.",
        errno.EADDRNOTAVAIL: "Set TTS_HOST to an address of this machine, e.g. localhost or 0.0.0.0.",
    }
    figure = f"cannot listen on {place}: {os.strerror(problem).lower()}"
    fix = fixes.get(problem, "Set TTS_HOST and TTS_PORT to a place where this machine may listen.")
    return [Finding(name="port", status=Status.FAIL, figure=figure, advice=fix)]


def _problem(found: tuple[Any, ...]) -> int | None:
    """The number of the error that listening there gives."""
    family, kind, protocol, _, address = found
    try:
        listening = socket.socket(family, kind, protocol)
    except OSError:
        return None  # a family that is switched off is left out by the server, too
    with listening:
        try:
            if sys.platform != "win32":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and family == socket.AF_INET6:
                return None
            return error.errno
    return None


def _taken(host: str, port: int, place: str, serious: Status) -> Finding:
    reached = "localhost" if host in ("0.0.0.0", "::") else host
    for path in HEALTH:
        try:
            answer = _ask(reached, port, path)
        except (OSError, http.client.HTTPException):
            continue
        if answer is not None:
            return Finding(
                name="port",
                status=Status.OK,
                figure=f"{place}: a litestar-tts {answer['version']} server is running there ({path})",
                data={"server": answer["version"], "path": path},
            )
    another = port + 1 if port < 65_535 else 0
    return Finding(
        name="port",
        status=serious,
        figure=f"{place} is taken by {_describe(reached, port)}",
        advice=f"End the other program, or choose another port: litestar-tts serve --port {another}",
    )


def _ask(host: str, port: int, path: str) -> dict[str, Any] | None:
    """What our server says there; None if it is another one."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
        answer = json.loads(connection.getresponse().read(65_536))
    except ValueError:
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) and {"version", "engines", "queue"} <= answer.keys() else None


def _describe(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("HEAD", "/", headers={"Connection": "close"})
        server = connection.getresponse().getheader("Server")
    except (OSError, http.client.HTTPException):
        return "another program, which does not speak HTTP"
    finally:
        connection.close()
    return f"another web server{f' ({server[:60]})' if server else ''}"
