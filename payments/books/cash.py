"""Cash that a collector has taken: money of the books at once, on the account when it is paid in.

Who holds the slip has paid. So cash is a payment of the gateway `cash` on the day that it was taken
(`collector_cash` in the ledger), goes where a transfer would have gone, and is on no statement.
What comes to the account is the deposit of a hand-over: no new money, it clears what was taken.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, cast, func, insert
from sqlmodel import col, select

from core import audit, clock
from core.ids import new_id
from core.name_locks import lock_names
from core.outbox import emit
from core.sessions import WriteSession
from payments.bills.locks import LockedBill
from payments.bills.models import Payment
from payments.books import ledger, suspense
from payments.books.allocation import Distribution, Reason, suspend
from payments.books.closed_days import accounting_day
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.models import Posting
from payments.books.posting import post_cash
from payments.books.suspense import LockedItem, lock_items_of
from payments.events import CollectorDepositWaits, StallCreditWaits
from payments.states import PAYMENT

#: The `gateway` of money that a collector took in cash.
CASH: Final = "cash"

_ENTER = insert(Payment)


@dataclass(frozen=True, slots=True)
class NewCash:
    """Cash to enter: `amount` in đồng, `taken_at` in UTC and not ahead of now.

    `name` is its own for ever, `slip` what its slip is called. `reference` is what it was taken
    for: a stall's, or a bill's.
    """

    name: str
    slip: str
    amount: int
    taken_at: datetime
    reference: str
    agency_id: str
    collection_account_id: str


async def take_stall_cash(session: WriteSession, cash: NewCash, *, actor: str) -> str:
    """Enter cash for a stall; its payment's id. It pays what the stall's holder owes there.

    It waits as money on the stall's reference does (`payments.billing.credit`), so that whatever
    order cash and transfers come in decides nothing; what nobody owes stays as credit.
    """
    source = await _enter(session, cash, None, actor)
    await post_cash(session, actor, None, source, suspend(cash.amount, Reason.STALL_CREDIT))
    await emit(session, StallCreditWaits(source.payment_id, cash.agency_id, cash.amount))
    return source.payment_id


async def take_bill_cash(
    session: WriteSession, cash: NewCash, bill: LockedBill, *, actor: str
) -> str:
    """Enter cash that is the whole of a locked bill, and settle it; its payment's id."""
    source = await _enter(session, cash, bill.id, actor)
    await post_cash(session, actor, bill, source, Distribution(allocated=cash.amount))
    return source.payment_id


async def _enter(
    session: WriteSession, cash: NewCash, bill_id: str | None, actor: str
) -> MoneySource:
    on = await accounting_day(session, cash.collection_account_id, cash.taken_at)
    source = MoneySource(new_id("pay"), cash.collection_account_id, on)
    row = {
        "id": source.payment_id,
        "kind": "credit",
        "agency_id": cash.agency_id,
        "bill_id": bill_id,
        "gateway": CASH,
        "collection_account_id": cash.collection_account_id,
        "status": "succeeded",
        "amount": cash.amount,
        "credited": cash.amount,
        "gateway_ref": cash.slip,
        "settlement_key": f"{CASH}:{cash.name}",
        "reference": cash.reference,
        "created_at": clock.now(),
        "paid_at": cash.taken_at,
        "accounting_on": on,
        "asked": 0,
    }
    await session.write(_ENTER, row)
    event = PAYMENT.move(None, "succeeded").event
    told = {"amount": cash.amount, "gateway": CASH, "accounting_on": on.isoformat()}
    await audit.record(
        session, actor=actor, action=event, object_id=source.payment_id, details=told
    )
    return source


async def lock_deposit(session: WriteSession, payment_id: str) -> list[LockedItem]:
    """Lock what of a payment waits to clear a hand-over; the caller has locked the hand-over."""
    reason = Reason.COLLECTOR_DEPOSIT
    return [one for one in await lock_items_of(session, payment_id) if one.reason == reason]


async def lock_collector_cash(session: WriteSession, collection_account_id: str) -> int:
    """What collectors have taken for an account and not paid in, in đồng, as the books know.

    Nobody else clears any of it before our transaction ends.
    """
    await lock_names(session, f"collector_cash:{collection_account_id}")
    total = cast(func.coalesce(func.sum(Posting.amount), 0), BigInteger)
    return await session.one(
        select(total).where(
            col(Posting.collection_account_id) == collection_account_id,
            col(Posting.ledger) == "collector_cash",
        )
    )


async def clear_cash(session: WriteSession, actor: str, item: LockedItem, amount: int) -> str:
    """Let `amount` đồng of a locked deposit clear what its collector took; the ledger transaction.

    It stays `collector_cash` for good; what is over goes on waiting for people.
    """
    now, reason = clock.now(), Reason.COLLECTOR_DEPOSIT
    await suspense.close_item(session, item.id, now)
    parts = Distribution(collector_cash=amount, suspense=item.amount - amount, reason=reason)
    await suspense.hold(session, item.payment_id, item.bill_id, parts, now)
    if amount == item.credited:
        await note_decided(session, actor, item, reason)
    source = MoneySource(item.payment_id, item.collection_account_id, clock.business_date(now))
    amounts = {item.place: amount, "collector_cash": -amount}
    cleared = await ledger.post(session, "collector_deposit", source, item.bill_id, amounts)
    await audit.record(
        session,
        actor=actor,
        action="payment.cleared_cash",
        object_id=item.payment_id,
        details={"item": item.id, "amount": amount},
    )
    return cleared


async def tell_of_deposits(session: WriteSession, reference: str) -> None:
    """Have what waits on a hand-over's reference looked at again, for it has been counted."""
    wanted = select(Payment.id).where(col(Payment.reference) == reference)
    for payment_id in await session.all(wanted.order_by(col(Payment.id))):
        for item in await lock_deposit(session, payment_id):
            await emit(session, CollectorDepositWaits(payment_id, item.agency_id, item.amount))
