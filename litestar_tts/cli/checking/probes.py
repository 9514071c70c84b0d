"""All probes, in the order in which they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from litestar_tts.cli.checking import formats, lips
from litestar_tts.cli.checking.budget import probe_rate_limit
from litestar_tts.cli.checking.captions import probe_captions
from litestar_tts.cli.checking.crowd import probe_concurrency
from litestar_tts.cli.checking.frames import probe_frames
from litestar_tts.cli.checking.lists import probe_engines, probe_server, probe_voices
from litestar_tts.cli.checking.notes import Notes
from litestar_tts.cli.checking.pace import probe_streaming
from litestar_tts.cli.checking.python_client import probe_python_client
from litestar_tts.cli.checking.refusals import probe_errors, probe_key
from litestar_tts.cli.checking.served import probe_client_files, probe_docs, probe_page
from litestar_tts.cli.checking.speech import probe_generate, probe_get, probe_json
from litestar_tts.cli.checking.target import Options, Target

__all__ = ("PROBES", "Probe")

EACH: Final = -1
"""Costs a request for each of the concurrent ones."""


class Probe(msgspec.Struct, frozen=True):
    """One thing to try."""

    name: str
    about: str
    run: Callable[[Target, Notes], Awaitable[str]]
    cost: int = 0
    """Requests that make speech, which count for the server's rate limit."""
    limit: float = 30.0
    """Seconds for all of it, with the default ``--timeout``."""

    def requests(self, options: Options) -> int:
        """What it costs with these options."""
        return options.concurrency if self.cost == EACH else self.cost


PROBES: Final = (
    Probe("server", "connection, health, version", probe_server),
    Probe("engines", "state of the engines and their breakers", probe_engines),
    Probe("voices", "list of voices and its filters", probe_voices),
    Probe("generate", "POST /generate: streamed WAV and its headers", probe_generate, 1),
    Probe("json", "POST /generate with stream false: audio, visemes, words", probe_json, 1),
    Probe("get", "GET and HEAD /generate", probe_get, 1),
    Probe("frames", "POST /generate-stream: frames, order, end", probe_frames, 2),
    Probe("visemes", "POST /generate-visemes in all sets", lips.probe_visemes, lips.COST),
    Probe("captions", "POST /generate-captions: srt, vtt, json", probe_captions, 3),
    Probe("formats", "all six audio formats decode", formats.probe_formats, formats.COST),
    Probe("streaming", "first byte, first sound, cadence", probe_streaming, 1),
    Probe("concurrency", "several streams at once", probe_concurrency, EACH, 60.0),
    Probe("errors", "wrong requests are refused as promised", probe_errors),
    Probe("key", "API key, where the server asks for one", probe_key),
    Probe("client files", "the browser client's files", probe_client_files),
    Probe("docs", "OpenAPI document and page", probe_docs),
    Probe("page", "demo page of the standalone server", probe_page),
    Probe("python client", "AsyncTTSClient against this server", probe_python_client, 2),
    Probe("rate limit", "its headers are true; it holds (own server, or --rate-limit)", probe_rate_limit, 3, 90.0),
)
"""The rate limit comes last, since it may use up what the others need."""
