"""What the service tells about itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from litestar_tts.road.admission import QueueState

__all__ = ("EngineHealth", "HealthReport")


class EngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """State of one engine."""

    name: str
    status: Literal["ok", "failing", "unavailable"]
    breaker: str
    voices: int
    """As far as they are known; 0 while an engine's service has not answered yet."""
    failing_voices: list[str] = []
    """Voices that are given a pause of their own, since they alone made no sound."""
    detail: str | None = None


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """State of the service."""

    status: Literal["ok", "degraded", "down"]
    version: str
    max_text_length: int
    """Characters that one request may have spoken."""
    engines: list[EngineHealth]
    queue: QueueState
