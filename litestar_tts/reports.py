"""What the service tells about texts and about itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from litestar_tts.models import Viseme, WordBoundary
from litestar_tts.road.admission import QueueState

__all__ = ("EngineHealth", "HealthReport", "Plan")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an utterance will look like, from the text alone."""

    visemes: list[Viseme]
    words: list[WordBoundary]
    duration: float


class EngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """State of one engine."""

    name: str
    status: Literal["ok", "failing", "unavailable"]
    breaker: str
    voices: int
    """As far as they are known; 0 while an engine's service has not answered yet."""
    detail: str | None = None


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """State of the service."""

    status: Literal["ok", "degraded", "down"]
    version: str
    max_text_length: int
    """Characters that one request may have spoken."""
    engines: list[EngineHealth]
    queue: QueueState
