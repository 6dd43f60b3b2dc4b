"""What collectors bring in, month by month: of the stalls that they called at, how many paid them.

A stall counts once in a month, however often it was called at. Cash that could not be booked is
left out, as it is from the books: neither does it pay a stall nor was the stall called at by it.
Amounts in đồng.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, ColumnElement, Date, Integer, and_, cast, func, or_
from sqlmodel import col

from core.clock import VIETNAM
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.access.models import StaffUser
from payments.billing.reports.rates import tenths_of
from payments.collecting.models import CollectedAction


@dataclass(frozen=True, slots=True)
class CollectorRate:
    """What a collector brought in during the month that begins on `month`.

    `called` stalls were called at, and `paid` of these paid in cash; `cash` is what stalls paid,
    `tickets` what tickets brought.
    """

    collector_id: str
    collector: str
    month: date
    called: int
    paid: int
    cash: int
    tickets: int

    @property
    def tenths(self) -> int | None:
        """How many of the stalls called at have paid, in tenths of a percent, rounded down."""
        return tenths_of(self.paid, self.called)


async def list_collector_rates(
    session: ReadSession, agency_ids: Collection[str], first: date, last: date
) -> list[CollectorRate]:
    """The months between these days of everybody of these bodies who walked, the newest first."""
    action = CollectedAction
    day = cast(func.timezone(VIETNAM.key, col(action.done_at)), Date)
    month = cast(func.date_trunc("month", day), Date)
    is_cash, booked = col(action.kind) == "cash", col(action.payment_id).is_not(None)
    stall, amount = col(action.stall_id), col(action.amount)

    def stalls(*which: ColumnElement[bool]) -> ColumnElement[int]:
        return cast(func.count(func.distinct(stall)).filter(*which), Integer)

    wanted = (
        values_of(
            CollectorRate,
            collector_id=col(StaffUser.id),
            collector=col(StaffUser.name),
            month=month,
            called=stalls(or_(col(action.kind) == "visit", and_(is_cash, booked))),
            paid=stalls(is_cash, booked),
            cash=cast(func.coalesce(func.sum(amount).filter(is_cash, booked), 0), BigInteger),
            tickets=cast(
                func.coalesce(func.sum(amount).filter(col(action.kind) == "ticket", booked), 0),
                BigInteger,
            ),
        )
        .select_from(action)
        .join(StaffUser, col(StaffUser.id) == col(action.collector_id))
        .where(col(action.agency_id).in_(agency_ids), day.between(first, last))
        .group_by(col(StaffUser.id), col(StaffUser.name), month)
        .order_by(month.desc(), col(StaffUser.name), col(StaffUser.id))
    )
    return await session.all(wanted)
