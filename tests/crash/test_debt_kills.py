"""SIGKILL while a list of debts is loaded: no debt is billed twice and none is lost."""

import signal

from sqlalchemy import text

from app.invariants import broken
from core.db import Database
from tests.support.debts import land, land_file, take_file
from tests.support.forked_programs import run_program
from tests.support.markets import new_body

DEBTS = 7

#: Loads a list; `bills_first` commits bills before the rows that say whose they are.
PROGRAM = """
import asyncio, sys
from core import failpoints
from core.db import Database
from payments.debts import writing
from payments.debts.loading import load_list
from tests.support.debts import CIPHER
from tests.support.markets import KEY

url, list_id, armed, variant = sys.argv[1:]
failpoints.configure(armed)
whole = writing.copy_rows

async def debts_later(session, *rest):
    await session.commit()
    failpoints.hit("debts.before_commit")
    await whole(session, *rest)

if variant == "bills_first":
    writing.copy_rows = debts_later

async def main():
    database = Database(url, pool_size=2)
    await load_list(database, list_id, CIPHER, KEY)
    await database.dispose()

asyncio.run(main())
"""

#: What there is of each debt: how many bills, and what they ask for.
BILLED = """
SELECT b.extra->>'debt' AS code, count(*) AS bills, sum(b.amount) AS asked,
  count(d.id) FILTER (WHERE d.ended_at IS NULL) AS debts
FROM bill b LEFT JOIN debt d ON d.bill_id = b.id GROUP BY 1 ORDER BY 1
"""


def run(url: str, list_id: str, armed: str = "", variant: str = "") -> int:
    """The status of a process that loads; negative for the signal that ended it."""
    return run_program(PROGRAM, (url, list_id, armed, variant))


async def faults(url: str) -> list[str]:
    """Debts that are billed twice, not at all, or otherwise than their row says."""
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            rows = [tuple(row) for row in await session.execute(text(BILLED))]
            states = (await session.execute(text("SELECT state FROM debt_list"))).scalars().all()
            kept = (await session.execute(text("SELECT count(*) FROM debt_batch"))).scalar_one()
        async with database.transaction() as session:
            lines = await broken(session)
    finally:
        await database.dispose()
    wanted = [(f"ID-{place:02}", 1, 10_000 + place, 1) for place in range(DEBTS)]
    wrong = [f"{row}" for row in sorted({*rows} ^ {*wanted})]
    unfinished = [] if (states, kept) == (["done"], 0) else [f"lists are {states}, {kept} wait"]
    return [*wrong, *lines, *unfinished]


async def kept_list(url: str) -> str:
    """A list of a new body whose rows wait, two by two."""
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        agency_id = await new_body(session)
    rows = [land(f"ID-{place:02}", amount=str(10_000 + place)) for place in range(DEBTS)]
    taken = await take_file(database, agency_id, land_file(*rows), load=False, size=2)
    await database.dispose()
    return taken.id


async def test_a_list_that_is_killed_again_and_again_is_loaded_once(database_url: str) -> None:
    """Each process commits one batch and is killed within the next, until nothing is left."""
    list_id = await kept_list(database_url)
    assert run(database_url, list_id, "debts.before_commit=kill:1") == -signal.SIGKILL
    assert any("4 wait" in one for one in await faults(database_url))
    kills = 0
    while run(database_url, list_id, "debts.before_commit=kill:2") == -signal.SIGKILL:
        kills += 1
    assert kills == 4
    assert await faults(database_url) == []
    assert run(database_url, list_id) == 0
    assert await faults(database_url) == []


async def test_bills_that_are_committed_before_their_debts_are_caught(database_url: str) -> None:
    """The negative control: killed in between, the rows are billed again."""
    list_id = await kept_list(database_url)
    armed = "debts.before_commit=kill:1"
    assert run(database_url, list_id, armed, "bills_first") == -signal.SIGKILL
    assert run(database_url, list_id) == 0
    found = await faults(database_url)
    assert [one for one in found if "'ID-00', 2," in one]
    assert [one for one in found if one.startswith("a bill of a list of debts is a debt's")]
