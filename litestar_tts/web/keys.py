"""The keys that a server knows, and those that its clients send."""

import hmac
from collections.abc import Iterable, Mapping

__all__ = ("ApiKeys", "sent_key")


def sent_key(headers: Mapping[str, str]) -> str | None:
    """The key of ``Authorization: Bearer …``, or of ``X-API-Key``; None where there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return bearer or headers.get("x-api-key")


class ApiKeys:
    """Recognises keys.

    Args:
        keys: Those that are known.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    def __contains__(self, key: str) -> bool:
        given = key.encode("utf-8", "surrogateescape")
        known = False
        for one in self._keys:
            # All are compared, each in constant time, so that the answer's delay tells nothing.
            known |= hmac.compare_digest(given, one)
        return known
