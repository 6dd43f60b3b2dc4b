"""The page of a bill: amount, QR, state, and the way to a gateway."""

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from app.web.citizen.messages import known_code, message_for
from app.web.citizen.situation import Doubt, situation_of
from app.web.policy import policy
from app.web.rate import limited
from app.web.templating import FOLDER, render
from core import qr
from core.crypto import new_token
from core.db import SessionDep
from core.errors import LephiError, NotFound
from core.idempotency import Claim
from core.ids import new_id
from core.references import is_reference
from core.sessions import WriteSession
from payments.attempts.checkout import checkout, offered_gateways
from payments.bills.presenting import bill_payload, payment_json
from payments.bills.queries import BillValue, find_bill, read_payer
from payments.context import Context, ContextDep
from payments.ports import DocumentSummary, ReceiptSummary
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
    agency = await context.agencies.get_agency(bill.agency_id, session)
    payload = None
    # What has come already is not asked for twice.
    if remaining := situation_of(bill, 0).remaining:
        payload = bill_payload(context, agency, bill.reference, remaining)
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


@router.get("/b/{reference}/state")
async def bill_state(reference: str, session: SessionDep, context: ContextDep) -> dict[str, str]:
    """What the page's script asks every few seconds: has anything changed?"""
    bill = await _bill(session, reference)
    papers = len(await _receipts(context, session, bill)) + len(
        await _documents(context, session, bill)
    )
    return {"version": situation_of(bill, papers).version}


@router.get("/b/{reference}")
async def bill_page(
    reference: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    t: str = "",
    message: str = "",
) -> Response:
    """A bill: amount, QR, state. The token in its address opens names and receipts too.

    A gateway adds parameters of its own when it sends a citizen back, so odd ones are no fault.
    """
    bill = await _bill(session, reference)
    agency = await context.agencies.get_agency(bill.agency_id, session)
    opened = bool(t) and context.urls.opens(bill.id, t)
    receipts = await _receipts(context, session, bill)
    documents = await _documents(context, session, bill)
    situation = situation_of(bill, len(receipts) + len(documents))
    payable = bill.status == "open" and situation.doubt not in (Doubt.HELD, Doubt.UNKNOWN)
    remaining = situation.remaining
    gateways = await offered_gateways(context, agency, remaining, session) if payable else []
    scannable = payable and bill_payload(context, agency, bill.reference, remaining) is not None
    payer = await read_payer(session, context.cipher, bill.id) if opened else {}
    return render(
        request,
        "bill.html",
        # The form's answer leads on to the gateway, which the browser must be told beforehand.
        headers={"Content-Security-Policy": policy(g.access.base_url for g, _ in gateways)},
        bill=bill,
        agency=agency,
        situation=situation,
        full_amount=sum(line.full_amount for line in bill.lines),
        relieved=sum(line.full_amount - line.amount for line in bill.lines),
        opened=opened,
        token=t if opened else "",
        payer_name=payer.get("name", ""),
        on_behalf_of=payer.get("behalf_name", ""),
        words=amount_in_words(bill.amount) if bill.amount else "",
        receipts=[_shown(context, receipt) for receipt in receipts] if opened else [],
        documents=[(one, context.urls.document(one.code)) for one in documents] if opened else [],
        gateways=[info for _, info in gateways],
        attempted=situation.attempt and context.gateways.find_info(situation.attempt.gateway),
        account=agency.account if scannable else None,
        once=new_token(bits=80),
        message=message_for(message) if bill.status == "open" else None,
    )


async def _receipts(
    context: Context, session: WriteSession, bill: BillValue
) -> Sequence[ReceiptSummary]:
    return (await context.receipts.of_bills(session, [bill.id])).get(bill.id, ())


async def _documents(
    context: Context, session: WriteSession, bill: BillValue
) -> Sequence[DocumentSummary]:
    return (await context.receipts.documents_of_bills(session, [bill.id])).get(bill.id, ())


def _shown(context: Context, receipt: ReceiptSummary) -> dict[str, Any]:
    return {
        "summary": receipt,
        "check": context.urls.receipt_check(receipt.code),
        "pdf": context.urls.receipt_file(receipt.code, "pdf"),
        "xml": context.urls.receipt_file(receipt.code, "xml"),
    }


@router.post("/b/{reference}/pay", dependencies=[Depends(limited)])
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
    key = once or new_id("click")
    claim = Claim.of(
        f"page:{bill.id}", "POST /b/pay", key, {"gateway": gateway}, context.request_key
    )
    try:
        _, answer = await checkout(
            context,
            bill.id,
            {bill.agency_id},
            gateway,
            claim,
            payment_json,
            actor="citizen:page",
            payer_ip=request.client.host if request.client else "127.0.0.1",
            proven=bool(t) and context.urls.opens(bill.id, t),
        )
    except LephiError as error:
        return _back(bill, t, known_code(error.code))
    started = json.loads(answer)
    if started["status"] == "failed":
        return _back(bill, t, "payment_declined")
    address = (started["checkout"] or {}).get("url")
    if address is None:
        return _back(bill, t, "payment_outcome_pending")
    return RedirectResponse(address, 303)


def _back(bill: BillValue, token: str, message: str) -> Response:
    """To the bill's page again, with a message."""
    asked = {"t": token, "message": message} if token else {"message": message}
    return RedirectResponse(f"/b/{bill.reference}?{urlencode(asked)}", 303)
