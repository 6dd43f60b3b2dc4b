"""Waiting for somebody to wait: how a test knows that a lock is in another one's way."""

from sqlalchemy import text

from core.db import Database

_WAITS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def until_someone_waits(database: Database) -> None:
    """Return once somebody waits for a lock in this database."""
    async with database.transaction() as session:
        while not await session.scalar(_WAITS):
            await session.execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)"))
