"""A small host application of litestar-tts: a shelf of public-domain texts that can be listened to."""
