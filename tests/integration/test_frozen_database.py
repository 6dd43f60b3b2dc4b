"""A database that does not answer: everybody is told in time, and nothing is lost or done twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import func, select

from core.db import Database, DatabaseUnavailable
from core.deadlines import paused, within
from core.ids import new_id
from core.statements import ReadSql
from payments.bills.models import Bill
from tests.support.frozen import frozen
from tests.support.problems import problem
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

ONE = ReadSql(int, "SELECT 1")


async def one(database: Database) -> int:
    async with database.transaction() as session:
        return await session.one(ONE)


async def test_a_wait_for_a_frozen_server_ends_with_its_deadline(
    database: Database, database_url: str
) -> None:
    await one(database)

    async def ask() -> int:
        async with within(0.1):
            return await one(database)

    async with frozen(database_url):
        with pytest.raises(DatabaseUnavailable):
            await ask()
        # New connections are served: only those that were open are frozen.
        assert await one(database) == 1


async def test_a_connection_that_was_given_back_is_not_cut(
    database_url: str,
) -> None:
    database = Database(database_url, pool_size=1)
    other = asyncio.Event()

    async def late() -> None:
        async with within(0.05):
            with paused():  # however slow the machine is
                await one(database)  # takes the only connection, and gives it back
            await asyncio.Event().wait()

    async def next_one() -> int:
        async with database.transaction() as session:
            other.set()
            await asyncio.wait([waiting])
            return await session.one(ONE)

    waiting = asyncio.ensure_future(late())
    assert await next_one() == 1
    await database.dispose()


@pytest.fixture
async def hurried(system_template: SystemTemplate, tmp_path: Path) -> AsyncIterator[System]:
    """A system whose requests have a second."""
    async with system_at(system_template, tmp_path / "data", request_seconds=1) as built:
        yield built


def a_bill(system: System) -> dict[str, Any]:
    return {"agency": system.body.agency_code, "lines": [{"fee": "2.000815", "quantity": 1}]}


async def count_bills(system: System) -> int:
    async with system.parts.database.reading() as session:
        return await session.one(select(func.count()).select_from(Bill))


async def test_a_cut_request_is_unknown_and_its_repeat_finds_out(hurried: System) -> None:
    system, key = hurried, new_id("test")
    await system.create_bill()  # what is remembered is known by now
    before = await count_bills(system)
    async with frozen(system.parts.settings.database_url or ""):
        cut = await system.post("/api/v1/bills", a_bill(system), key)
        found = problem(cut, 503, "database_unavailable")
        assert found["retryable"]
        assert cut.headers["Retry-After"] == "5"
    # The statement had reached the server, which carries it out now that it goes on: whichever
    # comes first, that or the repeat, there is one bill.
    again = await system.post("/api/v1/bills", a_bill(system), key)
    for _ in range(50):
        if again.status_code == 201:
            break
        # Its statement is still at work: the answer is to come.
        assert problem(again, 409)["retryable"]
        again = await system.post("/api/v1/bills", a_bill(system), key)
    third = await system.post("/api/v1/bills", a_bill(system), key)
    assert (again.status_code, third.status_code) == (201, 201)
    assert again.json()["id"] == third.json()["id"]
    assert await count_bills(system) == before + 1
    assert await system.broken() == []


async def test_ready_says_so_and_a_gateway_is_told_to_call_again(hurried: System) -> None:
    system = hurried
    bill = await system.create_bill()
    payment = await system.start(bill)
    async with frozen(system.parts.settings.database_url or ""):
        ready = await system.browser.get("/health/ready")
        assert (ready.status_code, ready.json()["failed"]) == (503, ["database"])
        await system.decide(payment, "success")
    assert (await system.until(bill, "paid"))["status"] == "paid"
    assert await system.broken() == []


async def test_a_full_disk_is_told_as_passing_and_ready_says_so(system: System) -> None:
    await system.create_bill()
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"
            )
        )
        await session.execute(
            text("CREATE TRIGGER full_disk BEFORE INSERT ON bill EXECUTE FUNCTION full_disk()")
        )
    refused = await system.post("/api/v1/bills", a_bill(system))
    assert problem(refused, 503, "storage_full")["retryable"]
    assert refused.headers["Retry-After"] == "5"
    ready = await system.browser.get("/health/ready")
    assert (ready.status_code, ready.json()["failed"]) == (503, ["storage"])
