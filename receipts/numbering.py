"""Numbers 1..N: each settled bill gets the next number of its series, under the series' row lock.

A number is taken by moving the counter row in the transaction that writes the receipt, so a
rollback gives the number back and a crash leaves no gap. A database sequence would not: it never
goes back. Series are locked in the order of their ids, so two workers cannot deadlock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.ids import new_id
from core.sessions import WriteSession
from core.statements import values_of
from receipts.content import symbol_for
from receipts.models import ReceiptSeries

#: No printed face value: every amount is written when the receipt is issued.
TEMPLATE = "EBL01"

#: The letters of an agency's first series of a year.
FIRST_LETTERS = "AA"


@dataclass(slots=True)
class Counter:
    """A locked series: `take` gives its next number. Lives as long as the transaction."""

    id: str
    agency_id: str
    template: str
    symbol: str
    year: int
    last_number: int
    last_issued_at: datetime | None

    def take(self, at: datetime) -> tuple[int, datetime]:
        """The next number and its time of issue: `at`, or that of the number before if later.

        So numbers and days rise together, whatever the clocks of two workers say.
        """
        self.last_number += 1
        if self.last_issued_at is not None:
            at = max(at, self.last_issued_at)
        self.last_issued_at = at
        return self.last_number, at


async def lock_series(
    session: WriteSession, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], Counter]:
    """Lock the series of each (agency, year), opening the year's first one where there is none."""
    of_year = tuple_(col(ReceiptSeries.agency_id), col(ReceiptSeries.year)).in_(list(wanted))
    series = values_of(Counter, ReceiptSeries).where(of_year).order_by(col(ReceiptSeries.id))
    there = {(counter.agency_id, counter.year) for counter in await session.all(series)}
    # All are locked by one statement at the end, in order; until then two may open the same one.
    for agency_id, year in sorted(set(wanted) - there):
        first = {
            "id": new_id("series"),
            "agency_id": agency_id,
            "template": TEMPLATE,
            "symbol": symbol_for(year, FIRST_LETTERS),
            "year": year,
            "last_number": 0,
        }
        await session.write(insert(ReceiptSeries).on_conflict_do_nothing(), first)
    found: dict[tuple[str, int], Counter] = {}
    for counter in await session.lock_all(series):
        found.setdefault((counter.agency_id, counter.year), counter)
    return found


async def save(session: WriteSession, counter: Counter) -> None:
    """Write the counter back, in the transaction that took the numbers."""
    await session.write(
        update(ReceiptSeries)
        .where(col(ReceiptSeries.id) == counter.id)
        .values(last_number=counter.last_number, last_issued_at=counter.last_issued_at)
    )
