"""The client's work as steps: what is asked of the network and of the clock, without doing it.

The logic is written once, as generators that yield steps and get their results; the asynchronous and the synchronous
client carry the steps out, each in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("Answer", "Call", "Close", "Next", "Send", "Step", "Steps", "Wait", "Work")


class Answer(Protocol):
    """An answer whose body has not been read."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    url: str
    """Without its query."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    method: Literal["GET", "POST"]
    path: str
    params: dict[str, str] = {}
    body: bytes | None = None
    """JSON."""
    headers: dict[str, str] = {}
    streamed: bool = False
    """The answer is read while it comes."""


class Send(msgspec.Struct, frozen=True):
    """Send a request and wait for the head of the answer. Gives an :class:`Answer`."""

    call: Call


class Next(msgspec.Struct, frozen=True):
    """Wait for more of the body. Gives bytes, or None at its end."""

    answer: Any


class Close(msgspec.Struct, frozen=True):
    """Give up an answer; harmless when it is over. Gives None."""

    answer: Any


class Wait(msgspec.Struct, frozen=True):
    """Let time pass. Gives None."""

    seconds: float


class Work(msgspec.Struct, frozen=True):
    """Something that blocks, such as a disk. Gives what it returns."""

    function: Callable[[], Any]


Step = Send | Next | Close | Wait | Work

T = TypeVar("T")
Steps = Generator[Step, Any, T]
