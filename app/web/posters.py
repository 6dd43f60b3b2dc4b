"""A procedure's page, which a poster at the counter leads to, and the poster's own QR.

A fixed fee has a standing reference: its QR can be paid at once, without a bill. A fee that
depends on a quantity asks for it and opens a bill.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.web.pages import image
from app.web.rate import limited
from app.web.templating import render
from core import clock
from core.db import AsyncSession, SessionDep
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.references import new_reference
from payments import opening
from payments.agencies.queries import AgencyValue
from payments.catalogue.queries import ProcedureValue, get_procedure
from payments.catalogue.schedule import FeeValue
from payments.context import Context, ContextDep
from payments.fees import Fixed
from payments.opening import NewBill
from payments.presenting import bill_payload
from payments.standing import line_of, standing_reference
from receipts.words import amount_in_words

router = APIRouter(include_in_schema=False)


async def poster_payload(
    session: AsyncSession, context: Context, agency: AgencyValue, fee: FeeValue
) -> tuple[str, str] | None:
    """The standing reference and the VietQR payload of a fixed fee; None for any other fee."""
    if not isinstance(fee.rule, Fixed) or not fee.price(1).amount:
        return None
    reference = await standing_reference(session, agency.id, fee.code)
    amount = fee.price(1).amount
    payload = bill_payload(context, agency, reference, amount, standing=True)
    return None if payload is None else (reference, payload)


async def _fees(
    session: AsyncSession, context: Context, agency_code: str, code: str
) -> tuple[AgencyValue, ProcedureValue, tuple[FeeValue, ...]]:
    """The procedure that a procedure's or a fee's code names, and the fees that the code means."""
    agency = await context.agencies.get_agency(agency_code, session)
    today = clock.business_date(clock.now())
    schedule = await context.price_book.schedule(session, agency.id)
    fee = schedule.find(code, today)
    procedure_code = code if fee is None else fee.procedure_code
    procedure = await get_procedure(session, agency.id, procedure_code, today)
    return agency, procedure, procedure.fees if fee is None else (fee,)


@router.get("/p/{agency}/{code}/qr.{extension}")
async def poster_qr(
    agency: str, code: str, extension: str, session: SessionDep, context: ContextDep
) -> Response:
    """The image of a poster's QR."""
    body, _, fees = await _fees(session, context, agency, code)
    found = await poster_payload(session, context, body, fees[0]) if len(fees) == 1 else None
    return image(None if found is None else found[1], extension)


@router.get("/p/{agency}/{code}")
async def procedure_page(
    agency: str, code: str, request: Request, session: SessionDep, context: ContextDep
) -> Response:
    """What a procedure costs, and how to pay it here and now."""
    return await _page(agency, code, request, session, context)


async def _page(
    agency: str,
    code: str,
    request: Request,
    session: AsyncSession,
    context: Context,
    *,
    fault: str = "",
    typed: tuple[str, str] = ("1", "1"),
) -> Response:
    body, procedure, fees = await _fees(session, context, agency, code)
    shown = []
    for fee in fees:
        price = fee.price(1)
        poster = await poster_payload(session, context, body, fee)
        shown.append(
            {
                "fee": fee,
                "tariff": fee.rule.tariff(fee.unit),
                "fixed": isinstance(fee.rule, Fixed),
                "amount": price.amount,
                "words": amount_in_words(price.amount) if price.amount else "",
                "reference": poster[0] if poster else None,
            }
        )
    return render(
        request,
        "procedure.html",
        422 if fault else 200,
        agency=body,
        procedure=procedure,
        fees=shown,
        fault=fault,
        typed=typed,
    )


@router.post("/p/{agency}/{code}", dependencies=[Depends(limited)])
async def open_here(
    agency: str,
    code: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    quantity: Annotated[str, Form(max_length=10)] = "1",
    copies: Annotated[str, Form(max_length=10)] = "1",
) -> Response:
    """Open a bill for a quantity and go to its page."""
    body, _, fees = await _fees(session, context, agency, code)
    if len(fees) != 1:
        raise NotFound("Hãy chọn một khoản thu.")
    try:
        line = line_of(fees[0], _count(quantity), _count(copies))
    except Invalid as error:
        named = {"quantity": "Số lượng", "copies": "Số bản"}
        fault = " ".join(f"{named.get(e.field, e.field)}: {e.detail}" for e in error.errors)
        typed = (quantity, copies)
        return await _page(agency, code, request, session, context, fault=fault, typed=typed)
    now = clock.now()
    bill = NewBill(
        id=new_id("bill"),
        agency_id=body.id,
        reference=new_reference(),
        lines=(line,),
        channel="online",
        language="vi",
        created_at=now,
        opened_on=clock.business_date(now),
    )
    await opening.insert(session, bill, actor="citizen:page", cipher=context.cipher)
    # Without the host: a browser lets a form lead on only to where the page came from.
    token = context.links.token(bill.id)
    return RedirectResponse(f"/b/{bill.reference}?t={token}", 303)


def _count(text: str) -> int:
    """A count as typed; what is no plain number becomes 0, which no fee accepts."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else 0
