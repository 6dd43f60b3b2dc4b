"""The HTTP surface of attempts to pay."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import SessionDep
from core.idempotency import Claim, KeyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.attempts.checkout import checkout
from payments.attempts.gateway_receipts import get_kept_receipt
from payments.attempts.leaving import leave
from payments.attempts.queries import get_payment, list_shares
from payments.attempts.schemas import PaymentIn
from payments.bills.presenting import NOWHERE, payment_json, payment_out
from payments.bills.schemas import PaymentOut
from payments.context import Context, ContextDep

router = APIRouter(prefix="/api/v1", tags=["bills and payments"])


PaymentBody = Annotated[ParsedBody[PaymentIn], Depends(parsed(PaymentIn))]


_JSON = "application/json"


@router.post(
    "/bills/{bill_id}/payments",
    status_code=201,
    response_model=PaymentOut,
    openapi_extra=documented(PaymentIn),
)
async def start_payment(
    principal: Annotated[Principal, needs(Action.START_PAYMENT)],
    bill_id: str,
    key: KeyDep,
    body: PaymentBody,
    context: ContextDep,
    request: Request,
) -> Response:
    """Start an attempt at a gateway. `unknown` means: being asked, do not pay again.

    409 `attempt_open` names the attempt that is open already; `instead_of` replaces it.
    """
    route = f"POST /bills/{bill_id}/payments"
    claim = Claim.of(principal.owner, route, key, body.value, context.request_key)
    status, answer = await checkout(
        context,
        bill_id,
        principal.agency_ids,
        body.model.gateway,
        claim,
        payment_json,
        actor=principal.actor,
        payer_ip=request.client.host if request.client else "127.0.0.1",
        instead_of=body.model.instead_of,
    )
    return Response(answer, status, media_type=_JSON)


@router.post("/payments/{payment_id}/leave")
async def leave_payment(
    principal: Annotated[Principal, needs(Action.START_PAYMENT)],
    payment_id: str,
    context: ContextDep,
) -> PaymentOut:
    """End an open attempt whose payer wants another way, such as the bill's QR.

    The gateway is asked at once. 409 `attempt_unclear` while it may have been charged; an attempt
    that has ended is answered as it is, so this may be repeated.
    """
    await leave(context, payment_id, principal.agency_ids, actor=principal.actor)
    async with context.database.transaction() as session:
        return await _shown(context, session, payment_id, principal)


@router.get("/payments/{payment_id}")
async def read_payment(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    payment_id: str,
    context: ContextDep,
    session: SessionDep,
) -> PaymentOut:
    """A payment by its id, with where its money is."""
    return await _shown(context, session, payment_id, principal)


@router.get(
    "/payments/{payment_id}/gateway-receipt",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
async def read_gateway_receipt(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    payment_id: str,
    context: ContextDep,
    session: SessionDep,
) -> Response:
    """The receipt that the gateway made out itself, as it was fetched. 404 where none is kept."""
    pdf = await get_kept_receipt(session, context.cipher, payment_id, principal.agency_ids)
    headers = {"Content-Disposition": f'inline; filename="{payment_id}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


async def _shown(
    context: Context, session: WriteSession, payment_id: str, principal: Principal
) -> PaymentOut:
    payment = await get_payment(session, payment_id, principal.agency_ids)
    places = await context.money.of_payments(session, [payment.id])
    shares = await list_shares(session, payment)
    return payment_out(payment, places.get(payment.id, NOWHERE), shares)
