"""Notes that staff set on a bill, a payment or a receipt for the others of the body."""

from fastapi import APIRouter, Response

from app.web.staff.deeds import StaffDeed, read_typed
from app.web.staff.history import MarkedBy, ThingId
from core.schemas import Line, RequestModel
from core.sessions import WriteSession
from payments.attempts.queries import get_payment
from payments.bills.marks import MarkedThing, mark, unmark
from payments.bills.queries import get_bill
from receipts.queries import get_receipt

router = APIRouter(include_in_schema=False)


class MarkForm(RequestModel):
    """What is noted."""

    note: Line


@router.post("/staff/bills/{bill_id}/mark")
async def mark_bill(bill_id: ThingId, deed: MarkedBy) -> Response:
    """Set a note on a bill for the others of the body, or take it off where nothing is said."""

    async def work(session: WriteSession) -> str:
        bill = await get_bill(session, bill_id, deed.by.agency_ids)
        return await _noted(session, deed, MarkedThing("bill", bill.id, bill.agency_id, bill.id))

    return await deed.once(work)


@router.post("/staff/payments/{payment_id}/mark")
async def mark_payment(payment_id: ThingId, deed: MarkedBy) -> Response:
    """The same on a payment, of a bill or of none."""

    async def work(session: WriteSession) -> str:
        found = await get_payment(session, payment_id, deed.by.agency_ids)
        thing = MarkedThing("payment", found.id, found.agency_id, found.bill_id)
        return await _noted(session, deed, thing)

    return await deed.once(work)


@router.post("/staff/receipts/{receipt_id}/mark")
async def mark_receipt(receipt_id: ThingId, deed: MarkedBy) -> Response:
    """The same on a receipt; what it says and is stays as it was issued."""
    cipher = deed.context.cipher

    async def work(session: WriteSession) -> str:
        found = await get_receipt(session, cipher, receipt_id, deed.by.agency_ids)
        thing = MarkedThing("receipt", found.summary.id, found.agency_id, found.bill_id)
        return await _noted(session, deed, thing)

    return await deed.once(work)


async def _noted(session: WriteSession, deed: StaffDeed, thing: MarkedThing) -> str:
    """Do it; the address of the thing's page."""
    typed = deed.typed("note")
    if typed:
        note = read_typed(MarkForm, {"note": typed}).note
        await mark(session, deed.context.cipher, thing, note, actor=deed.by.actor)
    else:
        await unmark(session, thing, actor=deed.by.actor)
    return f"/staff/{thing.kind}s/{thing.id}"
