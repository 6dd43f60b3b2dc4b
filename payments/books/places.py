"""Where the money of payments is, for whoever shows a payment: a reader, without state."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, cast, func
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.books.models import Allocation, SuspenseItem
from payments.summaries import PlacedMoney


@dataclass(frozen=True, slots=True)
class _MoneyRow:
    """A payment's money as it is read."""

    payment_id: str
    allocated: int
    suspense: int
    refundable: int
    reversed: int
    reason: str | None


def _waiting(place: str) -> ColumnElement[int]:
    """What of a payment is in a place, in đồng: a column for a statement."""
    held = select(func.coalesce(func.sum(SuspenseItem.amount), 0)).where(
        col(SuspenseItem.payment_id) == col(Payment.id),
        col(SuspenseItem.place) == place,
        col(SuspenseItem.closed_at).is_(None),
    )
    return cast(held.scalar_subquery(), BigInteger)


_PLACES = values_of(
    _MoneyRow,
    payment_id=col(Payment.id),
    allocated=cast(
        select(func.coalesce(func.sum(Allocation.amount), 0))
        .where(col(Allocation.payment_id) == col(Payment.id))
        .scalar_subquery(),
        BigInteger,
    ),
    suspense=_waiting("suspense"),
    refundable=_waiting("refundable"),
    reversed=_waiting("reversed") + _waiting("in_transit"),
    reason=select(func.max(SuspenseItem.reason))
    .where(col(SuspenseItem.payment_id) == col(Payment.id), col(SuspenseItem.closed_at).is_(None))
    .scalar_subquery(),
).select_from(Payment)


class Places:
    """See `payments.context.MoneyIndex`."""

    async def of_payments(
        self, session: ReadSession, payment_ids: Collection[str]
    ) -> Mapping[str, PlacedMoney]:
        """The places of each payment whose money has come."""
        if not payment_ids:
            return {}
        which = (col(Payment.id).in_(payment_ids), col(Payment.credited).is_not(None))
        return {
            one.payment_id: PlacedMoney(
                allocated=one.allocated,
                suspense=one.suspense,
                refundable=one.refundable,
                reversed=one.reversed,
                reason=one.reason,
            )
            for one in await session.all(_PLACES.where(*which))
        }
