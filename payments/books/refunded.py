"""What of settled bills' money goes back, or has gone: the part of refunds that was revenue."""

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, cast, func
from sqlmodel import col, select

from payments.bills.models import Allocation, Payment
from payments.books.models import Refund

#: A refund in one of these states has its money: it is being paid back, or was.
TAKEN = ("approved", "submitted", "unknown", "succeeded")


def from_revenue(bill_id: str | None = None) -> ColumnElement[int]:
    """What of a payment bills had been given and refunds have taken, in đồng: for a statement.

    Of one bill's share, where one is named.
    """
    taken = select(func.coalesce(func.sum(Refund.from_revenue), 0)).where(
        col(Refund.payment_id) == col(Payment.id), col(Refund.status).in_(TAKEN)
    )
    if bill_id is not None:
        taken = taken.where(col(Refund.bill_id) == bill_id)
    return cast(taken.scalar_subquery(), BigInteger)


def given_back(bill_id: SQLColumnExpression[str]) -> ColumnElement[int]:
    """What refunds have taken of the money that a bill was given, in đồng: for a statement."""
    # By its payments, of which refunds have an index; the bill is that of the whole statement.
    payments = select(Allocation.payment_id).where(col(Allocation.bill_id) == bill_id)
    payments = payments.correlate_except(Allocation)
    taken = select(func.coalesce(func.sum(Refund.from_revenue), 0)).where(
        col(Refund.payment_id).in_(payments),
        col(Refund.bill_id) == bill_id,
        col(Refund.status).in_(TAKEN),
    )
    return cast(taken.scalar_subquery(), BigInteger)
