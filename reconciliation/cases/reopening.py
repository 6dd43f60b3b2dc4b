"""Taking back, until the day is closed, that a discrepancy was accepted: by two people again.

Only what moved no money: money that was moved is moved back where it is (a refund, an undone
match).
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import col

from core import audit
from core.errors import Conflict
from core.sessions import WriteSession
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.closed_days import find_last_closed, share_open_days
from reconciliation.cases.discrepancies import get_discrepancy, lock_cases
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.runs import check_open

#: The kind of approval by which a discrepancy is open again; it is about a case.
REOPEN: Final = "reopen_discrepancy"
ACCEPTED: Final = "accept"


class NotAccepted(Conflict):
    """Nobody has accepted it, or money was moved for it: there is nothing to take back here."""

    code = "not_accepted"


def reopening_kinds() -> ApprovalKinds:
    """The kind of approval by which an accepted discrepancy is open again."""
    return {REOPEN: ApprovalKind(_look, _reopen)}


async def _look(session: WriteSession, case_id: str, _: Mapping[str, Any]) -> Subject:
    odd = await get_discrepancy(session, case_id)
    await share_open_days(session, odd.collection_account_id)
    statuses = await lock_cases(session, [str(odd.case_id)])
    check_open(await find_last_closed(session, odd.collection_account_id), odd.business_on)
    if statuses.get(str(odd.case_id)) != "resolved" or odd.resolution != ACCEPTED:
        raise NotAccepted("Chênh lệch này không phải đang được chấp nhận.")
    figures = {
        "date": odd.business_on.isoformat(),
        "class": odd.kind,
        "side": odd.side,
        "object": odd.object_id,
        "reference": odd.reference,
        "amount": odd.amount,
        "approval": odd.approval_id,
    }
    return Subject(odd.agency_id, figures)


async def _reopen(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    of_it = update(DiscrepancyCase).where(col(DiscrepancyCase.id) == approval.object_id)
    await session.write(
        of_it.values(
            status="open", resolution=None, reason=None, approval_id=None, resolved_at=None
        )
    )
    told = {"amount": approval.figures["amount"], "kind": approval.figures["class"]}
    await audit.record(
        session,
        actor=actor,
        action="discrepancy.reopened",
        object_id=approval.object_id,
        details=told,
    )
    return {"amount": approval.figures["amount"]}
