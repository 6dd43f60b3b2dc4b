"""Discrepancies as people work them: what a run found, with the case that goes from run to run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import SQLColumnExpression, String, and_, any_, cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.matching.ageing import WAITING
from reconciliation.models import Discrepancy, Reconciliation


@dataclass(frozen=True, slots=True)
class WorkedDiscrepancy:
    """A discrepancy with its case; amounts in đồng. `case_id` is None in runs of before 0031.

    `status` is `open`, `resolved` or `gone`.
    """

    id: str
    case_id: str | None
    reconciliation_id: str
    collection_account_id: str
    agency_id: str
    business_on: date
    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str
    status: str | None
    due_on: date | None
    owner_id: str | None
    opened_at: datetime | None
    resolution: str | None
    resolution_reason: str | None
    approval_id: str | None
    resolved_at: datetime | None
    #: of money that no line told of: by when it has to be booked, and when it is missing
    expected_on: date | None = None
    missing_after: int | None = None


@dataclass(frozen=True, slots=True)
class _CaseStatus:
    id: str
    status: str


def same_case() -> SQLColumnExpression[bool]:
    """That a case is the one of a discrepancy of a run."""
    return and_(
        col(DiscrepancyCase.collection_account_id) == col(Reconciliation.collection_account_id),
        col(DiscrepancyCase.business_on) == col(Reconciliation.business_on),
        col(DiscrepancyCase.side) == col(Discrepancy.side),
        col(DiscrepancyCase.object_id) == col(Discrepancy.object_id),
        col(DiscrepancyCase.kind) == col(Discrepancy.kind),
    )


def _worked() -> ValueSelect[WorkedDiscrepancy]:
    return (
        values_of(
            WorkedDiscrepancy,
            Discrepancy,
            Reconciliation,
            DiscrepancyCase,
            id=col(Discrepancy.id),
            case_id=col(DiscrepancyCase.id),
            reason=col(Discrepancy.reason),
            amount=col(Discrepancy.amount),
            other_amount=col(Discrepancy.other_amount),
            resolution_reason=col(DiscrepancyCase.reason),
        )
        .join_from(
            Discrepancy,
            Reconciliation,
            col(Reconciliation.id) == col(Discrepancy.reconciliation_id),
        )
        .join(DiscrepancyCase, same_case(), isouter=True)
    )


#: Each run's discrepancy with its case.
WORKED = _worked()


async def page_of_worked(
    session: ReadSession,
    run_id: str,
    *,
    status: str | None = None,
    kind: str | None = None,
    late_from: date | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[WorkedDiscrepancy]:
    """Some discrepancies of a run with their cases; `cursor` is that of the page before.

    What was paid over in a batch is settled: it is left out unless `kind` asks for it. With
    `late_from`, what is expected on that day or later needs nobody yet and is left out.
    """
    wanted = WORKED.where(col(Discrepancy.reconciliation_id) == run_id)
    if status is not None:
        wanted = wanted.where(col(DiscrepancyCase.status) == status)
    if kind is not None:
        wanted = wanted.where(col(Discrepancy.kind) == kind)
    if late_from is not None:
        waits = col(Discrepancy.kind).in_(WAITING) & (col(Discrepancy.expected_on) >= late_from)
        wanted = wanted.where(~waits)
    if cursor is not None:
        wanted = wanted.where(col(Discrepancy.id) > cursor)
    found = await session.all(wanted.order_by(col(Discrepancy.id)).limit(limit + 1))
    return page_of(found, limit, lambda odd: odd.id)


def _named(name: str) -> ValueSelect[WorkedDiscrepancy]:
    """What a case's id, or the id of a run's row, names: as the newest run that found it says."""
    named = (col(DiscrepancyCase.id) == name) | (col(Discrepancy.id) == name)
    return WORKED.where(named).order_by(col(Discrepancy.id).desc()).limit(1)


async def get_discrepancy(
    session: ReadSession, name: str, agency_ids: Collection[str] | None = None
) -> WorkedDiscrepancy:
    """The discrepancy of a case, or of a run's row. Raises `NotFound`."""
    found = await session.first(_named(name))
    if found is None or found.case_id is None:
        raise NotFound("Không có chênh lệch này.")
    if agency_ids is not None and found.agency_id not in agency_ids:
        raise NotFound("Không có chênh lệch này.")
    return found


async def list_open(session: ReadSession, run_id: str, kind: str) -> list[WorkedDiscrepancy]:
    """The open discrepancies of a class in a run, in order of their cases."""
    wanted = WORKED.where(
        col(Discrepancy.reconciliation_id) == run_id,
        col(Discrepancy.kind) == kind,
        col(DiscrepancyCase.status) == "open",
    )
    return await session.all(wanted.order_by(col(DiscrepancyCase.id)))


async def list_worked(
    session: ReadSession, run_id: str, case_ids: Sequence[str]
) -> list[WorkedDiscrepancy]:
    """The discrepancies of a run with these cases, in order of the cases."""
    of_run = (col(Discrepancy.reconciliation_id) == run_id, _is_one_of(case_ids))
    return await session.all(WORKED.where(*of_run).order_by(col(DiscrepancyCase.id)))


def _is_one_of(case_ids: Sequence[str]) -> SQLColumnExpression[bool]:
    # One parameter, however many they are.
    return col(DiscrepancyCase.id) == any_(cast(list(case_ids), ARRAY(String)))


async def lock_cases(session: WriteSession, case_ids: Sequence[str]) -> dict[str, str]:
    """Lock cases until the transaction ends; the status of each."""
    wanted = values_of(_CaseStatus, DiscrepancyCase).where(_is_one_of(case_ids))
    found = await session.lock_all(wanted.order_by(col(DiscrepancyCase.id)))
    return {one.id: one.status for one in found}
