"""Turns: so many at a stroke, one back after the other, the same for every process."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from core import allowances, clock
from core.allowances import Allowance, Pace
from core.db import Database

START = datetime(2026, 11, 29, 8, tzinfo=UTC)
PACE = Pace(4, timedelta(minutes=2))


async def take(database: Database, subject: str = "look_up:a") -> bool:
    async with database.transaction() as session:
        return await allowances.take(session, subject, PACE)


async def test_so_many_turns_at_a_stroke_and_then_one_after_the_other(database: Database) -> None:
    with clock.frozen(START) as now:
        assert [await take(database) for _ in range(6)] == [True] * 4 + [False] * 2
        now.advance(timedelta(seconds=29))
        assert not await take(database)
        now.advance(timedelta(seconds=1))
        assert [await take(database) for _ in range(2)] == [True, False]
        now.advance(timedelta(minutes=2))
        assert [await take(database) for _ in range(5)] == [True] * 4 + [False]


async def test_a_turn_that_is_refused_puts_nothing_off(database: Database) -> None:
    with clock.frozen(START) as now:
        assert [await take(database) for _ in range(40)].count(True) == 4
        now.advance(timedelta(seconds=30))
        assert await take(database)


async def test_each_has_turns_of_its_own(database: Database) -> None:
    with clock.frozen(START):
        assert [await take(database) for _ in range(5)] == [True] * 4 + [False]
        assert await take(database, "look_up:b")


async def test_turns_taken_at_one_instant_are_all_counted(database: Database) -> None:
    with clock.frozen(START):
        taken = await asyncio.gather(*(take(database) for _ in range(12)))
    assert taken.count(True) == 4


async def test_whoever_has_all_turns_back_is_forgotten(database: Database) -> None:
    async def left() -> list[str]:
        async with database.transaction() as session:
            await allowances.expire(session)
            return await session.all(select(Allowance.subject))

    with clock.frozen(START) as now:
        await take(database)
        assert await left() == ["look_up:a"]
        now.advance(timedelta(seconds=30))
        assert await left() == []
