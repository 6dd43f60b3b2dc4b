"""Attempts as frozen values."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, literal, null
from sqlmodel import col, select

from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Allocation, Bill, Payment, SuspenseItem
from payments.bills.queries import PaymentValue, list_shared
from payments.books.allocation import DOUBTS, Reason
from payments.books.credits import BANK
from payments.books.suspense import amount_waiting
from payments.states import LIVE


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """How often a bill was tried, and how many đồng wait in suspense for the rest of it."""

    attempts: int
    #: the id of the newest one that may still end in either way, None if none is open
    open: str | None
    #: those whose money a person looks at; money for it that no attempt came before counts too
    held: int
    waiting: int


async def get_payment(
    session: ReadSession, payment_id: str, agency_ids: Collection[str]
) -> PaymentValue:
    """The payment of that id. Raises `NotFound` if absent or another agency's."""
    found = await session.first(
        values_of(PaymentValue, Payment, share=null(), elsewhere=literal(0)).where(
            Payment.id == payment_id
        )
    )
    if found is None or found.agency_id not in agency_ids:
        raise NotFound("Không có giao dịch thanh toán này.")
    return found


async def list_shares(session: ReadSession, payment: PaymentValue) -> dict[str, int]:
    """What several bills have of a payment that is of none alone, by their ids, in đồng."""
    if payment.bill_id is not None:
        return {}
    some = select(Allocation.bill_id).where(Allocation.payment_id == payment.id)
    waiting = select(col(SuspenseItem.bill_id)).where(SuspenseItem.payment_id == payment.id)
    bills = await session.all(select(Bill.id).where(col(Bill.id).in_(some.union(waiting))))
    shared = await list_shared(session, sorted(bills))
    return {str(one.bill_id): one.share or 0 for one in shared if one.id == payment.id}


#: Why money that a gateway took for a bill waits for a person, and may be the bill's all the same.
_LOOKED_AT: Final = sorted(DOUBTS | {Reason.AMOUNT_MISMATCH, Reason.HELD_BY_GATEWAY})


async def count_attempts(session: ReadSession, bill_id: str) -> EarlierAttempts:
    """How often a bill was tried, and what waits in suspense for the rest of it."""
    named = select(Bill.reference).where(Bill.id == bill_id).scalar_subquery()
    pulled = (
        select(func.count())
        .select_from(Payment)
        .join(SuspenseItem, col(SuspenseItem.payment_id) == col(Payment.id))
        .where(
            col(Payment.reference) == named,
            Payment.kind == "credit",
            # Whose words anybody may write stops nobody: a transfer's do not count.
            Payment.gateway != BANK,
            col(SuspenseItem.closed_at).is_(None),
            SuspenseItem.place == "suspense",
            col(SuspenseItem.reason).in_(_LOOKED_AT),
        )
        .scalar_subquery()
    )
    return await session.one(
        values_of(
            EarlierAttempts,
            attempts=func.count(),
            open=func.max(col(Payment.id)).filter(col(Payment.status).in_(sorted(LIVE))),
            held=func.count().filter(col(Payment.status) == "held") + pulled,
            waiting=amount_waiting(bill_id),
        )
        .select_from(Payment)
        .where(Payment.bill_id == bill_id, Payment.kind == "attempt")
    )
