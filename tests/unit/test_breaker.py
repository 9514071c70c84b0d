from litestar_tts.engines.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(5):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_four_failures_do_not_open_and_a_success_forgets_them():
    breaker = Breaker(Clock())
    for _ in range(3):
        for _ in range(4):
            assert breaker.admit()
            breaker.failed()
        breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.retry_after == 0


def test_five_failures_in_a_row_open_it():
    clock = Clock()
    breaker = broken(clock)
    assert breaker.state == "open"
    assert not breaker.admit()
    assert breaker.retry_after == 5


def test_a_lasting_failure_opens_it_at_once():
    breaker = Breaker(Clock())
    assert breaker.admit()
    breaker.failed(lasting=True)
    assert not breaker.admit()


def test_one_probe_at_a_time_with_growing_pauses():
    clock = Clock()
    breaker = broken(clock)
    pauses = []
    for _ in range(6):
        pauses.append(breaker.retry_after)
        clock.now += breaker.retry_after
        assert breaker.admit()
        assert breaker.state == "half-open"
        assert not breaker.admit()
        breaker.failed()
    assert pauses == [5, 10, 20, 30, 30, 30]


def test_a_probe_that_succeeds_closes_it():
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert breaker.admit()
    breaker.failed()
    assert breaker.state == "closed"


def test_a_probe_whose_client_left_makes_room_for_the_next():
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    assert breaker.admit()
    breaker.abandoned()
    assert breaker.admit()


def test_at_most_three_tries_in_the_next_twenty_requests():
    clock = Clock()
    breaker = broken(clock)
    tries = 0
    for _ in range(20):
        clock.now += 1
        if breaker.admit():
            tries += 1
            breaker.failed()
    assert tries <= 3


def test_being_overtaken_is_a_failure_unless_it_spoke_for_others_meanwhile():
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(20):
        asked = breaker.now
        clock.now += 1
        assert breaker.admit()
        breaker.succeeded()
        breaker.overtaken(asked)
    assert breaker.state == "closed"
    for _ in range(5):
        clock.now += 1
        breaker.overtaken(breaker.now)
    assert breaker.state == "open"
