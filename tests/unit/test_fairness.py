import asyncio
import gc
import weakref
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litestar_tts.fairness import FairLine, FairPlaces, LineFullError


def served(line: FairLine[str], count: int) -> str:
    """Serve so many; each gives its place back at once."""
    names = []
    for _ in range(count):
        client, item = line.next()
        names.append(item)
        line.give_back(client)
    return " ".join(names)


def joined(line: FairLine[str], *items: str) -> None:
    for item in items:
        line.join(item[0], item)


# --- the line ---------------------------------------------------------------------------------------------------------


def test_one_place_goes_round():
    line = FairLine(max_waiting=20)
    joined(line, "a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert served(line, 7) == "a1 b1 c1 a2 b2 a3 a4"
    assert line.next() is None
    assert len(line) == 0


def test_a_newcomer_waits_for_one_turn_of_each_other_and_not_for_their_lines():
    line = FairLine(max_waiting=1000)
    joined(line, *(f"a{n}" for n in range(500)))
    served(line, 10)
    assert line.ahead("b") == 1
    joined(line, "b1")
    assert line.ahead("b") == 3  # two of a's, and b's own
    assert served(line, 2) == "a10 b1"


def test_who_holds_fewest_is_served_first():
    line = FairLine(max_waiting=20)
    for _ in range(3):
        line.take("a")
    joined(line, "a1", "a2", "b1", "b2", "b3", "b4")
    assert [line.next()[1] for _ in range(6)] == ["b1", "b2", "b3", "a1", "b4", "a2"]


def test_a_place_that_is_given_back_counts_for_who_gave_it():
    line = FairLine(max_waiting=20)
    line.take("a")
    line.take("a")
    line.take("b")
    joined(line, "b1", "a1")
    line.give_back("a")
    line.give_back("a")
    assert line.next() == ("a", "a1")


def test_a_cap_holds_one_client_back_and_nobody_else():
    line = FairLine(max_waiting=20, cap=1)
    joined(line, "a1", "a2", "b1")
    assert [line.next(), line.next(), line.next()] == [("a", "a1"), ("b", "b1"), None]
    assert not line.may_hold_more("a")
    line.give_back("a")
    assert line.next() == ("a", "a2")


def test_nobody_in_particular_has_no_cap():
    line = FairLine(max_waiting=20, cap=1)
    line.join("", "x")
    line.join("", "y")
    assert [line.next(), line.next()] == [("", "x"), ("", "y")]


def test_who_asks_for_little_takes_the_room_of_who_asks_for_most():
    line = FairLine(max_waiting=4)
    joined(line, "a1", "a2", "a3", "b1")
    assert line.join("c", "c1") == "a3"
    # Now a has two, b and c have one: nobody has clearly more than a second one of b would make.
    for item in ("a4", "b2", "c2"):
        with pytest.raises(LineFullError):
            line.join(item[0], item)
    assert line.join("d", "d1") == "a2"
    with pytest.raises(LineFullError):
        line.join("e", "e1")
    assert served(line, 4) == "a1 b1 c1 d1"


def test_a_line_without_room_takes_nobody():
    line = FairLine(max_waiting=0)
    with pytest.raises(LineFullError):
        line.join("a", "a1")
    assert len(line) == line.waiting("a") == 0


def test_leaving_keeps_the_order_of_the_others():
    line = FairLine(max_waiting=20)
    joined(line, "a1", "a2", "a3", "b1")
    line.drop("a", "a1")
    line.drop("a", "a1")  # again is harmless
    line.drop("z", "z1")
    assert served(line, 3) == "a2 b1 a3"


def test_everybody_is_forgotten():
    line = FairLine(max_waiting=20, cap=2)
    joined(line, "a1", "b1", "c1")
    line.take("d")
    assert line.clear() == ["a1", "b1", "c1"]
    line.give_back("d")
    assert not line._clients
    assert not line._ranks


STEPS = st.lists(
    st.tuples(st.sampled_from(("join", "take", "next", "back", "drop")), st.sampled_from("abcd")), max_size=120
)


@settings(max_examples=200)
@given(STEPS, st.sampled_from((None, 1, 3)), st.integers(0, 8))
def test_the_books_are_right_after_any_steps(steps, cap, room):
    line: FairLine[int] = FairLine(max_waiting=room, cap=cap)
    waiting: dict[str, list[int]] = {name: [] for name in "abcd"}
    held: Counter[str] = Counter()
    for number, (step, client) in enumerate(steps):
        if step == "join":
            most = max(map(len, waiting.values()))
            full = sum(map(len, waiting.values())) >= room
            if full and len(waiting[client]) + 1 >= most:
                with pytest.raises(LineFullError):
                    line.join(client, number)
                continue
            displaced = line.join(client, number)
            if full:
                (greedy,) = (name for name in waiting if displaced in waiting[name])
                assert len(waiting[greedy]) == most
                assert waiting[greedy].pop() == displaced
            waiting[client].append(number)
        elif step == "take" and line.may_hold_more(client):
            line.take(client)
            held[client] += 1
        elif step == "back" and held[client]:
            line.give_back(client)
            held[client] -= 1
        elif step == "drop" and waiting[client]:
            line.drop(client, waiting[client].pop(len(waiting[client]) // 2))
        elif step == "next":
            may = [name for name in waiting if waiting[name] and (cap is None or held[name] < cap)]
            got = line.next()
            assert (got is None) is (not may)
            if got is not None:
                name, item = got
                assert held[name] == min(held[other] for other in may)
                assert waiting[name].pop(0) == item
                held[name] += 1
        assert len(line) == sum(map(len, waiting.values()))
        assert set(line._clients) == {name for name in waiting if waiting[name] or held[name]}
        assert all(line.waiting(name) == len(waiting[name]) for name in waiting)
        assert sum(map(len, line._ranks.values())) == sum(
            1 for name in waiting if waiting[name] and (cap is None or held[name] < cap)
        )


# --- places -----------------------------------------------------------------------------------------------------------


async def queued(places: FairPlaces, *clients: str, patience: float = 10.0) -> list[asyncio.Task[None]]:
    tasks = []
    for client in clients:
        tasks.append(asyncio.create_task(places.take(client, patience=patience)))
        await asyncio.sleep(0)
    return tasks


async def test_places_are_taken_at_once_while_there_are_any():
    places = FairPlaces(2, max_waiting=0)
    await places.take("a", patience=0.01)
    await places.take("a", patience=0.01)
    with pytest.raises(LineFullError):
        await places.take("b", patience=0.01)
    places.leave("a")
    await places.take("b", patience=0.01)
    assert places.taken == 2


async def test_waiting_has_a_limit():
    places = FairPlaces(1, max_waiting=5)
    await places.take("a", patience=1)
    with pytest.raises(TimeoutError):
        await places.take("b", patience=0.01)
    assert len(places.line) == 0
    places.leave("a")
    assert places.taken == 0


async def test_a_free_place_is_not_for_who_is_at_the_cap():
    places = FairPlaces(3, max_waiting=5, cap=2)
    await places.take("a", patience=1)
    await places.take("a", patience=1)
    (waits,) = await queued(places, "a")
    assert not waits.done()
    await places.take("b", patience=1)
    places.leave("b")
    assert not waits.done()
    places.leave("a")
    await waits
    assert (places.taken, len(places.line)) == (2, 0)


async def test_more_places_let_more_in_and_fewer_throw_nobody_out():
    places = FairPlaces(1, max_waiting=5)
    await places.take("a", patience=1)
    tasks = await queued(places, "b", "c", "d")
    places.resize(3)
    await asyncio.gather(*tasks[:2])
    places.resize(1)
    assert (places.taken, places.places) == (3, 1)
    places.leave("a")
    places.leave("b")
    await asyncio.sleep(0)
    assert not tasks[2].done()
    places.leave("c")
    await tasks[2]
    assert places.taken == 1


async def test_who_is_displaced_hears_of_it_at_once():
    places = FairPlaces(1, max_waiting=2)
    await places.take("a", patience=1)
    first, second = await queued(places, "a", "a")
    (other,) = await queued(places, "b")
    with pytest.raises(LineFullError):
        await second
    places.leave("a")
    await other
    places.leave("b")
    await first


@pytest.mark.parametrize("tick", [False, True])
async def test_a_place_that_comes_in_the_moment_of_leaving_is_passed_on(*, tick: bool):
    places = FairPlaces(1, max_waiting=5)
    await places.take("a", patience=1)
    gone, stays = await queued(places, "b", "c")
    if tick:
        gone.cancel()
        places.leave("a")
    else:
        places.leave("a")
        gone.cancel()  # its turn has come, but it has not run yet
    await asyncio.gather(gone, return_exceptions=True)
    assert gone.cancelled()
    await stays
    places.leave("c")
    assert (places.taken, len(places.line)) == (0, 0)


async def test_who_is_displaced_and_leaves_in_one_moment_costs_nothing(caplog: pytest.LogCaptureFixture):
    places = FairPlaces(1, max_waiting=2)
    await places.take("a", patience=1)
    first, second = await queued(places, "a", "a")
    taking = asyncio.create_task(places.take("b", patience=1))
    taking.get_loop().call_soon(second.cancel)
    await asyncio.gather(second, return_exceptions=True)
    places.leave("a")
    await taking
    places.leave("b")
    await first
    places.leave("a")
    assert (places.taken, len(places.line)) == (0, 0)
    del second
    gc.collect()
    assert not caplog.records


async def test_who_waits_in_vain_is_told():
    places = FairPlaces(1, max_waiting=5)
    await places.take("a", patience=1)
    tasks = await queued(places, "b", "c")
    places.fail(lambda: RuntimeError("closed"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["closed", "closed"]
    places.leave("a")
    assert (places.taken, len(places.line)) == (0, 0)


async def test_five_hundred_of_one_and_five_of_another():
    places = FairPlaces(4, max_waiting=1000)
    order: list[str] = []

    async def speak(client: str) -> None:
        await places.take(client, patience=30)
        await asyncio.sleep(0)
        order.append(client)
        places.leave(client)

    many = [asyncio.create_task(speak("a")) for _ in range(500)]
    while len(places.line) < 490:
        await asyncio.sleep(0)
    begun = len(order)
    await asyncio.gather(*(speak("b") for _ in range(5)))
    assert len(order) - begun <= 30  # each of the five waits for a few of the others, not for hundreds
    await asyncio.gather(*many)
    assert (places.taken, len(places.line)) == (0, 0)


async def test_nothing_keeps_clients_alive():
    class Name(str):
        __slots__ = ("__weakref__",)

    places = FairPlaces(1, max_waiting=5)
    name = Name("somebody")
    await places.take(name, patience=1)
    (waits,) = await queued(places, name)
    places.leave(name)
    await waits
    places.leave(name)
    known = weakref.ref(name)
    del name, waits
    gc.collect()
    assert known() is None
