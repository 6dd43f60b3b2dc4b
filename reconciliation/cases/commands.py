"""What becomes of the cases of discrepancies: carried from run to run, owned, resolved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import String, any_, cast, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from core import audit, clock
from core.calendar import Calendar
from core.sessions import WriteSession
from core.statements import WriteSql, load_sql, values_of
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.matching.ageing import working_days_after
from reconciliation.matching.values import DayDiscrepancy

#: How many working days a discrepancy has. No law says; it is what a body may expect of itself.
WORKING_DAYS = 3

#: How many rows one statement sends or changes: a day of a million is stored in many, each of them
#: far within the time that a statement has.
OF_ONE_STATEMENT = 50_000

_SQL = load_sql("reconciliation.cases", "cases")
#: Gives each discrepancy of a run its case, open again if gone or of other figures by now.
_CARRY = WriteSql(int, _SQL["carry"])


def due_day(calendar: Calendar, on: date) -> date:
    """The day by which what differs on `on` is to be settled."""
    return working_days_after(calendar, on, WORKING_DAYS)


@dataclass(frozen=True, slots=True)
class _OpenCase:
    id: str
    side: str
    object_id: str
    kind: str


async def carry_cases(
    session: WriteSession,
    collection_account_id: str,
    on: date,
    run_id: str,
    due_on: date,
    found: Sequence[DayDiscrepancy],
) -> None:
    """Give a new run's discrepancies, `found`, their cases; what it did not find is gone.

    Owner and comments of the same object and kind stay with it, and its resolution as long as the
    figures are those that were decided about.
    """
    told = {"account": collection_account_id, "on": on, "run": run_id}
    await _let_go(session, collection_account_id, on, found)
    parts = 1 + len(found) // OF_ONE_STATEMENT
    for part in range(parts):
        which = {"part": part, "parts": parts}
        await session.write(_CARRY, {**told, **which, "due": due_on, "now": clock.now()})


async def _let_go(
    session: WriteSession, collection_account_id: str, on: date, found: Sequence[DayDiscrepancy]
) -> None:
    # Which are gone is not the database's to find out: of rows that have just come its planner
    # knows nothing, and may look at each of them for each case.
    case = DiscrepancyCase
    open_ = values_of(_OpenCase, case).where(
        col(case.collection_account_id) == collection_account_id,
        col(case.business_on) == on,
        col(case.status) == "open",
    )
    still = {(odd.side, odd.object_id, odd.kind) for odd in found}
    gone = [
        one.id
        for one in await session.all(open_)
        if (one.side, one.object_id, one.kind) not in still
    ]
    for start in range(0, len(gone), OF_ONE_STATEMENT):
        some = any_(cast(gone[start : start + OF_ONE_STATEMENT], ARRAY(String)))
        # One that people resolve meanwhile stays theirs.
        let_go = update(case).where(col(case.id) == some, col(case.status) == "open")
        await session.write(let_go.values(status="gone"))


async def resolve_cases(
    session: WriteSession, case_ids: Sequence[str], resolution: str, reason: str, approval_id: str
) -> None:
    """Mark locked cases as resolved by an approval."""
    these = col(DiscrepancyCase.id) == any_(cast(list(case_ids), ARRAY(String)))
    resolved = update(DiscrepancyCase).where(these)
    await session.write(
        resolved.values(
            status="resolved",
            resolution=resolution,
            reason=reason,
            approval_id=approval_id,
            resolved_at=clock.now(),
        )
    )


async def own_case(session: WriteSession, case_id: str, owner_id: str | None, actor: str) -> None:
    """Give a locked case to a person, or to nobody."""
    owned = update(DiscrepancyCase).where(col(DiscrepancyCase.id) == case_id)
    await session.write(owned.values(owner_id=owner_id))
    await audit.record(
        session,
        actor=actor,
        action="discrepancy.owned",
        object_id=case_id,
        details={"owner": owner_id or ""},
    )
