"""SIGKILL while a file of stalls is taken in, twenty times: no stall twice, none lost."""

import os
import signal
from hashlib import sha256

from sqlalchemy import text

from app.invariants import broken
from core.db import Database
from payments.billing.imports.commands import NewStallImport, take_import
from payments.billing.imports.queries import get_import
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market
from payments.billing.sheets import LARGE_FILE, read_rows
from tests.support.forked_programs import run_program
from tests.support.markets import ACTOR, lay_out
from tests.support.stall_files import CIPHER, workbook_of_stalls

KILLS = 20
#: LEPHI_TEST_STALLS=100000 with `--timeout=1800` is a large town's file; a multiple of `KILLS`.
STALLS = int(os.environ.get("LEPHI_TEST_STALLS", 2 * KILLS))
BATCH = STALLS // KILLS
#: How long one program may take.
SECONDS = 120 if STALLS == 2 * KILLS else 1500

#: Loads a file some stalls at a time, as the worker or the command does, until it is killed at what
#: is `armed`. `by_halves` commits stalls before the contracts on them and takes a stall that is
#: there for done.
PROGRAM = """
import asyncio, sys
from core import failpoints
from core.db import Database
from payments.billing import importing
from payments.billing.imports.loading import load_import
from tests.support.markets import KEY
from tests.support.stall_files import CIPHER

url, import_id, armed, variant = sys.argv[1:]
failpoints.configure(armed)
add_stalls = importing.add_stalls

async def halves(session, *rest, **more):
    added = await add_stalls(session, *rest, **more)
    await session.commit()
    failpoints.hit("stalls.before_commit")
    return added

if variant == "by_halves":
    importing.add_stalls = halves
    importing._is_known = lambda row, known: row.stall in known.stalls

async def main():
    database = Database(url, pool_size=2)
    await load_import(database, import_id, CIPHER, KEY)
    await database.dispose()

asyncio.run(main())
"""

#: What there is: each stall with its contracts and whoever holds it.
HELD = """
SELECT s.code, v.code, count(*) FROM stall s JOIN stall_contract c ON c.stall_id = s.id
JOIN vendor v ON v.id = c.vendor_id WHERE s.market_id = :market GROUP BY 1, 2 ORDER BY 1, 2
"""


#: Files that are not loaded, and rows that are kept still.
LEFT = """
SELECT (SELECT count(*) FROM stall_import WHERE state <> 'done'),
  (SELECT count(*) FROM stall_batch)
"""


def run(url: str, import_id: str, armed: str, variant: str = "") -> int:
    """How often it was killed until it was done."""
    kills = 0
    told = (url, import_id, armed, variant)
    while (status := run_program(PROGRAM, told, seconds=SECONDS)) == -signal.SIGKILL:
        kills += 1
    assert status == 0
    return kills


async def taken(url: str) -> tuple[str, str]:
    """A new market and a file of it that waits; the ids of both."""
    database = Database(url, pool_size=1)
    laid = await lay_out(database, CIPHER, count=0)
    import_id = await take_again(database, laid.market)
    await database.dispose()
    return laid.market.id, import_id


async def take_again(database: Database, market: MarketValue) -> str:
    content = workbook_of_stalls(STALLS)
    new = NewStallImport("sap.xlsx", sha256(content).hexdigest(), read_rows(content, LARGE_FILE))
    async with database.transaction() as session:
        return await take_import(session, market, new, cipher=CIPHER, actor=ACTOR, size=BATCH)


async def faults(url: str, market_id: str) -> list[str]:
    """Stalls that are there twice or not at all, or that nobody holds, and what else is broken."""
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        held = [tuple(row) for row in await session.execute(text(HELD), {"market": market_id})]
        left = tuple((await session.execute(text(LEFT))).one())
    async with database.transaction() as session:
        lines = await broken(session)
    await database.dispose()
    wanted = [(f"B-{number:05}", f"TT-{number:05}", 1) for number in range(STALLS)]
    unfinished = [] if left == (0, 0) else [f"files and batches left: {left}"]
    return [*(f"{row}" for row in sorted({*held} ^ {*wanted})), *lines, *unfinished]


async def test_a_file_that_is_killed_twenty_times_is_taken_in_once(database_url: str) -> None:
    """Each process commits one batch and is killed within the next, the last as it says so."""
    market_id, import_id = await taken(database_url)
    assert run(database_url, import_id, "stalls.before_commit=kill:2") == KILLS
    assert await faults(database_url, market_id) == []
    # The same file once more adds nothing, and is a file that was loaded.
    database = Database(database_url, pool_size=1)
    async with database.reading() as session:
        market = await get_market(session, market_id)
    again = await take_again(database, market)
    async with database.reading() as session:
        found = await get_import(session, again, [market.agency_id])
    await database.dispose()
    assert (again != import_id, found.state, found.added["known"]) == (True, "done", STALLS)
    assert await faults(database_url, market_id) == []


async def test_stalls_that_are_committed_before_their_contracts_are_caught(
    database_url: str,
) -> None:
    """The negative control: killed in between, somebody's contract is lost."""
    market_id, import_id = await taken(database_url)
    assert run(database_url, import_id, "stalls.before_commit=kill:5", "by_halves") > 0
    assert await faults(database_url, market_id) != []
