"""What waits for a second person, with the figures it was based on: approved, or rejected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.approval_facts import ApprovalFact, facts_of, sum_of, title_of
from app.web.staff.deeds import (
    REFUSALS,
    StaffDeed,
    faults_by_field,
    new_once,
    read_typed,
)
from app.web.staff.doors import SignedIn
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import LephiError
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import find_names
from payments.books import approvals
from payments.books.api import ApprovalKindsDep, ObjectId
from payments.books.approvals import ApprovalKinds, ApprovalValue
from payments.books.schemas import ReasonIn

router = APIRouter(include_in_schema=False)

#: How many that wait are listed.
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class ApprovalCard:
    """Something that waits or was decided, as a page tells it; `sum` in đồng, None without one."""

    approval: ApprovalValue
    title: str
    sum: int | None
    facts: list[ApprovalFact]
    asked_by: str
    decided_by: str
    mine: bool
    may_decide: bool


@dataclass(frozen=True, slots=True)
class WaitingApprovals:
    """What waits: for whoever looks, for others; and what they have asked for themselves."""

    for_me: list[ApprovalCard]
    mine: list[ApprovalCard]
    others: list[ApprovalCard]


def card_of(
    one: ApprovalValue, who: Principal, kinds: ApprovalKinds, names: Mapping[str, str]
) -> ApprovalCard:
    """An approval as its page tells it to somebody."""
    mine = one.proposed_by == who.actor
    return ApprovalCard(
        approval=one,
        title=title_of(one.kind),
        sum=sum_of(one.figures),
        facts=facts_of({**one.wanted, **one.figures}),
        asked_by=names.get(one.proposed_by, one.proposed_by),
        decided_by=names.get(one.decided_by or "", one.decided_by or ""),
        mine=mine,
        may_decide=not mine and one.status == "proposed" and who.may(kinds[one.kind].deciding),
    )


async def view_waiting(
    session: ReadSession, who: Principal, kinds: ApprovalKinds
) -> WaitingApprovals:
    """What waits for a second person, the oldest first."""
    found = await approvals.list_proposed(session, who.agency_ids, limit=_SHOWN)
    names = await find_names(session, [one.proposed_by for one in found])
    cards = [card_of(one, who, kinds, names) for one in found]
    return WaitingApprovals(
        for_me=[one for one in cards if one.may_decide],
        mine=[one for one in cards if one.mine],
        others=[one for one in cards if not one.mine and not one.may_decide],
    )


async def view_approval(
    session: ReadSession, who: Principal, kinds: ApprovalKinds, approval_id: str
) -> ApprovalCard:
    """One of them. Raises `NotFound`."""
    found = await approvals.get_approval(session, approval_id, who.agency_ids)
    names = await find_names(session, [found.proposed_by, found.decided_by or ""])
    return card_of(found, who, kinds, names)


@router.get("/staff/approvals")
async def show_waiting(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_APPROVALS)],
    session: SessionDep,
    kinds: ApprovalKindsDep,
) -> Response:
    """What waits, each with what was asked for, why, and how much money it is about."""
    waiting = await view_waiting(session, who.principal, kinds)
    return render(request, "approval_list.html", who=who, waiting=waiting)


@router.get("/staff/approvals/{approval_id}")
async def show_approval(
    request: Request,
    approval_id: ObjectId,
    who: Annotated[SignedIn, page_needs(Action.READ_APPROVALS)],
    session: SessionDep,
    kinds: ApprovalKindsDep,
) -> Response:
    """One of them with its figures, and what can be done about it."""
    return _page(request, who, await view_approval(session, who.principal, kinds, approval_id))


def _page(
    request: Request,
    who: SignedIn,
    card: ApprovalCard,
    *,
    fault: LephiError | None = None,
    reason: str = "",
    told_once: Mapping[str, str] | None = None,
) -> Response:
    return render(
        request,
        "approval.html",
        200 if fault is None else fault.status,
        who=who,
        card=card,
        one=card.approval,
        outcome=facts_of(card.approval.outcome or {}),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
        reason=reason,
        told_once=told_once or {},
    )


@router.post("/staff/approvals/{approval_id}/approve")
@allowing(LONG_SECONDS)
async def approve_one(
    approval_id: ObjectId,
    deed: Annotated[StaffDeed, deed_needs(Action.APPROVE)],
    kinds: ApprovalKindsDep,
) -> Response:
    """Do what somebody else asked for; what is told once is on the answer and nowhere else."""
    told: dict[str, str] = {}

    async def work(session: WriteSession) -> str:
        given = await approvals.approve(session, kinds, approval_id, deed.by)
        told.clear()
        told.update(given.told_once)
        return f"/staff/approvals/{approval_id}"

    try:
        answer = await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            card = await view_approval(session, deed.by, kinds, approval_id)
        return _page(deed.request, deed.who, card, fault=error)
    if not told:
        return answer
    async with deed.database.reading() as session:
        card = await view_approval(session, deed.by, kinds, approval_id)
    return _page(deed.request, deed.who, card, told_once=told)


@router.post("/staff/approvals/{approval_id}/reject")
async def reject_one(
    approval_id: ObjectId,
    deed: Annotated[StaffDeed, deed_needs(Action.REJECT)],
    kinds: ApprovalKindsDep,
) -> Response:
    """Refuse it and say why; whoever asked takes it back so."""
    reason = deed.typed("reason")

    async def work(session: WriteSession) -> str:
        asked = read_typed(ReasonIn, {"reason": reason})
        await approvals.reject(session, kinds, approval_id, asked.reason, deed.by)
        return f"/staff/approvals/{approval_id}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            card = await view_approval(session, deed.by, kinds, approval_id)
        return _page(deed.request, deed.who, card, fault=error, reason=reason)
