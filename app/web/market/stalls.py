"""A vendor's page, which the stall's sticker leads to: what is owed, and how to pay it.

The sticker is there for all to see, so the page first says only what to do; the short code on the
contract, or the end of the holder's phone number, opens the rest (`payments.billing.dues.opening`).
Money on the stall's reference pays the oldest debt first, whichever period the vendor has in mind:
so the page says what a sum will pay before it is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.web.citizen.bills import image
from app.web.market.stall_views import choices_of, period_words, plan_of, read_choice
from app.web.rate import limited, network_of
from app.web.templating import render
from core import clock
from core.db import ReadSessionDep, SessionDep
from core.errors import NotFound
from core.references import is_reference
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import AgencyValue
from payments.billing.credit.queries import Tenancy, beginning_of, holder_on, list_holdings
from payments.billing.dues.opening import (
    StallDoor,
    StallKeys,
    count_try,
    is_token,
    opened_by,
    token_of,
)
from payments.billing.dues.queries import (
    PeriodBill,
    VendorStall,
    find_stall,
    list_money,
    list_owed,
    list_paid,
    sum_credit,
)
from payments.bills.lines import lines_of
from payments.bills.presenting import bill_payload
from payments.catalogue.rules.wording import LocalizedText
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)

#: How many unpaid periods are told of one by one; a stall billed by the day may owe many.
MOST_OWED = 31
#: How many paid periods and transfers are told of: more than a year of months.
MOST_PAID = 13

_NO_STALL = "Không có sạp nào mang mã này."

TypedCode = Annotated[str, Form(max_length=20)]


@dataclass(frozen=True, slots=True)
class _StallPlace:
    """What an address /v/{agency}/{stall} stands for; nobody may ever have held the stall."""

    agency: AgencyValue
    stall: VendorStall
    holdings: tuple[Tenancy, ...]
    holding: Tenancy | None

    @property
    def door(self) -> StallDoor:
        """What codes and tokens are held against."""
        return StallDoor(self.stall, self.holdings)

    @property
    def address(self) -> str:
        """The page's own, without its host: a browser lets a form lead on only within it."""
        return f"/v/{self.agency.code}/{self.stall.reference}"


async def _place(session: ReadSession, context: Context, agency: str, stall: str) -> _StallPlace:
    """Raises `NotFound` where the address means nothing."""
    reference = stall.upper()
    found = await find_stall(session, reference) if is_reference(reference) else None
    if found is None:
        raise NotFound(_NO_STALL)
    body = await context.agencies.get_agency(found.agency_id, session)
    if body.code.lower() != agency.lower():
        raise NotFound(_NO_STALL)
    holdings = tuple(await list_holdings(session, [found.reference]))
    today = clock.business_date(clock.now())
    return _StallPlace(body, found, holdings, holder_on(holdings, today))


def keys_of(context: Context) -> StallKeys:
    """What opens stalls' pages here."""
    return StallKeys(context.cipher, context.urls, context.request_key)


@router.get("/v/{agency}/{stall}/qr.{extension}")
async def stall_qr(
    agency: str,
    stall: str,
    extension: str,
    session: ReadSessionDep,
    context: ContextDep,
    amount: Annotated[int | None, Query(ge=1, le=10**13 - 1)] = None,
) -> Response:
    """The image of the stall's own VietQR; without an amount the payer types it.

    It says no more than the sticker does: the body's account and the stall's reference.
    """
    place = await _place(session, context, agency, stall)
    payload = bill_payload(context, place.agency, place.stall.reference, amount, static=True)
    return image(payload, extension)


@router.get("/v/{agency}/{stall}")
async def stall_page(
    agency: str,
    stall: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    t: str = "",
    code: Annotated[str, Query(max_length=20)] = "",
    pay: Annotated[str, Query(max_length=10)] = "",
    amount: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """What a stall's holder owes, for whoever has the token; what to do, for everybody else.

    A `code` in the address is a try like one that is typed.
    """
    place = await _place(session, context, agency, stall)
    if code:
        return await _try(request, context, session, place, code)
    if place.holding is None:
        return _shut(request, place)
    keys = keys_of(context)
    if is_token(keys, place.door, place.holding, t):
        return await _opened(request, context, session, place, place.holding, t, pay, amount)
    former = [one for one in place.holdings if is_token(keys, place.door, one, t)]
    if not former:
        return _shut(request, place)
    if former[0].vendor_id == place.holding.vendor_id:
        # Another contract of the same vendor: what was kept goes on opening.
        token = token_of(keys, place.door, place.holding)
        return RedirectResponse(f"{place.address}?t={token}", 303)
    return await _left(request, context, session, place, (former[0], place.holding))


@router.post("/v/{agency}/{stall}", dependencies=[Depends(limited)])
async def open_stall(
    agency: str,
    stall: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    code: TypedCode = "",
) -> Response:
    """Open the page by the stall's code or the end of its holder's phone number."""
    place = await _place(session, context, agency, stall)
    return await _try(request, context, session, place, code)


async def _try(
    request: Request, context: Context, session: WriteSession, place: _StallPlace, typed: str
) -> Response:
    """A try counts whatever becomes of it: a wrong one is answered by a page, not by an error."""
    if place.holding is None or not typed.strip():
        return _shut(request, place, 422, missed=bool(typed))
    keys = keys_of(context)
    said = request.client.host if request.client else "unknown"
    await count_try(session, keys, place.stall, place.holding, typed, network_of(said))
    opened = await opened_by(session, keys, place.door, place.holding, typed)
    if opened is None:
        return _shut(request, place, 403, missed=True)
    token = token_of(keys, place.door, opened)
    return RedirectResponse(f"{place.address}?t={token}", 303)


def _shut(
    request: Request, place: _StallPlace, status: int = 200, *, missed: bool = False
) -> Response:
    return render(
        request,
        "stall_shut.html",
        status,
        agency=place.agency,
        stall=place.stall,
        here=place.address,
        held=place.holding is not None,
        missed=missed,
        faults={},
    )


async def _left(
    request: Request,
    context: Context,
    session: ReadSession,
    place: _StallPlace,
    held: tuple[Tenancy, Tenancy],
) -> Response:
    """What somebody still owes who holds the stall no more: money on its reference is not theirs.

    So no code of the stall's is shown, and each period leads to the page of its own bill. `held`
    are the former holding and the one of today.
    """
    former, holding = held
    owed = await list_owed(session, former)
    return render(
        request,
        "stall_left.html",
        agency=place.agency,
        stall=place.stall,
        left_on=_left_on(place.holdings, former, holding),
        total=sum(bill.missing for bill in owed),
        owed=[(bill, _words(bill), _link(context, bill)) for bill in owed[:MOST_OWED]],
        more=owed[MOST_OWED:],
        today=clock.business_date(clock.now()),
        credit=await sum_credit(session, place.holdings, former.vendor_id),
    )


async def _opened(
    request: Request,
    context: Context,
    session: ReadSession,
    place: _StallPlace,
    holding: Tenancy,
    token: str,
    pay: str,
    typed: str,
) -> Response:
    owed = await list_owed(session, holding)
    paid = await list_paid(session, holding, MOST_PAID)
    asked = read_choice(owed, pay, typed)
    shown = owed[:MOST_OWED]
    lines = await lines_of(session, [bill.bill_id for bill in shown])
    ids = [bill.bill_id for bill in paid]
    receipts = await context.receipts.of_bills(session, ids)
    documents = await context.receipts.documents_of_bills(session, ids)
    invoices = await context.receipts.invoices_of_bills(session, ids)
    plan = plan_of(owed, asked.amount) if asked.amount else None
    reference = place.stall.reference
    payload = plan and bill_payload(context, place.agency, reference, plan.amount, static=True)

    def proofs(bill: PeriodBill) -> list[str]:
        standing = (one for one in receipts.get(bill.bill_id, ()) if one.stands)
        papers = [context.urls.receipt_check(one.code) for one in standing]
        others = documents.get(bill.bill_id, ())
        return papers + [context.urls.document(one.code) for one in others]

    return render(
        request,
        "stall.html",
        422 if asked.faults else 200,
        agency=place.agency,
        stall=place.stall,
        here=place.address,
        token=token,
        total=sum(bill.missing for bill in owed),
        owed=[(bill, _words(bill), lines[bill.bill_id], _link(context, bill)) for bill in shown],
        more=owed[MOST_OWED:],
        today=clock.business_date(clock.now()),
        credit=await sum_credit(session, place.holdings, holding.vendor_id),
        taken_over_on=_taken_over_on(place.holdings, holding),
        choices=choices_of(owed, asked) if owed else [],
        asked=asked,
        faults={fault.field: fault.detail for fault in asked.faults},
        plan=plan,
        parts=[] if plan is None else [(part, _words(part.bill)) for part in plan.parts],
        account=place.agency.account if payload else None,
        paid=[(bill, _words(bill), proofs(bill), invoices.get(bill.bill_id)) for bill in paid],
        money=await list_money(session, reference, _since(place.holdings, holding), MOST_PAID),
    )


def _words(bill: PeriodBill) -> LocalizedText:
    return period_words(bill.kind, bill.period)


def _link(context: Context, bill: PeriodBill) -> str:
    return context.urls.pay(bill.bill_id, bill.reference)


def _taken_over_on(holdings: Sequence[Tenancy], holding: Tenancy) -> date | None:
    """Since when this vendor holds the stall after another one; None where nobody did before."""
    since = holding
    for one in reversed([one for one in holdings if one.first_on <= holding.first_on]):
        if one.vendor_id != holding.vendor_id:
            return since.first_on
        since = one
    return None


def _left_on(holdings: Sequence[Tenancy], former: Tenancy, holding: Tenancy) -> date:
    """From which day on somebody else holds the stall, and its former holder no more."""
    after = former
    for one in [one for one in holdings if one.first_on <= holding.first_on]:
        if one.vendor_id == former.vendor_id:
            after = former
        elif after is former:
            after = one
    return after.first_on


def _since(holdings: Sequence[Tenancy], holding: Tenancy) -> datetime:
    """Since when the stall's money has been this vendor's, with no other in between."""
    taken_over = _taken_over_on(holdings, holding)
    if taken_over is not None:
        return beginning_of(taken_over)
    # What came before anybody held it is its first holder's.
    return beginning_of(holdings[0].first_on - timedelta(days=3650))
