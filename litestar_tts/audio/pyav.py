"""The one door to PyAV, which is imported on first use and may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from litestar_tts.exceptions import MissingExtraError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.audio.codeccontext import AudioCodecContext

__all__ = ("available", "check_available", "encode_frame", "load", "make_frame", "plane_bytes")


def available() -> bool:
    """Whether PyAV is installed; imports nothing."""
    return find_spec("av") is not None


def check_available() -> None:
    """Make sure that PyAV is installed, without the cost of importing it.

    Raises:
        MissingExtraError: It is not.
    """
    if not available():
        raise MissingExtraError("PyAV", "audio")


def load() -> Any:
    """PyAV's module.

    Raises:
        MissingExtraError: It is not installed, or its libraries do not load on this machine.
    """
    try:
        import av  # a quarter of a second and 30 MB that a server without sound never pays
    except ImportError as error:
        raise MissingExtraError("PyAV", "audio") from error
    return av


def make_frame(data: bytes | bytearray | memoryview, sample_format: str, rate: int, position: int) -> Any:
    """A mono frame of samples that starts at sample ``position`` of its stream."""
    frame = load().AudioFrame(
        format=sample_format, layout="mono", samples=len(data) // (4 if "flt" in sample_format else 2)
    )
    frame.planes[0].update(data)
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = position
    return frame


def plane_bytes(frame: AudioFrame, sample_size: int) -> bytes:
    """The samples of a mono frame, without the padding behind them."""
    return bytes(memoryview(frame.planes[0])[: frame.samples * sample_size])


def encode_frame(context: AudioCodecContext, frame: AudioFrame | None) -> Iterable[Any]:
    """Packets that an open encoder has once ``frame`` is in it; None flushes it."""
    # The public encode() first runs each frame through a filter graph of its own, although ours already fit. That
    # graph starts a thread per core for every encoder: 200 idle threads for 100 streams. So we take the step behind it
    # where it exists; where it does not, only threads are lost.
    send = getattr(context, "_send_frame_and_recv", None)
    packets: Iterable[Any] = context.encode(frame) if send is None else send(frame)
    return packets
