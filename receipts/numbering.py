"""Numbers 1..N: each settled bill gets the next number of its series, under the series' row lock.

A number is taken by moving the counter row in the transaction that writes the receipt, so a
rollback gives the number back and a crash leaves no gap. A database sequence would not: it never
goes back. Series are locked in the order of their ids, so two workers cannot deadlock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from core import clock
from core.ids import new_id
from core.sessions import WriteSession
from receipts.content import symbol_for

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

    def take(self) -> tuple[int, datetime]:
        """The next number and its time of issue, never before that of the number before it."""
        self.last_number += 1
        now = clock.now()
        if self.last_issued_at is not None:
            now = max(now, self.last_issued_at)
        self.last_issued_at = now
        return self.last_number, now


async def lock_series(
    session: WriteSession, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], Counter]:
    """Lock the series of each (agency, year), opening the year's first one where there is none."""
    for agency_id, year in sorted(wanted):
        await session.execute(
            text(
                "INSERT INTO receipt_series (id, agency_id, template, symbol, year, last_number)"
                " SELECT :id, a.id, :template, :symbol, y.year, 0"
                " FROM agency a, (SELECT CAST(:year AS int) AS year) y"
                " WHERE a.id = :agency_id AND NOT EXISTS (SELECT 1 FROM receipt_series s"
                "  WHERE s.agency_id = a.id AND s.year = y.year)"
                " ON CONFLICT (agency_id, template, symbol) DO NOTHING"
            ),
            {
                "id": new_id("series"),
                "agency_id": agency_id,
                "template": TEMPLATE,
                "symbol": symbol_for(year, FIRST_LETTERS),
                "year": year,
            },
        )
    rows = await session.execute(
        text(
            "SELECT s.id, s.agency_id, s.template, s.symbol, s.year, s.last_number,"
            " s.last_issued_at FROM receipt_series s"
            " JOIN unnest(CAST(:agencies AS text[]), CAST(:years AS int[])) AS w(agency_id, year)"
            "  ON s.agency_id = w.agency_id AND s.year = w.year ORDER BY s.id FOR UPDATE OF s"
        ),
        {"agencies": [a for a, _ in wanted], "years": [y for _, y in wanted]},
    )
    found: dict[tuple[str, int], Counter] = {}
    for row in rows:
        found.setdefault((row.agency_id, row.year), Counter(*row))
    return found


async def save(session: WriteSession, counter: Counter) -> None:
    """Write the counter back, in the transaction that took the numbers."""
    await session.execute(
        text(
            "UPDATE receipt_series SET last_number = :number, last_issued_at = :at WHERE id = :id"
        ),
        {"number": counter.last_number, "at": counter.last_issued_at, "id": counter.id},
    )
