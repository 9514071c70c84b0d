"""The keys that a server knows, and those that its clients send."""

import base64
import binascii
import hashlib
import hmac
import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from litestar_tts.config import ENVIRONMENT, TTSConfig
from litestar_tts.exceptions import ConfigurationError

__all__ = ("ApiKeys", "SentKeys", "sent_keys")

logger = logging.getLogger("litestar_tts")

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the file."""
SETTLED: Final = 2.0
"""Seconds after which a file's time of change tells two versions apart on every file system."""
MAX_FILE_BYTES: Final = 1024 * 1024


class SentKeys(NamedTuple):
    """What a request gives as its key, in each of the places where one may be; any of them may be right."""

    explicit: tuple[str, ...]
    """``Authorization: Bearer …`` and ``X-API-Key``: a program has put them there."""
    ambient: str | None
    """The password of ``Authorization: Basic …``: browsers add it by themselves, whoever made the request."""


def sent_keys(headers: Mapping[str, str]) -> SentKeys:
    """The keys of a request; there may be none."""
    scheme, _, credentials = headers.get("authorization", "").strip().partition(" ")
    scheme, credentials = scheme.lower(), credentials.strip()
    bearer = credentials if scheme == "bearer" else ""
    explicit = tuple(key for key in (bearer, headers.get("x-api-key", "").strip()) if key)
    return SentKeys(explicit, _password(credentials) if scheme == "basic" else None)


def _password(credentials: str) -> str | None:
    try:
        decoded = base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        return None
    # As the bytes came, like every other header: the comparison knows both spellings.
    return decoded.partition(b":")[2].decode("latin-1") or None


class ApiKeys:
    """Recognises keys; one object for all who ask, so that a key comes and goes for all of them at once.

    Args:
        keys: Keys that stay.
        file: File with further keys, one a line; it is read again when it has changed.
        clock: Seconds that only grow; for tests.

    Raises:
        ConfigurationError: The file cannot be read now, or has no key.
    """

    def __init__(
        self,
        keys: Iterable[str] = (),
        *,
        file: str | Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lasting = _digests(keys)
        self._file = _KeyFile(Path(file), clock) if file is not None else None

    @classmethod
    def from_config(cls, config: TTSConfig) -> "ApiKeys | None":
        """The keys that a configuration names; None where it asks for none."""
        return cls(config.api_keys, file=config.api_keys_file) if config.asks_for_keys else None

    def recognise(self, sent: Iterable[str]) -> str | None:
        """A name for the first of these keys that is known, which does not give the key away; None if none is."""
        known = self._lasting if self._file is None else (*self._lasting, *self._file.digests())
        return next((name for key in sent if (name := _find(key, known)) is not None), None)

    def __contains__(self, key: str) -> bool:
        return self.recognise((key,)) is not None

    def __deepcopy__(self, memo: dict[int, Any]) -> "ApiKeys":
        # A framework that copies its handlers with all they hold must not keep keys that were withdrawn.
        return self


class _Digest(NamedTuple):
    name: str
    value: bytes


def _digests(keys: Iterable[str]) -> tuple[_Digest, ...]:
    found: dict[bytes, _Digest] = {}
    for key in keys:
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        for spelling in ("utf-8", "latin-1"):
            # Headers are bytes: clients spell letters beyond ASCII in one way or the other.
            with suppress(UnicodeEncodeError):
                value = hashlib.sha256(key.encode(spelling)).digest()
                found.setdefault(value, _Digest(name, value))
    return tuple(found.values())


def _find(key: str, known: Iterable[_Digest]) -> str | None:
    try:
        given = key.encode("latin-1")
    except UnicodeEncodeError:
        given = key.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(given).digest()
    name = None
    for one in known:
        # All are compared, each in constant time and at one length, so that the answer's delay tells nothing.
        if hmac.compare_digest(digest, one.value):
            name = one.name
    return name


# --- the file ---------------------------------------------------------------------------------------------------------


class _KeyFile:
    """Keys of a file, as fresh as :data:`LOOK_EVERY`; no thread, no watcher: whoever asks for them looks."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._trouble = ""
        self._seen: tuple[int, ...] | None = None
        try:
            self._digests = self._read()
        except (OSError, ValueError) as error:
            reason = f"api_keys_file (environment: {ENVIRONMENT['api_keys_file']}) cannot be used: {_reason(error)}"
            raise ConfigurationError(f"{reason}; name a readable text file with one key a line") from None
        if not self._digests:
            raise ConfigurationError(
                f"api_keys_file (environment: {ENVIRONMENT['api_keys_file']}) has no key; write one a line, "
                "or unset it to let everybody in"
            )
        self._look_at = clock() + LOOK_EVERY

    def digests(self) -> tuple[_Digest, ...]:
        """What the keys are now."""
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look()
        return self._digests

    def _look(self) -> None:
        try:
            if self._seen is not None and _version(self._path.stat()) == self._seen:
                return
            digests = self._read()
        except (OSError, ValueError) as error:
            self._seen = None
            # The last good keys stay: a file that is being replaced must not lock everybody out.
            self._say(f"cannot be read ({_reason(error)}); the keys that were last read stay")
            return
        if digests != self._digests:
            logger.info("API keys file: read again, %d keys", len({one.name for one in digests}))
        self._digests = digests
        self._say("" if digests else "has no key; it lets nobody in")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            logger.warning("API keys file: it %s", trouble)
        elif self._trouble and not trouble:
            logger.info("API keys file: it is well again")
        self._trouble = trouble

    def _read(self) -> tuple[_Digest, ...]:
        # Asked before it is opened: opening a pipe would wait for its other end.
        if not stat.S_ISREG(self._path.stat().st_mode):
            raise ValueError("not a regular file")
        with self._path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ValueError("larger than 1 MiB")
        try:
            digests = _digests(_keys_of(data.decode("utf-8-sig")))
        except UnicodeDecodeError:
            raise ValueError("not text in UTF-8") from None
        # What was written a moment ago may be written again without a new time of change.
        settled = time.time_ns() - found.st_mtime_ns > SETTLED * 1e9
        self._seen = _version(found) if settled else None
        return digests


def _version(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)


def _keys_of(text: str) -> Iterable[str]:
    for line in text.splitlines():
        # A comment begins the line, or stands behind white space: keys may contain "#".
        words = line.split()
        end = next((number for number, word in enumerate(words) if word.startswith("#")), len(words))
        key = " ".join(words[:end])
        if key:
            yield key


def _reason(error: Exception) -> str:
    return (error.strerror or type(error).__name__).lower() if isinstance(error, OSError) else str(error)
