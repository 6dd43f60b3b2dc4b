"""Where the money of payments is, for whoever shows a payment: a reader, without state."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, cast, func, true
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from payments.bills.models import Allocation, Payment, SuspenseItem
from payments.books.refunded import from_revenue
from payments.books.suspense import is_waiting
from payments.summaries import PlacedMoney


@dataclass(frozen=True, slots=True)
class _MoneyRow:
    """A payment's money as it is read."""

    payment_id: str
    allocated: int
    suspense: int
    refundable: int
    reversed: int
    paying_back: int
    paid_back: int
    reason: str | None


def _places(bill_id: str | None = None) -> ValueSelect[_MoneyRow]:
    """Where payments' money is, all of it or what is one bill's."""
    of_bill = true() if bill_id is None else col(SuspenseItem.bill_id) == bill_id
    held = (
        col(SuspenseItem.payment_id) == col(Payment.id),
        col(SuspenseItem.closed_at).is_(None),
        of_bill,
    )

    def waiting(place: str) -> ColumnElement[int]:
        there = select(func.coalesce(func.sum(SuspenseItem.amount), 0))
        there = there.where(*held, col(SuspenseItem.place) == place)
        return cast(there.scalar_subquery(), BigInteger)

    def reason(which: ColumnElement[bool]) -> ScalarSelect[str | None]:
        return select(func.max(SuspenseItem.reason)).where(*held, which).scalar_subquery()

    given = select(func.coalesce(func.sum(Allocation.amount), 0)).where(
        col(Allocation.payment_id) == col(Payment.id)
    )
    if bill_id is not None:
        given = given.where(col(Allocation.bill_id) == bill_id)
    return values_of(
        _MoneyRow,
        payment_id=col(Payment.id),
        allocated=cast(given.scalar_subquery() - from_revenue(bill_id), BigInteger),
        suspense=waiting("suspense"),
        refundable=waiting("refundable"),
        reversed=waiting("reversed") + waiting("in_transit") + waiting("collector_cash"),
        paying_back=waiting("paying_back"),
        paid_back=waiting("paid_back"),
        # Of what waits, if anything does; what has its end is explained by where it is.
        reason=func.coalesce(reason(is_waiting()), reason(true())),
    ).select_from(Payment)


# Made once: building a statement costs as much as a tenth of carrying it out.
_PLACES = _places()


class Places:
    """See `payments.context.MoneyIndex`."""

    async def of_payments(
        self, session: ReadSession, payment_ids: Collection[str]
    ) -> Mapping[str, PlacedMoney]:
        """The places of each payment whose money has come."""
        return await _read(session, _PLACES, payment_ids)

    async def of_shares(
        self, session: ReadSession, bill_id: str, payment_ids: Collection[str]
    ) -> Mapping[str, PlacedMoney]:
        """The places of what is one bill's of payments that several bills have some of."""
        return await _read(session, _places(bill_id), payment_ids) if payment_ids else {}


async def _read(
    session: ReadSession, places: ValueSelect[_MoneyRow], payment_ids: Collection[str]
) -> Mapping[str, PlacedMoney]:
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
            paying_back=one.paying_back,
            paid_back=one.paid_back,
        )
        for one in await session.all(places.where(*which))
    }
