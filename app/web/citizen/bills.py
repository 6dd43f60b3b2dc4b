"""The page of a bill: amount, QR, state."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from math import ceil
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from app.web.citizen.messages import told_name
from app.web.citizen.odd_money import OddMoney, odd_money
from app.web.citizen.situation import Situation, situation_of
from app.web.citizen.under_way import GOES_ON, go_on_address, message_beside
from app.web.kept_pages import ONCE, KeptPage, KeptPages
from app.web.languages import language_of
from app.web.policy import policy
from app.web.templating import FOLDER, render
from core import clock, qr
from core.crypto import new_token
from core.db import SessionDep
from core.errors import NotFound
from core.heartbeats import is_silent
from core.references import is_reference
from core.sessions import ReadSession, WriteSession
from core.settings import Settings
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.asking import ask_now
from payments.attempts.leaving import open_until
from payments.attempts.offering import offered_gateways
from payments.bills.places import places_of_bills
from payments.bills.presenting import bill_payload
from payments.bills.queries import (
    BillValue,
    PaymentValue,
    find_bill,
    read_payer,
)
from payments.bills.untouched import find_untouched_bill
from payments.books.cash import CASH
from payments.books.credits import BANK
from payments.catalogue.rules.wording import LocalizedText
from payments.context import Context, ContextDep
from payments.gateway_info import GatewayInfo
from payments.summaries import DocumentSummary, InvoiceSummary, ReceiptSummary

router = APIRouter(include_in_schema=False)

#: How many seconds a page waits for a gateway.
PATIENCE = 0.8

#: A receipt comes within seconds of its money; after so long nobody is told so any more.
PROMISED = timedelta(minutes=15)

#: What a page says in its headers of itself.
_KEPT_HEADERS = ("Content-Language", "Content-Security-Policy")

#: How often a page that is being watched asks about its open attempt.
WATCHED = timedelta(seconds=15)


def mount_static(app: FastAPI) -> None:
    """Serve our own styles and scripts."""
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")


async def bill_of(session: ReadSession, reference: str) -> BillValue:
    """The bill of a reference as it stands in an address. Raises `NotFound`."""
    found = await find_bill(session, reference.upper()) if is_reference(reference.upper()) else None
    if found is None:
        raise NotFound("Không có khoản phải nộp nào mang mã này.")
    return found


@router.get("/b/{reference}/qr.{extension}")
async def bill_qr(
    reference: str, extension: str, session: SessionDep, context: ContextDep
) -> Response:
    """The image of a bill's QR; there is none while there is nothing to pay."""
    bill = await bill_of(session, reference)
    agency = await context.agencies.get_agency(bill.agency_id, session)
    payload = None
    # What has come already is not asked for twice, nor what may come from a gateway any moment.
    if bill.payable:
        payload = bill_payload(context, agency, bill.reference, bill.payable)
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
async def bill_state(reference: str, context: ContextDep) -> dict[str, str]:
    """What the page's script asks every few seconds: has anything changed?"""
    async with context.database.transaction() as session:
        bill = await bill_of(session, reference)
        papers = _standing(await _receipts(context, session, bill)) + len(
            await _documents(context, session, bill)
        )
        odd = await _odd_money(context, session, bill)
        situation = _situation(context, bill, papers, odd)
        waits = await _receipt_waits(session, bill, situation)
    if bill.open_attempt is not None:
        await ask_now(context, bill.open_attempt, 0, again=WATCHED)
    return {"version": _version(situation, waits)}


async def _receipt_waits(session: ReadSession, bill: BillValue, situation: Situation) -> bool:
    """Whether a receipt is due and does not come: then no page may promise it in seconds.

    No worker works, or one does and cannot issue it: the money came long ago.
    """
    if situation.status != "paid" or situation.final or bill.paid_at is None:
        return False
    return clock.now() - bill.paid_at > PROMISED or await is_silent(session)


def _version(situation: Situation, waits: bool) -> str:
    return f"{situation.version}-waits" if waits else situation.version


@router.get("/b/{reference}")
async def bill_page(reference: str, request: Request, context: ContextDep, t: str = "") -> Response:
    """A bill: amount, QR, state. The token in its address opens names and receipts too.

    While an attempt is open its gateway is asked before the page is shown; one that does not answer
    at once is heard when it does, and the page says so meanwhile. A gateway adds parameters of its
    own when it sends a citizen back, so odd ones are no fault.
    """
    kept = await _kept_page(request, context, reference, t)
    if kept is not None:
        return kept
    shown: Response | None = None
    async with context.database.transaction() as session:
        bill = await bill_of(session, reference)
        attempt = bill.open_attempt
        if attempt is None:  # then one transaction tells all
            shown = await _page(request, context, session, bill, token=t)
    if attempt is not None:
        await ask_now(context, attempt, PATIENCE)
    if shown is None:
        async with context.database.transaction() as session:
            bill = await bill_of(session, reference)
            shown = await _page(request, context, session, bill, token=t)
    told = told_name(context.urls.base_url)
    if told in request.cookies:  # told once
        secure = told.startswith("__Secure-")  # without it a browser would not give this one up
        shown.delete_cookie(told, path=f"/b/{reference}", secure=secure)
    return shown


async def _kept_page(
    request: Request, context: Context, reference: str, token: str
) -> Response | None:
    """The page of a bill that nobody has begun to pay, made once; None where it has to be made.

    That is the page that is asked for most, and it is the same until something happens. One that
    tells somebody something, or changes the language, is theirs alone.
    """
    if request.cookies.get(told_name(context.urls.base_url)) or "lang" in request.query_params:
        return None
    if not is_reference(reference.upper()):
        return None
    bill = await find_untouched_bill(context.database, reference.upper())
    if bill is None:
        return None
    agency = await context.agencies.get_agency(bill.agency_id)
    gateways = await offered_gateways(context, agency, bill.amount)
    asked = (request.url.path, request.url.query, language_of(request))
    resting = _resting(gateways, await context.breakers.list_resting())
    basis = (bill, agency, gateways, resting, bool(token) and context.urls.opens(bill.id, token))
    pages: KeptPages = request.app.state.kept_pages
    page = pages.find(asked, basis)
    if page is None:
        async with context.database.transaction() as session:
            whole = await bill_of(session, reference)
            if whole.payments:  # one began while we looked
                return None
            made = await _page(request, context, session, whole, token=token, once=ONCE)
        headers = {name: made.headers[name] for name in _KEPT_HEADERS}
        page = KeptPage(bytes(made.body), headers)
        pages.keep(asked, basis, page)
    return HTMLResponse(page.fresh(new_token(bits=80)), headers=dict(page.headers))


def _resting(
    gateways: Sequence[tuple[GatewayAccountValue, GatewayInfo]], resting: Collection[str]
) -> frozenset[str]:
    """Those of these accounts at gateways that do not answer now."""
    return frozenset(account.id for account, _ in gateways if account.id in resting)


async def _page(
    request: Request,
    context: Context,
    session: WriteSession,
    bill: BillValue,
    *,
    token: str,
    once: str = "",
) -> Response:
    agency = await context.agencies.get_agency(bill.agency_id, session)
    opened = bool(token) and context.urls.opens(bill.id, token)
    receipts = await _receipts(context, session, bill)
    documents = await _documents(context, session, bill)
    odd = await _odd_money(context, session, bill)
    situation = _situation(context, bill, _standing(receipts) + len(documents), odd)
    payable = situation.payable
    gateways = await offered_gateways(context, agency, payable, session) if payable else []
    resting = _resting(gateways, await context.breakers.list_resting(session))
    payload = bill_payload(context, agency, bill.reference, payable) if payable else None
    payer = await read_payer(session, context.cipher, bill.id) if opened else {}
    attempt = situation.attempt
    waits = await _receipt_waits(session, bill, situation)
    return render(
        request,
        "bill.html",
        # The form's answer leads on to the gateway, which the browser must be told beforehand.
        headers={"Content-Security-Policy": policy(g.access.base_url for g, _ in gateways)},
        bill=bill,
        agency=agency,
        situation=situation,
        version=_version(situation, waits),
        receipt_waits=waits,
        full_amount=sum(line.full_amount for line in bill.lines),
        relieved=sum(line.full_amount - line.amount for line in bill.lines),
        opened=opened,
        token=token if opened else "",
        payer_name=payer.get("name", ""),
        on_behalf_of=payer.get("behalf_name", ""),
        receipts=[_shown(context, receipt) for receipt in receipts] if opened else [],
        documents=[(one, context.urls.document(one.code)) for one in documents] if opened else [],
        invoice=await _invoice(context, session, bill) if opened else None,
        gateways=[info for one, info in gateways if one.id not in resting],
        resting=[info for one, info in gateways if one.id in resting],
        attempted=_title(context, attempt),
        odd=odd,
        minutes_left=_minutes_left(context, bill),
        go_on=go_on_address(attempt, opened=opened) if situation.doubt in GOES_ON else None,
        account=agency.account if payload is not None else None,
        try_at=_sandbox_bank(request, payload),
        once=once or new_token(bits=80),
        message=message_beside(
            situation, request.cookies.get(told_name(context.urls.base_url), "")
        ),
    )


def _sandbox_bank(request: Request, payload: str | None) -> str | None:
    """Where the sandbox's bank has read this QR; None where no sandbox plays the bank."""
    settings: Settings = request.app.state.parts.settings
    if settings.sandbox_url is None or payload is None:
        return None
    return f"{settings.sandbox_url}/bank?{urlencode({'payload': payload})}"


async def _odd_money(
    context: Context, session: ReadSession, bill: BillValue
) -> tuple[OddMoney, ...]:
    places = await places_of_bills(context, session, [bill])
    titles = {payment.gateway: _title(context, payment) for payment in bill.payments}
    return odd_money(bill, places[bill.id], titles)


def _situation(
    context: Context, bill: BillValue, receipts: int, odd: Sequence[OddMoney]
) -> Situation:
    attempt = bill.open_attempt
    over = attempt is not None and clock.now() > open_until(context, attempt, bill.expires_at)
    return situation_of(bill, receipts, over=over, odd=odd)


def _minutes_left(context: Context, bill: BillValue) -> int:
    """For how many minutes yet the payment page of the open attempt takes money; 0 if none does."""
    if bill.open_attempt is None:
        return 0
    left = open_until(context, bill.open_attempt, bill.expires_at) - clock.now()
    return max(0, ceil(left / timedelta(minutes=1)))


def _title(context: Context, attempt: PaymentValue | None) -> LocalizedText:
    """What citizens call the gateway of an attempt."""
    if attempt is None:
        return LocalizedText("", "")
    if attempt.gateway == BANK:
        return LocalizedText("chuyển khoản ngân hàng", "bank transfer")
    if attempt.gateway == CASH:
        return LocalizedText("tiền mặt, người thu nhận", "cash taken by a collector")
    info = context.gateways.find_info(attempt.gateway)
    if info is None:
        return LocalizedText(attempt.gateway, attempt.gateway)
    return LocalizedText(info.title_vi, info.title_en)


async def _receipts(
    context: Context, session: ReadSession, bill: BillValue
) -> Sequence[ReceiptSummary]:
    if not bill.payments:  # then nothing proves any
        return ()
    return (await context.receipts.of_bills(session, [bill.id])).get(bill.id, ())


def _standing(receipts: Sequence[ReceiptSummary]) -> int:
    return sum(one.stands for one in receipts)


async def _documents(
    context: Context, session: ReadSession, bill: BillValue
) -> Sequence[DocumentSummary]:
    if not bill.payments:
        return ()
    return (await context.receipts.documents_of_bills(session, [bill.id])).get(bill.id, ())


async def _invoice(
    context: Context, session: ReadSession, bill: BillValue
) -> InvoiceSummary | None:
    if not bill.payments:
        return None
    return (await context.receipts.invoices_of_bills(session, [bill.id])).get(bill.id)


def _shown(context: Context, receipt: ReceiptSummary) -> dict[str, Any]:
    return {
        "summary": receipt,
        "check": context.urls.receipt_check(receipt.code),
        "pdf": context.urls.receipt_file(receipt.code, "pdf", receipt.amount),
        "xml": context.urls.receipt_file(receipt.code, "xml", receipt.amount),
    }
