"""Money that leaves suspense: to the bills it was sent for, a poster's new bill, or elsewhere.

Items and bills are locked by the caller, or here, the bills first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import col

from core import clock
from core.crypto import Cipher
from core.outbox import emit
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import get_collection_account
from payments.bills.create import create_bill_within
from payments.bills.locks import LockedBill, lock_bill, lock_together
from payments.bills.models import Payment
from payments.bills.queries import StaticReferenceValue, read_payer
from payments.bills.static_references import price_static_reference
from payments.books import suspense
from payments.books.allocation import (
    AWAITING_ANOTHER,
    Distribution,
    Reason,
    distribute_static,
    suspend,
)
from payments.books.decided import note_decided
from payments.books.destination import Destination, destination_of
from payments.books.ledger import MoneySource
from payments.books.posting import (
    BillMoney,
    apportion_exactly,
    apportion_on,
    distribute_on,
    post_from_suspense,
)
from payments.books.returned import find_returned
from payments.books.several import unless_for_others
from payments.books.suspense import LockedItem
from payments.events import CollectorDepositWaits, StallCreditWaits

#: Why money waits of which nobody doubts that it came, and for whom.
_COUNTING = (Reason.SHORT, Reason.STALL_CREDIT, Reason.COLLECTOR_DEPOSIT)


@dataclass(frozen=True, slots=True)
class _SentMoney:
    """Where a payment's money was sent."""

    collection_account_id: str
    reference: str | None


_SENT = values_of(_SentMoney, Payment)


async def find_bills_of(
    session: ReadSession, bill_id: str | None, account_id: str, reference: str | None
) -> tuple[str, ...]:
    """The bills that money would go to now: its own, or those that its references name by now.

    Whoever moves money locks them first, before the money: two who go the other way round would
    wait for each other.
    """
    if bill_id is not None:
        return (bill_id,)
    account = await get_collection_account(session, account_id)
    return (await destination_of(session, account, reference or "")).bill_ids


async def send_on(
    session: WriteSession, cipher: Cipher, item: LockedItem, actor: str, words: str = ""
) -> dict[str, Any]:
    """Let a locked item's money go where it was sent: to its bill, its poster, or to people.

    That it is money of its own says nothing of whose it is: what its words, and the further `words`
    that it is told in now, misspell beside its bill is looked at as when it came. Nor do its words
    say whose it is where it went astray (see `Destination`).
    """
    account = await get_collection_account(session, item.collection_account_id)
    destination = await destination_of(session, account, item.reference or "")
    kept = await read_payer(session, cipher, item.payment_id)
    if item.bill_id is not None:
        destination = Destination(destination.reason, item.bill_id, destination.reference)
    elif "astray" in kept:
        destination = Destination(Reason.UNKNOWN_REFERENCE)
    # By the words in which it came, and by those that tell of it now.
    for said in (kept.get("narrative", ""), words):
        destination = await unless_for_others(session, destination, said, item.amount)
    if destination.bill_id is not None:
        return await give(session, item, await lock_bill(session, destination.bill_id), actor)
    if destination.static is None:
        bills = await lock_together(session, destination.several)
        shares = await apportion_exactly(session, bills, item.amount)
        if shares:
            return await _give_shares(session, item, shares, actor)
        if destination.reason is Reason.STALL_CREDIT:
            await emit(session, StallCreditWaits(item.payment_id, item.agency_id, item.amount))
        if destination.reason is Reason.COLLECTOR_DEPOSIT:
            told = CollectorDepositWaits(item.payment_id, item.agency_id, item.amount)
            await emit(session, told)
        return await move(session, item, None, suspend(item.amount, destination.reason), actor)
    bill, distribution = await create_and_distribute(
        session,
        item.payment_id,
        item.amount,
        item.paid_at,
        destination.static,
        actor=actor,
        cipher=cipher,
    )
    return await move(session, item, bill, distribution, actor)


async def give(
    session: WriteSession, item: LockedItem, bill: LockedBill, actor: str
) -> dict[str, Any]:
    """Give a locked item's money to a locked bill."""
    distribution = await distribute_on(session, bill, item.amount)
    if item.bill_id is None:  # else it is a part of money that is another bill's, or several bills'
        told = update(Payment).where(
            col(Payment.id) == item.payment_id, col(Payment.bill_id).is_(None)
        )
        await session.write(told.values(bill_id=bill.id, agency_id=bill.agency_id))
    return await move(session, item, bill, distribution, actor)


async def give_to_several(
    session: WriteSession, item: LockedItem, bills: Sequence[LockedBill], actor: str
) -> dict[str, Any]:
    """Give a locked item's money to locked bills of one body, the oldest first."""
    return await _give_shares(session, item, await apportion_on(session, bills, item.amount), actor)


async def _give_shares(
    session: WriteSession, item: LockedItem, shares: Sequence[BillMoney], actor: str
) -> dict[str, Any]:
    """Its payment stays of no bill alone: who has how much of it, its allocations say."""
    if item.bill_id is None:
        body = next(share.bill.agency_id for share in shares if share.bill is not None)
        told = update(Payment).where(
            col(Payment.id) == item.payment_id, col(Payment.bill_id).is_(None)
        )
        await session.write(told.values(agency_id=body))
    parts = await move_shares(session, item, shares, actor)
    sums = {
        name: sum(part[name] for part in parts) for name in ("allocated", "suspense", "refundable")
    }
    return sums | {"bills": parts}


async def release_stated(
    session: WriteSession,
    cipher: Cipher,
    payment_id: str,
    bill_id: str | None,
    *,
    actor: str,
    words: str = "",
) -> list[dict[str, Any]]:
    """Let go what of a payment waits because one source alone told of it; what became of each.

    `words` are those in which another source tells of it now. What the bank has taken back since
    pays nothing: it waits on, for people.
    """
    if await find_returned(session, [payment_id]):
        return []
    told = await session.one(_SENT.where(col(Payment.id) == payment_id))
    await lock_together(
        session,
        await find_bills_of(session, bill_id, told.collection_account_id, told.reference),
    )
    return [
        await send_on(session, cipher, item, actor, words)
        for item in await suspense.lock_items_of(session, payment_id)
        if item.reason in AWAITING_ANOTHER
    ]


async def move(
    session: WriteSession,
    item: LockedItem,
    bill: LockedBill | None,
    distribution: Distribution,
    actor: str,
) -> dict[str, Any]:
    """Put a locked item's money into other places; what became of it, in đồng."""
    (part,) = await move_shares(session, item, [BillMoney(bill, distribution)], actor)
    return part


async def move_shares(
    session: WriteSession, item: LockedItem, shares: Sequence[BillMoney], actor: str
) -> list[dict[str, Any]]:
    """Put a locked item's money to bills of one body; what became of each share, in đồng.

    Raises ValueError where the shares are not the whole item: a fault of ours.
    """
    if sum(share.distribution.total for share in shares) != item.amount:
        raise ValueError(f"the shares of {item.id} are not its {item.amount}")
    placed = [share.distribution for share in shares]
    counts = any(one.allocated or one.reason in _COUNTING for one in placed)
    await note_decided(session, actor, item, None if counts else placed[0].reason)
    today = clock.business_date(clock.now())
    source = MoneySource(item.payment_id, item.collection_account_id, today)
    await suspense.close_item(session, item.id, clock.now())
    for share in shares:
        await post_from_suspense(session, actor, share.bill, source, share.distribution, item.place)
    return [
        {
            "allocated": share.distribution.allocated,
            "suspense": share.distribution.suspense,
            "refundable": share.distribution.refundable,
            "bill": None if share.bill is None else share.bill.reference,
        }
        for share in shares
    ]


async def create_and_distribute(
    session: WriteSession,
    payment_id: str,
    amount: int,
    paid_at: datetime,
    static: StaticReferenceValue,
    *,
    actor: str,
    cipher: Cipher,
) -> tuple[LockedBill | None, Distribution]:
    """Create the bill that a static reference's money pays exactly; None where it does not.

    `amount` in đồng; the fee is the one that was in force at `paid_at`.
    """
    wanted = await price_static_reference(session, static.agency_id, static.fee_code, paid_at)
    if wanted is None:
        return None, distribute_static(None, amount)
    distribution = distribute_static(wanted.amount, amount)
    if not distribution.allocated:
        return None, distribution
    created = await create_bill_within(session, wanted, actor=actor, cipher=cipher)
    bill = await lock_bill(session, created.id)
    assigned = update(Payment).where(col(Payment.id) == payment_id)
    await session.write(assigned.values(bill_id=bill.id, agency_id=bill.agency_id))
    return bill, distribution
