"""A closed day that somebody changed behind the triggers' back is found, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.invariants import look
from tests.support.callbacks import credit
from tests.support.closing import close, discrepancies, reconcile_on, resolve, today
from tests.support.staff import finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System, system_at

if TYPE_CHECKING:
    from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(
    system_template: "SystemTemplate", tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Two closed days: an empty one, and one with a match, an accepted line and a sweep."""
    async with system_at(system_template, tmp_path_factory.mktemp("closed")) as system:
        office, bill = await finance_office(system), await system.create_bill()
        before = (date.fromisoformat(today()) - timedelta(days=1)).isoformat()
        await close(office, (await reconcile_on(system, before)).json())
        await credit(system, 5000, bill["reference"], bank_ref="FT26300001")
        await take_statement(
            system,
            f"5000|credit|{bill['reference']}|FT26300001",
            "7000|credit|khong ro|FT26300002",
            "1000|debit|KET CHUYEN|FT26300003",
        )
        run = await reconcile(system)
        for odd in await discrepancies(office, run):
            await resolve(office, odd, "accept")
        await close(office, run)
        await system.work()
        yield system


@dataclass(frozen=True, slots=True)
class Breach:
    """What is changed, and what the judge says of it."""

    name: str
    change: str
    found: str


BREACHES = (
    Breach("a payment in no place", "DELETE FROM match", "each payment is in exactly one place"),
    Breach(
        "a payment in two places",
        "INSERT INTO discrepancy (id, reconciliation_id, side, object_id, kind, reference, amount,"
        " reason) SELECT 'disc_x', reconciliation_id, 'payment', payment_id, 'missing_in_ledger',"
        " '', amount, '' FROM match",
        "each payment is in exactly one place",
    ),
    Breach(
        "a payment moved to the day before",
        "UPDATE payment SET accounting_on = accounting_on - 1 WHERE credited = 5000",
        "of another day",
    ),
    Breach(
        "a line in no place",
        "DELETE FROM discrepancy WHERE side = 'line'",
        "each credit line is in exactly one place",
    ),
    Breach(
        "a line's amount",
        "UPDATE statement_line SET amount = amount + 1 WHERE bank_ref = 'FT26300002'",
        "the sums in the minutes of a day are those of its rows",
    ),
    Breach(
        "a match's amount",
        "UPDATE match SET amount = amount + 1",
        "the sums in the minutes of a day are those of its rows",
    ),
    Breach(
        "the minutes' content",
        "UPDATE day_minutes SET content = convert_to(replace(convert_from(content, 'UTF8'),"
        " '7000', '8000'), 'UTF8')",
        "the content is another",
    ),
    Breach(
        "the minutes' content, with a hash counted anew",
        "UPDATE day_minutes SET content = c.changed, hash = encode(sha256(c.changed), 'hex')"
        " FROM (SELECT reconciliation_id AS id, convert_to(replace(convert_from(content, 'UTF8'),"
        " '7000', '8000'), 'UTF8') AS changed FROM day_minutes) c"
        " WHERE c.id = reconciliation_id AND content <> c.changed",
        "the log tells of others",
    ),
    Breach(
        "the first minutes, with a hash counted anew",
        "UPDATE day_minutes SET content = c.changed, hash = encode(sha256(c.changed), 'hex')"
        " FROM (SELECT reconciliation_id AS id, convert_to(replace(convert_from(content, 'UTF8'),"
        " '\"demo\"', '\"dema\"'), 'UTF8') AS changed FROM day_minutes"
        " ORDER BY business_on LIMIT 1) c WHERE c.id = reconciliation_id",
        "the minutes before are others",
    ),
    Breach(
        "minutes gone",
        "DELETE FROM day_minutes WHERE business_on = (SELECT max(business_on) FROM day_minutes)",
        "no minutes",
    ),
    Breach(
        "a closed day that is open again",
        "DELETE FROM closed_day WHERE business_on = (SELECT max(business_on) FROM closed_day)",
        "minutes of an open day",
    ),
    Breach(
        "a day left out",
        "UPDATE closed_day SET business_on = business_on - 5"
        " WHERE business_on = (SELECT min(business_on) FROM closed_day)",
        "the day before is open",
    ),
    Breach(
        "a posting on a closed day",
        "INSERT INTO ledger_transaction (id, kind, payment_id, accounting_on, created_at)"
        " SELECT 'ltx_x', 'reversal', id, accounting_on, now() + interval '1 hour' FROM payment"
        " WHERE credited = 5000",
        "nothing is posted on a day after it was closed",
    ),
    Breach("a guard gone", "DROP TRIGGER open_day ON payment", "payment open_day (is missing)"),
    Breach(
        "no limit of refunds",
        "DROP TRIGGER refund_limit ON refund",
        "refund refund_limit (is missing)",
    ),
)


async def judged(system: System, *changes: str) -> list[str]:
    """What the judge says after these changes, which are taken back."""
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for change in changes:
            await session.execute(text(change))
        told = [line async for line in look(session, None)]
        await session.rollback()
    return told


async def test_closed_days_that_nobody_touched_are_clean(closed: System) -> None:
    assert await judged(closed) == []


@pytest.mark.parametrize("breach", BREACHES, ids=lambda one: one.name)
async def test_a_changed_closed_day_is_found(closed: System, breach: Breach) -> None:
    told = await judged(closed, breach.change)
    assert [line for line in told if breach.found in line], told
