"""What became of a market's bills, counted by itself: what its rates are held against."""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import text

from core.sessions import WriteSession
from payments.billing.reports.rates import MarketRate

#: For each period: what was charged and let off, what the books gave to its bills, what waits.
_CHARGED: Final = """
WITH bills AS (
  SELECT DISTINCT c.period, c.bill_id FROM charge c JOIN stall s ON s.id = c.stall_id
  WHERE s.market_id = :market AND c.voided_at IS NULL AND c.bill_id IS NOT NULL)
SELECT c.period, sum(c.amount)::bigint, sum(c.waived)::bigint,
  (SELECT coalesce(sum(a.amount), 0)::bigint FROM allocation a JOIN bills b
    ON b.bill_id = a.bill_id WHERE b.period = c.period),
  (SELECT coalesce(sum(i.amount), 0)::bigint FROM suspense_item i JOIN bills b
    ON b.bill_id = i.bill_id WHERE b.period = c.period AND i.place = 'suspense'
    AND i.reason = 'short' AND i.closed_at IS NULL),
  (SELECT coalesce(sum(l.amount), 0)::bigint FROM bill l JOIN bills b ON b.bill_id = l.id
    WHERE b.period = c.period AND l.status = 'cancelled')
FROM charge c JOIN stall s ON s.id = c.stall_id
WHERE s.market_id = :market AND c.voided_at IS NULL GROUP BY c.period
"""


async def charged_of(session: WriteSession, market_id: str) -> dict[str, tuple[int, ...]]:
    """Of each period: billed, waived, paid, waiting, owed and withdrawn, by rows alone."""
    found: dict[str, tuple[int, ...]] = {}
    for period, amount, waived, paid, waiting, withdrawn in await session.execute(
        text(_CHARGED), {"market": market_id}
    ):
        owed = amount - paid - waiting - withdrawn
        found[period] = (amount + waived, waived, paid, waiting, owed, withdrawn)
    return found


def misfits(rates: Iterable[MarketRate], charged: Mapping[str, tuple[int, ...]]) -> list[str]:
    """What a report of rates tells otherwise than the rows, and where it does not add up."""
    found = []
    told = {}
    for one in rates:
        parts = (one.waived, one.paid, one.waiting, one.owed, one.withdrawn)
        told[one.period] = (one.billed, *parts)
        if one.billed != sum(parts):
            found.append(f"{one.period}: {one.billed} billed, and {sum(parts)} are told of")
    found += [
        f"{period}: told {told.get(period)}, counted {charged.get(period)}"
        for period in sorted(told.keys() | charged.keys())
        if told.get(period) != charged.get(period)
    ]
    return found
