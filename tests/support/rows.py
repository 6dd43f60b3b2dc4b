"""What is in the database, table by table: to see that something wrote nothing, or no names."""

from hashlib import md5
from typing import Any

from sqlalchemy import text

from core.db import Database

_TABLES = text(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    " AND table_type = 'BASE TABLE' ORDER BY table_name"
)
#: How many bytes the rows of each table take, those of transactions that are under way included.
_SIZES = text(
    "SELECT relname, pg_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname"
)
#: The hash of a table without rows, whether it has ever had any or not.
_OF_NOTHING = md5(b"", usedforsecurity=False).hexdigest()


async def contents(database: Database) -> dict[str, tuple[int, str]]:
    """Of every table, how many rows it has and a hash of all of them: equal means untouched.

    A table that takes no place has no rows. It is not asked, for most have none, and the server
    takes fifteen times as long to plan a question to each.
    """
    async with database.transaction() as session:
        sizes = (await session.execute(_SIZES)).all()
        every = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text),"
            f" '')) FROM {table} t"
            for table, size in sizes
            if size
        )
        nothing = {table: (0, _OF_NOTHING) for table, _ in sizes}
        asked = await session.execute(text(every))
        return nothing | {name: (rows, digest) for name, rows, digest in asked}


async def dump(database: Database) -> dict[str, str]:
    """The text of every table, every row; what is encrypted stays so."""
    async with database.transaction() as session:
        tables = list(await session.scalars(_TABLES))
        found = {}
        for table in tables:
            rows = await session.scalars(text(f"SELECT t::text FROM {table} t"))
            found[table] = "\n".join(rows)
        return found


async def count(database: Database, table: str, where: str = "true", **values: object) -> int:
    """How many rows of a table fit a condition."""
    async with database.transaction() as session:
        query = text(f"SELECT count(*) FROM {table} WHERE {where}")
        return int((await session.execute(query, values)).scalar_one())


async def audited(database: Database, object_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What the audit log says of an object, oldest first: action, who did it, details."""
    async with database.transaction() as session:
        told = text(
            "SELECT action, actor, details FROM audit_entry WHERE object_id = :id ORDER BY id"
        )
        rows = await session.execute(told, {"id": object_id})
        return [(row.action, row.actor, row.details) for row in rows]
