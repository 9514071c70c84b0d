"""The service as a Litestar application gets it."""

import hashlib
from typing import Any

from litestar import Request
from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.connection import ASGIConnection

from litestar_tts.config import TTSConfig
from litestar_tts.models import AudioFormat
from litestar_tts.service import SpeechService
from litestar_tts.web.answers import speech_response
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.problems import instance_of
from litestar_tts.web.ratelimit import ClientIdentity
from litestar_tts.web.response import AudioStream

__all__ = ("TTSService",)


class TTSService(SpeechService):
    """Speech for the handlers of an application; injected as ``tts_service`` (``TTSConfig.service_key``).

    Args:
        config: Options.
        keys: API keys that make a client of their own.
    """

    def __init__(self, config: TTSConfig | None = None, *, keys: ApiKeys | None = None) -> None:
        super().__init__(config)
        self._identify = ClientIdentity(keys=keys, trusted_proxies=self.config.trusted_proxies)

    def client_of(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """A name for the client of a request or socket, the same each time: what ``client=`` of the others takes.

        It is the client that the rate limit counts, and gives away neither its key nor its address.
        """
        name = self._identify(connection).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(name, digest_size=16).hexdigest()

    async def response(
        self,
        text: str,
        *,
        format: AudioFormat | str = AudioFormat.MP3,  # noqa: A002
        frames: bool = False,
        request: Request[Any, Any, Any] | None = None,
        background: BackgroundTask | BackgroundTasks | None = None,
        **options: Any,
    ) -> AudioStream:
        """Speak a text as the response of a handler; the first audio exists when this returns.

        Args:
            text: What to say.
            format: Audio format.
            frames: Audio and visemes in frames, as ``/generate-stream`` answers, instead of the audio alone.
            request: The handler's request, its body read: then a client who leaves before the first audio ends the
                speech at once, and not only when the response starts, and places are shared fairly among clients.
            background: Run behind the response.
            **options: As for :meth:`~litestar_tts.service.SpeechService.request`.

        Raises:
            TTSError: The text cannot be spoken, or no audio can be had.
        """
        options.setdefault("timeline", frames)
        if request is not None:
            options.setdefault("client", self.client_of(request))
        speech = self.speak(text, format=format, **options)
        return await speech_response(
            speech,
            framed=frames,
            receive=request.receive if request is not None else None,
            instance=instance_of(request.scope) if request is not None else "",
            background=background,
            write_timeout=self.config.write_timeout,
        )
