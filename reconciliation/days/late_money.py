"""The money of a run that was booked late, as claims against the bank are computed from it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import and_, col

from core.calendar import Calendar
from core.clock import business_date
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import find_collection_account
from payments.books.queries import list_moments
from reconciliation.matching.late_claims import LateMoney
from reconciliation.models import Discrepancy, Match, StatementLine
from reconciliation.queries import get_run


@dataclass(frozen=True, slots=True)
class LateDay:
    """The late money of a run, of the day `on`."""

    on: date
    money: list[LateMoney]


@dataclass(frozen=True, slots=True)
class _LateMatch:
    """A payment that was matched late, and its line."""

    payment_id: str
    line_id: str
    reference: str
    amount: int
    booked_at: datetime


_LATE = (
    values_of(
        _LateMatch,
        Match,
        payment_id=col(Match.payment_id),
        line_id=col(Match.line_id),
        booked_at=col(StatementLine.booked_at),
    )
    .join_from(Match, StatementLine, col(StatementLine.id) == col(Match.line_id))
    .join(
        Discrepancy,
        and_(
            col(Discrepancy.reconciliation_id) == col(Match.reconciliation_id),
            col(Discrepancy.object_id) == col(Match.payment_id),
            col(Discrepancy.kind) == "late",
        ),
    )
)


async def read_late_day(
    session: ReadSession, calendar: Calendar, run_id: str, agency_ids: Collection[str]
) -> LateDay:
    """What of a run was booked late, by payment. Raises `NotFound`."""
    run = await get_run(session, run_id, agency_ids)
    account = await find_collection_account(session, run.account)
    if account is None:
        return LateDay(run.business_on, [])
    late = await session.all(
        _LATE.where(Match.reconciliation_id == run_id).order_by(col(Match.payment_id))
    )
    moments = await list_moments(session, [one.payment_id for one in late])
    money = [
        LateMoney(
            payment_id=one.payment_id,
            line_id=one.line_id,
            reference=one.reference,
            amount=one.amount,
            due_on=calendar.treasury_day(moments[one.payment_id], account.cut_off),
            booked_on=business_date(one.booked_at),
        )
        for one in late
    ]
    return LateDay(run.business_on, money)
