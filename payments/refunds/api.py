"""The HTTP surface of money that goes back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books import approvals
from payments.books.api import ApprovalKindsDep, Cursor, Limit, ObjectId, ReasonBody
from payments.books.schemas import ApprovalOut, ReasonIn
from payments.context import ContextDep
from payments.refunds.commands import mark_sent, request_refund
from payments.refunds.deciding import FAILURE
from payments.refunds.payees import Payee
from payments.refunds.queries import get_refund, page_of_refunds
from payments.refunds.schemas import RefundIn, RefundList, RefundOut, RefundStatus, SentIn
from payments.refunds.ways import get_way_back

router = APIRouter(prefix="/api/v1", tags=["refunds"])

SentBody = Annotated[ParsedBody[SentIn], Depends(parsed(SentIn))]


@router.post(
    "/payments/{payment_id}/refunds",
    status_code=202,
    response_model=RefundOut,
    openapi_extra=documented(RefundIn),
)
async def propose_refund(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    payment_id: ObjectId,
    body: Annotated[ParsedBody[RefundIn], Depends(parsed(RefundIn))],
    context: ContextDep,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that money of a payment go back to its payer; another person approves `approval`.

    409 `not_refundable` where less than `amount` is left, 409 `money_in_doubt` while it is not
    known whether the money is the payment's own, 409 `way_not_open` where its gateway cannot give
    back and `way` is `gateway`.
    """
    wanted = body.model
    payee = None if wanted.payee is None else Payee(**wanted.payee.model_dump())

    async def work(session: WriteSession) -> RefundOut:
        through = None
        if wanted.way == "gateway":
            through = await get_way_back(context, session, payment_id, principal.agency_ids)
        made = await request_refund(
            session,
            kinds,
            payment_id,
            wanted.amount,
            wanted.reason,
            payee,
            principal,
            context.cipher,
            bill=wanted.bill,
            through=through,
        )
        refund = await get_refund(session, made.object_id, principal.agency_ids)
        return RefundOut.of(refund, context.cipher, context.qr)

    claim = idempotent.claim(principal.owner, {"payment": payment_id, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.get("/refunds")
async def read_refunds(
    principal: Annotated[Principal, needs(Action.READ_SUSPENSE)],
    session: ReadSessionDep,
    context: ContextDep,
    status: RefundStatus | None = None,
    payment: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RefundList:
    """Refunds of the agency and its units, the newest first."""
    page = await page_of_refunds(
        session,
        principal.agency_ids,
        status=status,
        payment_id=payment,
        cursor=cursor,
        limit=limit,
    )
    items = [RefundOut.of(one, context.cipher, context.qr) for one in page.items]
    return RefundList(items=items, next_cursor=page.next_cursor)


@router.get("/refunds/{refund_id}")
async def read_refund(
    principal: Annotated[Principal, needs(Action.READ_SUSPENSE)],
    refund_id: ObjectId,
    session: ReadSessionDep,
    context: ContextDep,
) -> RefundOut:
    """One of them, with how to pay it once it is approved."""
    refund = await get_refund(session, refund_id, principal.agency_ids)
    return RefundOut.of(refund, context.cipher, context.qr)


@router.post("/refunds/{refund_id}/sent", openapi_extra=documented(SentIn))
async def note_sent(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    refund_id: ObjectId,
    body: SentBody,
    session: SessionDep,
    context: ContextDep,
) -> RefundOut:
    """Say that its transfer was ordered. It stays `unknown` until a statement shows its debit."""
    await mark_sent(
        session, refund_id, body.model.bank_ref, principal.agency_ids, actor=principal.actor
    )
    refund = await get_refund(session, refund_id, principal.agency_ids)
    return RefundOut.of(refund, context.cipher, context.qr)


@router.post(
    "/refunds/{refund_id}/failure",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ReasonIn),
)
async def propose_failure(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    refund_id: ObjectId,
    body: ReasonBody,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask another person to agree that it was never paid: its money goes back where it was."""

    async def work(session: WriteSession) -> ApprovalOut:
        reason = body.model.reason
        made = await approvals.propose(session, kinds, FAILURE, refund_id, {}, reason, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"refund": refund_id, "body": body.value})
    return await idempotent(claim, work, status=202)
