"""Says where reports and the ledger do not agree: the ledger is summed up by another path."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import text

from core.sessions import WriteSession
from payments.books.period_totals import Grain
from reconciliation.reports.listing import REPORTS, ReportName
from reconciliation.reports.periods import ReportPeriod
from reconciliation.reports.scope import ReportScope
from reconciliation.reports.tables import ReportTable

EVER: Final = (date(2001, 1, 1), date(2100, 12, 31))
_GRAINS: Final[tuple[Grain, ...]] = ("month", "year")

#: What each bill has, from the rows that say to whom money was given, and back from whom.
_GIVEN = """
SELECT b.agency_id, coalesce(g.given, 0) - coalesce(r.taken, 0) AS amount
FROM bill b
LEFT JOIN (SELECT bill_id, sum(amount) AS given FROM allocation GROUP BY bill_id) g
  ON g.bill_id = b.id
LEFT JOIN (SELECT bill_id, sum(from_revenue) AS taken FROM refund
  WHERE status IN ('approved', 'submitted', 'unknown', 'succeeded') GROUP BY bill_id) r
  ON r.bill_id = b.id
"""
#: What came, by account, and where suspense items say that it is.
_CAME = """
SELECT c.code, coalesce((SELECT sum(p.credited) FROM payment p
  WHERE p.collection_account_id = c.id), 0) AS came,
  coalesce((SELECT sum(s.amount) FROM suspense_item s JOIN payment p ON p.id = s.payment_id
    WHERE p.collection_account_id = c.id AND s.closed_at IS NULL AND s.place = 'suspense'), 0)
    AS waiting
FROM collection_account c
"""


async def whole_scope(session: WriteSession) -> ReportScope:
    """Every body there is."""
    ids = await session.execute(text("SELECT id, code FROM agency ORDER BY parent_id NULLS FIRST"))
    rows = ids.all()
    return ReportScope(rows[0].code, "", "", rows[0].id, frozenset(row.id for row in rows))


async def report(
    session: WriteSession, name: ReportName, grain: Grain, days: tuple[date, date] = EVER
) -> ReportTable:
    """A report of every body; by month ten years at most."""
    first, last = days
    if grain == "month":
        first, last = date(2026, 1, 1), date(2027, 12, 31)
    return await REPORTS[name](
        session, await whole_scope(session), ReportPeriod(first, last, grain)
    )


def column(table: ReportTable, key: str) -> list[int]:
    """The figures of a column."""
    return [cell for row in table.rows if isinstance(cell := table.keyed(row)[key], int)]


async def differences(session: WriteSession) -> list[str]:
    """What does not agree, of everything that was ever booked."""
    found = []
    rows = (await session.execute(text(_GIVEN))).all()
    given = sum(int(row.amount) for row in rows)
    for grain in _GRAINS:
        revenue = await report(session, ReportName.REVENUE, grain)
        told = sum(column(revenue, "amount"))
        if told != given:
            found.append(f"revenue by {grain} is {told}, bills have {given}")
        found += [f"a row by {grain} does not add up: {row}" for row in _crooked(revenue)]
    remitted = sum(column(await report(session, ReportName.REMITTANCE, "year"), "amount"))
    paid_in = sum(column(await report(session, ReportName.REVENUE, "year"), "paid_in"))
    if remitted != paid_in:
        found.append(f"{remitted} is remitted, {paid_in} is to be paid in")
    return found + await _accounts(session)


def _crooked(revenue: ReportTable) -> Sequence[object]:
    crooked = []
    for row in map(revenue.keyed, revenue.rows):
        amount, parts = row["amount"], (row["kept"], row["paid_in"], row["undivided"])
        total = sum(part for part in parts if isinstance(part, int))
        net = (row["collected"], row["returned"])
        whole = [cell for cell in net if isinstance(cell, int)]
        if total != amount or len(whole) != 2 or whole[0] - whole[1] != amount:
            crooked.append(row)
    return crooked


async def _accounts(session: WriteSession) -> list[str]:
    found = []
    table = await report(session, ReportName.ACCOUNTS, "year")
    sums: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in map(table.keyed, table.rows):
        for key, cell in row.items():
            if isinstance(cell, int):
                sums[str(row["account"])][key] += cell
    for one in (await session.execute(text(_CAME))).all():
        told = sums[one.code]
        held = ("on_account", "in_transit", "with_collectors", "gateway_fee", "gateway_back")
        came = sum(told[key] for key in held)
        # What a gateway paid over is recorded a second time, and taken out of what is in transit.
        if came > int(one.came):
            found.append(f"{one.code}: {came} was told of, {one.came} came")
        if told["suspense"] != int(one.waiting):
            found.append(f"{one.code}: {told['suspense']} waits, {one.waiting} is in suspense")
        gone = sum(
            told[key]
            for key in (
                *("revenue", "suspense", "refundable", "paying_back", "paid_back"),
                *("reversed", "others"),
            )
        )
        if came != gone:
            found.append(f"{one.code}: what came is not where it went")
    return found
