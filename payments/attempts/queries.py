"""Attempts as frozen values."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col

from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.bills.queries import PaymentValue
from payments.books.suspense import amount_waiting
from payments.states import LIVE


@dataclass(frozen=True, slots=True)
class EarlierAttempts:
    """How often a bill was tried, and how many đồng wait in suspense for the rest of it."""

    attempts: int
    #: the id of the newest one that may still end in either way, None if none is open
    open: str | None
    #: those whose money a person looks at
    held: int
    waiting: int


async def get_payment(
    session: ReadSession, payment_id: str, agency_ids: Collection[str]
) -> PaymentValue:
    """The payment of that id. Raises `NotFound` if absent or another agency's."""
    found = await session.first(values_of(PaymentValue, Payment).where(Payment.id == payment_id))
    if found is None or found.agency_id not in agency_ids:
        raise NotFound("Không có giao dịch thanh toán này.")
    return found


async def count_attempts(session: ReadSession, bill_id: str) -> EarlierAttempts:
    """How often a bill was tried, and what waits in suspense for the rest of it."""
    return await session.one(
        values_of(
            EarlierAttempts,
            attempts=func.count(),
            open=func.max(col(Payment.id)).filter(col(Payment.status).in_(sorted(LIVE))),
            held=func.count().filter(col(Payment.status) == "held"),
            waiting=amount_waiting(bill_id),
        )
        .select_from(Payment)
        .where(Payment.bill_id == bill_id, Payment.kind == "attempt")
    )
