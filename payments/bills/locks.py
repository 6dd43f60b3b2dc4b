"""A bill that is locked for the rest of the transaction, as a typed value."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col

from core.row_waits import waiting
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.models import Bill


@dataclass(frozen=True, slots=True)
class LockedBill:
    """A bill that nobody else changes before our transaction ends; `amount` in đồng."""

    id: str
    agency_id: str
    reference: str
    status: str
    amount: int
    language: str
    expires_at: datetime | None
    created_at: datetime

    @property
    def due_at(self) -> datetime:
        """When it was to be paid: by its end, or at once where it has none."""
        return self.created_at if self.expires_at is None else self.expires_at


#: A bill as whoever locks it reads it.
BILL: Final = values_of(LockedBill, Bill)


async def lock_bill(session: WriteSession, bill_id: str) -> LockedBill:
    """Lock a bill and read it. Raises `sqlalchemy.exc.NoResultFound`, and `RowBusy`."""
    with waiting(session, bill_id):
        return await session.lock_one(BILL.where(Bill.id == bill_id))


async def lock_bills(session: WriteSession, bill_ids: Collection[str]) -> list[LockedBill]:
    """Lock bills and read them, by id: whoever takes several takes them in this order."""
    return await session.lock_all(BILL.where(col(Bill.id).in_(bill_ids)).order_by(col(Bill.id)))


async def lock_together(session: WriteSession, bill_ids: Collection[str]) -> list[LockedBill]:
    """As `lock_bills`, of bills that one money is for, which many may tell of at once.

    Raises `RowBusy`; the first of them stands for all, for a wait is one connection's.
    """
    if not bill_ids:
        return []
    with waiting(session, min(bill_ids)):
        return await lock_bills(session, bill_ids)


async def find_and_lock_bill(session: WriteSession, bill_id: str) -> LockedBill | None:
    """Lock a bill and read it; None if there is none of that id. Raises `RowBusy`."""
    with waiting(session, bill_id):
        return await session.lock_first(BILL.where(Bill.id == bill_id))
