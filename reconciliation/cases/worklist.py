"""A run's discrepancies as a list to be worked: to do, asked for, resolved, and what needs nobody.

Read by the index of the run's discrepancies: how many payments the day has does not matter.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from sqlalchemy import BigInteger, ColumnElement, String, and_, any_, case, cast, func, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import values_of
from payments.books.approvals import ApprovalValue, list_proposed
from reconciliation.cases.approvals import BULK, PREFIX
from reconciliation.cases.day_cases import keeps_open
from reconciliation.cases.discrepancies import WORKED, WorkedDiscrepancy, same_case
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.models import Discrepancy, Reconciliation

#: The parts of the list: each discrepancy of a run is in exactly one.
WorkPart = Literal["todo", "asked", "resolved", "rest"]
PARTS: Final[tuple[WorkPart, ...]] = get_args(WorkPart)


@dataclass(frozen=True, slots=True)
class AskedCases:
    """What was asked for about discrepancies and waits for the second person.

    By the id of a case, and by the class where all of a class were asked for at once.
    """

    by_case: Mapping[str, ApprovalValue] = field(default_factory=dict)
    by_kind: Mapping[str, ApprovalValue] = field(default_factory=dict)

    def find(self, odd: WorkedDiscrepancy) -> ApprovalValue | None:
        """What waits about a discrepancy, if anything does."""
        return self.by_case.get(odd.case_id or "") or self.by_kind.get(odd.kind)


@dataclass(frozen=True, slots=True)
class WorkSum:
    """How many discrepancies of a class are in a part of the list, and their sum in đồng."""

    part: str
    kind: str
    count: int
    sum: int


async def read_asked(session: ReadSession, run_id: str, agency_ids: Collection[str]) -> AskedCases:
    """What waits for a second person about discrepancies of a run."""
    by_case: dict[str, ApprovalValue] = {}
    by_kind: dict[str, ApprovalValue] = {}
    for one in await list_proposed(session, agency_ids, limit=10_000):
        if one.kind == BULK and one.wanted.get("run") == run_id:
            named = one.wanted.get("discrepancies")
            if named is None:
                by_kind[str(one.wanted["all_of"])] = one
            else:
                by_case |= dict.fromkeys(map(str, named), one)
        elif one.kind.startswith(PREFIX):
            by_case[one.object_id] = one
    return AskedCases(by_case, by_kind)


def _part(asked: AskedCases) -> ColumnElement[str]:
    # One parameter each, however many they are.
    waits = or_(
        col(DiscrepancyCase.id) == any_(cast(sorted(asked.by_case), ARRAY(String))),
        col(Discrepancy.kind) == any_(cast(sorted(asked.by_kind), ARRAY(String))),
    )
    return case(
        (col(DiscrepancyCase.status) == "resolved", "resolved"),
        (and_(keeps_open(), waits), "asked"),
        (keeps_open(), "todo"),
        else_="rest",
    )


async def sum_work(session: ReadSession, run_id: str, asked: AskedCases) -> list[WorkSum]:
    """How much of a run is in each part of the list, by class."""
    part, kind = _part(asked), col(Discrepancy.kind)
    found = (
        values_of(
            WorkSum,
            part=part,
            kind=kind,
            count=func.count(),
            sum=cast(func.sum(Discrepancy.amount), BigInteger),
        )
        .join_from(
            Discrepancy,
            Reconciliation,
            col(Reconciliation.id) == col(Discrepancy.reconciliation_id),
        )
        .join(DiscrepancyCase, same_case(), isouter=True)
        .where(col(Discrepancy.reconciliation_id) == run_id)
    )
    return await session.all(found.group_by(part, kind).order_by(kind))


async def page_of_work(
    session: ReadSession,
    run_id: str,
    asked: AskedCases,
    part: WorkPart,
    *,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[WorkedDiscrepancy]:
    """Some of a part of the list, of a class if it is named; `cursor`: the row to go on after."""
    wanted = WORKED.where(col(Discrepancy.reconciliation_id) == run_id, _part(asked) == part)
    if kind is not None:
        wanted = wanted.where(col(Discrepancy.kind) == kind)
    if cursor is not None:
        wanted = wanted.where(col(Discrepancy.id) > cursor)
    found = await session.all(wanted.order_by(col(Discrepancy.id)).limit(limit + 1))
    return page_of(found, limit, lambda odd: odd.id)
