"""Receipts as people look for them: by their number within the agencies' series, or their code."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import values_of
from receipts.models import Receipt, ReceiptSeries


@dataclass(frozen=True, slots=True)
class FoundReceipt:
    """A receipt as a list of results shows it; `amount` in đồng."""

    id: str
    bill_id: str
    template: str
    symbol: str
    number: int
    code: str
    status: str
    amount: int
    issued_at: datetime


_RECEIPTS = values_of(FoundReceipt, Receipt, ReceiptSeries).join_from(
    Receipt, ReceiptSeries, col(ReceiptSeries.id) == col(Receipt.series_id)
)


async def find_receipts_by_number(
    session: ReadSession, agency_ids: Collection[str], number: int, limit: int = 20
) -> list[FoundReceipt]:
    """The receipts of that number in the series of these agencies, the newest first."""
    # A series has one receipt of a number, and an agency has one series a year: no more than these.
    series = select(ReceiptSeries.id).where(col(ReceiptSeries.agency_id).in_(agency_ids))
    wanted = _RECEIPTS.where(col(Receipt.series_id).in_(series), col(Receipt.number) == number)
    newest = wanted.order_by(col(Receipt.issued_at).desc(), col(Receipt.id).desc())
    return await session.all(newest.limit(limit))


async def find_receipt(
    session: ReadSession, agency_ids: Collection[str], key: str
) -> FoundReceipt | None:
    """The receipt of these agencies with that id or check code, None if there is none."""
    named = (col(Receipt.id) == key) | (col(Receipt.code) == key)
    return await session.first(_RECEIPTS.where(named, col(Receipt.agency_id).in_(agency_ids)))
