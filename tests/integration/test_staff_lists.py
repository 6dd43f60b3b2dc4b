"""A day of 10,000 lines with sixty exceptions: its list and its sums are read by index."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from bench.staff_rows import AROUND, TABLES
from reconciliation.cases.worklist import AskedCases, page_of_work, read_asked, sum_work
from tests.support.staff_days import odd_day
from tests.support.system import System


@contextmanager
def statements_of(system: System) -> Iterator[list[tuple[str, Any]]]:
    """What the driver is given meanwhile."""
    engine, given = system.parts.database.engine.sync_engine, []

    def note(*told: Any) -> None:
        given.append((told[2], told[3]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield given
    finally:
        event.remove(engine, "before_cursor_execute", note)


def scanned(plan: Any) -> set[str]:
    """The tables that a plan reads from beginning to end."""
    if isinstance(plan, list):
        return set().union(*map(scanned, plan)) if plan else set()
    if not isinstance(plan, dict):
        return set()
    own = {plan["Relation Name"]} if plan.get("Node Type") == "Seq Scan" else set()
    return own.union(*map(scanned, plan.values())) if plan else own


async def read(system: System, run: str, agency_ids: frozenset[str]) -> tuple[int, int]:
    async with system.parts.database.reading() as session:
        asked: AskedCases = await read_asked(session, run, agency_ids)
        page = await page_of_work(session, run, asked, "todo")
        sums = await sum_work(session, run, asked)
    return len(page.items), sum(one.count for one in sums if one.part == "todo")


async def test_the_list_of_a_day_is_read_by_index(system: System) -> None:
    day = await odd_day(system, unknown=60)
    async with system.parts.database.transaction() as session:
        for statement in AROUND:
            await session.execute(text(statement))
    async with system.parts.database.transaction() as session:
        await session.execute(text(f"ANALYZE {', '.join(TABLES)}"))
    own = frozenset({system.body.agency_id})
    with statements_of(system) as given:
        assert await read(system, str(day.run["id"]), own) == (60, 60)
    asked = [(sql, values) for sql, values in given if "discrepancy" in sql or "approval" in sql]
    assert len(asked) == 3
    found: dict[str, set[str]] = {}
    async with system.parts.database.transaction() as session:
        connection = await session.connection()
        for setting in ("", "SET LOCAL enable_indexscan = off"):
            if setting:  # the control: without an index it is seen
                await session.execute(text(setting))
                await session.execute(text("SET LOCAL enable_bitmapscan = off"))
                await session.execute(text("SET LOCAL enable_indexonlyscan = off"))
            found[setting] = set()
            for sql, values in asked:
                told = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values)
                plan = told.scalar()
                plan = json.loads(plan) if isinstance(plan, str) else plan
                found[setting] |= scanned(plan) & {"discrepancy", "discrepancy_case", "approval"}
    assert found[""] == set()
    assert found["SET LOCAL enable_indexscan = off"] >= {"discrepancy", "approval"}
