"""The HTTP surface of what two people decide: suspense, and approvals of every kind."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import NotFound
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_agency
from payments.books import approvals
from payments.books.approvals import ApprovalKinds
from payments.books.queries import page_of_waiting_money
from payments.books.schemas import (
    ApprovalList,
    ApprovalOut,
    ReasonIn,
    ResolutionIn,
    SuspenseList,
    SuspenseOut,
)
from payments.books.several import suggest_shares

router = APIRouter(prefix="/api/v1", tags=["money in suspense and approvals"])

ObjectId = Annotated[str, Path(max_length=100, pattern=r"^[a-z0-9_]+$")]
Cursor = Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")]
Limit = Annotated[int, Query(ge=1, le=100)]


async def approval_kinds(request: Request) -> ApprovalKinds:
    """What can be asked for: the application puts it together."""
    found: ApprovalKinds = request.app.state.approval_kinds
    return found


ApprovalKindsDep = Annotated[ApprovalKinds, Depends(approval_kinds)]
ReasonBody = Annotated[ParsedBody[ReasonIn], Depends(parsed(ReasonIn))]


@router.get("/suspense")
async def read_suspense(
    principal: Annotated[Principal, needs(Action.READ_SUSPENSE)],
    session: ReadSessionDep,
    agency: Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9._/-]+$")] = None,
    reason: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z_]+$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SuspenseList:
    """What waits in suspense or is refundable, the oldest first, of the agency and its units."""
    agency_ids = principal.agency_ids
    if agency is not None:
        found = await find_agency(session, agency)
        if found is None or found.id not in agency_ids:
            raise NotFound("Không có cơ quan này.")
        agency_ids = frozenset({found.id})
    page = await page_of_waiting_money(
        session, agency_ids, reason=reason, cursor=cursor, limit=limit
    )
    suggested = await suggest_shares(session, page.items, principal.agency_ids)
    items = [SuspenseOut.of(item, suggested.get(item.id, ())) for item in page.items]
    return SuspenseList(items=items, next_cursor=page.next_cursor)


@router.post(
    "/suspense/{item_id}/resolutions",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ResolutionIn),
)
async def propose_resolution(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    item_id: ObjectId,
    body: Annotated[ParsedBody[ResolutionIn], Depends(parsed(ResolutionIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that money in suspense be assigned, given back, taken for the same or other, or kept.

    Nothing happens before another person approves it.
    """
    wanted = body.model

    async def work(session: WriteSession) -> ApprovalOut:
        made = await approvals.propose(
            session, kinds, wanted.kind, item_id, wanted.wanted, wanted.reason, principal
        )
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"item": item_id, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.get("/approvals")
async def read_approvals(
    principal: Annotated[Principal, needs(Action.READ_APPROVALS)],
    session: ReadSessionDep,
    status: Literal["proposed", "approved", "rejected"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ApprovalList:
    """What was asked for about the agency and its units, the newest first."""
    page = await approvals.list_approvals(
        session, principal.agency_ids, status=status, cursor=cursor, limit=limit
    )
    items = [ApprovalOut.of(one) for one in page.items]
    return ApprovalList(items=items, next_cursor=page.next_cursor)


@router.get("/approvals/{approval_id}")
async def read_approval(
    principal: Annotated[Principal, needs(Action.READ_APPROVALS)],
    approval_id: ObjectId,
    session: ReadSessionDep,
) -> ApprovalOut:
    """One of them."""
    found = await approvals.get_approval(session, approval_id, principal.agency_ids)
    return ApprovalOut.of(found)


@router.post("/approvals/{approval_id}/approve")
@allowing(LONG_SECONDS)
async def approve(
    # and what its kind takes
    principal: Annotated[Principal, needs(Action.APPROVE)],
    approval_id: ObjectId,
    session: SessionDep,
    kinds: ApprovalKindsDep,
) -> ApprovalOut:
    """Do what somebody else asked for: a chief's key is needed, or an administrator's.

    Which, says the kind: money is the chief's. `told_once` is for you alone and kept nowhere, such
    as your half of a new person's password. 409 `same_person` for one's own, `stale` if the figures
    are not those that were shown: reject it and ask anew.
    """
    given = await approvals.approve(session, kinds, approval_id, principal)
    return ApprovalOut.of(given.approval, given.told_once)


@router.post("/approvals/{approval_id}/reject", openapi_extra=documented(ReasonIn))
async def reject(
    # and to decide about its kind, where it is not one's own
    principal: Annotated[Principal, needs(Action.REJECT)],
    approval_id: ObjectId,
    body: ReasonBody,
    session: SessionDep,
    kinds: ApprovalKindsDep,
) -> ApprovalOut:
    """Refuse it and say why; whoever asked may take it back so."""
    done = await approvals.reject(session, kinds, approval_id, body.model.reason, principal)
    return ApprovalOut.of(done)
