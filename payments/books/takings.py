"""What came in on a day, by gateway and hour, and each payment of it: for whoever watches a day."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Integer, cast, func
from sqlmodel import col

from core import clock
from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import CollectionAccount
from payments.bills.models import Bill, Payment


@dataclass(frozen=True, slots=True)
class HourTotal:
    """What came through a gateway in an hour of a day in Vietnam; `sum` in đồng."""

    gateway: str
    hour: int
    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class DayTaking:
    """A payment with money; `credited` in đồng, `bill` and `account` as people call them."""

    id: str
    status: str
    gateway: str
    gateway_ref: str | None
    credited: int
    paid_at: datetime
    account: str
    bill: str | None


#: Money that came for a closed day counts for the first open one, which is not further off.
_BOOKED_WITHIN: Final = timedelta(days=40)
#: The hour of a payment in Vietnam.
_HOUR: ColumnElement[int] = cast(
    func.date_part("hour", func.timezone("Asia/Ho_Chi_Minh", col(Payment.paid_at))), Integer
)


def _of_day(
    agency_ids: Collection[str], account_ids: Collection[str], on: date
) -> list[ColumnElement[bool]]:
    """Payments whose money came on a day: its accounting day is that, or one soon after."""
    begin, end = clock.day_bounds(on, on)
    return [
        # By the index of accounts and days; money of a closed day counts for a later one, and what
        # is no money has no such day.
        col(Payment.collection_account_id).in_(account_ids),
        col(Payment.accounting_on).between(on, on + _BOOKED_WITHIN),
        col(Payment.agency_id).in_(agency_ids),
        col(Payment.paid_at) >= begin,
        col(Payment.paid_at) < end,
    ]


async def list_hour_totals(
    session: ReadSession, agency_ids: Collection[str], account_ids: Collection[str], on: date
) -> list[HourTotal]:
    """What came on a day, by gateway and hour."""
    summed = values_of(
        HourTotal,
        Payment,
        hour=_HOUR,
        count=func.count(),
        sum=cast(func.sum(Payment.credited), BigInteger),
    ).where(*_of_day(agency_ids, account_ids, on))
    grouped = summed.group_by(col(Payment.gateway), _HOUR)
    return await session.all(grouped.order_by(col(Payment.gateway), _HOUR))


async def page_of_takings(
    session: ReadSession,
    agency_ids: Collection[str],
    account_ids: Collection[str],
    on: date,
    *,
    gateway: str | None = None,
    hour: int | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[DayTaking]:
    """The payments of a day, of a gateway or an hour where these are named; by id."""
    wanted = (
        values_of(
            DayTaking,
            Payment,
            account=col(CollectionAccount.code),
            bill=func.coalesce(Bill.reference, Payment.reference),
        )
        .join_from(
            Payment,
            CollectionAccount,
            col(CollectionAccount.id) == col(Payment.collection_account_id),
        )
        .outerjoin(Bill, col(Bill.id) == col(Payment.bill_id))
        .where(*_of_day(agency_ids, account_ids, on))
    )
    if gateway is not None:
        wanted = wanted.where(col(Payment.gateway) == gateway)
    if hour is not None:
        wanted = wanted.where(hour == _HOUR)
    if cursor is not None:
        wanted = wanted.where(col(Payment.id) > cursor)
    found = await session.all(wanted.order_by(col(Payment.id)).limit(limit + 1))
    return page_of(found, limit, lambda one: one.id)
