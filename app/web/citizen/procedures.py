"""A procedure's page, which a poster at the counter leads to, and the poster's own QR.

A fixed fee has a static reference: its QR can be paid at once, without a bill. Everything else is
worked out here first, and a bill is opened only for an amount that the citizen has seen.
"""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.web.citizen.bills import image
from app.web.citizen.fee_cards import card_of
from app.web.citizen.offer import Offer, PricedOffer, offer_of, price_offer
from app.web.citizen.typed import TypedForm
from app.web.rate import limit_opening
from app.web.templating import render
from core import clock
from core.crypto import new_token
from core.db import SessionDep
from core.errors import FieldError, Invalid, NotFound
from core.idempotency import Claim, InFlight
from core.ids import new_id
from core.sessions import WriteSession
from core.settings import Settings
from payments.agencies.queries import AgencyValue
from payments.bills.create import create_bill
from payments.bills.new_bill import BillRequest, NewBill
from payments.bills.presenting import bill_payload
from payments.bills.static_references import poster_line, static_reference
from payments.catalogue.queries import get_procedure
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.schedule import FeeValue, ProcedureValue, Schedule
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ProcedurePlace:
    """What an address /p/{agency}/{code} stands for today; `fee` where the code is a fee's own."""

    agency: AgencyValue
    procedure: ProcedureValue | None
    fee: FeeValue | None
    schedule: Schedule
    offer: Offer
    code: str
    today: date


@dataclass(frozen=True, slots=True)
class Poster:
    """A static reference, its VietQR payload, and the line that a payment of it makes.

    `until` is the last day on which the amount is known to hold; a printed poster must say so.
    `eased`: some pay less, whom a poster cannot know.
    """

    reference: str
    payload: str
    line: NewLine
    until: date | None
    eased: bool


async def _place(session: WriteSession, context: Context, agency: str, code: str) -> ProcedurePlace:
    """Raises `NotFound` where the code means nothing."""
    body = await context.agencies.get_agency(agency, session)
    today = clock.business_date(clock.now())
    schedule = await context.price_book.schedule(session, body.id)
    fee = schedule.find(code, today)
    procedure = None
    if fee is None or fee.procedure_code is not None:
        procedure_code = code if fee is None else fee.procedure_code or ""
        try:
            procedure = await get_procedure(session, body.id, procedure_code, today)
        except NotFound as error:
            raise NotFound(_why_not(schedule, code, today)) from error
        fee = None if procedure.code == code else fee
    named = None if procedure is None else procedure.code
    offer = offer_of(schedule, named, fee, today)
    return ProcedurePlace(body, procedure, fee, schedule, offer, code, today)


def _why_not(schedule: Schedule, code: str, today: date) -> str:
    """What is wrong with a code that names no procedure: a fee that has ended says when it did."""
    try:
        schedule.get(code, today)
    except Invalid as error:
        return error.detail
    return f"Không có thủ tục {code}."


async def _poster(session: WriteSession, context: Context, place: ProcedurePlace) -> Poster | None:
    """The poster of a fixed fee that is taken alone; None for anything else."""
    if len(place.offer.together) != 1:
        return None
    (fee,) = place.offer.together
    line = poster_line(place.schedule, fee, place.today)
    if line is None or not line.amount:
        return None
    reference = await static_reference(session, place.agency.id, fee.code)
    payload = bill_payload(context, place.agency, reference, line.amount, static=True)
    if payload is None:
        return None
    given = None if line.relief is None else line.relief["code"]
    reliefs = place.schedule.reliefs_of(fee.code, place.today)
    ends = [relief.valid_to for relief in reliefs if relief.code == given]
    until = min((end for end in (fee.valid_to, *ends) if end is not None), default=None)
    eased = any(relief.code != given for relief in reliefs)
    return Poster(reference, payload, line, until, eased)


@router.get("/p/{agency}/{code}/qr.{extension}")
async def poster_qr(
    agency: str, code: str, extension: str, session: SessionDep, context: ContextDep
) -> Response:
    """The image of a poster's QR."""
    poster = await _poster(session, context, await _place(session, context, agency, code))
    return image(None if poster is None else poster.payload, extension)


@router.get("/p/{agency}/{code}")
async def procedure_page(
    agency: str, code: str, request: Request, session: SessionDep, context: ContextDep
) -> Response:
    """What a procedure costs, why, and how to pay it here and now."""
    place = await _place(session, context, agency, code)
    priced = None
    if place.offer.payable and not place.offer.asks(place.schedule, place.today):
        priced = price_offer(place.schedule, place.offer, TypedForm(), place.today)
    poster = await _poster(session, context, place)
    return _page(request, context, place, poster, TypedForm(), priced)


async def _typed(
    quantity: Annotated[list[Annotated[str, Form(max_length=20)]] | None, Form()] = None,
    copies: Annotated[str, Form(max_length=20)] = "1",
    value: Annotated[str, Form(max_length=40)] = "",
    channel: Annotated[str, Form(max_length=20)] = "",
    extra: Annotated[list[Annotated[str, Form(max_length=64)]] | None, Form()] = None,
    more: Annotated[list[Annotated[str, Form(max_length=20)]] | None, Form()] = None,
) -> TypedForm:
    wished = frozenset(extra or ())
    return TypedForm(tuple(quantity or ()), copies, value, channel, wished, tuple(more or ()))


@router.post("/p/{agency}/{code}")
async def ask(
    agency: str,
    code: str,
    request: Request,
    context: ContextDep,
    typed: Annotated[TypedForm, Depends(_typed)],
    seen: Annotated[str, Form(max_length=20)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Work out an amount and show it; open a bill where the form says that it was `seen`."""
    async with context.database.transaction() as session:
        place = await _place(session, context, agency, code)
        poster = await _poster(session, context, place)
    if not place.offer.payable:
        return _page(request, context, place, poster, typed)
    try:
        priced = price_offer(place.schedule, place.offer, typed, place.today)
    except Invalid as error:
        return _page(request, context, place, poster, typed, faults=error.errors)
    if seen and seen != str(priced.amount):
        # A fee has changed since: nobody owes what they have not been shown.
        return _page(request, context, place, poster, typed, priced, changed=True)
    if not seen or not priced.amount:
        return _page(request, context, place, poster, typed, priced)
    await limit_opening(request, context)
    settings: Settings = request.app.state.parts.settings
    expires_at = clock.now() + timedelta(hours=settings.page_bill_hours)
    address = await _create(context, place, typed, priced, once, expires_at)
    return RedirectResponse(address, 303)


async def _create(
    context: Context,
    place: ProcedurePlace,
    typed: TypedForm,
    priced: PricedOffer,
    once: str,
    expires_at: datetime,
) -> str:
    """Create the bill, once for each form that was shown; the address of its page.

    It expires: anybody may open one, and nobody need come back.
    """
    request = BillRequest(
        agency_id=place.agency.id,
        lines=priced.lines,
        channel=typed.handed_in,
        opened_on=place.today,
        expires_at=expires_at,
    )

    def address(bill: NewBill) -> bytes:
        # Without the host: a browser lets a form lead on only to where the page came from.
        return f"/b/{bill.reference}?t={context.urls.token(bill.id)}".encode()

    claim = Claim.of(
        f"page:{place.agency.id}",
        "POST /p",
        once or new_id("click"),
        {"code": place.code, "amount": priced.amount, **typed.as_data()},
        context.request_key,
    )
    for pause in (0.1, 0.4, 1.5):
        try:
            created = await create_bill(
                context.database,
                request,
                claim,
                address,
                actor="citizen:page",
                cipher=context.cipher,
            )
        except InFlight:
            # The first of two presses is still being written: its bill is this one's, too.
            await asyncio.sleep(pause)
            continue
        return (created.body or b"").decode()
    raise InFlight("Khoản phải nộp đang được lập; hãy chờ vài giây rồi mở lại trang này.")


def _page(
    request: Request,
    context: Context,
    place: ProcedurePlace,
    poster: Poster | None,
    typed: TypedForm,
    priced: PricedOffer | None = None,
    *,
    faults: tuple[FieldError, ...] = (),
    changed: bool = False,
) -> Response:
    offer, today = place.offer, place.today
    shown = offer.together or offer.always

    def cards(fees: tuple[FeeValue, ...]) -> list[object]:
        return [card_of(place.schedule, fee, today) for fee in fees]

    return render(
        request,
        "procedure.html",
        422 if faults else 409 if changed else 200,
        agency=place.agency,
        procedure=place.procedure,
        code=place.code,
        title=(place.procedure or shown[0]).name,
        offer=offer,
        fees=cards(shown),
        choices=[] if offer.together else cards(offer.choices),
        # What can be ticked stands in the form, the rest is only told of.
        addable=cards(offer.addable),
        extras=cards(tuple(f for f in offer.extras if not offer.payable or f not in offer.addable)),
        fee_of_several=place.fee is not None and len(offer.choices) > 1,
        by_channel=offer.by_channel(place.schedule, today),
        asks=offer.asks(place.schedule, today),
        poster=poster,
        find=context.urls.receipt_search(),
        typed=typed,
        priced=priced,
        value=_value(priced),
        labels=offer.labels,
        faults={fault.field: fault.detail for fault in faults},
        changed=changed,
        once=new_token(bits=80),
    )


def _value(priced: PricedOffer | None) -> int | None:
    """The value that was read, for the page to say in words: a zero too many is seen at once."""
    values = [line.value for line in priced.lines if line.value] if priced else []
    return values[0] if values else None
