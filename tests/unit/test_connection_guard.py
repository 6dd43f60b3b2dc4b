"""Who is closed, and when: the table of a server's connections, without a server."""

from typing import Any, cast

import pytest

from app.server import ConnectionLimits, Guard, GuardedProtocol

pytestmark = pytest.mark.asyncio

LIMITS = ConnectionLimits(most=3, most_of_one=2)


class Transport:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Loop:
    def call_later(self, *_: Any) -> None:
        return None


class Flow:
    read_paused = False


class Connection:
    """As much of a connection as its guard sees."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.loop = Loop()
        self.flow = Flow()


def guard_of(limits: ConnectionLimits = LIMITS) -> Guard:
    return Guard(limits)


def come(guard: Guard, count: int, now: float, address: str = "127.0.0.1") -> Connection:
    made = Connection()
    guard.come(cast("GuardedProtocol", made), address, count, now)
    return made


def proto(connection: Connection) -> GuardedProtocol:
    return cast("GuardedProtocol", connection)


async def test_where_it_is_full_who_has_waited_longest_for_a_head_makes_room() -> None:
    guard = guard_of()
    first, second, third = (come(guard, count, count) for count in (1, 2, 3))
    fourth = come(guard, 4, 4)
    assert [one.transport.aborted for one in (first, second, third, fourth)] == [
        *(True, False, False, False)
    ]


async def test_who_is_being_answered_is_never_closed_for_another() -> None:
    guard = guard_of()
    answered = [come(guard, count, count) for count in (1, 2, 3)]
    guard.heads.clear()
    late = come(guard, 4, 4)
    assert not any(one.transport.aborted for one in answered)
    assert late.transport.aborted


async def test_an_unfinished_body_makes_room_after_the_heads() -> None:
    guard = guard_of()
    sending = come(guard, 1, 1)
    guard.begin_body(proto(sending), 1)
    waiting = come(guard, 2, 2)
    come(guard, 4, 3)
    assert (sending.transport.aborted, waiting.transport.aborted) == (False, True)
    guard.heads.clear()
    come(guard, 4, 4)
    assert sending.transport.aborted


async def test_one_address_has_its_share_and_this_machine_any() -> None:
    guard = guard_of()
    far = [come(guard, 1, 0, "203.0.113.9") for _ in range(3)]
    assert [one.transport.aborted for one in far] == [False, False, True]
    near = [come(guard, 1, 0) for _ in range(3)]
    assert not any(one.transport.aborted for one in near)


async def test_a_place_is_free_again_when_its_connection_has_gone() -> None:
    guard = guard_of()
    far = [come(guard, 1, 0, "203.0.113.9") for _ in range(2)]
    guard.go(proto(far[0]), "203.0.113.9")
    assert not come(guard, 1, 0, "203.0.113.9").transport.aborted


async def test_a_head_has_its_seconds() -> None:
    guard = guard_of()
    slow = come(guard, 1, 0)
    quick = come(guard, 2, 5)
    guard.sweep(LIMITS.head_seconds + 1)
    assert (slow.transport.aborted, quick.transport.aborted) == (True, False)


async def test_a_body_has_to_keep_coming_while_we_read_it() -> None:
    guard = guard_of()
    slow, steady, unread = (come(guard, count, 0) for count in (1, 2, 3))
    for one in (slow, steady, unread):
        guard.begin_body(proto(one), 0)
    after = LIMITS.body_grace + 10
    guard.bodies[proto(steady)].came = int(10 * LIMITS.body_rate)
    unread.flow.read_paused = True
    guard.sweep(after)
    assert (slow.transport.aborted, steady.transport.aborted, unread.transport.aborted) == (
        *(True, False, False),
    )


async def test_what_is_left_of_an_answered_body_may_come_for_a_moment() -> None:
    guard = guard_of()
    one = come(guard, 1, 0)
    guard.begin_body(proto(one), 0)
    guard.bodies[proto(one)].answered_at = 1.0
    guard.sweep(1.0 + LIMITS.linger_seconds)
    assert not one.transport.aborted
    guard.sweep(1.5 + LIMITS.linger_seconds)
    assert one.transport.aborted


async def test_an_answer_has_to_be_read() -> None:
    guard = guard_of()
    one = come(guard, 1, 0)
    guard.heads.clear()
    guard.unread[proto(one)] = 0
    guard.sweep(LIMITS.read_seconds + 1)
    assert one.transport.aborted
