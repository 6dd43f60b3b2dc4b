"""The receipt of whoever has paid a poster: the memo and the transfer lead to it.

A poster's payer has no link: the bill came about with the money. One answer for a wrong guess and
for a payment that never was; and so many guesses about one poster, whoever makes them.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.web.citizen.transfers import TransferTraits, TypedTransfer, read_transfer
from app.web.rate import limited
from app.web.templating import render
from app.web.texts import noted
from core import guesses
from core.db import SessionDep
from core.errors import FieldError, Invalid
from core.heartbeats import is_silent
from core.sessions import ReadSession
from payments.books.payers import find_bill_by_bank_ref, find_bill_by_time
from payments.context import ContextDep

router = APIRouter(include_in_schema=False)

#: Short, because a poster asks people to type it.
PATH = "/bien-lai"

_LABELS = {
    "memo": noted("Nội dung chuyển khoản"),
    "bank_ref": noted("Mã giao dịch của ngân hàng"),
    "amount": noted("Số tiền"),
    "day": noted("Ngày chuyển"),
    "time": noted("Giờ chuyển"),
}


@router.get(PATH)
async def search_page(
    request: Request, memo: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """The form, with the memo that a procedure's page already knows."""
    return _page(request, TypedTransfer(memo))


async def _typed(
    memo: Annotated[str, Form(max_length=200)] = "",
    bank_ref: Annotated[str, Form(max_length=100)] = "",
    amount: Annotated[str, Form(max_length=30)] = "",
    day: Annotated[str, Form(max_length=20)] = "",
    time: Annotated[str, Form(max_length=20)] = "",
) -> TypedTransfer:
    return TypedTransfer(memo, bank_ref, amount, day, time)


@router.post(PATH, dependencies=[Depends(limited)])
async def find(
    request: Request,
    session: SessionDep,
    context: ContextDep,
    typed: Annotated[TypedTransfer, Depends(_typed)],
) -> Response:
    """Lead to the receipt's check page, which masks personal data."""
    try:
        traits = read_transfer(typed)
    except Invalid as error:
        return _page(request, typed, 422, faults=error.errors)
    # Whoever guesses times keeps nobody out who has the bank's reference.
    subject = f"receipt:{traits.reference}:{'time' if traits.amount else 'bank'}"
    await guesses.brake(session, subject)
    bill_id = await _find_bill(session, traits)
    if bill_id is None:
        await guesses.note_wrong(session, subject)
        return _page(request, typed, 404, missed=True)
    receipts = (await context.receipts.of_bills(session, [bill_id])).get(bill_id, ())
    if receipts:
        return RedirectResponse(f"/r/{receipts[-1].code}", 303)
    # A price has no receipt: its confirmation proves it.
    documents = (await context.receipts.documents_of_bills(session, [bill_id])).get(bill_id, ())
    if documents:
        return RedirectResponse(context.urls.document(documents[-1].code), 303)
    waits = await is_silent(session)
    return _page(request, typed, coming="waits" if waits else "soon")


async def _find_bill(session: ReadSession, traits: TransferTraits) -> str | None:
    if traits.amount is None or traits.first is None or traits.last is None:
        return await find_bill_by_bank_ref(session, traits.reference, traits.bank_ref)
    return await find_bill_by_time(
        session, traits.reference, traits.amount, traits.first, traits.last
    )


def _page(
    request: Request,
    typed: TypedTransfer,
    status: int = 200,
    *,
    faults: tuple[FieldError, ...] = (),
    missed: bool = False,
    coming: str = "",
) -> Response:
    return render(
        request,
        "find_receipt.html",
        status,
        typed=typed,
        labels=_LABELS,
        faults={fault.field: fault.detail for fault in faults},
        missed=missed,
        coming=coming,
    )
