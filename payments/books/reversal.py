"""Money that turns out to be none, or that was taken back: it leaves its place and stays reversed.

Nothing is deleted. What was credited stays credited; the part is a suspense item in the place
`reversed`, and a ledger transaction of its own says when and why. A bill that was settled with such
money, and has no receipt that stands, is to be paid again.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import insert, update
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select

from core import audit, clock
from core.ids import new_id
from core.outbox import emit
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import LockedBill, lock_bill
from payments.bills.models import Allocation, Bill, Payment, Reference
from payments.books import ledger, suspense
from payments.books.allocation import Distribution, Reason, suspend
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.moves import move_bill
from payments.books.release import give
from payments.books.suspense import LockedItem
from payments.events import BillReopened


@dataclass(frozen=True, slots=True)
class _GivenPart:
    """What a bill has of a payment; `amount` in đồng."""

    id: str
    payment_id: str
    collection_account_id: str
    amount: int


_TAKING_BACK = aliased(Allocation)
_GIVEN = (
    values_of(_GivenPart, Allocation, Payment, id=col(Allocation.id), amount=col(Allocation.amount))
    .join_from(Allocation, Payment, col(Payment.id) == col(Allocation.payment_id))
    .where(
        col(Allocation.reverses).is_(None),
        ~exists(col(_TAKING_BACK.id)).where(col(_TAKING_BACK.reverses) == col(Allocation.id)),
    )
    .order_by(col(Allocation.id))
)


async def reverse_item(session: WriteSession, actor: str, item: LockedItem, reason: Reason) -> None:
    """Take a locked item's money out of suspense, or out of what is refundable, for good."""
    now = clock.now()
    await suspense.close_item(session, item.id, now)
    reversed_ = Distribution(reversed=item.amount, reason=reason)
    await suspense.hold(session, item.payment_id, item.bill_id, reversed_, now)
    if item.amount == item.credited:
        await note_decided(session, actor, item, reason)
    source = MoneySource(item.payment_id, item.collection_account_id, clock.business_date(now))
    amounts = {item.place: item.amount, "reversed": -item.amount}
    await ledger.post(session, "reversal", source, item.bill_id, amounts)
    await _record(session, actor, item.payment_id, item.amount, reason, {"item": item.id})


async def reverse_settlement(
    session: WriteSession,
    actor: str,
    bill: LockedBill,
    gone: Collection[str],
    reason: Reason,
    *,
    is_money: bool = False,
) -> None:
    """Undo what settled a locked bill: some money was none, another's, or was taken back.

    No receipt of it may stand: the caller withdraws it, or leaves the bill alone.

    What it has of the payments `gone` is reversed, or waits in suspense where it `is_money` all the
    same, which was not for this bill; what others gave waits for the rest again, and
    what they sent over pays it where that is enough. Else it is open, to be paid or to expire; a
    bill that this money had made by itself is cancelled, for nobody asked for it.
    """
    now = clock.now()
    for part in await session.all(_GIVEN.where(col(Allocation.bill_id) == bill.id)):
        undone = {
            "id": new_id("alloc"),
            "payment_id": part.payment_id,
            "bill_id": bill.id,
            "amount": -part.amount,
            "created_at": now,
            "reverses": part.id,
        }
        await session.write(insert(Allocation), undone)
        source = MoneySource(part.payment_id, part.collection_account_id, clock.business_date(now))
        if part.payment_id in gone:
            place, left = "reversed", Distribution(reversed=part.amount, reason=reason)
            if is_money:
                place, left = "suspense", suspend(part.amount, reason)
            told = update(Payment).where(col(Payment.id) == part.payment_id)
            await session.write(told.values(doubt=reason))
            where = {"allocation": part.id, "bill": bill.id}
            await _record(session, actor, part.payment_id, part.amount, reason, where)
        else:
            place, left = "suspense", suspend(part.amount, Reason.SHORT)
        await suspense.hold(session, part.payment_id, bill.id, left, now)
        amounts = {"revenue": part.amount, place: -part.amount}
        await ledger.post(session, "reversal", source, bill.id, amounts)
    details = {"reason": reason, "payments": sorted(gone)}
    await move_bill(session, actor, bill, "open", details, paid_at=None)
    await emit(session, BillReopened(bill.id, bill.agency_id, bill.amount))
    bill = await _pay_with_what_was_over(session, actor, bill)
    if bill.status == "open" and await _is_made_by(session, bill, gone):
        await move_bill(session, actor, bill, "cancelled", details)


async def _pay_with_what_was_over(
    session: WriteSession, actor: str, bill: LockedBill
) -> LockedBill:
    for item in await suspense.lock_sent_over(session, bill.id):
        bill = await lock_bill(session, bill.id)
        if bill.status != "open":
            break
        await give(session, item, bill, actor)
    return await lock_bill(session, bill.id)


async def _is_made_by(session: ReadSession, bill: LockedBill, gone: Collection[str]) -> bool:
    """Whether a bill was made by money of these payments, which bore a poster's reference."""
    made = (
        select(Payment.id)
        .join(Reference, col(Reference.reference) == col(Payment.reference))
        .join(Bill, col(Bill.id) == col(Payment.bill_id))
        .where(
            col(Payment.id).in_(gone),
            col(Reference.kind) == "procedure",
            col(Bill.id) == bill.id,
            col(Bill.channel) == "poster",
        )
    )
    return await session.first(made) is not None


async def _record(
    session: WriteSession,
    actor: str,
    payment_id: str,
    amount: int,
    reason: Reason,
    details: dict[str, str],
) -> None:
    await audit.record(
        session,
        actor=actor,
        action="payment.reversed",
        object_id=payment_id,
        details={**details, "amount": amount, "reason": reason},
    )
