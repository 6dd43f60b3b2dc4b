"""Posting: where a credit goes is written down, and its bill is settled when it is enough.

Shared by `payments.attempts.results` (what a gateway says of an attempt) and `credits` (money that
arrived by itself). Everything runs in the caller's transaction, so that all that one credit causes
stands or falls together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from core import clock
from core.ids import new_id
from core.outbox import emit
from core.sessions import WriteSession
from payments.bills.locks import LockedBill
from payments.bills.models import Allocation
from payments.books import ledger, suspense
from payments.books.allocation import (
    BillShare,
    Distribution,
    OwingBill,
    apportion,
    distribute,
    pays_exactly,
)
from payments.books.ledger import MoneySource
from payments.books.moves import move_bill
from payments.events import BillPaid

_ALLOCATE = insert(Allocation)


@dataclass(frozen=True, slots=True)
class BillMoney:
    """A locked bill, and where money goes there; no bill where it goes to none."""

    bill: LockedBill | None
    distribution: Distribution


async def distribute_on(session: WriteSession, bill: LockedBill, credit: int) -> Distribution:
    """Where `credit` đồng go on a locked bill, counting what waits in suspense for it."""
    waiting = await suspense.lock_waiting(session, bill.id)
    return distribute(bill.status, bill.amount, sum(item.amount for item in waiting), credit)


async def owing_of(session: WriteSession, bills: Sequence[LockedBill]) -> list[OwingBill]:
    """What locked bills owe, counting what waits in suspense for each, which is locked too."""
    return [
        OwingBill(
            bill_id=bill.id,
            status=bill.status,
            amount=bill.amount,
            waiting=sum(item.amount for item in await suspense.lock_waiting(session, bill.id)),
            due_at=bill.due_at,
        )
        for bill in bills
    ]


async def apportion_on(
    session: WriteSession, bills: Sequence[LockedBill], credit: int
) -> list[BillMoney]:
    """Where `credit` đồng go on locked bills that people have named, the oldest first."""
    return _on(bills, apportion(await owing_of(session, bills), credit))


async def apportion_exactly(
    session: WriteSession, bills: Sequence[LockedBill], credit: int
) -> list[BillMoney]:
    """As `apportion_on` where `credit` is what the locked bills owe together; none where not."""
    owing = await owing_of(session, bills)
    return _on(bills, apportion(owing, credit)) if pays_exactly(owing, credit) else []


def _on(bills: Sequence[LockedBill], shares: Sequence[BillShare]) -> list[BillMoney]:
    known = {bill.id: bill for bill in bills}
    return [BillMoney(known[share.bill_id], share.distribution) for share in shares]


async def post_credit(
    session: WriteSession,
    actor: str,
    bill: LockedBill | None,
    source: MoneySource,
    distribution: Distribution,
    *,
    at_gateway: bool,
) -> None:
    """Write where a credit goes: allocation, suspense, refundable, postings; settle the bill.

    `at_gateway`: a gateway took the money and has yet to pay it over to the account. Raises
    ValueError for money given to no bill: a fault of ours.
    """
    held = "in_transit" if at_gateway else "receivable"
    await _post(session, actor, bill, source, distribution, ("credit", held))


async def post_cash(
    session: WriteSession,
    actor: str,
    bill: LockedBill | None,
    source: MoneySource,
    distribution: Distribution,
) -> None:
    """As `post_credit`, of money that a collector has taken in cash and has yet to pay in."""
    await _post(session, actor, bill, source, distribution, ("credit", "collector_cash"))


async def post_from_suspense(
    session: WriteSession,
    actor: str,
    bill: LockedBill | None,
    source: MoneySource,
    distribution: Distribution,
    place: str,
) -> None:
    """As `post_credit`, of money that was in suspense or refundable; the caller closes its item."""
    await _post(session, actor, bill, source, distribution, ("from_suspense", place))


async def _post(
    session: WriteSession,
    actor: str,
    bill: LockedBill | None,
    source: MoneySource,
    distribution: Distribution,
    origin: tuple[str, str],
) -> None:
    """`origin` is what the ledger transaction is called, and the ledger that the money leaves."""
    now = clock.now()
    bill_id = None if bill is None else bill.id
    if distribution.allocated:
        if bill is None:
            raise ValueError(f"money of {source.payment_id} is given to no bill")
        await _allocate(session, source.payment_id, bill, distribution.allocated, now)
    await suspense.hold(session, source.payment_id, bill_id, distribution, now)
    kind, left = origin
    amounts = {
        "revenue": -distribution.allocated,
        "suspense": -distribution.suspense,
        "refundable": -distribution.refundable,
    }
    amounts[left] = amounts.get(left, 0) + distribution.total
    if any(amounts.values()):
        await ledger.post(session, kind, source, bill_id, amounts)
    if bill is None:
        return
    if distribution.takes_waiting:
        await _take_waiting(session, bill, source, now)
    if distribution.allocated:
        await move_bill(session, actor, bill, "paid", {"amount": bill.amount}, paid_at=now)
        await emit(session, BillPaid(bill.id, bill.agency_id, bill.amount))


async def _allocate(
    session: WriteSession, payment_id: str, bill: LockedBill, amount: int, now: datetime
) -> None:
    part = {
        "id": new_id("alloc"),
        "payment_id": payment_id,
        "bill_id": bill.id,
        "amount": amount,
        "created_at": now,
    }
    await session.write(_ALLOCATE, part)


async def _take_waiting(
    session: WriteSession, bill: LockedBill, settling: MoneySource, now: datetime
) -> None:
    """Give the bill the money that waited in suspense for it, on the day that settles it."""
    for item in await suspense.lock_waiting(session, bill.id):
        await suspense.close_item(session, item.id, now)
        await _allocate(session, item.payment_id, bill, item.amount, now)
        source = MoneySource(item.payment_id, item.collection_account_id, settling.accounting_on)
        amounts = {"suspense": item.amount, "revenue": -item.amount}
        await ledger.post(session, "from_suspense", source, bill.id, amounts)
