"""``python -m litestar_tts`` is the ``litestar-tts`` command."""

from litestar_tts.cli import main

if __name__ == "__main__":
    main()
