"""How much of what was billed has come in, market by market and period by period; one statement.

In each row `billed` = `waived` + `paid` + `waiting` + `owed` + `withdrawn`: the tariffs' price is
let off, paid, there in part, missing, or on a bill that somebody withdrew and no run has made anew.
What vendors have paid ahead belongs to no period yet: `sum_credit_of` tells of it. Amounts in đồng.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, Subquery, cast, func
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.models import BillingRun, Market, Stall, StallCharge
from payments.bills.models import Bill, Payment, SuspenseItem
from payments.books.suspense import is_stall_credit, waiting_at

OWED: Final = ("open", "expired")


def tenths_of(part: int, whole: int) -> int | None:
    """How much `part` is of `whole` in tenths of a percent, rounded down; None of nothing."""
    return part * 1000 // whole if whole else None


@dataclass(frozen=True, slots=True)
class MarketRate:
    """What became of a market's bills of a period; `kind` is day, week or month."""

    market_id: str
    market: str
    kind: str
    period: str
    first_on: date
    billed: int
    waived: int
    paid: int
    waiting: int
    owed: int
    withdrawn: int

    @property
    def collected(self) -> int:
        """What has come in, the parts of bills too."""
        return self.paid + self.waiting

    @property
    def percent(self) -> int | None:
        """How much of what is to be paid has come in, rounded down; None where nothing is."""
        tenths = self.tenths
        return None if tenths is None else tenths // 10

    @property
    def tenths(self) -> int | None:
        """The same in tenths of a percent: 987 is 98.7 %."""
        return tenths_of(self.collected, self.collected + self.owed)


@dataclass(frozen=True, slots=True)
class _BilledRun:
    run_id: str
    bill_id: str


@dataclass(frozen=True, slots=True)
class _WaitingOfRun:
    run_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class _CreditOfMarket:
    market_id: str
    amount: int


def _waiting_by_run() -> Subquery:
    """What has come for bills of each run and is not enough: `run_id`, `amount` in đồng.

    From the side of what waits, which is little, however many bills there are.
    """
    waits, charge = waiting_at(), StallCharge
    billed = (
        values_of(_BilledRun, charge)
        .where(col(charge.bill_id).in_(select(waits.c.bill_id)), col(charge.voided_at).is_(None))
        .distinct()
        .subquery()
    )
    by_run = values_of(
        _WaitingOfRun,
        run_id=billed.c.run_id,
        amount=cast(func.sum(waits.c.amount), BigInteger),
    )
    joined = by_run.join_from(billed, waits, waits.c.bill_id == billed.c.bill_id)
    return joined.group_by(billed.c.run_id).subquery()


async def list_rates(
    session: ReadSession, market_ids: Collection[str], first: date, last: date
) -> list[MarketRate]:
    """The periods of these markets that begin on the days from `first` to `last`, newest first."""
    charge, run = StallCharge, BillingRun
    is_owed = col(Bill.status).in_(OWED)
    waiting = _waiting_by_run()
    in_part = func.coalesce(func.max(waiting.c.amount), 0)

    def total(column: SQLColumnExpression[int], *which: ColumnElement[bool]) -> ColumnElement[int]:
        found = func.sum(column)
        return func.coalesce(found.filter(*which) if which else found, 0)

    def whole(amount: ColumnElement[int]) -> SQLColumnExpression[int]:
        return cast(amount, BigInteger)

    wanted = (
        values_of(
            MarketRate,
            run,
            Market,
            market_id=col(Market.id),
            market=col(Market.code),
            billed=whole(total(col(charge.amount) + col(charge.waived))),
            waived=whole(total(col(charge.waived))),
            paid=whole(total(col(charge.amount), col(Bill.status) == "paid")),
            waiting=whole(in_part),
            owed=whole(total(col(charge.amount), is_owed) - in_part),
            withdrawn=whole(total(col(charge.amount), col(Bill.status) == "cancelled")),
        )
        .select_from(run)
        .join(Market, col(Market.id) == col(run.market_id))
        .join(charge, col(charge.run_id) == col(run.id))
        .outerjoin(Bill, col(Bill.id) == col(charge.bill_id))
        .outerjoin(waiting, waiting.c.run_id == col(run.id))
        .where(
            col(run.market_id).in_(market_ids),
            col(run.first_on).between(first, last),
            col(charge.voided_at).is_(None),
        )
        .group_by(col(run.id), col(Market.id))
        .order_by(col(run.first_on).desc(), col(Market.code), col(run.kind))
    )
    return await session.all(wanted)


async def sum_credit_of(session: ReadSession, market_ids: Collection[str]) -> dict[str, int]:
    """What vendors of these markets have paid ahead and no bill has taken yet, by market's id."""
    wanted = (
        values_of(_CreditOfMarket, Stall, amount=cast(func.sum(SuspenseItem.amount), BigInteger))
        .join_from(SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id))
        .join(Stall, col(Stall.reference) == col(Payment.reference))
        .where(is_stall_credit(), col(Stall.market_id).in_(market_ids))
        .group_by(col(Stall.market_id))
    )
    return {one.market_id: one.amount for one in await session.all(wanted)}
