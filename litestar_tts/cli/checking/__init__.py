"""What ``litestar-tts check`` tries against a server, one thing a module."""
