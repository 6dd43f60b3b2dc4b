"""Where the money of a stretch of a test is, in every table that tells of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from tests.support.system import System


@dataclass(frozen=True, slots=True)
class Kept:
    """What a stretch of time added to the books: rows as tuples, ledgers with their balance."""

    payments: list[tuple[int, bool]]
    allocated: list[int]
    waiting: list[tuple[str, str, int]]
    ledger: dict[str, int]


@asynccontextmanager
async def looking(system: System) -> AsyncIterator[list[Kept]]:
    """What the block's money became is in the list afterwards; then no invariant is broken."""
    start = await _ids(system)
    found: list[Kept] = []
    yield found
    async with system.parts.database.transaction() as session:

        async def rows(query: str) -> list[Any]:
            return list((await session.execute(text(query), start)).all())

        payments = await rows(
            "SELECT credited, bill_id IS NOT NULL FROM payment WHERE id > :payment"
            " AND credited IS NOT NULL ORDER BY id"
        )
        allocated = await rows("SELECT amount FROM allocation WHERE id > :allocation ORDER BY id")
        waiting = await rows(
            "SELECT place, reason, amount FROM suspense_item WHERE id > :suspense_item"
            " AND closed_at IS NULL ORDER BY id"
        )
        ledger = await rows(
            "SELECT o.ledger, sum(o.amount)::bigint FROM posting o WHERE id > :posting GROUP BY 1"
            " HAVING sum(o.amount) <> 0"
        )
    found.append(
        Kept(
            payments=[tuple(row) for row in payments],
            allocated=[row[0] for row in allocated],
            waiting=[tuple(row) for row in waiting],
            ledger=dict(tuple(row) for row in ledger),
        )
    )
    assert sum(found[0].ledger.values()) == 0
    assert await system.broken() == []


async def _ids(system: System) -> dict[str, Any]:
    async with system.parts.database.transaction() as session:
        row = await session.execute(
            text(
                "SELECT coalesce((SELECT max(id) FROM payment), '') AS payment,"
                " coalesce((SELECT max(id) FROM allocation), '') AS allocation,"
                " coalesce((SELECT max(id) FROM suspense_item), '') AS suspense_item,"
                " coalesce((SELECT max(id) FROM posting), 0) AS posting"
            )
        )
        return dict(row.mappings().one())
