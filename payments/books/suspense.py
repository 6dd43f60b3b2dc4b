"""Suspense items: parts of payments that are not allocated."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SQLColumnExpression,
    Subquery,
    and_,
    cast,
    func,
    insert,
    update,
)
from sqlmodel import col, or_, select

from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of
from payments.bills.models import Payment, SuspenseItem
from payments.books.allocation import Distribution, Reason


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """Money of a bill that waits in suspense for the rest; `amount` in đồng."""

    id: str
    amount: int
    payment_id: str
    collection_account_id: str


@dataclass(frozen=True, slots=True)
class _WaitedSum:
    bill_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class LockedItem:
    """An item that nobody else changes before our transaction ends, with its payment's facts.

    `amount` and `credited` in đồng; `reference` is the payer's.
    """

    id: str
    amount: int
    place: str
    reason: str
    payment_id: str
    bill_id: str | None
    closed_at: datetime | None
    collection_account_id: str
    agency_id: str
    kind: str
    gateway: str
    credited: int
    reference: str | None
    paid_at: datetime


_ITEM = values_of(LockedItem, SuspenseItem, Payment, bill_id=col(SuspenseItem.bill_id)).join_from(
    SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id)
)
_WAITING = (
    values_of(WaitingItem, SuspenseItem, Payment)
    .join_from(SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id))
    .order_by(col(SuspenseItem.created_at), col(SuspenseItem.id))
)
_HOLD = insert(SuspenseItem)
#: Money in one of these places is still to be decided about; in the others it stays for good.
WAITING_PLACES = ("suspense", "refundable")


def _waits_for(bill_id: SQLColumnExpression[str] | str) -> ColumnElement[bool]:
    return and_(
        col(SuspenseItem.bill_id) == bill_id,
        col(SuspenseItem.place) == "suspense",
        col(SuspenseItem.reason) == Reason.SHORT,
        col(SuspenseItem.closed_at).is_(None),
    )


def is_waiting() -> ColumnElement[bool]:
    """That an item is in a place where money does not stay for good."""
    return col(SuspenseItem.place).in_(WAITING_PLACES)


def amount_waiting(bill_id: SQLColumnExpression[str] | str) -> ColumnElement[int]:
    """What waits in suspense for the rest of a bill, in đồng: a column for a statement."""
    waiting = select(func.coalesce(func.sum(SuspenseItem.amount), 0)).where(_waits_for(bill_id))
    return cast(waiting.scalar_subquery(), BigInteger)


def waiting_at(at: datetime | None = None) -> Subquery:
    """What waited in suspense for the rest of each bill at a moment: `bill_id`, `amount` in đồng.

    To be joined: one reading of what waits, however many bills are asked about. None is now.
    """
    item = SuspenseItem
    waited = values_of(_WaitedSum, item, amount=cast(func.sum(item.amount), BigInteger)).where(
        col(item.bill_id).is_not(None),
        col(item.place) == "suspense",
        col(item.reason) == Reason.SHORT,
    )
    if at is None:
        waited = waited.where(col(item.closed_at).is_(None))
    else:
        closed_later = or_(col(item.closed_at).is_(None), col(item.closed_at) >= at)
        waited = waited.where(col(item.created_at) < at, closed_later)
    return waited.group_by(col(item.bill_id)).subquery()


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
    """Write down the parts of a payment that are not allocated."""
    parts = {
        "suspense": distribution.suspense,
        "refundable": distribution.refundable,
        "reversed": distribution.reversed,
        "in_transit": distribution.in_transit,
        "collector_cash": distribution.collector_cash,
    }
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


async def find_item(session: ReadSession, item_id: str) -> LockedItem | None:
    """The item of that id as it is now, not locked; None if there is none."""
    return await session.first(_ITEM.where(SuspenseItem.id == item_id))


async def lock_item(session: WriteSession, item_id: str) -> LockedItem:
    """Lock an item; the caller has locked its bill. Raises `sqlalchemy.exc.NoResultFound`."""
    return await session.lock_one(_ITEM.where(SuspenseItem.id == item_id), of=SuspenseItem)


async def lock_items_of(session: WriteSession, payment_id: str) -> list[LockedItem]:
    """Lock what is open of a payment in suspense and refundable, oldest first."""
    is_open = (col(SuspenseItem.closed_at).is_(None), is_waiting())
    wanted = _ITEM.where(SuspenseItem.payment_id == payment_id, *is_open)
    return await session.lock_all(wanted.order_by(col(SuspenseItem.id)), of=SuspenseItem)


async def lock_sent_over(session: WriteSession, bill_id: str) -> list[LockedItem]:
    """Lock what was sent for a locked bill that was paid already, or was more than it takes.

    What is still refundable of it, oldest first.
    """
    wanted = _ITEM.where(
        col(SuspenseItem.bill_id) == bill_id,
        col(SuspenseItem.place) == "refundable",
        col(SuspenseItem.reason).in_((Reason.BILL_ALREADY_PAID, Reason.EXCESS)),
        col(SuspenseItem.closed_at).is_(None),
    )
    return await session.lock_all(wanted.order_by(col(SuspenseItem.id)), of=SuspenseItem)


def is_stall_credit() -> ColumnElement[bool]:
    """That an item waits for what will be owed at a stall."""
    return and_(
        col(SuspenseItem.place) == "suspense",
        col(SuspenseItem.reason) == Reason.STALL_CREDIT,
        col(SuspenseItem.closed_at).is_(None),
    )


async def list_stall_credit(session: ReadSession, references: Collection[str]) -> list[LockedItem]:
    """What waits for what will be owed at stalls, by their references, as it is now, not locked.

    In the order in which it came.
    """
    return await session.all(_of_stalls(references))


async def lock_stall_credit(session: WriteSession, references: Collection[str]) -> list[LockedItem]:
    """As `list_stall_credit`, locked; the caller has locked the bills before."""
    return await session.lock_all(_of_stalls(references), of=SuspenseItem)


def _of_stalls(references: Collection[str]) -> ValueSelect[LockedItem]:
    wanted = _ITEM.where(is_stall_credit(), col(Payment.reference).in_(references))
    return wanted.order_by(col(Payment.paid_at), col(Payment.id), col(SuspenseItem.id))


async def lock_cleared(session: WriteSession, payment_id: str) -> LockedItem:
    """Lock a credit that a payout has cleared, whole. Raises `sqlalchemy.exc.NoResultFound`."""
    wanted = _ITEM.where(
        SuspenseItem.payment_id == payment_id,
        SuspenseItem.place == "in_transit",
        col(SuspenseItem.closed_at).is_(None),
    )
    return await session.lock_one(wanted, of=SuspenseItem)


async def close_item(session: WriteSession, item_id: str, now: datetime) -> None:
    """End a locked item, because its money has gone elsewhere."""
    ended = update(SuspenseItem).where(col(SuspenseItem.id) == item_id)
    await session.write(ended.values(closed_at=now))
