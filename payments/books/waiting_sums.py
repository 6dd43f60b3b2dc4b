"""How much money waits for people in all."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Payment, SuspenseItem
from payments.books.suspense import is_waiting


@dataclass(frozen=True, slots=True)
class WaitingSum:
    """How much money waits for people: how many items, and their sum in đồng."""

    count: int
    sum: int


async def sum_waiting_money(session: ReadSession, agency_ids: Collection[str]) -> WaitingSum:
    """All that waits of some agencies, summed up."""
    summed = values_of(
        WaitingSum,
        count=func.count(),
        sum=cast(func.coalesce(func.sum(SuspenseItem.amount), 0), BigInteger),
    ).join_from(SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id))
    open_ = (col(SuspenseItem.closed_at).is_(None), is_waiting())
    return await session.one(summed.where(*open_, col(Payment.agency_id).in_(agency_ids)))
