"""SIGKILL while the worker opens a month: nothing is billed twice, and the next one bills it."""

import signal
from datetime import date

import pytest
from sqlalchemy import text

from core.crypto import Cipher
from core.db import Database
from tests.support.forked_programs import run_program
from tests.support.markets import lay_out

STALLS = 3

#: Opens what is due; `any_run_will_do` takes a month for opened as soon as its run is begun.
PROGRAM = """
import asyncio, sys
from core import failpoints
from core.crypto import Cipher
from core.db import Database
from payments.billing import months

url, armed, variant = sys.argv[1:]
failpoints.configure(armed)
if variant == "any_run_will_do":
    months._is_open = lambda run: run is None

async def main():
    database = Database(url, pool_size=2)
    while await months.open_due_months(database, Cipher(b"c" * 32)):
        pass
    await database.dispose()

asyncio.run(main())
"""


def run(url: str, armed: str = "", variant: str = "") -> int:
    """The status of a process that opens months; negative for the signal that ended it."""
    return run_program(PROGRAM, (url, armed, variant))


async def say(url: str, statement: str) -> list[tuple[object, ...]]:
    """Carry a statement out; its rows, if it gives any."""
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        done = await session.execute(text(statement))
        found = [tuple(row) for row in done] if done.returns_rows else []  # type: ignore[attr-defined]  # rows of a text
    await database.dispose()
    return found


async def laid_out(url: str) -> None:
    """A market whose present month is to be opened."""
    database = Database(url, pool_size=1)
    await lay_out(database, Cipher(b"c" * 32), count=STALLS, first_on=date(2020, 1, 1))
    await database.dispose()
    await say(url, "UPDATE market SET opens_itself_from_on = '2020-01-01'")


@pytest.mark.parametrize(
    ("variant", "state", "bills"), [("", "done", STALLS), ("any_run_will_do", "running", 0)]
)
async def test_a_month_whose_worker_was_killed_is_billed_once_by_the_next(
    database_url: str, variant: str, state: str, bills: int
) -> None:
    """With the variant, the negative control, a month that was begun is never billed."""
    await laid_out(database_url)
    assert run(database_url, "billing.before_commit=kill:1") == -signal.SIGKILL
    assert await say(database_url, "SELECT state FROM billing_run") == [("running",)]
    # While the dead worker's turn lasts nobody goes on; it ends as it would in ten minutes.
    assert run(database_url) == 0
    assert await say(database_url, "SELECT count(*) FROM bill") == [(0,)]
    await say(database_url, "UPDATE market SET opening_until = now()")
    for _ in range(2):
        assert run(database_url, "", variant) == 0
    assert await say(database_url, "SELECT state FROM billing_run") == [(state,)]
    assert await say(database_url, "SELECT count(*) FROM bill") == [(bills,)]
