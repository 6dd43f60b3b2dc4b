"""Arrears at the end of a business day: what was not paid by then, by how long it was due.

Told as the books stood that evening: a bill that was paid later, or made anew later, counts, and of
one that was paid in part the rest. What vendors have paid ahead is no part of it. A bill that
somebody withdrew counts until a run bills it anew, and then no more. Each report is one statement;
amounts in đồng.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Final

from sqlalchemy import BigInteger, SQLColumnExpression, Subquery, cast, func
from sqlmodel import col, or_, select

from core import clock
from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from payments.billing.models import BillingRun, Market, Stall, StallCharge, Vendor
from payments.bills.models import Bill
from payments.books.suspense import waiting_at

#: The last day of each age but the last one, counted from the day after a bill was due.
AGES: Final = (30, 60, 90)
#: No report has more rows; the oldest debts come first.
MOST_STALLS: Final = 200_000


@dataclass(frozen=True, slots=True)
class AgedDebt:
    """What is owed, by how long ago it was due: not yet, up to 30 days, 60, 90, or longer."""

    not_due: int
    to_30: int
    to_60: int
    to_90: int
    over_90: int

    @property
    def overdue(self) -> int:
        """What is owed and was due before the report's day."""
        return self.to_30 + self.to_60 + self.to_90 + self.over_90

    @property
    def total(self) -> int:
        """All that is owed."""
        return self.not_due + self.overdue


@dataclass(frozen=True, slots=True)
class StallArrears(AgedDebt):
    """What a vendor owes at a stall; `oldest_due_on` is the day by which the oldest was due."""

    stall_id: str
    stall: str
    lane: str
    kind: str
    vendor: str
    bills: int
    oldest_due_on: date


@dataclass(frozen=True, slots=True)
class KindArrears(AgedDebt):
    """What is owed at a market's stalls of a kind, how many stalls and bills that is."""

    market_id: str
    market: str
    market_class: int
    kind: str
    stalls: int
    bills: int


def sum_ages(debts: Iterable[AgedDebt]) -> AgedDebt:
    """All of these together."""
    listed = list(debts)
    return AgedDebt(*(sum(getattr(one, age.name) for one in listed) for age in fields(AgedDebt)))


def _owed_bills(market_ids: Collection[str], on: date) -> Subquery:
    """The bills of these markets that were owed at the end of a day, with what was missing."""
    _, end = clock.day_bounds(on, on)
    waited = waiting_at(end)
    charge = StallCharge
    return (
        select(
            col(charge.stall_id).label("stall_id"),
            col(charge.vendor_id).label("vendor_id"),
            func.max(BillingRun.due_on).label("due_on"),
            (col(Bill.amount) - func.coalesce(func.max(waited.c.amount), 0)).label("owed"),
        )
        .join(BillingRun, col(BillingRun.id) == col(charge.run_id))
        .join(Bill, col(Bill.id) == col(charge.bill_id))
        .outerjoin(waited, waited.c.bill_id == col(Bill.id))
        .where(
            col(BillingRun.market_id).in_(market_ids),
            col(charge.created_at) < end,
            or_(col(charge.voided_at).is_(None), col(charge.voided_at) >= end),
            or_(col(Bill.paid_at).is_(None), col(Bill.paid_at) >= end),
            col(Bill.status) != "exempt",
            # A withdrawn bill's charge stands until a run bills it anew; nobody owes it.
            or_(col(Bill.status) != "cancelled", col(charge.voided_at).is_not(None)),
        )
        .group_by(col(charge.stall_id), col(charge.vendor_id), col(Bill.id))
        .subquery()
    )


def _ages(bills: Subquery, on: date) -> dict[str, SQLColumnExpression[int]]:
    """The columns of `AgedDebt` over bills."""
    due, first, second, third = bills.c.due_on, *(on - timedelta(days=age) for age in AGES)

    def owed(*which: SQLColumnExpression[bool]) -> SQLColumnExpression[int]:
        return cast(func.coalesce(func.sum(bills.c.owed).filter(*which), 0), BigInteger)

    return {
        "not_due": owed(due >= on),
        "to_30": owed(due < on, due >= first),
        "to_60": owed(due < first, due >= second),
        "to_90": owed(due < second, due >= third),
        "over_90": owed(due < third),
    }


async def list_stall_arrears(
    session: ReadSession, market_id: str, on: date, *, limit: int = MOST_STALLS
) -> list[StallArrears]:
    """Who owes what at which stall of a market, at the end of that day; the oldest debts first."""
    return await session.all(stall_arrears_of(market_id, on).limit(limit))


def stall_arrears_of(market_id: str, on: date) -> ValueSelect[StallArrears]:
    """The statement of `list_stall_arrears`."""
    bills = _owed_bills([market_id], on)
    oldest = func.min(bills.c.due_on)
    return (
        values_of(
            StallArrears,
            Stall,
            stall_id=col(Stall.id),
            stall=col(Stall.code),
            vendor=col(Vendor.code),
            bills=func.count(),
            oldest_due_on=oldest,
            **_ages(bills, on),
        )
        .select_from(bills)
        .join(Stall, col(Stall.id) == bills.c.stall_id)
        .join(Vendor, col(Vendor.id) == bills.c.vendor_id)
        .group_by(col(Stall.id), col(Vendor.id))
        .order_by(oldest, col(Stall.code), col(Vendor.code))
    )


async def list_kind_arrears(
    session: ReadSession, market_ids: Collection[str], on: date
) -> list[KindArrears]:
    """What is owed at these markets by class of market and kind of stall, at the end of a day."""
    bills = _owed_bills(market_ids, on)
    return await session.all(
        values_of(
            KindArrears,
            Stall,
            Market,
            market=col(Market.code),
            stalls=func.count(col(Stall.id).distinct()),
            bills=func.count(),
            **_ages(bills, on),
        )
        .select_from(bills)
        .join(Stall, col(Stall.id) == bills.c.stall_id)
        .join(Market, col(Market.id) == col(Stall.market_id))
        .group_by(col(Stall.market_id), col(Stall.kind), col(Market.id))
        .order_by(col(Market.market_class), col(Market.code), col(Stall.kind))
    )
