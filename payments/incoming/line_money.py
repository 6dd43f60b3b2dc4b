"""Money that people decide about on the evidence of a statement's line. Commands never commit.

The doors are those through which such money always comes: a credit is recorded as any that a
statement tells of, given to its bill as any that waits, and an attempt that its gateway owes word
of is settled as by a callback.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from core.crypto import Cipher
from core.errors import Conflict
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.models import GatewayAccountRow
from payments.agencies.queries import CollectionAccountValue, list_gateway_accounts
from payments.attempts.results import record_result
from payments.bills.locks import LockedBill, lock_bills
from payments.bills.models import Bill, Payment
from payments.books import suspense
from payments.books.allocation import Reason
from payments.books.bills_to_pay import lock_bills_to_pay as lock_bills_to_pay
from payments.books.bills_to_pay import named_in as named_in
from payments.books.credits import record_credit
from payments.books.identity import STATEMENT
from payments.books.models import CreditNotice
from payments.books.release import give, give_to_several
from payments.books.suspense import LockedItem
from payments.books.transit import check_in_transit, clear_transit
from payments.ports import Credit, GatewayResult, Outcome


class MoneyNotWaiting(Conflict):
    """None of this money waits for people: it has its place in the books already."""

    code = "not_waiting"


class NoMissedAttempt(Conflict):
    """No attempt at a gateway, of this reference and amount, is without its money."""

    code = "no_missed_attempt"


@dataclass(frozen=True, slots=True)
class MissedAttempt:
    """An attempt whose money has not been told of; `amount` in đồng."""

    id: str
    bill_id: str
    gateway_account_id: str
    order_ref: str
    status: str
    amount: int
    created_at: datetime


async def find_payment_of_line(session: ReadSession, line_id: str) -> str | None:
    """The payment that the books have because a statement's line told of it; None if none."""
    told = select(CreditNotice.payment_id).where(
        CreditNotice.source == STATEMENT,
        CreditNotice.notice_ref == line_id,
        col(CreditNotice.withdrawn_at).is_(None),
    )
    return await session.first(told)


async def sum_waiting(session: WriteSession, payment_id: str) -> int:
    """What of a payment waits or is refundable, in đồng; it is locked, the bill before."""
    return sum(item.amount for item in await suspense.lock_items_of(session, payment_id))


async def lock_givable(
    session: WriteSession, payment_id: str, bills: Sequence[LockedBill]
) -> list[LockedItem]:
    """What of a payment can be given to locked bills, locked. Raises `MoneyNotWaiting`.

    What waits for the rest of one of them is that bill's already: given again, it would count
    twice, and settle the bill with less than it owes.
    """
    items = await suspense.lock_items_of(session, payment_id)
    if not items:
        raise MoneyNotWaiting("Tiền này đã có chỗ trong sổ, không còn chờ.")
    ids = {bill.id for bill in bills}
    if any(item.bill_id in ids and item.reason == Reason.SHORT for item in items):
        raise MoneyNotWaiting("Khoản tiền này đang chờ đủ cho chính khoản phải nộp đó.")
    return items


async def enter_line(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> str:
    """Record a statement's credit, which then waits in suspense; its payment, new or known."""
    recorded = await record_credit(
        session, account, credit, source=STATEMENT, actor=actor, cipher=cipher
    )
    if recorded.payment_id is None:
        raise ValueError("a credit was recorded as no payment")
    return recorded.payment_id


async def give_waiting(
    session: WriteSession, payment_id: str, bills: Sequence[LockedBill], *, actor: str
) -> dict[str, Any]:
    """Give what of a payment waits to locked bills, the oldest first; in đồng, what became of it.

    Raises `MoneyNotWaiting`.
    """
    items = await lock_givable(session, payment_id, bills)
    for item in items:  # each sees what those before it have left to be paid
        now = await lock_bills(session, [bill.id for bill in bills])
        if len(now) == 1:
            await give(session, item, now[0], actor)
        else:
            await give_to_several(session, item, now, actor)
    # As it is at the end: what waited of one part may have been made up by the next.
    became: dict[str, Any] = {"allocated": sum(item.amount for item in items)}
    became |= {"suspense": 0, "refundable": 0}
    for left in await suspense.lock_items_of(session, payment_id):
        became[left.place] += left.amount
        became["allocated"] -= left.amount
    references = [bill.reference for bill in bills]
    named = {"bill": references[0]} if len(bills) == 1 else {"bills": references}
    return became | named | {"payment": payment_id}


_MISSED = values_of(MissedAttempt, Payment)


async def find_missed_attempt(
    session: ReadSession, account_id: str, references: list[str], amount: int
) -> MissedAttempt | None:
    """The newest attempt to pay a bill of these references whose money nobody has told of.

    Only one whose money comes to the collection account `account_id`: what a payer writes into a
    transfer's words names bills of any body.
    """
    wanted = _MISSED.join_from(Payment, Bill, col(Bill.id) == col(Payment.bill_id)).where(
        col(Bill.reference).in_(references),
        Payment.kind == "attempt",
        Payment.collection_account_id == account_id,
        Payment.amount == amount,
        col(Payment.credited).is_(None),
        col(Payment.gateway_account_id).is_not(None),
    )
    return await session.first(wanted.order_by(col(Payment.id).desc()))


async def settle_missed(
    session: WriteSession,
    account: CollectionAccountValue,
    attempt: MissedAttempt,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> dict[str, Any]:
    """Settle an attempt on the evidence of a line, as its gateway's callback would.

    What a gateway takes is in transit until it is paid over, and the line is where this was: it is
    recorded as what it is, the gateway's money on the account, and clears what was in transit.
    Raises `NoMissedAttempt` where the gateway's account is gone.
    """
    which = col(GatewayAccountRow.id) == attempt.gateway_account_id
    accounts = await list_gateway_accounts(session, cipher, which)
    if not accounts:
        raise NoMissedAttempt("Tài khoản tại cổng của lần thanh toán này không còn.")
    told = GatewayResult(
        order_ref=attempt.order_ref,
        outcome=Outcome.SUCCEEDED,
        gateway_ref=credit.bank_ref or credit.feed_ref,
        amount=credit.amount,
        paid_at=credit.credited_at,
    )
    recorded = await record_result(session, accounts[0], told, actor=actor, cipher=cipher)
    came = await enter_line(session, account, credit, actor=actor, cipher=cipher)
    cleared = 0
    for item in await suspense.lock_items_of(session, came):
        if came != recorded.payment_id:
            await check_in_transit(session, item)
            await clear_transit(session, actor, item)
            cleared += item.amount
    return {"payment": recorded.payment_id, "result": recorded.result.value, "cleared": cleared}
