"""A bill, a payment, a receipt: what it is, its history in words, and what can be done about it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from app.receipt_messages import NobodyToTell, ToldJustNow, find_way_to_payer, tell_again
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.deeds import StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.gateway_titles import gateway_titles
from app.web.staff.histories import read_history
from app.web.staff.history_words import (
    BILL_STATES,
    PAYMENT_KINDS,
    PAYMENT_STATES,
    RECEIPT_STATES,
)
from app.web.staff.just_done import find_just_done
from app.web.staff.message_words import CHANNELS
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from core.db import DatabaseDep, SessionDep
from core.errors import Conflict
from core.idempotency import CipherDep
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.attempts.leaving import leave
from payments.attempts.queries import get_payment
from payments.bills.commands import cancel_by_hand
from payments.bills.marks import find_marks
from payments.bills.places import places_of_bills
from payments.bills.presenting import NOWHERE
from payments.bills.queries import get_bill, read_payer
from payments.bills.supplements import list_supplements
from payments.books.queries import WaitingMoney, page_of_waiting_money
from payments.context import Context, ContextDep
from payments.debts.kinds import KINDS, DebtKind
from payments.debts.queries import find_debt_of_bill
from payments.disputes.queries import page_of_disputes
from payments.refunds.queries import page_of_refunds
from receipts.api import DisplayDep, file_response
from receipts.queries import get_receipt

router = APIRouter(include_in_schema=False)

ThingId = Annotated[str, Path(max_length=100)]
Reader = Annotated[SignedIn, page_needs(Action.READ_BILLS)]
ReceiptReader = Annotated[SignedIn, page_needs(Action.READ_RECEIPTS)]
MarkedBy = Annotated[StaffDeed, deed_needs(Action.MARK_BILL)]
LoneReceiptReader = Annotated[SignedIn, page_needs(Action.READ_RECEIPTS, alone=True)]
#: What of a payer a page shows, in this order; the rest is for the receipt alone.
_SHOWN_OF_PAYER: Final = ("name", "phone", "email", "address", "behalf_name")


@dataclass(frozen=True, slots=True)
class RefusedNote:
    """A note as it was typed, and what is wrong with it by its field."""

    typed: str
    faults: Mapping[str, str] = field(default_factory=dict)


@router.get("/staff/bills/{bill_id}")
async def bill_page(
    request: Request, bill_id: ThingId, who: Reader, session: SessionDep, context: ContextDep
) -> Response:
    """A bill by its id or reference, with its payments, receipts and history."""
    return await show_bill(request, bill_id, who, session, context)


async def show_bill(
    request: Request,
    bill_id: str,
    who: SignedIn,
    session: ReadSession,
    context: Context,
    refused_note: RefusedNote | None = None,
) -> Response:
    """The page of a bill, with what is wrong with a note for it."""
    bill = await get_bill(session, bill_id, who.principal.agency_ids)
    receipts = (await context.receipts.of_bills(session, [bill.id])).get(bill.id, ())
    documents = (await context.receipts.documents_of_bills(session, [bill.id])).get(bill.id, ())
    invoice = (await context.receipts.invoices_of_bills(session, [bill.id])).get(bill.id)
    payer = await read_payer(session, context.cipher, bill.id)
    earlier = None
    if bill.supplement_of is not None:
        earlier = await get_bill(session, bill.supplement_of, who.principal.agency_ids)
    debt = await find_debt_of_bill(session, bill.id)
    places = (await places_of_bills(context, session, [bill]))[bill.id]
    waiting = await _waiting(session, who, places)
    noted_on = [bill.id, *(one.id for one in bill.payments), *(one.id for one in receipts)]
    marks = await find_marks(session, context.cipher, noted_on)
    history = await read_history(
        session,
        [
            bill.id,
            *([] if debt is None else [debt.id]),
            *(one.id for one in receipts),
            *(one.id for one in documents),
            *([] if invoice is None else [invoice.id]),
        ],
        [payment.id for payment in bill.payments],
    )
    return render(
        request,
        "history_bill.html",
        200 if refused_note is None else 422,
        who=who,
        refused_note=refused_note,
        bill=bill,
        agency=await context.agencies.get_agency(bill.agency_id, session),
        receipts=receipts,
        documents=documents,
        invoice=invoice,
        may_read_invoices=who.principal.may(Action.READ_INVOICES),
        debt=debt,
        debt_kind=None if debt is None else KINDS[DebtKind(debt.kind)],
        earlier=earlier,
        supplements=await list_supplements(session, bill.id),
        payer={name: payer[name] for name in _SHOWN_OF_PAYER if name in payer},
        history=history,
        pay_url=context.urls.pay(bill.id, bill.reference),
        placed=sum(places.values(), NOWHERE),
        waiting=[one for one in waiting if bill.reference in one.named],
        mark=marks.get(bill.id),
        marks=marks,
        can_mark=who.principal.may(Action.MARK_BILL),
        once=new_once(),
        states=BILL_STATES,
        payment_states=PAYMENT_STATES,
        receipt_states=RECEIPT_STATES,
        kinds=PAYMENT_KINDS,
        can_supplement=debt is None
        and bill.status == "paid"
        and who.principal.may(Action.CREATE_BILL),
        can_cancel=debt is None
        and who.principal.may(Action.CANCEL_BILL)
        and bill.status in ("open", "expired")
        and not bill.with_money
        and bill.open_attempt is None,
    )


async def _waiting(
    session: ReadSession, who: SignedIn, payment_ids: Collection[str]
) -> tuple[WaitingMoney, ...]:
    """What of payments waits or is to be given back; nothing for who may not see that."""
    if not (payment_ids and who.principal.may(Action.READ_SUSPENSE)):
        return ()
    reach = who.principal.agency_ids
    return (await page_of_waiting_money(session, reach, payment_ids=payment_ids)).items


@router.post("/staff/bills/{bill_id}/cancel")
async def cancel(
    bill_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.CANCEL_BILL)],
    session: SessionDep,
) -> Response:
    """Withdraw a bill that no money has reached; twice is the same as once."""
    reach = who.principal.agency_ids
    bill = await get_bill(session, bill_id, reach)
    await cancel_by_hand(session, bill.id, reach, actor=who.principal.actor)
    return RedirectResponse(f"/staff/bills/{bill.id}", 303)


@router.get("/staff/payments/{payment_id}")
async def payment_page(
    request: Request, payment_id: ThingId, who: Reader, session: SessionDep, context: ContextDep
) -> Response:
    """A payment: where its money is, what goes back of it and is disputed, and its history."""
    return await show_payment(request, payment_id, who, session, context)


async def show_payment(
    request: Request,
    payment_id: str,
    who: SignedIn,
    session: ReadSession,
    context: Context,
    refused_note: RefusedNote | None = None,
) -> Response:
    """The page of a payment, with what is wrong with a note for it."""
    reach = who.principal.agency_ids
    payment = await get_payment(session, payment_id, reach)
    bill = None if payment.bill_id is None else await get_bill(session, payment.bill_id, reach)
    places = await context.money.of_payments(session, [payment.id])
    told = (
        {} if payment.kind == "attempt" else await read_payer(session, context.cipher, payment.id)
    )
    gateway, gateway_en = gateway_titles(context.gateways)(payment.gateway)
    disputes = await page_of_disputes(session, reach, undecided=True, payment_id=payment.id)
    sees_refunds = who.principal.may(Action.READ_SUSPENSE)
    refunds = await page_of_refunds(session, reach, payment_id=payment.id) if sees_refunds else None
    return render(
        request,
        "history_payment.html",
        200 if refused_note is None else 422,
        who=who,
        refused_note=refused_note,
        payment=payment,
        bill=bill,
        placed=places.get(payment.id, NOWHERE),
        waiting=await _waiting(session, who, [payment.id]),
        narrative=told.get("narrative", ""),
        gateway=gateway,
        gateway_en=gateway_en,
        history=await read_history(session, [], [payment.id]),
        mark=(await find_marks(session, context.cipher, [payment.id])).get(payment.id),
        can_mark=who.principal.may(Action.MARK_BILL),
        once=new_once(),
        disputes=disputes.items,
        refunds=() if refunds is None else refunds.items,
        refund_states=DAY_WORDS["REFUND_STATES"],
        sees_refunds=sees_refunds,
        states=PAYMENT_STATES,
        kinds=PAYMENT_KINDS,
        can_refund=who.principal.may(Action.PROPOSE_APPROVAL)
        and places.get(payment.id, NOWHERE).left > 0,
        can_leave=payment.is_open and who.principal.may(Action.START_PAYMENT),
    )


@router.post("/staff/payments/{payment_id}/leave")
async def leave_payment(
    payment_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.START_PAYMENT, alone=True)],
    context: ContextDep,
) -> Response:
    """Ask the gateway now, and end the attempt where it calls it unpaid."""
    principal = who.principal
    try:
        await leave(context, payment_id, principal.agency_ids, actor=principal.actor)
    except Conflict as unclear:
        if unclear.code != "attempt_unclear":
            raise
    return RedirectResponse(f"/staff/payments/{payment_id}", 303)


@router.get("/staff/receipts/{receipt_id}.pdf")
async def receipt_pdf(
    receipt_id: ThingId,
    who: LoneReceiptReader,
    database: DatabaseDep,
    cipher: CipherDep,
    shown: DisplayDep,
) -> Response:
    """The signed PDF, to be printed again; the same bytes every time."""
    async with database.reading() as session:
        receipt = await get_receipt(session, cipher, receipt_id, who.principal.agency_ids)
    return file_response(receipt, await shown.pdf(receipt), "pdf")


@router.get("/staff/receipts/{receipt_id}.xml")
async def receipt_xml(
    receipt_id: ThingId,
    who: LoneReceiptReader,
    database: DatabaseDep,
    cipher: CipherDep,
    shown: DisplayDep,
) -> Response:
    """The signed XML, the document of record."""
    async with database.reading() as session:
        receipt = await get_receipt(session, cipher, receipt_id, who.principal.agency_ids)
    return file_response(receipt, await shown.xml(receipt), "xml")


@router.get("/staff/receipts/{receipt_id}")
async def receipt_page(
    request: Request,
    receipt_id: ThingId,
    who: ReceiptReader,
    session: SessionDep,
    context: ContextDep,
) -> Response:
    """A receipt: what it says, its files, and its history."""
    return await show_receipt(request, receipt_id, who, session, context)


@router.post("/staff/receipts/{receipt_id}/tell")
async def tell_of_receipt(
    receipt_id: ThingId,
    deed: Annotated[StaffDeed, deed_needs(Action.SEND_MESSAGES)],
) -> Response:
    """Tell the payer of a receipt once more, by the phone or e-mail that they left."""
    reach, context = deed.by.agency_ids, deed.context

    async def work(session: WriteSession) -> str:
        receipt = await get_receipt(session, context.cipher, receipt_id, reach)
        bill = await get_bill(session, receipt.bill_id, reach)
        summary = receipt.summary
        await tell_again(session, context.cipher, bill, summary, actor=deed.by.actor)
        return f"/staff/receipts/{summary.id}"

    try:
        return await deed.once(work)
    except (NobodyToTell, ToldJustNow) as refused:
        async with deed.database.reading() as session:
            return await show_receipt(
                deed.request, receipt_id, deed.who, session, context, refused=refused
            )


async def show_receipt(
    request: Request,
    receipt_id: str,
    who: SignedIn,
    session: ReadSession,
    context: Context,
    refused_note: RefusedNote | None = None,
    *,
    refused: Conflict | None = None,
) -> Response:
    """The page of a receipt, with what is wrong with a note for it, or why nobody was told."""
    reach = who.principal.agency_ids
    receipt = await get_receipt(session, context.cipher, receipt_id, reach)
    summary = receipt.summary
    bill = await get_bill(session, receipt.bill_id, reach)
    way = None
    if summary.stands and who.principal.may(Action.SEND_MESSAGES):
        way = await find_way_to_payer(session, context.cipher, bill.agency_id, bill.id)
    return render(
        request,
        "history_receipt.html",
        409 if refused is not None else 200 if refused_note is None else 422,
        who=who,
        refused_note=refused_note,
        receipt=receipt,
        summary=summary,
        bill=bill,
        history=await read_history(session, [summary.id]),
        mark=(await find_marks(session, context.cipher, [summary.id])).get(summary.id),
        can_mark=who.principal.may(Action.MARK_BILL),
        states=RECEIPT_STATES,
        check_url=context.urls.receipt_check(summary.code),
        way=None if way is None else CHANNELS[way],
        told=await find_just_done(session, summary.id, "receipt.told_again", who.principal)
        if refused is None
        else None,
        refused=refused,
        once=new_once(),
    )
