"""Waiting for somebody to wait: how a test knows that a lock is in another one's way."""

from collections.abc import Collection

from sqlalchemy import text

from core.db import Database
from core.sessions import WriteSession

_WAITS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


#: A look takes a hundredth of a second and more: together well within a test's time.
_LOOKS = 3_000


async def until_someone_waits(database: Database, looks: int = _LOOKS) -> None:
    """Return once somebody waits for a lock in this database.

    Raises AssertionError where after so many looks nobody does.
    """
    async with database.transaction() as session:
        for _ in range(looks):
            if await session.scalar(_WAITS):
                return
            await session.execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.01)"))
    raise AssertionError(f"nobody waits for a lock, seen {looks} times")


_HELD = text(
    "SELECT coalesce(n.name, 'another'), l.mode FROM pg_locks l"
    " LEFT JOIN unnest(CAST(:names AS text[])) AS n(name)"
    "  ON (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(n.name, 0)"
    " WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() ORDER BY 1, 2"
)
#: How the database calls a lock that one holds alone, and one that several share.
_MODES = {"ExclusiveLock": "alone", "ShareLock": "shared"}


async def names_held(session: WriteSession, *names: str) -> dict[str, str]:
    """Which of these names the session's transaction holds, `alone` or `shared`; whatever else it
    holds is there as `another`."""
    found = await session.execute(_HELD, {"names": list(names)})
    return {name: _MODES[mode] for name, mode in found}


async def rows_free(database: Database, table: str, ids: Collection[str]) -> set[str]:
    """Those of a table's rows, by their ids, that nobody has locked against changes."""
    async with database.transaction() as session:
        free = text(f"SELECT id FROM {table} WHERE id = ANY(:ids) FOR NO KEY UPDATE SKIP LOCKED")
        return set(await session.scalars(free, {"ids": list(ids)}))


async def name_free(database: Database, name: str) -> bool:
    """Whether nobody holds this name (`core.name_locks`)."""
    async with database.transaction() as session:
        tried = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
        return bool(await session.scalar(tried, {"name": name}))
