"""One check from its beginning to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from litestar_tts.cli.checking.locate import locate
from litestar_tts.cli.checking.notes import Fault, Notes, OutOfBudgetError, SkipProbeError
from litestar_tts.cli.checking.own_server import OwnServers
from litestar_tts.cli.checking.probes import Probe
from litestar_tts.cli.checking.target import Options, Target
from litestar_tts.cli.findings import Finding, Status
from litestar_tts.exceptions import MissingExtraError

if TYPE_CHECKING:
    import httpx

__all__ = ("Result", "check_server", "run_probe")

CONNECT_TIMEOUT: Final = 5.0
GRACE: Final = 5.0
"""Seconds that a probe has beyond the timeout of its requests."""


class Result(msgspec.Struct, kw_only=True):
    """What a check has found."""

    url: str | None = None
    """Of the API; None where there is none."""
    server: str | None = None
    """Its version."""
    own: bool = False
    findings: list[Finding] = msgspec.field(default_factory=list)
    seconds: float = 0.0


async def check_server(
    url: str | None,
    options: Options,
    probes: Sequence[Probe],
    *,
    progress: Callable[[str, int, int], None] = lambda _name, _done, _all: None,
) -> Result:
    """Try everything.

    Args:
        url: The server; None: one that is started for this check, and ended.
        options: What the caller wants.
        probes: What to try.
        progress: Told what is tried next, how many are done, and how many there are.

    Raises:
        MissingExtraError: httpx is not installed.
    """
    try:
        import httpx
    except ImportError:
        raise MissingExtraError("The HTTP client", "client") from None
    result, started = Result(own=url is None), time.monotonic()
    timeout = httpx.Timeout(options.timeout, connect=min(CONNECT_TIMEOUT, options.timeout))
    limits = httpx.Limits(max_connections=options.concurrency + 30, keepalive_expiry=4.0)
    async with AsyncExitStack() as stack:
        # A proxy of the environment is not on the way to a server of our own.
        http = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=url is not None)
        await stack.enter_async_context(http)
        own = OwnServers() if url is None else None
        try:
            progress("starting a server" if own else "looking for the server", 0, len(probes))
            address = await stack.enter_async_context(own.server()) if own else str(url)
            base, health = await locate(http, address)
        except Fault as fault:
            result.findings.append(Finding(name="server", status=Status.FAIL, figure=fault.figure, advice=fault.advice))
        else:
            result.url, result.server = base, str(health.get("version"))
            target = Target(http, base, options, health, own)
            for number, probe in enumerate(probes):
                progress(probe.name, number, len(probes))
                if target.lost and await _is_gone(http, base):
                    figure = "not tried: the server is gone"
                    result.findings.append(Finding(name=probe.name, status=Status.SKIP, figure=figure))
                    continue
                target.lost = False
                result.findings.append(await run_probe(probe, target))
    result.seconds = time.monotonic() - started
    return result


async def _is_gone(http: httpx.AsyncClient, base: str) -> bool:
    try:
        await locate(http, base)
    except Fault:
        return True
    return False


async def run_probe(probe: Probe, target: Target) -> Finding:
    """One probe, within its limit; whatever happens becomes a line."""
    notes, started = Notes(), time.monotonic()
    # A request may take its whole timeout, and the probe shall be able to say so.
    limit = max(probe.limit, GRACE + 1.5 * target.options.timeout)
    try:
        async with asyncio.timeout(limit):
            await target.afford(probe.requests(target.options))
            figure = await probe.run(target, notes)
        finding = notes.finding(probe.name, figure)
    except (SkipProbeError, OutOfBudgetError) as skipped:
        finding = Finding(name=probe.name, status=Status.SKIP, figure=skipped.figure, advice=skipped.advice)
        if notes.problems:
            finding = notes.finding(probe.name, "")
    except Fault as fault:
        notes.problems.append(fault.figure)
        notes.advice = fault.advice or notes.advice
        finding = notes.finding(probe.name, "")
    except TimeoutError:
        notes.problems.append(f"not done within {limit:g} s")
        notes.advice = "The server is much too slow; look at its load, and at litestar-tts doctor there."
        finding = notes.finding(probe.name, "")
    return msgspec.structs.replace(finding, data={**finding.data, "seconds": round(time.monotonic() - started, 3)})
