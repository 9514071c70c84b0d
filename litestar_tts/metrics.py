"""Measurements of one service, and their Prometheus text.

The speeches of a service report here. Labels come from the configuration only, so that no client can make new series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

__all__ = ("CONTENT_TYPE", "Metrics", "Outcome")

CONTENT_TYPE: Final = "text/plain; version=0.0.4"

Outcome = Literal["complete", "failed", "left"]
"""How a speech ended: to its last byte, by an error, or because nobody listened any more."""

FIRST_AUDIO_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds in seconds."""

BREAKER_LEVELS: Final = {"closed": "0", "half-open": "0.5", "open": "1"}


class Metrics:
    """Counters of one service. All methods are cheap and must be called on the event loop's thread."""

    def __init__(self) -> None:
        self.active = 0
        """Speeches that have been started and not been closed."""
        self.breakers: dict[str, Callable[[], str]] = {}
        """Gives the state of each engine's breaker."""
        self._speeches: Counter[tuple[str, Outcome]] = Counter()
        self._fallbacks: Counter[tuple[str, str]] = Counter()
        self._audio_bytes: Counter[str] = Counter()
        self._refused: Counter[int] = Counter()
        self._first_audio: dict[str, list[int]] = {}
        self._first_audio_sum: Counter[str] = Counter()

    def speech_opened(self) -> None:
        """A speech asks its engine for the first audio."""
        self.active += 1

    def first_audio(self, engine: str, seconds: float) -> None:
        """The first audio came, so many seconds after the request for it."""
        counts = self._first_audio.setdefault(engine, [0] * (len(FIRST_AUDIO_BUCKETS) + 1))
        counts[bisect_left(FIRST_AUDIO_BUCKETS, seconds)] += 1
        self._first_audio_sum[engine] += seconds  # type: ignore[assignment]  # a Counter of floats adds just as well

    def fell_back(self, wanted: str, engine: str) -> None:
        """Another engine speaks than the one that was wanted."""
        self._fallbacks[wanted, engine] += 1

    def speech_closed(self, engine: str | None, outcome: Outcome, audio_bytes: int = 0) -> None:
        """A speech that was opened is over; ``engine`` is None when none ever spoke."""
        self.active -= 1
        name = engine or "none"
        self._speeches[name, outcome] += 1
        self._audio_bytes[name] += audio_bytes

    def refused(self, status: int) -> None:
        """A request was answered with an error."""
        self._refused[status] += 1

    def render(self) -> str:
        """All of it in Prometheus' text format, version 0.0.4."""
        lines: list[str] = []

        def family(name: str, kind: str, text: str) -> None:
            lines.append(f"# HELP {name} {text}")
            lines.append(f"# TYPE {name} {kind}")

        family("tts_active_streams", "gauge", "Speeches in progress.")
        lines.append(f"tts_active_streams {self.active}")
        family("tts_speeches_total", "counter", "Speeches that ended, by engine and outcome.")
        lines.extend(
            f"tts_speeches_total{_labels(engine=engine, outcome=outcome)} {count}"
            for (engine, outcome), count in sorted(self._speeches.items())
        )
        family("tts_fallbacks_total", "counter", "Speeches that another engine took over before their first audio.")
        lines.extend(
            f"tts_fallbacks_total{_labels(wanted=wanted, engine=engine)} {count}"
            for (wanted, engine), count in sorted(self._fallbacks.items())
        )
        family("tts_breaker_open", "gauge", "1 while an engine is not asked, 0.5 while it is probed, else 0.")
        for engine, state in sorted(self.breakers.items()):
            lines.append(f"tts_breaker_open{_labels(engine=engine)} {BREAKER_LEVELS[state()]}")
        family("tts_audio_bytes_total", "counter", "Encoded audio made, in bytes.")
        lines.extend(
            f"tts_audio_bytes_total{_labels(engine=engine)} {count}"
            for engine, count in sorted(self._audio_bytes.items())
        )
        family("tts_refused_requests_total", "counter", "Requests answered with an error, by status.")
        lines.extend(
            f"tts_refused_requests_total{_labels(status=str(status))} {count}"
            for status, count in sorted(self._refused.items())
        )
        family("tts_first_audio_seconds", "histogram", "Seconds from the request to the first audio.")
        for engine, counts in sorted(self._first_audio.items()):
            total = 0
            for bound, count in zip((*map(str, FIRST_AUDIO_BUCKETS), "+Inf"), counts, strict=True):
                total += count
                lines.append(f"tts_first_audio_seconds_bucket{_labels(engine=engine, le=bound)} {total}")
            lines.append(f"tts_first_audio_seconds_sum{_labels(engine=engine)} {self._first_audio_sum[engine]:.6f}")
            lines.append(f"tts_first_audio_seconds_count{_labels(engine=engine)} {total}")
        return "\n".join(lines) + "\n"


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
