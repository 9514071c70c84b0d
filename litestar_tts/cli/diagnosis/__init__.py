"""What ``litestar-tts doctor`` looks at, one thing a module."""
