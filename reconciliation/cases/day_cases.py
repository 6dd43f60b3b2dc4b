"""What of a run keeps its day open, and what was decided about the rest."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, not_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.cases.discrepancies import same_case
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.cases.standing import EXPLAINED, EXPLAINED_LINE
from reconciliation.matching.ageing import WAITING
from reconciliation.models import Discrepancy, Reconciliation

#: How many of them are named at most.
_MOST_OPEN, _MOST_RESOLVED = 100, 200
_OF_RUN = col(Reconciliation.id) == col(Discrepancy.reconciliation_id)
_OF_DAY = and_(
    col(Reconciliation.collection_account_id) == col(DiscrepancyCase.collection_account_id),
    col(Reconciliation.business_on) == col(DiscrepancyCase.business_on),
)


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A discrepancy that keeps a day open, its amount in đồng; `id`, `kind`, `side` and `object_id`
    are None where its run is of before there were cases."""

    id: str | None
    kind: str | None
    side: str | None
    object_id: str | None
    reference: str
    amount: int


@dataclass(frozen=True, slots=True)
class ResolvedSum:
    """How many discrepancies of a kind were resolved in one way, and their sum in đồng."""

    kind: str
    resolution: str
    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class ResolvedItem:
    """A discrepancy with what was decided about it; its amount in đồng."""

    id: str
    kind: str
    side: str
    object_id: str
    reference: str
    amount: int
    resolution: str
    reason: str


def keeps_open() -> ColumnElement[bool]:
    """That a discrepancy, joined with its case, keeps its day open.

    It stands `open` (`reconciliation.cases.standing`) and nobody has resolved it.
    """
    return and_(
        col(Discrepancy.kind).not_in((*EXPLAINED, *WAITING)),
        not_(and_(col(Discrepancy.kind) == EXPLAINED_LINE, col(Discrepancy.side) == "line")),
        col(DiscrepancyCase.status).is_distinct_from("resolved"),
    )


def _of(run_id: str) -> ColumnElement[bool]:
    return col(Discrepancy.reconciliation_id) == run_id


async def count_open_cases(session: ReadSession, run_id: str) -> int:
    """How many discrepancies of a run keep its day open."""
    counted = (
        select(func.count())
        .select_from(Discrepancy)
        .join(Reconciliation, _OF_RUN)
        .join(DiscrepancyCase, same_case(), isouter=True)
    )
    return await session.one(counted.where(_of(run_id), keeps_open()))


@dataclass(frozen=True, slots=True)
class OpenSum:
    """How many discrepancies keep a run's day open, and their sum in đồng."""

    reconciliation_id: str
    count: int
    sum: int


async def sum_open_cases(session: ReadSession, run_ids: Collection[str]) -> dict[str, OpenSum]:
    """Of several runs what keeps their days open, by run; one without anything is left out."""
    run_id = col(Discrepancy.reconciliation_id)
    summed = (
        values_of(
            OpenSum,
            Discrepancy,
            count=func.count(),
            sum=cast(func.sum(Discrepancy.amount), BigInteger),
        )
        .join_from(Discrepancy, Reconciliation, _OF_RUN)
        .join(DiscrepancyCase, same_case(), isouter=True)
        .where(run_id.in_(run_ids), keeps_open())
    )
    return {one.reconciliation_id: one for one in await session.all(summed.group_by(run_id))}


async def list_open_cases(session: ReadSession, run_id: str) -> list[OpenCase]:
    """The discrepancies of a run that nobody has resolved and that keep its day open, some."""
    wanted = (
        values_of(
            OpenCase,
            DiscrepancyCase,
            reference=col(Discrepancy.reference),
            amount=col(Discrepancy.amount),
        )
        .join_from(Discrepancy, Reconciliation, _OF_RUN)
        .join(DiscrepancyCase, same_case(), isouter=True)
        .where(_of(run_id), keeps_open())
    )
    return await session.all(wanted.order_by(col(Discrepancy.id)).limit(_MOST_OPEN))


def _resolved_on(collection_account_id: str, on: date) -> ColumnElement[bool]:
    """Cases of a day that people have resolved, whether its standing run still shows them or not:
    what was credited to a bill is no discrepancy of the next run any more.
    """
    return and_(
        col(DiscrepancyCase.collection_account_id) == collection_account_id,
        col(DiscrepancyCase.business_on) == on,
        col(DiscrepancyCase.status) == "resolved",
    )


async def list_resolved_sums(
    session: ReadSession, collection_account_id: str, on: date
) -> list[ResolvedSum]:
    """What was decided about a day's discrepancies, by kind and resolution."""
    kind, resolution = col(DiscrepancyCase.kind), col(DiscrepancyCase.resolution)
    wanted = values_of(
        ResolvedSum,
        kind=kind,
        resolution=resolution,
        count=func.count(),
        sum=cast(func.sum(DiscrepancyCase.amount), BigInteger),
    ).where(_resolved_on(collection_account_id, on))
    return await session.all(wanted.group_by(kind, resolution).order_by(kind, resolution))


async def list_resolved_items(
    session: ReadSession, collection_account_id: str, on: date
) -> list[ResolvedItem]:
    """The discrepancies of a day with what was decided about each, some; as the newest run that
    found it names it."""
    wanted = (
        values_of(ResolvedItem, DiscrepancyCase, reference=col(Discrepancy.reference))
        .join_from(DiscrepancyCase, Reconciliation, _OF_DAY)
        .join(Discrepancy, and_(_OF_RUN, same_case()))
        .where(_resolved_on(collection_account_id, on))
        .ext(distinct_on(col(DiscrepancyCase.id)))
    )
    newest = wanted.order_by(col(DiscrepancyCase.id), col(Discrepancy.id).desc())
    return await session.all(newest.limit(_MOST_RESOLVED))
