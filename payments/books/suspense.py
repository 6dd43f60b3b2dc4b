"""Suspense items: parts of payments that are not allocated, waiting in suspense or refundable."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, insert, update
from sqlmodel import col, select

from core.ids import new_id
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.books.allocation import Distribution, Reason
from payments.books.models import SuspenseItem


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """Money of a bill that waits in suspense for the rest; `amount` in đồng."""

    id: str
    amount: int
    payment_id: str
    collection_account_id: str


_WAITING = (
    values_of(WaitingItem, SuspenseItem, Payment)
    .join_from(SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id))
    .order_by(col(SuspenseItem.created_at), col(SuspenseItem.id))
)
_HOLD = insert(SuspenseItem)


def _waits_for(bill_id: str) -> ColumnElement[bool]:
    return and_(
        col(SuspenseItem.bill_id) == bill_id,
        col(SuspenseItem.place) == "suspense",
        col(SuspenseItem.reason) == Reason.SHORT,
        col(SuspenseItem.closed_at).is_(None),
    )


def amount_waiting(bill_id: str) -> ColumnElement[int]:
    """What waits in suspense for the rest of a bill, in đồng: a column for a statement."""
    waiting = select(func.coalesce(func.sum(SuspenseItem.amount), 0)).where(_waits_for(bill_id))
    return cast(waiting.scalar_subquery(), BigInteger)


async def lock_waiting(session: WriteSession, bill_id: str) -> list[WaitingItem]:
    """Lock the money of a locked bill that waits in suspense for the rest, oldest first."""
    return await session.lock_all(_WAITING.where(_waits_for(bill_id)), of=SuspenseItem)


async def hold(
    session: WriteSession,
    payment_id: str,
    bill_id: str | None,
    distribution: Distribution,
    now: datetime,
) -> None:
    """Write down the parts of a payment that wait in suspense or are refundable."""
    parts = {"suspense": distribution.suspense, "refundable": distribution.refundable}
    for place, amount in parts.items():
        if amount:
            item = {
                "id": new_id("susp"),
                "payment_id": payment_id,
                "bill_id": bill_id,
                "place": place,
                "amount": amount,
                "reason": distribution.reason,
                "created_at": now,
            }
            await session.write(_HOLD, item)


async def close(session: WriteSession, item: WaitingItem, now: datetime) -> None:
    """End a locked item, because its money has gone elsewhere."""
    ended = update(SuspenseItem).where(col(SuspenseItem.id) == item.id)
    await session.write(ended.values(closed_at=now))
