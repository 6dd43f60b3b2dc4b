"""Money that was waiting when its day was closed: it counts for the first open day.

Nothing is written for it. What the last closed day left waiting, and nobody has resolved, is in the
next day's run again: there it has come, waits on, or is a discrepancy. So is what a closed day had
as settled by a batch that was undone afterwards. The closed day itself stays as it is.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import values_of
from payments.books.closed_days import find_last_closed
from reconciliation.cases.discrepancies import same_case
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.closing_models import DayMinutes
from reconciliation.days.late_returns import list_late_returns
from reconciliation.matching.ageing import WAITING
from reconciliation.models import Discrepancy, Reconciliation
from reconciliation.settlements.models import PaidBatch, SettledPayment

#: How many are told one by one.
MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class CarriedSum:
    """How many payments of a run wait in a class, and their sum in đồng."""

    kind: str
    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class CarriedItem:
    """A payment of a run that waits: its amount in đồng, and by when it is due."""

    object_id: str
    kind: str
    reference: str
    amount: int
    expected_on: date | None


async def list_carried(session: ReadSession, account_id: str, on: date) -> list[str]:
    """The payments of earlier days that count for `on`, by id.

    What closed days left waiting counts for the first open day alone, what the bank took back of
    them for the day of its debit. What has been reversed since may be among them.
    """
    late = {one.payment_id for one in await list_late_returns(session, account_id, on)}
    return sorted(late.union(await _list_waiting(session, account_id, on)))


async def _list_waiting(session: ReadSession, account_id: str, on: date) -> list[str]:
    last = await find_last_closed(session, account_id)
    if last is None or on != last + timedelta(days=1):
        return []
    before = select(DayMinutes.reconciliation_id).where(
        DayMinutes.collection_account_id == account_id, DayMinutes.business_on == last
    )
    run_id = await session.first(before)
    if run_id is None:  # closed before days had minutes
        return []
    waiting = (
        select(Discrepancy.object_id)
        .join(Reconciliation, _OF_RUN)
        .join(DiscrepancyCase, same_case(), isouter=True)
        .where(_waits(run_id))
    )
    return [*await session.all(waiting), *await _undone_since(session, account_id)]


async def list_waiting_sums(session: ReadSession, run_id: str) -> list[CarriedSum]:
    """What of a run goes on to the next day once its day is closed, by class."""
    kind = col(Discrepancy.kind)
    wanted = (
        values_of(
            CarriedSum,
            kind=kind,
            count=func.count(),
            sum=cast(func.sum(Discrepancy.amount), BigInteger),
        )
        .join_from(Discrepancy, Reconciliation, _OF_RUN)
        .join(DiscrepancyCase, same_case(), isouter=True)
        .where(_waits(run_id))
    )
    return await session.all(wanted.group_by(kind).order_by(kind))


async def list_waiting_items(session: ReadSession, run_id: str) -> list[CarriedItem]:
    """The payments that `list_waiting_sums` counts, some of them, by what they are due."""
    wanted = (
        values_of(CarriedItem, Discrepancy)
        .join_from(Discrepancy, Reconciliation, _OF_RUN)
        .join(DiscrepancyCase, same_case(), isouter=True)
        .where(_waits(run_id))
        .order_by(col(Discrepancy.expected_on), col(Discrepancy.object_id))
    )
    return await session.all(wanted.limit(MOST_TOLD))


_OF_RUN = col(Reconciliation.id) == col(Discrepancy.reconciliation_id)


def _waits(run_id: str) -> ColumnElement[bool]:
    return and_(
        col(Discrepancy.reconciliation_id) == run_id,
        col(Discrepancy.side) == "payment",
        col(Discrepancy.kind).in_(WAITING),
        col(DiscrepancyCase.status).is_distinct_from("resolved"),
    )


async def _undone_since(session: ReadSession, account_id: str) -> list[str]:
    """Payments whose batch was undone after a closed day had them as settled by it.

    Those that a later closed day has looked at again are left out.
    """
    day, later = aliased(DayMinutes), aliased(DayMinutes)
    settled, odd = aliased(SettledPayment), aliased(Discrepancy)
    after = (
        col(later.collection_account_id) == account_id,
        col(later.business_on) > col(day.business_on),
    )
    settled_again = exists().where(
        *after,
        col(settled.reconciliation_id) == col(later.reconciliation_id),
        col(settled.payment_id) == col(SettledPayment.payment_id),
    )
    odd_again = exists().where(
        *after,
        col(odd.reconciliation_id) == col(later.reconciliation_id),
        col(odd.object_id) == col(SettledPayment.payment_id),
    )
    undone = (
        select(SettledPayment.payment_id)
        .join(PaidBatch, col(PaidBatch.id) == col(SettledPayment.paid_batch_id))
        .join(day, col(day.reconciliation_id) == col(SettledPayment.reconciliation_id))
        .where(
            col(day.collection_account_id) == account_id,
            col(PaidBatch.undone_at).is_not(None),
            ~settled_again,
            ~odd_again,
        )
    )
    return await session.all(undone)
