import asyncio

import pytest

from litestar_tts.exceptions import OverloadedError
from litestar_tts.road.admission import Admission


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
