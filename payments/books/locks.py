"""Attempts that are locked for the rest of the transaction, as typed values.

Locks are taken in one order, bill then payment: an attempt is never locked but with its bill, and
whoever records money locks the bill before it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from core.row_waits import waiting
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import BILL, LockedBill
from payments.bills.models import Bill, Payment


@dataclass(frozen=True, slots=True)
class LockedPayment:
    """An attempt that nobody else changes before our transaction ends; amounts in đồng."""

    id: str
    bill_id: str
    #: where its money goes, whatever account the gateway pays to by the time it is told of
    collection_account_id: str
    status: str
    amount: int
    #: what the gateway says arrived, None until then
    credited: int | None
    request_code: str | None
    created_at: datetime
    #: how often the gateway was asked about it
    asked: int


@dataclass(frozen=True, slots=True)
class LockedAttempt:
    """An attempt and the bill that it is to pay, both locked."""

    bill: LockedBill
    payment: LockedPayment


@dataclass(frozen=True, slots=True)
class _Order:
    """Where an order was given, and the account that its money goes to."""

    gateway_account_id: str | None
    collection_account_id: str


_PAYMENT = values_of(LockedPayment, Payment)


async def lock_attempt(session: WriteSession, payment_id: str) -> LockedAttempt:
    """Lock an attempt's bill, then the attempt.

    Raises `sqlalchemy.exc.NoResultFound`, and `RowBusy`.
    """
    which = col(Payment.id) == payment_id
    with waiting(session, payment_id):
        return LockedAttempt(
            await session.lock_one(BILL.where(_is_bill_of(which))),
            await session.lock_one(_PAYMENT.where(which)),
        )


async def find_and_lock_attempt(
    session: WriteSession, order_ref: str, gateway_account_id: str
) -> LockedAttempt | None:
    """Lock what we asked a gateway account to take under `order_ref`; None for none of ours.

    Raises `RowBusy`.
    """
    which = (col(Payment.order_ref) == order_ref) & (
        col(Payment.gateway_account_id) == gateway_account_id
    )
    with waiting(session, order_ref):
        bill = await session.lock_first(BILL.where(_is_bill_of(which)))
        if bill is None:
            return None
        return LockedAttempt(bill, await session.lock_one(_PAYMENT.where(which)))


async def find_order_account(session: ReadSession, order_ref: str) -> str | None:
    """The gateway account that we gave this order to; None for no order of ours."""
    found = await session.first(values_of(_Order, Payment).where(Payment.order_ref == order_ref))
    return None if found is None else found.gateway_account_id


async def find_order_destination(
    session: ReadSession, order_ref: str, gateway_account_id: str
) -> str | None:
    """The collection account that an order's money goes to; None for no order of this account.

    An attempt's never changes, so no lock is needed to look.
    """
    found = await session.first(
        values_of(_Order, Payment).where(
            Payment.order_ref == order_ref, Payment.gateway_account_id == gateway_account_id
        )
    )
    return None if found is None else found.collection_account_id


def _is_bill_of(payment: ColumnElement[bool]) -> ColumnElement[bool]:
    """That a bill is the payment's: an attempt's never changes, so no lock is needed to look."""
    return col(Bill.id) == select(Payment.bill_id).where(payment).scalar_subquery()
