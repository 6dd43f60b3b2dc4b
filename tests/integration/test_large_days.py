"""What storing a large day costs grows as the day does: counted in rows that are looked at.

The planner is kept from joining by hashes and by order, as it does of itself where it knows nothing
of rows that have just come: what is quadratic then must not be said as a join.
"""

from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import exists, text, update
from sqlmodel import col, insert, select

from core import clock
from core.ids import new_id
from core.sessions import WriteSession
from core.statements import ReadSql
from reconciliation.cases import commands as case_commands
from reconciliation.cases.commands import carry_cases
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.days import run_rows
from reconciliation.days.run_rows import copy_run
from reconciliation.matching.values import DayDiscrepancy, DayResult
from reconciliation.models import Discrepancy, Reconciliation
from tests.support.system import System

ON = date(2026, 11, 2)
MANY = 400
#: A row is looked at for its case, for the change of it, and by each check of the database.
_OF_EACH = 15
_UNLUCKY = (
    "SET LOCAL enable_hashjoin = off",
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL enable_material = off",
)
_LOOKED_AT = ReadSql(
    int,
    "SELECT CAST(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS bigint)"
    " FROM pg_stat_xact_user_tables WHERE relname IN ('discrepancy', 'discrepancy_case')",
)


def odd(number: int) -> DayDiscrepancy:
    return DayDiscrepancy("line", f"line_{number}", "unknown_in_ledger", "", 5_000, None, "?")


async def store(system: System, found: Sequence[DayDiscrepancy]) -> int:
    """Store a run that found this; how many rows of discrepancies and cases were looked at."""
    async with system.parts.database.transaction() as session:
        for setting in _UNLUCKY:
            await session.execute(text(setting))
        run_id = new_id("rec")
        run = {
            "id": run_id,
            "agency_id": system.body.agency_id,
            "collection_account_id": system.body.collection_account_id,
            "business_on": ON,
            "summary": {},
            "created_by": "system:test",
            "created_at": clock.now(),
            "superseded_by": None,
        }
        earlier = update(Reconciliation).where(col(Reconciliation.business_on) == ON)
        await session.write(earlier.values(superseded_by=Reconciliation.id))
        await session.write(insert(Reconciliation), run)
        await copy_run(session, run_id, DayResult(discrepancies=list(found)))
        account = system.body.collection_account_id
        await carry_cases(session, account, ON, run_id, ON, found)
        return await session.one(_LOOKED_AT)


async def cases(system: System) -> dict[str, str]:
    async with system.parts.database.reading() as session:
        found = await session.all(select(DiscrepancyCase))
        return {one.object_id: one.status for one in found}


async def test_each_row_is_looked_at_a_few_times(system: System) -> None:
    await store(system, [odd(number) for number in range(MANY)])
    looked_at = await store(system, [odd(number) for number in range(MANY // 2, MANY * 3 // 2)])
    assert looked_at < _OF_EACH * MANY


async def test_looking_for_each_among_all_would_be_seen(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    async def each_among_all(
        session: WriteSession, account: str, on: date, _: Sequence[DayDiscrepancy]
    ) -> None:
        case, one = DiscrepancyCase, Discrepancy
        same = (col(one.object_id) == col(case.object_id), col(one.kind) == col(case.kind))
        of_day = (col(case.collection_account_id) == account, col(case.business_on) == on)
        gone = update(case).where(*of_day, ~exists(select(one.id).where(*same)))
        await session.write(gone.values(status="gone"))

    monkeypatch.setattr(case_commands, "_let_go", each_among_all)
    await store(system, [odd(number) for number in range(MANY)])
    looked_at = await store(system, [odd(number) for number in range(MANY // 2, MANY * 3 // 2)])
    assert looked_at > _OF_EACH * MANY


async def test_many_statements_store_what_one_does(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (run_rows, case_commands):
        monkeypatch.setattr(module, "OF_ONE_STATEMENT", 7)
    await store(system, [odd(number) for number in range(40)])
    assert await cases(system) == {f"line_{number}": "open" for number in range(40)}
    await store(system, [odd(number) for number in range(20, 61)])
    expected = {f"line_{number}": "gone" if number < 20 else "open" for number in range(61)}
    assert await cases(system) == expected
