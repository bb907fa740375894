"""Requests share batches, and do not suffer from their company."""

import asyncio
import threading

import numpy as np
import pytest

from egraph.service import Settings
from egraph.service._batching import Batcher
from egraph.service._metrics import Metrics
from egraph.service._problems import Problem


class Doubling:
    """A work that doubles numbers, notes its batches, and waits at a gate."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items):
        assert self.gate.wait(10)
        self.batches.append(list(items))
        if "bad" in items:
            raise ValueError("a bad item")
        return np.array([[2.0 * item] for item in items]).reshape(-1, 1)


def run(scenario, **settings):
    """Runs a scenario on a batcher, which it is given."""

    async def main():
        batcher = Batcher(Settings(**settings), Metrics())
        try:
            return await asyncio.wait_for(scenario(batcher), 20)
        finally:
            await batcher.close()

    return asyncio.run(main())


async def _begun(work, batcher, count=0):
    """A first item is at work, behind the gate, and the given number of others wait."""
    work.gate.clear()
    first = asyncio.create_task(batcher.run(work, [0]))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(batcher.run(work, [number])) for number in range(1, count + 1)]
    await asyncio.sleep(0.05)
    return first, others


def test_requests_that_come_meanwhile_share_a_batch():
    work = Doubling()

    async def scenario(batcher):
        first, others = await _begun(work, batcher, 5)
        work.gate.set()
        return [float(x[0, 0]) for x in await asyncio.gather(first, *others)]

    assert run(scenario) == [0, 2, 4, 6, 8, 10]
    assert work.batches == [[0], [1, 2, 3, 4, 5]]


def test_a_batch_is_no_larger_than_is_set():
    work = Doubling()

    async def scenario(batcher):
        rows = await batcher.run(work, list(range(10)))
        return rows[:, 0].tolist()

    assert run(scenario, largest_batch=4) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert work.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_different_works_do_not_share_a_batch():
    work, other = Doubling(), Doubling()

    async def scenario(batcher):
        first, (second,) = await _begun(work, batcher, 1)
        third = asyncio.create_task(batcher.run(other, [7]))
        fourth = asyncio.create_task(batcher.run(work, [8]))
        await asyncio.sleep(0.05)
        work.gate.set()
        await asyncio.gather(first, second, third, fourth)

    run(scenario)
    assert (work.batches, other.batches) == ([[0], [1, 8]], [[7]])


def test_a_request_waits_a_moment_for_company():
    work = Doubling()

    async def scenario(batcher):
        first = asyncio.create_task(batcher.run(work, [1]))
        await asyncio.sleep(0.05)
        await asyncio.gather(first, batcher.run(work, [2]))

    run(scenario, longest_wait=0.5)
    assert work.batches == [[1, 2]]


def test_a_full_batch_does_not_wait():
    work = Doubling()

    async def scenario(batcher):
        await batcher.run(work, [1, 2])

    run(scenario, longest_wait=100.0, largest_batch=2)
    assert work.batches == [[1, 2]]


def test_cancelled_requests_are_left_out():
    work = Doubling()

    async def scenario(batcher):
        first, others = await _begun(work, batcher, 3)
        others[1].cancel()
        await asyncio.sleep(0.05)
        work.gate.set()
        await asyncio.gather(first, others[0], others[2])

    run(scenario)
    assert work.batches == [[0], [1, 3]]


def test_one_that_fails_does_not_harm_the_others():
    work = Doubling()

    async def scenario(batcher):
        first, others = await _begun(work, batcher, 2)
        bad = asyncio.create_task(batcher.run(work, ["bad"]))
        await asyncio.sleep(0.05)
        work.gate.set()
        outcomes = await asyncio.gather(first, *others, bad, return_exceptions=True)
        return [float(x[0, 0]) for x in outcomes[:-1]], outcomes[-1]

    scores, failure = run(scenario)
    assert scores == [0, 2, 4]
    assert isinstance(failure, ValueError)


def test_too_many_are_turned_away():
    work = Doubling()

    async def scenario(batcher):
        first, others = await _begun(work, batcher, 3)
        with pytest.raises(Problem, match="too many architectures are waiting to be scored") as caught:
            await batcher.run(work, [4])
        work.gate.set()
        await asyncio.gather(first, *others)
        await batcher.run(work, [4])  # there is room again
        return caught.value

    problem = run(scenario, waiting=4)
    assert (problem.status, problem.headers) == (503, {"Retry-After": "1"})


def test_a_request_alone_is_never_too_many():
    """A service that turns away what its own limits allow would do so for ever."""
    work = Doubling()

    async def scenario(batcher):
        return len(await batcher.run(work, list(range(100))))

    assert run(scenario, waiting=10) == 100
