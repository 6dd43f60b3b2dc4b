"""Waits for a lock: few hold a connection meanwhile, and everybody gets their turn."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from core import row_waits
from core.db import Database, DatabaseUnavailable
from core.db_errors import RowBusy
from core.name_locks import lock_names
from core.sessions import WriteSession
from core.statements import ReadSql
from tests.support.problems import problem
from tests.support.system import System

CONNECTIONS = 6
#: Who waits in this database for a lock that somebody else has.
WAITING = ReadSql(
    int,
    "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
    " WHERE d.datname = current_database() AND NOT granted",
)


@pytest.fixture
async def crowded(database_url: str) -> AsyncIterator[Database]:
    crowded = Database(database_url, pool_size=CONNECTIONS)
    yield crowded
    await crowded.dispose()


def taken(database: Database) -> int:
    """How many of its connections are in use."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


async def waiting(database: Database) -> int:
    async with database.reading() as session:
        return await session.one(WAITING)


async def test_of_many_who_want_one_lock_two_hold_a_connection_and_all_get_it(
    crowded: Database, database: Database
) -> None:
    got: list[int] = []

    async def want(number: int) -> None:
        async def work(session: WriteSession) -> None:
            await lock_names(session, "contested")
            got.append(number)

        await crowded.run(work)

    async with database.transaction() as session:
        await lock_names(session, "contested")
        wanting = [asyncio.ensure_future(want(number)) for number in range(20)]
        # Others go on meanwhile, over the same connections.
        while await waiting(crowded) < 2:  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.01)
        assert await waiting(crowded) == 2
        assert taken(crowded) <= 3
    await asyncio.gather(*wanting)
    assert sorted(got) == list(range(20))


async def test_without_the_bound_they_hold_them_all(
    crowded: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_waits, "_AT_ONE", 100)
    monkeypatch.setattr(row_waits.RowWaits, "_are_many", lambda _: False)

    async def work(session: WriteSession) -> None:
        await lock_names(session, "contested")

    async with database.transaction() as session:
        await lock_names(session, "contested")
        wanting = [asyncio.ensure_future(crowded.run(work)) for _ in range(20)]
        while await session.one(WAITING) < CONNECTIONS:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        assert taken(crowded) == CONNECTIONS
    await asyncio.gather(*wanting)


async def test_half_of_the_connections_stay_free_whatever_is_waited_for(
    crowded: Database, database: Database
) -> None:
    names = [f"name {number}" for number in range(CONNECTIONS)]

    async def work(session: WriteSession, name: str) -> None:
        await lock_names(session, name)

    async def want(name: str) -> None:
        await crowded.run(lambda session: work(session, name))

    async with database.transaction() as session:
        await lock_names(session, *names)
        first = [asyncio.ensure_future(want(name)) for name in names[:3]]
        while await session.one(WAITING) < 3:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * row_waits._WAITING)
        async with crowded.transaction() as late:
            with pytest.raises(RowBusy):
                await lock_names(late, names[3])
    await asyncio.gather(*first)


async def test_a_bill_that_somebody_holds_is_busy_and_others_are_not(system: System) -> None:
    held, other = await system.create_bill(), await system.create_bill()
    url = system.parts.settings.database_url or ""
    outside = Database(url, pool_size=1)
    async with outside.transaction() as session:
        await session.execute(text("SELECT FROM bill WHERE id = :id FOR UPDATE"), held)
        cancelling = [
            asyncio.ensure_future(system.client.post(f"/api/v1/bills/{held['id']}/cancel"))
            for _ in range(12)
        ]
        done, _ = await asyncio.wait(cancelling, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            busy = problem(one.result(), 503, "row_busy")
            assert busy["retryable"]
            assert one.result().headers["Retry-After"] == "5"
        await system.start(other)
        await system.create_bill()
    statuses = sorted(one.status_code for one in await asyncio.gather(*cancelling))
    assert statuses[:1] == [200]
    assert set(statuses[1:]) <= {200, 503}
    assert (await system.read(held))["status"] == "cancelled"
    await outside.dispose()


def test_a_busy_row_is_a_database_that_is_not_to_be_had() -> None:
    assert issubclass(RowBusy, DatabaseUnavailable)
