"""Notes that staff set on a bill, a payment or a receipt for the others of the body."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import StaffDeed, faults_by_field, read_typed
from app.web.staff.doors import SignedIn
from app.web.staff.history import (
    MarkedBy,
    RefusedNote,
    ThingId,
    show_bill,
    show_payment,
    show_receipt,
)
from app.web.texts import noted
from core.errors import FieldError, Invalid
from core.schemas import Line, RequestModel
from core.sessions import ReadSession, WriteSession
from payments.attempts.queries import get_payment
from payments.bills.marks import MarkedThing, mark, unmark
from payments.bills.queries import get_bill
from payments.context import Context
from receipts.queries import get_receipt

router = APIRouter(include_in_schema=False)

#: The page of a thing that a note was meant for.
_ShowThing = Callable[
    [Request, str, SignedIn, ReadSession, Context, RefusedNote], Awaitable[Response]
]
_WRONG: Final = {
    "string_too_long": noted("Ghi chú dài quá 200 ký tự."),
    "value_error": noted(
        "Ghi chú có ký tự điều khiển hoặc xuống dòng, hoặc không có chữ nào; hãy xóa ô rồi gõ lại."
    ),
}


class MarkForm(RequestModel):
    """What is noted."""

    note: Line


@router.post("/staff/bills/{bill_id}/mark")
async def mark_bill(bill_id: ThingId, deed: MarkedBy) -> Response:
    """Set a note on a bill for the others of the body, or take it off where nothing is said."""

    async def find(session: WriteSession) -> MarkedThing:
        bill = await get_bill(session, bill_id, deed.by.agency_ids)
        return MarkedThing("bill", bill.id, bill.agency_id, bill.id)

    return await _noted(deed, bill_id, find, show_bill)


@router.post("/staff/payments/{payment_id}/mark")
async def mark_payment(payment_id: ThingId, deed: MarkedBy) -> Response:
    """The same on a payment, of a bill or of none."""

    async def find(session: WriteSession) -> MarkedThing:
        found = await get_payment(session, payment_id, deed.by.agency_ids)
        return MarkedThing("payment", found.id, found.agency_id, found.bill_id)

    return await _noted(deed, payment_id, find, show_payment)


@router.post("/staff/receipts/{receipt_id}/mark")
async def mark_receipt(receipt_id: ThingId, deed: MarkedBy) -> Response:
    """The same on a receipt; what it says and is stays as it was issued."""
    cipher = deed.context.cipher

    async def find(session: WriteSession) -> MarkedThing:
        found = await get_receipt(session, cipher, receipt_id, deed.by.agency_ids)
        return MarkedThing("receipt", found.summary.id, found.agency_id, found.bill_id)

    return await _noted(deed, receipt_id, find, show_receipt)


async def _noted(
    deed: StaffDeed,
    named: str,
    find: Callable[[WriteSession], Awaitable[MarkedThing]],
    show: _ShowThing,
) -> Response:
    """Do it and lead to the thing's page; a note that cannot be taken stands there again."""
    typed = deed.typed("note")

    async def work(session: WriteSession) -> str:
        thing = await find(session)
        if typed:
            await mark(session, deed.context.cipher, thing, _read(typed), actor=deed.by.actor)
        else:
            await unmark(session, thing, actor=deed.by.actor)
        return f"/staff/{thing.kind}s/{thing.id}"

    try:
        return await deed.once(work)
    except Invalid as refused:
        note = RefusedNote(typed, faults_by_field(refused))
        async with deed.database.reading() as session:
            return await show(deed.request, named, deed.who, session, deed.context, note)


def _read(typed: str) -> str:
    """The note. Raises `Invalid` that says why it is none."""
    try:
        return read_typed(MarkForm, {"note": typed}).note
    except Invalid as refused:
        told = [
            FieldError(one.field, one.code, _WRONG.get(one.code, one.detail))
            for one in refused.errors
        ]
        raise Invalid(refused.detail, errors=told) from None
