"""What takes two people: asked for by one person, approved or rejected by another.

An approval keeps the figures that its proposer saw. Under the locks of what it is about they are
read again, and nothing is done unless they are the same. What can be asked for is a table of
`ApprovalKind`, which the application puts together; whoever adds one adds neither a table nor a
route for the second person.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import audit, clock, failpoints
from core.cursors import Page, page_of
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.models import Agency
from payments.books.models import Approval


class FiguresChanged(Conflict):
    """What was shown to the proposer holds no longer: reject it and propose anew."""

    code = "stale"


class ApprovalDecided(Conflict):
    """It has been approved or rejected already: look at it again."""

    code = "already_decided"


class ApprovalWaits(Conflict):
    """Something is proposed about this already: decide that first."""

    code = "already_proposed"


class ProposerApproves(Conflict):
    """Who proposed it may not approve it: another person has to."""

    code = "same_person"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an approval is about: whose it is, and the figures to decide by (JSON values).

    `others` are further agencies whose things it touches: only who may see them all may ask and
    decide.
    """

    agency_id: str
    figures: Mapping[str, Any]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalValue:
    """An approval. `agency` is its agency's code; people are named as in the audit log."""

    id: str
    agency_id: str
    agency: str
    kind: str
    object_id: str
    wanted: dict[str, Any]
    figures: dict[str, Any]
    reason: str
    status: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    outcome: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ApprovalKind:
    """Something that can be asked for.

    `look` locks what it is about, until the transaction ends, and says what there is to see; it
    raises `NotFound`, `Invalid` or `Conflict` where it cannot be done. `carry_out` does it, after
    another look in the same transaction, and gives what it did (JSON values). `refuse` clears away
    what was kept for it, where somebody (the last argument) rejects it. `tell` gives what whoever
    approves it is told once, and what is kept nowhere.

    `proposing` and `deciding` are the rights it takes; `proposing` None: whoever offers the kind
    has looked already.
    """

    look: Callable[[WriteSession, str, Mapping[str, Any]], Awaitable[Subject]]
    carry_out: Callable[[WriteSession, ApprovalValue, str], Awaitable[Mapping[str, Any]]]
    refuse: Callable[[WriteSession, str, str], Awaitable[None]] | None = None
    tell: Callable[[WriteSession, str], Awaitable[Mapping[str, str]]] | None = None
    proposing: Action | None = Action.PROPOSE_APPROVAL
    deciding: Action = Action.DECIDE_APPROVAL


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """An approval that has just been given, and what is told of it this once."""

    approval: ApprovalValue
    told_once: Mapping[str, str]


#: What can be asked for, by name.
ApprovalKinds = Mapping[str, ApprovalKind]

_APPROVALS = values_of(ApprovalValue, Approval, agency=col(Agency.code)).join_from(
    Approval, Agency, col(Agency.id) == col(Approval.agency_id)
)


async def propose(
    session: WriteSession,
    kinds: ApprovalKinds,
    kind: str,
    object_id: str,
    wanted: Mapping[str, Any],
    reason: str,
    by: Principal,
) -> ApprovalValue:
    """Ask for something; nothing is done yet.

    Raises `NotAllowed`, `NotFound`, `ApprovalWaits`, and what the kind's `look` raises.
    """
    if (right := kinds[kind].proposing) is not None:
        by.require(right)
    subject = await kinds[kind].look(session, object_id, wanted)
    _check_reach(subject, by)
    waiting = (col(Approval.object_id) == object_id, col(Approval.status) == "proposed")
    if await session.first(select(Approval.id).where(*waiting)) is not None:
        raise ApprovalWaits("Đã có một đề nghị đang chờ duyệt về khoản này.")
    approval_id = new_id("appr")
    row = {
        "id": approval_id,
        "agency_id": subject.agency_id,
        "kind": kind,
        "object_id": object_id,
        "wanted": dict(wanted),
        "figures": dict(subject.figures),
        "reason": reason,
        "status": "proposed",
        "proposed_by": by.actor,
        "proposed_at": clock.now(),
    }
    await session.write(insert(Approval), row)
    approval = await get_approval(session, approval_id, by.agency_ids)
    await _record(session, by, "approval.proposed", approval)
    return approval


async def approve(
    session: WriteSession, kinds: ApprovalKinds, approval_id: str, by: Principal
) -> GivenApproval:
    """Do what somebody else asked for.

    Raises `NotAllowed`, `NotFound`, `ApprovalDecided`, `ProposerApproves`, and `FiguresChanged`
    where the figures are not as they were shown.
    """
    approval = await _lock(session, approval_id, by)
    kind = kinds[approval.kind]
    by.require(kind.deciding)
    if approval.proposed_by == by.actor:
        # The database refuses it too; see the constraint two_people.
        raise ProposerApproves("Người đề nghị không tự duyệt được; cần người thứ hai.")
    await _look_again(session, kind, approval, by)
    told = {} if kind.tell is None else await kind.tell(session, approval.object_id)
    outcome = await kind.carry_out(session, approval, by.actor)
    decided = await _decide(session, by, approval, "approved", outcome=dict(outcome))
    failpoints.hit("approval.before_commit")
    return GivenApproval(decided, told)


async def reject(
    session: WriteSession, kinds: ApprovalKinds, approval_id: str, reason: str, by: Principal
) -> ApprovalValue:
    """Refuse what was asked for; who asked may take it back so. Raises as `approve` does."""
    approval = await _lock(session, approval_id, by)
    kind = kinds[approval.kind]
    if approval.proposed_by != by.actor:
        by.require(kind.deciding)
    if (refuse := kind.refuse) is not None:
        await refuse(session, approval.object_id, by.actor)
    return await _decide(session, by, approval, "rejected", decision=reason)


async def get_approval(
    session: ReadSession, approval_id: str, agency_ids: Collection[str]
) -> ApprovalValue:
    """An approval of one of these agencies. Raises `NotFound`."""
    found = await session.first(_APPROVALS.where(Approval.id == approval_id))
    return _known(found, agency_ids)


async def find_proposed(
    session: ReadSession, kind: str, object_id: str, agency_ids: Collection[str]
) -> ApprovalValue | None:
    """What is proposed of that kind about an object and waits; None where nothing is."""
    wanted = _APPROVALS.where(
        Approval.kind == kind, Approval.object_id == object_id, Approval.status == "proposed"
    )
    return await session.first(wanted.where(col(Approval.agency_id).in_(agency_ids)))


async def list_approvals(
    session: ReadSession,
    agency_ids: Collection[str],
    *,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ApprovalValue]:
    """Approvals of these agencies, the newest first; `cursor` is the id to go on after."""
    wanted = _APPROVALS.where(col(Approval.agency_id).in_(agency_ids))
    if status is not None:
        wanted = wanted.where(col(Approval.status) == status)
    if cursor is not None:
        wanted = wanted.where(col(Approval.id) < cursor)
    found = await session.all(wanted.order_by(col(Approval.id).desc()).limit(limit + 1))
    return page_of(found, limit, lambda approval: approval.id)


async def list_proposed(
    session: ReadSession, agency_ids: Collection[str], limit: int = 1_000
) -> list[ApprovalValue]:
    """What waits for a second person about these agencies, the oldest first; at most `limit`.

    Read by the index of what waits, however much was ever decided.
    """
    waiting = (col(Approval.status) == "proposed", col(Approval.agency_id).in_(agency_ids))
    return await session.all(_APPROVALS.where(*waiting).order_by(col(Approval.id)).limit(limit))


async def _lock(session: WriteSession, approval_id: str, by: Principal) -> ApprovalValue:
    """An open approval, which nobody else decides until the transaction ends."""
    found = await session.lock_first(_APPROVALS.where(Approval.id == approval_id), of=Approval)
    approval = _known(found, by.agency_ids)
    if approval.status != "proposed":
        done = {"approved": "duyệt", "rejected": "từ chối"}[approval.status]
        raise ApprovalDecided(f"Đề nghị này đã được {done}.")
    return approval


def _known(approval: ApprovalValue | None, agency_ids: Collection[str]) -> ApprovalValue:
    if approval is None or approval.agency_id not in agency_ids:
        raise NotFound("Không có đề nghị này.")
    return approval


def _check_reach(subject: Subject, by: Principal) -> None:
    if not by.agency_ids.issuperset({subject.agency_id, *subject.others}):
        raise NotFound("Không có khoản này.")


async def _look_again(
    session: WriteSession, kind: ApprovalKind, approval: ApprovalValue, by: Principal
) -> None:
    again = "Hãy từ chối đề nghị này rồi đề nghị lại."
    try:
        subject = await kind.look(session, approval.object_id, approval.wanted)
    except (Conflict, NotFound) as error:
        raise FiguresChanged(f"{error.detail} {again}") from error
    _check_reach(subject, by)
    if dict(subject.figures) != approval.figures:
        raise FiguresChanged(f"Số liệu đã khác lúc đề nghị. {again}")


async def _decide(
    session: WriteSession,
    by: Principal,
    approval: ApprovalValue,
    status: str,
    *,
    decision: str | None = None,
    outcome: dict[str, Any] | None = None,
) -> ApprovalValue:
    now = clock.now()
    change = update(Approval).where(col(Approval.id) == approval.id)
    await session.write(
        change.values(
            status=status, decided_by=by.actor, decided_at=now, decision=decision, outcome=outcome
        )
    )
    decided = replace(
        approval,
        status=status,
        decided_by=by.actor,
        decided_at=now,
        decision=decision,
        outcome=outcome,
    )
    await _record(session, by, f"approval.{status}", decided)
    return decided


async def _record(session: WriteSession, by: Principal, action: str, of: ApprovalValue) -> None:
    details = {"kind": of.kind, "object": of.object_id, "figures": of.figures}
    await audit.record(session, actor=by.actor, action=action, object_id=of.id, details=details)
