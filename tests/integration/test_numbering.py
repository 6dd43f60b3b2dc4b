"""Series of numbers under two writers: one series a year, and no two wait for each other."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from core import clock
from core.db import Database
from core.sessions import WriteSession
from payments.agencies.models import Agency
from receipts.models import ReceiptSeries
from receipts.numbering import lock_series, save
from tests.support.locks import until_someone_waits

WANTED = {("ag_a", 2026), ("ag_b", 2026), ("ag_a", 2027)}


async def add_agencies(database: Database) -> None:
    async with database.transaction() as session:
        for code in ("a", "b"):
            empty = dict.fromkeys(("tax_code", "address", "phone"), "")
            names = {"id": f"ag_{code}", "code": code, "name": code, "name_en": code}
            made = {"return_origins": [], "created_at": clock.now()}
            await session.write(insert(Agency), {**names, **empty, **made})


async def test_each_year_of_an_agency_has_its_series_and_keeps_it(database: Database) -> None:
    await add_agencies(database)
    async with database.transaction() as session:
        first = await lock_series(session, WANTED)
        assert first.keys() == WANTED
        assert {counter.take(clock.now())[0] for counter in first.values()} == {1}
        for counter in first.values():
            await save(session, counter)
    async with database.transaction() as session:
        again = await lock_series(session, WANTED)
        assert {key: counter.id for key, counter in again.items()} == {
            key: counter.id for key, counter in first.items()
        }
        assert {counter.take(clock.now())[0] for counter in again.values()} == {2}
        assert await lock_series(session, ()) == {}


async def test_two_who_open_a_series_at_once_open_one_and_count_on(database: Database) -> None:
    await add_agencies(database)

    async def number() -> int:
        async with database.transaction() as session:
            (counter,) = (await lock_series(session, {("ag_a", 2026)})).values()
            taken, _ = counter.take(clock.now())
            await asyncio.sleep(0.05)
            await save(session, counter)
            return taken

    assert sorted(await asyncio.gather(*(number() for _ in range(4)))) == [1, 2, 3, 4]
    async with database.reading() as session:
        assert await session.all(select(ReceiptSeries.last_number)) == [4]


async def lock_backwards(session: WriteSession) -> None:
    """The broken variant: the highest id first."""
    _ = await session.lock_all(select(ReceiptSeries).order_by(col(ReceiptSeries.id).desc()))


async def lock_as_we_do(session: WriteSession) -> None:
    _ = await lock_series(session, WANTED)


@pytest.mark.parametrize(
    ("lock", "free"), [(lock_as_we_do, True), (lock_backwards, False)], ids=["ours", "broken"]
)
async def test_series_are_locked_in_the_order_of_their_ids(
    database: Database, lock: Callable[[WriteSession], Awaitable[None]], free: bool
) -> None:
    """Who waits for the lowest id holds no higher one, so nobody can wait for them in turn."""
    await add_agencies(database)
    async with database.transaction() as session:
        await lock_as_we_do(session)
    async with database.reading() as reader:
        ids = await reader.all(select(ReceiptSeries.id).order_by(ReceiptSeries.id))

    async def wait_for_all() -> None:
        async with database.transaction() as session:
            await lock(session)

    async with database.transaction() as session:
        one = text("SELECT id FROM receipt_series WHERE id = :id FOR UPDATE NOWAIT")
        await session.execute(one, {"id": ids[0]})
        waiting = asyncio.create_task(wait_for_all())
        await until_someone_waits(database)
        nested = await session.begin_nested()
        try:
            await session.execute(one, {"id": ids[-1]})
            was_free = True
        except DBAPIError:
            was_free = False
        await nested.rollback()
        assert was_free is free
    await waiting
