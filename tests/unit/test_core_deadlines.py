"""Time limits of work: what ends it, what does not count, and whose connections are cut."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from core import deadlines
from core.deadlines import (
    CURRENT,
    Deadline,
    DeadlinePassed,
    allow,
    allowed,
    allowing,
    paused,
    within,
)

pytestmark = pytest.mark.asyncio

SOON = 0.02


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection, and its far end, which never says a word."""
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


async def test_work_that_goes_on_is_ended() -> None:
    with pytest.raises(DeadlinePassed):
        async with within(SOON):
            await asyncio.Event().wait()
    assert CURRENT.get() is None


async def test_work_that_is_quick_is_not() -> None:
    async with within(60):
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_somebody_else_cancels_stays_cancelled() -> None:
    async def work() -> None:
        async with within(60):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_pause_does_not_count() -> None:
    async with within(SOON) as deadline:
        with paused(), paused():
            await asyncio.sleep(3 * SOON)
        assert not deadline.passed


async def test_a_held_connection_is_cut_and_the_work_may_say_so_itself(
    line: tuple[socket.socket, socket.socket],
) -> None:
    near, _ = line
    async with within(SOON) as deadline:
        deadline.hold(near)
        # A driver that shields itself from being cancelled is ended by this all the same.
        assert await asyncio.shield(asyncio.get_running_loop().sock_recv(near, 1)) == b""
        assert deadline.passed
        assert deadlines.is_over()


async def test_a_connection_that_was_let_go_is_somebody_elses(
    line: tuple[socket.socket, socket.socket],
) -> None:
    near, far = line

    async def work() -> None:
        async with within(SOON) as deadline:
            deadline.hold(near)
            deadline.let_go(near)
            await asyncio.Event().wait()

    with pytest.raises(DeadlinePassed):
        await work()
    far.send(b"x")
    assert near.recv(1) == b"x"


async def test_more_time_may_be_allowed_while_it_goes_on() -> None:
    async with within(SOON) as deadline:
        allow(60)
        await asyncio.sleep(2 * SOON)
        assert not deadline.passed


async def test_a_routes_own_time_is_asked_for_when_the_first_is_over() -> None:
    asked = asyncio.Event()

    def own() -> float:
        asked.set()
        return 60.0

    deadline = Deadline(SOON, own)
    await asked.wait()
    assert not deadline.passed
    deadline.end()


async def test_a_route_says_how_long_it_may_take() -> None:
    @allowing(77)
    async def long() -> None: ...

    assert (allowed(long, 10), allowed(None, 10), allowed(print, 10)) == (77, 10, 10)
