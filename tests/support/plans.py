"""How the database would carry out what a page asks of it: whether each large table has an index.

With plain scans as good as forbidden a plan has one only where no index serves, however few rows a
test's tables have; an index that is walked from end to end is as bad, and is told too.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, text

from core.db import Database

#: What grows with every bill, and with every year.
LARGE = frozenset(
    {
        *("bill", "bill_line", "payment", "payer_data", "reference", "receipt", "audit_entry"),
        *("approval", "suspense_item", "refund", "allocation", "credit_notice", "callback"),
        *("outbox_event", "outbox_delivery", "payment_document", "receipt_file", "posting"),
    }
)

#: What reads; a statement of a file begins with what it gives.
_READING = re.compile(r"(?:\s|--[^\n]*\n)*(?:SELECT|WITH)\b")
#: Partial indexes that have no row but what is asked for: these are read from their beginning.
WANTED_WHOLE = frozenset({"ix_callback_set_aside"})


@asynccontextmanager
async def asked(database: Database) -> AsyncIterator[list[tuple[str, Any]]]:
    """Every statement that is sent inside the block, with its parameters."""
    found: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        found.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def without_index(
    database: Database,
    statements: list[tuple[str, Any]],
    tables: frozenset[str] = LARGE,
) -> list[str]:
    """What of these statements would read a large table without a condition on an index."""
    found = []
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        connection = await session.connection()
        for statement, parameters in statements:
            if _READING.match(statement):
                explained = f"EXPLAIN (FORMAT JSON) {statement}"
                plan = (await connection.exec_driver_sql(explained, parameters)).scalar_one()
                found += [f"{node}: {statement}" for node in _bare(plan[0]["Plan"], tables)]
    return found


def _bare(node: dict[str, Any], tables: frozenset[str]) -> Iterator[str]:
    kind = str(node["Node Type"])
    reads = kind in ("Seq Scan", "Index Scan", "Index Only Scan")
    whole = node.get("Index Name") in WANTED_WHOLE
    if reads and not whole and node.get("Relation Name") in tables and "Index Cond" not in node:
        yield f"{kind} on {node['Relation Name']}"
    for inner in node.get("Plans", ()):
        yield from _bare(inner, tables)
