"""What statements and settlement files say of accounts, of a stretch of days."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Date, SQLColumnExpression, and_, case, cast, func
from sqlmodel import col, or_

from core import clock
from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.closing_models import LateLine
from reconciliation.models import StatementLine
from reconciliation.reports.periods import Grain
from reconciliation.settlements.models import Settlement, SettlementLine


@dataclass(frozen=True, slots=True)
class StatedTotal:
    """What the standing statements of an account tell of the days from `on`, in đồng.

    A line counts for the day it was booked on, or for the first open one where that was closed.
    """

    on: date
    collection_account_id: str
    credits: int
    debits: int


@dataclass(frozen=True, slots=True)
class GatewayFeeTotal:
    """What gateways say that they charged for payments of the days from `on`, in đồng."""

    on: date
    collection_account_id: str
    fee: int


async def list_stated_totals(
    session: ReadSession, account_ids: Collection[str], first: date, last: date, grain: Grain
) -> list[StatedTotal]:
    """The credits and debits of statements, by account."""
    begin, end = clock.day_bounds(first, last)
    booked = cast(func.timezone("Asia/Ho_Chi_Minh", col(StatementLine.booked_at)), Date)
    counted = func.coalesce(col(LateLine.accounting_on), booked)
    on = cast(func.date_trunc(grain, counted), Date)
    wanted = (
        values_of(
            StatedTotal,
            StatementLine,
            on=on,
            credits=_sum(col(StatementLine.direction) == "credit"),
            debits=_sum(col(StatementLine.direction) == "debit"),
        )
        .select_from(StatementLine)
        .outerjoin(LateLine, col(LateLine.line_id) == col(StatementLine.id))
        .where(
            col(StatementLine.collection_account_id).in_(account_ids),
            col(StatementLine.withdrawn_at).is_(None),
            or_(
                and_(
                    col(StatementLine.booked_at) >= begin,
                    col(StatementLine.booked_at) < end,
                    col(LateLine.line_id).is_(None),
                ),
                col(LateLine.accounting_on).between(first, last),
            ),
        )
        .group_by(on, col(StatementLine.collection_account_id))
    )
    return await session.all(wanted)


def _sum(which: SQLColumnExpression[bool]) -> SQLColumnExpression[int]:
    held = func.sum(StatementLine.amount).filter(which)
    return cast(func.coalesce(held, 0), BigInteger)


async def list_gateway_fees(
    session: ReadSession, account_ids: Collection[str], first: date, last: date, grain: Grain
) -> list[GatewayFeeTotal]:
    """The fees of settlement files, by the account they settle to; refunds take theirs back."""
    on = cast(func.date_trunc(grain, col(SettlementLine.business_on)), Date)
    sign = case((col(SettlementLine.kind) == "refund", -1), else_=1)
    wanted = (
        values_of(
            GatewayFeeTotal,
            Settlement,
            on=on,
            fee=cast(func.sum(sign * SettlementLine.fee), BigInteger),
        )
        .join_from(
            Settlement, SettlementLine, col(SettlementLine.settlement_id) == col(Settlement.id)
        )
        .where(
            col(Settlement.collection_account_id).in_(account_ids),
            col(SettlementLine.business_on).between(first, last),
            col(SettlementLine.withdrawn_at).is_(None),
        )
        .group_by(on, col(Settlement.collection_account_id))
    )
    return await session.all(wanted)
