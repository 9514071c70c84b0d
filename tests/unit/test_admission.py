import asyncio

import pytest

from litestar_tts.exceptions import OverloadedError
from litestar_tts.road.admission import Admission, Place


async def waiting(admission: Admission, count: int) -> None:
    while admission.state.waiting != count:
        await asyncio.sleep(0)


async def test_places_are_given_in_order():
    admission = Admission(1, 5, 10.0)
    first = await admission.enter()
    order: list[int] = []

    async def come(number: int) -> None:
        place = await admission.enter()
        order.append(number)
        place.leave()

    tasks = []
    for number in range(4):
        tasks.append(asyncio.create_task(come(number)))
        await waiting(admission, number + 1)
    first.leave()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3]
    assert (admission.state.active, admission.state.waiting) == (0, 0)


async def test_a_full_queue_refuses_at_once_and_says_when():
    admission = Admission(1, 0, 10.0)
    place = await admission.enter()
    with pytest.raises(OverloadedError) as raised:
        await admission.enter()
    assert 1 <= raised.value.retry_after <= 60
    place.leave()
    (await admission.enter()).leave()


async def test_waiting_has_a_limit():
    admission = Admission(1, 1, 0.01)
    place = await admission.enter()
    with pytest.raises(OverloadedError):
        await admission.enter()
    assert admission.state.waiting == 0
    place.leave()
    assert admission.state.active == 0


async def test_who_leaves_the_queue_costs_nobody_a_place():
    admission = Admission(1, 5, 10.0)
    place = await admission.enter()
    gone = asyncio.create_task(admission.enter())
    stays = asyncio.create_task(admission.enter())
    await waiting(admission, 2)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    place.leave()
    place.leave()  # giving back twice is harmless
    (await stays).leave()
    assert admission.state.active == 0


async def test_a_place_that_comes_in_the_moment_of_leaving_is_passed_on():
    admission = Admission(1, 5, 10.0)
    place = await admission.enter()
    gone = asyncio.create_task(admission.enter())
    stays = asyncio.create_task(admission.enter())
    await waiting(admission, 2)
    place.leave()
    gone.cancel()  # its turn has come, but it has not run yet
    await asyncio.gather(gone, return_exceptions=True)
    (await asyncio.wait_for(stays, 5)).leave()
    assert admission.state.active == 0


async def entered(admission: Admission, *clients: str) -> list[asyncio.Task[Place]]:
    """Let so many come, each behind the one before; gives those who wait, or have come in."""
    tasks = []
    for client in clients:
        tasks.append(asyncio.create_task(admission.enter(client)))
        await asyncio.sleep(0)
    return tasks


async def test_one_client_gets_its_share_of_the_places():
    admission = Admission(4, 10, 10.0, per_client=2)
    tasks = await entered(admission, "a", "a", "a", "b")
    assert [task.done() for task in tasks] == [True, True, False, True]
    assert (admission.state.active, admission.state.waiting) == (3, 1)
    tasks[0].result().leave()
    (await tasks[2]).leave()


@pytest.mark.parametrize(
    ("places", "given", "expected"),
    [(1, None, 1), (5, None, 5), (5, 3, 3), (5, 9, 5), (150, None, 100), (300, None, 150)],
)
async def test_the_share_of_a_client(places: int, given: int | None, expected: int):
    admission = Admission(places, 200, 10.0, per_client=given)
    tasks = await entered(admission, *["a"] * 200)
    assert sum(task.done() for task in tasks) == expected
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_speech_of_nobody_in_particular_may_have_every_place():
    admission = Admission(4, 0, 10.0)
    places = [await admission.enter() for _ in range(4)]
    with pytest.raises(OverloadedError):
        await admission.enter()
    for place in places:
        place.leave()


async def test_a_full_queue_has_room_for_who_asks_for_little():
    admission = Admission(1, 3, 10.0)
    place = await admission.enter("a")
    mine = await entered(admission, "a", "a", "a")
    (other,) = await entered(admission, "b")
    with pytest.raises(OverloadedError) as refused:
        await mine[2]
    assert refused.value.retry_after >= 1
    with pytest.raises(OverloadedError):
        await admission.enter("a")
    assert admission.state.waiting == 3
    place.leave()
    (await other).leave()  # the other's turn comes before those who came first
    for task in mine[:2]:
        (await task).leave()


async def test_the_advice_follows_the_pace_and_who_asks():
    now = 1000.0
    admission = Admission(4, 8, 10.0, per_client=2, clock=lambda: now)
    first = [await admission.enter("a") for _ in range(2)]
    now += 6.0
    for place in first:
        place.leave()
    first = [await admission.enter(name) for name in "aabc"]
    waiting = await entered(admission, *["a"] * 6, *"dd")

    async def advice(client: str) -> float:
        with pytest.raises(OverloadedError) as refused:
            await admission.enter(client)
        assert refused.value.retry_after is not None
        return refused.value.retry_after

    # A place is held for six seconds. Eight wait for four places, of which a may have two.
    assert await advice("a") == 21  # its own seventh, two at a time
    waiting += await entered(admission, "e", "f")  # two of a's had to go
    assert await advice("a") == 15
    waiting += await entered(admission, "g", "h")
    assert await advice("d") == 14  # two of its own, two of a's and four of others are in front
    now += 60.0  # nobody has left for a minute: the pace is not what it was
    assert await advice("d") == 60
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for place in first:
        place.leave()
    assert admission.state.active == 0
