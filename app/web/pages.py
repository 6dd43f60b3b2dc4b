"""The page of a bill: amount, QR, state, and the way to a gateway."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from app.web.templating import FOLDER, render
from core import qr
from core.crypto import new_token
from core.db import SessionDep
from core.errors import LephiError, NotFound
from core.idempotency import Claim
from core.ids import new_id
from core.references import is_reference
from payments.checkout import checkout
from payments.context import ContextDep
from payments.presenting import bill_payload, payment_json
from payments.queries import BillValue, find_bill
from receipts.words import amount_in_words

router = APIRouter(include_in_schema=False)


def mount_static(app: FastAPI) -> None:
    """Serve our own styles and scripts."""
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")


async def _bill(session: SessionDep, reference: str) -> BillValue:
    found = await find_bill(session, reference.upper()) if is_reference(reference.upper()) else None
    if found is None:
        raise NotFound("Không có khoản phải nộp nào mang mã này.")
    return found


@router.get("/b/{reference}/qr.{extension}")
async def bill_qr(
    reference: str, extension: str, session: SessionDep, context: ContextDep
) -> Response:
    """The image of a bill's QR; there is none once there is nothing to pay."""
    bill = await _bill(session, reference)
    agency = await context.agencies.get_agency(bill.agency_id)
    payload = None
    if bill.status in ("open", "expired"):
        payload = bill_payload(context, agency, bill.reference, bill.amount)
    return image(payload, extension)


def image(payload: str | None, extension: str) -> Response:
    """A payload as qr.png or qr.svg. Raises `NotFound` where there is nothing to draw."""
    if payload is None:
        raise NotFound("Không còn mã QR cho khoản này.")
    if extension == "png":
        return Response(qr.png(payload), media_type="image/png")
    if extension == "svg":
        return Response(qr.svg(payload), media_type="image/svg+xml")
    raise NotFound("Chỉ có qr.png và qr.svg.")


@router.get("/b/{reference}")
async def bill_page(
    reference: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    t: Annotated[str, Query(max_length=64)] = "",
    message: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """A bill: amount, QR, state. The token in its address opens names and receipts too."""
    bill = await _bill(session, reference)
    agency = await context.agencies.get_agency(bill.agency_id)
    opened = bool(t) and context.links.opens(bill.id, t)
    receipts = (await context.receipts.of_bills(session, [bill.id])).get(bill.id, ())
    gateways = await context.agencies.list_gateways(agency)
    return render(
        request,
        "bill.html",
        bill=bill,
        agency=agency,
        opened=opened,
        token=t if opened else "",
        words=amount_in_words(bill.amount) if bill.amount else "",
        receipts=[
            {
                "summary": receipt,
                "check": context.links.receipt_check(receipt.code),
                "pdf": context.links.receipt_file(receipt.code, "pdf"),
                "xml": context.links.receipt_file(receipt.code, "xml"),
            }
            for receipt in receipts
        ]
        if opened
        else [],
        gateways=[g.gateway for g in gateways if not context.gateways.is_feed(g.gateway)],
        asking=any(p.status in ("unknown", "submitted") for p in bill.payments),
        once=new_token(bits=80),
        message=message,
    )


@router.post("/b/{reference}/pay")
async def pay(
    reference: str,
    request: Request,
    context: ContextDep,
    gateway: Annotated[str, Form(max_length=30)],
    t: Annotated[str, Form(max_length=64)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Start an attempt from the bill's page and send the citizen to the gateway."""
    async with context.database.transaction() as session:
        bill = await _bill(session, reference)
    back = f"/b/{bill.reference}" + (f"?t={t}" if t else "?")
    key = once or new_id("click")
    claim = Claim.of(
        f"page:{bill.id}", "POST /b/pay", key, {"gateway": gateway}, context.request_key
    )
    try:
        await checkout(
            context,
            bill.id,
            {bill.agency_id},
            gateway,
            claim,
            payment_json,
            actor="citizen:page",
            payer_ip=request.client.host if request.client else "127.0.0.1",
        )
    except LephiError as error:
        return RedirectResponse(f"{back}&message={error.code}", 303)
    async with context.database.transaction() as session:
        bill = await _bill(session, reference)
    for payment in reversed(bill.payments):
        if payment.status == "submitted" and payment.checkout and payment.checkout.get("url"):
            return RedirectResponse(payment.checkout["url"], 303)
    return RedirectResponse(f"{back}&message=payment_outcome_pending", 303)
