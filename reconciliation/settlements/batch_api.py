"""The HTTP surface of gateways' batches: what they come to, and the credits that brought them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_gateway_name
from payments.books.api import ApprovalKindsDep, Cursor, ObjectId, ReasonBody
from payments.books.approvals import propose
from payments.books.schemas import ApprovalOut, ReasonIn
from reconciliation.settlements.batch_approvals import PAY_OVER, UNDO
from reconciliation.settlements.batch_schemas import (
    GATEWAY_PATH,
    BatchList,
    BatchOut,
    PayoutIn,
    SettlementLineList,
    SettlementLineOut,
)
from reconciliation.settlements.batch_sums import page_of_batches
from reconciliation.settlements.lines import page_of_lines

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])

_Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/settlements/batches")
async def read_batches(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    gateway: Annotated[
        str, Query(pattern=GATEWAY_PATH, description="gateway/account, as in callbacks.")
    ],
    session: ReadSessionDep,
    cursor: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
    limit: _Limit = 100,
) -> BatchList:
    """The batches of an account at a gateway, by reference, and the payouts that brought them."""
    found = await get_gateway_name(session, gateway, principal.agency_ids)
    page = await page_of_batches(session, found.id, cursor=cursor, limit=limit)
    return BatchList(items=[BatchOut.of(one) for one in page.items], next_cursor=page.next_cursor)


@router.get("/settlements/{settlement_id}/lines")
async def read_lines(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    settlement_id: ObjectId,
    session: ReadSessionDep,
    cursor: Cursor = None,
    limit: _Limit = 100,
) -> SettlementLineList:
    """The lines that a settlement file holds, whichever file brought them first."""
    page = await page_of_lines(
        session, settlement_id, principal.agency_ids, cursor=cursor, limit=limit
    )
    items = [SettlementLineOut.of(one) for one in page.items]
    return SettlementLineList(items=items, next_cursor=page.next_cursor)


@router.post(
    "/settlements/payouts",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(PayoutIn),
)
async def propose_payout(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    body: Annotated[ParsedBody[PayoutIn], Depends(parsed(PayoutIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a credit be taken for what a gateway paid over for its batches.

    They leave transit gross, the fee is a posting of its own; the sum must be the credit, to the
    đồng. Another person approves it.
    """
    wanted = body.model

    async def work(session: WriteSession) -> ApprovalOut:
        await get_gateway_name(session, wanted.gateway, principal.agency_ids)
        made = await propose(
            session, kinds, PAY_OVER, wanted.credit, wanted.wanted, wanted.reason, principal
        )
        return ApprovalOut.of(made)

    return await idempotent(idempotent.claim(principal.owner, body.value), work, status=202)


@router.post(
    "/settlements/payouts/{payout_id}/undo",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ReasonIn),
)
async def propose_undoing(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    payout_id: ObjectId,
    body: ReasonBody,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a payout be undone by a reversal posting; its credit then waits in suspense again.

    Another person approves it.
    """

    async def work(session: WriteSession) -> ApprovalOut:
        reason = body.model.reason
        return ApprovalOut.of(await propose(session, kinds, UNDO, payout_id, {}, reason, principal))

    claim = idempotent.claim(principal.owner, {"payout": payout_id, "body": body.value})
    return await idempotent(claim, work, status=202)
