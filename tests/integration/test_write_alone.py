"""A statement that is a transaction of its own: kept or not at all, and no session suffers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import text

from core.db import Database, DatabaseUnavailable

NOTE = "INSERT INTO note VALUES (%(words)s) RETURNING words, length(words) AS size"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=1, lock_timeout_ms=100)
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE note (words text PRIMARY KEY)"))
    yield database
    await database.dispose()


async def notes(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list((await session.execute(text("SELECT words FROM note ORDER BY 1"))).scalars())


async def test_the_row_is_given_and_kept(database: Database) -> None:
    row = await database.write_alone(NOTE, {"words": "một"})
    assert (row.words, row.size) == ("một", 3)
    assert await notes(database) == ["một"]


class ChangedMyMind(Exception):
    """Why a session is abandoned."""


async def abandon_a_note(database: Database) -> None:
    with suppress(ChangedMyMind):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO note VALUES ('dropped')"))
            raise ChangedMyMind


async def test_sessions_are_still_abandoned_whole(database: Database) -> None:
    await database.write_alone(NOTE, {"words": "kept"})
    await abandon_a_note(database)
    assert await notes(database) == ["kept"]


async def test_a_refused_statement_leaves_nothing(database: Database) -> None:
    await database.write_alone(NOTE, {"words": "once"})
    with pytest.raises(psycopg.errors.UniqueViolation):
        await database.write_alone(NOTE, {"words": "once"})
    assert await notes(database) == ["once"]


async def test_a_statement_broken_off_leaves_no_connection_behind(
    database: Database, wide: Database
) -> None:
    asked = asyncio.create_task(database.write_alone("SELECT pg_sleep(30)", {}))
    asleep = (
        "SELECT count(*) AS count FROM pg_stat_activity"
        " WHERE wait_event = 'PgSleep' AND datname = current_database()"
    )
    while (await wide.write_alone(asleep, {})).count == 0:  # noqa: ASYNC110 - the server has no event
        await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    row = await database.write_alone(NOTE, {"words": "after"})
    assert row.words == "after"


async def test_a_collision_is_told_as_passing(database: Database, database_url: str) -> None:
    other = Database(database_url, pool_size=1)
    async with other.transaction() as session:
        await session.execute(text("INSERT INTO note VALUES ('contested')"))
        with pytest.raises(DatabaseUnavailable):
            await database.write_alone(NOTE, {"words": "contested"})
    await other.dispose()
    assert await notes(database) == ["contested"]


@pytest.fixture
async def wide(database_url: str) -> AsyncIterator[Database]:
    """Another way to the same database, with four connections for lone statements."""
    wide = Database(database_url, pool_size=4)
    yield wide
    await wide.dispose()


async def test_after_the_server_ended_its_connections_statements_are_sent_once_more(
    wide: Database, database: Database
) -> None:
    sleep = "SELECT pg_sleep(0.1), pg_backend_pid() AS id"
    rows = await asyncio.gather(*(wide.write_alone(sleep, {}) for _ in range(4)))
    opened = {row.id for row in rows}
    assert len(opened) == 4
    async with database.transaction() as session:
        end = text("SELECT pg_terminate_backend(id) FROM unnest(CAST(:ids AS int[])) AS id")
        await session.execute(end, {"ids": list(opened)})
    for number in range(4):
        row = await wide.write_alone(NOTE, {"words": f"note {number}"})
        assert row.words == f"note {number}"
    assert len(await notes(database)) == 4


async def test_a_connection_lost_twice_is_told(wide: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await wide.write_alone("SELECT pg_terminate_backend(pg_backend_pid())", {})
    assert (await wide.write_alone("SELECT 1 AS one", {})).one == 1


async def test_a_server_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.db._PATIENCE", 0.1)
    database = Database("postgresql+psycopg://nobody@/nothing?host=/nowhere&port=1")
    with pytest.raises(DatabaseUnavailable):
        await database.write_alone("SELECT 1", {})
    await database.dispose()
