"""SIGKILL in the middle of a billing run: nothing is billed twice, and a re-run bills the rest."""

import signal
from datetime import date

import pytest
from sqlalchemy import text

from app.invariants import broken
from core.crypto import Cipher
from core.db import Database
from core.failpoints import FAILPOINTS
from tests.support.forked_programs import run_program
from tests.support.markets import add_rate, lay_out

OF_RUNS = [point.name for point in FAILPOINTS if point.name.startswith("billing.")]
STALLS = 7

#: Bills a market's November in batches of two stalls; `broken` commits bills before their charges.
PROGRAM = """
import asyncio, sys
from datetime import date
from core import failpoints
from core.crypto import Cipher
from core.db import Database
from payments.billing import batches
from payments.billing.markets import get_market
from payments.billing.periods import period_of
from payments.billing.runs import run_billing

url, armed, variant = sys.argv[1:]
failpoints.configure(armed)
whole = batches.write_charges

async def charges_later(session, *rest):
    await session.commit()
    failpoints.hit("billing.before_commit")
    return await whole(session, *rest)

if variant == "bills_first":
    batches.write_charges = charges_later

async def main():
    database = Database(url, pool_size=2)
    async with database.reading() as session:
        market = await get_market(session, "cho-1")
    await run_billing(
        database, Cipher(b"c" * 32), market, period_of("month", "2026-11"), actor="system:test",
        opened_on=date(2026, 11, 1), batch=2,
    )
    await database.dispose()

asyncio.run(main())
"""

#: What there is of a contract's November: how many bills, what they ask for, what is charged.
BILLED = """
SELECT c.id, (SELECT count(*) FROM bill b WHERE b.extra->>'stall' = s.code) AS bills,
  (SELECT coalesce(sum(b.amount), 0) FROM bill b WHERE b.extra->>'stall' = s.code) AS asked,
  (SELECT coalesce(sum(h.amount), 0) FROM charge h WHERE h.contract_id = c.id
    AND h.voided_at IS NULL) AS charged
FROM stall_contract c JOIN stall s ON s.id = c.stall_id ORDER BY c.id
"""


def run(url: str, armed: str = "", variant: str = "") -> int:
    """The status of a process that bills; negative for the signal that ended it."""
    return run_program(PROGRAM, (url, armed, variant))


async def faults(url: str) -> list[str]:
    """Contracts that are billed twice, not at all, or otherwise than they are charged."""
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            rows = (await session.execute(text(BILLED))).all()
            states = (await session.execute(text("SELECT state FROM billing_run"))).scalars().all()
        async with database.transaction() as session:
            lines = await broken(session)
    finally:
        await database.dispose()
    wrong = [
        f"{contract}: {bills} bills of {asked}, charged {charged}"
        for contract, bills, asked, charged in rows
        if (bills, asked, charged) != (1, 600_000, 600_000)
    ]
    return [*wrong, *lines, *([] if states == ["done"] else [f"runs are {states}"])]


async def laid_out(url: str) -> None:
    database = Database(url, pool_size=1)
    laid = await lay_out(database, Cipher(b"c" * 32), count=STALLS, first_on=date(2026, 1, 1))
    async with database.transaction() as session:
        await add_rate(session, laid.market.id)
    await database.dispose()


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("name", OF_RUNS)
async def test_a_run_that_was_killed_is_finished_by_a_re_run(
    database_url: str, name: str, at: int
) -> None:
    await laid_out(database_url)
    assert run(database_url, f"{name}=kill:{at}") == -signal.SIGKILL
    assert await faults(database_url) != []
    assert run(database_url) == 0
    assert await faults(database_url) == []
    assert run(database_url) == 0
    assert await faults(database_url) == []


async def test_bills_that_are_committed_before_their_charges_are_caught(database_url: str) -> None:
    """The negative control: killed in between, they are billed again."""
    await laid_out(database_url)
    armed = "billing.before_commit=kill:1"
    assert run(database_url, armed, "bills_first") == -signal.SIGKILL
    assert run(database_url) == 0
    assert [line for line in await faults(database_url) if "2 bills of 1200000" in line]
