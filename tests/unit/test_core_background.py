"""Work in the background: once under its name, waited for in bounds, ended with the process."""

import asyncio

import pytest

from core.background import Background

pytestmark = pytest.mark.asyncio


class Slow:
    """Work that goes on until it is told to end, and knows how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.go = asyncio.Event()

    async def __call__(self) -> None:
        self.begun += 1
        await self.go.wait()
        self.ended += 1


async def test_work_goes_on_when_patience_is_over_and_is_not_begun_twice() -> None:
    background, work = Background(), Slow()
    assert not await background.do("a", work, 0.01)
    assert not await background.do("a", work, 0)
    assert (work.begun, work.ended) == (1, 0)
    work.go.set()
    assert await background.do("a", work, 10)
    assert (work.begun, work.ended) == (1, 1)
    assert await background.do("a", work, 10)
    assert work.begun == 2


async def test_names_are_apart() -> None:
    background, work = Background(), Slow()
    for name in ("a", "b"):
        await background.do(name, work, 0.01)
    assert work.begun == 2
    await background.aclose()


async def test_whoever_waits_may_go_away_and_the_work_goes_on() -> None:
    background, work = Background(), Slow()
    waiting = asyncio.create_task(background.do("a", work, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    work.go.set()
    assert await background.do("a", work, 10)
    assert (work.begun, work.ended) == (1, 1)


async def test_a_failure_is_nobodys_and_the_name_is_free_again() -> None:
    background, begun = Background(), 0

    async def fail() -> None:
        nonlocal begun
        begun += 1
        raise ValueError("no")

    for _ in range(2):
        assert await background.do("a", fail, 10)
    assert begun == 2


async def test_what_is_under_way_ends_with_the_process() -> None:
    background, work = Background(), Slow()
    await background.do("a", work, 0)
    await asyncio.sleep(0)
    await background.aclose()
    assert (work.begun, work.ended) == (1, 0)
    await background.aclose()
