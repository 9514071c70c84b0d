import pytest

from litestar_tts.engines.breaker import MAX_VOICES, Breaker, Breakers
from litestar_tts.exceptions import EngineError, EngineRejectedError, NoAudioError
from litestar_tts.models import Voice


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(5):
        assert breaker.closed
        breaker.failed()
    return breaker


def test_four_failures_do_not_open_and_a_success_forgets_them():
    breaker = Breaker(Clock())
    for _ in range(3):
        for _ in range(4):
            breaker.failed()
        breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.retry_after == 0


def test_five_failures_in_a_row_open_it():
    breaker = broken(Clock())
    assert breaker.state == "open"
    assert not breaker.begin_probe()
    assert breaker.retry_after == 5


def test_a_lasting_failure_opens_it_at_once():
    breaker = Breaker(Clock())
    breaker.failed(lasting=True)
    assert breaker.state == "open"


def test_who_was_asked_before_it_opened_says_nothing_new():
    breaker = broken(Clock())
    for _ in range(20):
        breaker.failed()
    assert breaker.retry_after == 5


def test_one_probe_at_a_time_with_growing_pauses():
    clock = Clock()
    breaker = broken(clock)
    pauses = []
    for _ in range(6):
        pauses.append(breaker.retry_after)
        clock.now += breaker.retry_after
        assert breaker.begin_probe()
        assert breaker.state == "half-open"
        assert not breaker.begin_probe()
        breaker.failed()
        assert breaker.state == "half-open"
        breaker.failed(probe=True)
        assert breaker.state == "open"
    assert pauses == [5, 10, 20, 30, 30, 30]


def test_a_probe_that_succeeds_closes_it():
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    assert breaker.begin_probe()
    breaker.succeeded()
    assert breaker.state == "closed"
    breaker.failed()
    assert breaker.state == "closed"


def test_a_probe_that_was_abandoned_makes_room_for_the_next():
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    assert breaker.begin_probe()
    breaker.abandoned()
    assert breaker.begin_probe()


# --- an engine and its voices -----------------------------------------------------------------------------------------


def voice(name: str) -> Voice:
    return Voice(id=name, name=name, engine="edge", language="en-US")


ARIA, GUY, JENNY = voice("aria"), voice("guy"), voice("jenny")


class Told:
    def __init__(self) -> None:
        self.times = 0
        self.clock = Clock()
        self.breakers = Breakers(self.tell, clock=self.clock)

    def tell(self) -> None:
        self.times += 1

    def fail(self, wanted: Voice, error: EngineError) -> None:
        ticket = self.breakers.admit(wanted)
        assert ticket is not None
        self.breakers.failed(ticket, error)


@pytest.fixture
def told() -> Told:
    return Told()


def test_nobody_passes_an_open_breaker_and_somebody_is_told(told: Told):
    for _ in range(5):
        assert told.times == 0
        told.fail(ARIA, EngineError("down"))
    assert told.times == 1
    told.clock.now += 1000
    assert told.breakers.admit(ARIA) is None
    assert told.breakers.admit(GUY) is None
    assert told.times == 3


def test_a_refusal_opens_it_at_once(told: Told):
    told.fail(ARIA, EngineRejectedError("outdated"))
    assert told.breakers.engine.state == "open"


def test_a_voice_without_audio_does_not_silence_the_others(told: Told):
    for _ in range(5):
        told.fail(ARIA, NoAudioError("nothing"))
    assert told.breakers.engine.state == "open"
    assert told.breakers.is_suspect(ARIA)
    ticket = told.breakers.admit(GUY)
    assert ticket is not None
    assert told.breakers.engine.state == "half-open"
    assert told.breakers.admit(JENNY) is None
    told.breakers.succeeded(ticket)
    assert told.breakers.engine.state == "closed"
    assert told.breakers.failing_voices == ["aria"]
    assert told.breakers.admit(ARIA) is None
    assert told.breakers.admit(JENNY) is not None


def test_a_second_voice_without_audio_clears_the_first(told: Told):
    for _ in range(5):
        told.fail(ARIA, NoAudioError("nothing"))
    ticket = told.breakers.admit(GUY)
    assert ticket is not None
    told.breakers.failed(ticket, NoAudioError("nothing"))
    assert not told.breakers.is_suspect(ARIA)
    assert told.breakers.admit(JENNY) is None
    assert told.breakers.retry_after(JENNY) == 10


def test_a_voice_is_tried_again_one_request_at_a_time(told: Told):
    for _ in range(5):
        told.fail(ARIA, NoAudioError("nothing"))
        told.breakers.engine.succeeded()
    assert told.breakers.admit(ARIA) is None
    told.clock.now += 5
    ticket = told.breakers.admit(ARIA)
    assert ticket is not None
    assert told.breakers.admit(ARIA) is None
    told.breakers.abandoned(ticket)
    ticket = told.breakers.admit(ARIA)
    assert ticket is not None
    told.breakers.succeeded(ticket)
    assert told.breakers.failing_voices == []
    assert told.breakers.admit(ARIA) is not None


def test_a_row_of_different_failures_is_the_engines(told: Told):
    for _ in range(4):
        told.fail(ARIA, NoAudioError("nothing"))
    told.fail(ARIA, EngineError("down"))
    assert told.breakers.admit(GUY) is None


def test_no_end_of_failing_voices_is_remembered(told: Told):
    for number in range(MAX_VOICES + 50):
        for _ in range(5):
            ticket = told.breakers.admit(voice(f"v{number}"))
            assert ticket is not None
            told.breakers.failed(ticket, NoAudioError("nothing"))
            told.breakers.engine.succeeded()
    assert len(told.breakers.failing_voices) == MAX_VOICES


def test_being_overtaken_is_a_failure_unless_it_spoke_for_others_meanwhile(told: Told):
    for _ in range(20):
        ticket, other = told.breakers.admit(ARIA), told.breakers.admit(ARIA)
        assert ticket is not None
        assert other is not None
        told.clock.now += 1
        told.breakers.succeeded(other)
        told.breakers.overtaken(ticket)
    assert told.breakers.engine.state == "closed"
    for _ in range(5):
        ticket = told.breakers.admit(ARIA)
        assert ticket is not None
        told.clock.now += 1
        told.breakers.overtaken(ticket)
    assert told.breakers.engine.state == "open"
