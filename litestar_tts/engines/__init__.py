"""Speech engines: each yields events for one utterance; see :mod:`litestar_tts.engines.base`."""
