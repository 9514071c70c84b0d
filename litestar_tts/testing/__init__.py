"""For tests of applications and of engines: an engine that beeps, and the contract that every engine keeps.

An engine's tests are a subclass; pytest finds it by its name::

    import pytest
    pytest.register_assert_rewrite("litestar_tts.testing")
    from litestar_tts.testing import EngineContract

    class TestMyEngine(EngineContract):
        text = "Guten Morgen, meine Damen und Herren, und willkommen bei uns."

        def make_engine(self):
            return MyEngine()

Needs nothing but the standard library and this package. The contract runs its own event loops, so that no plugin of
pytest is needed either.
"""

from __future__ import annotations

from litestar_tts.testing.contract import EngineContract, Performance, listen
from litestar_tts.testing.tone import ToneEngine

__all__ = ("EngineContract", "Performance", "ToneEngine", "listen")
