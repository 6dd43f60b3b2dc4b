"""What is asked for later on a dossier that was paid (thu bổ sung): a form at the earlier bill."""

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, faults_by_field, new_once, read_typed
from app.web.staff.doors import SignedIn
from app.web.staff.history import ThingId
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from core.db import SessionDep
from core.errors import FieldError, Invalid, LephiError
from core.sessions import WriteSession
from payments.agencies.access.rights import Action
from payments.bills.create import create_bill_within
from payments.bills.queries import BillValue, get_bill
from payments.bills.request import bill_request
from payments.bills.schemas import BillIn
from payments.bills.supplements import find_supplemented

router = APIRouter(include_in_schema=False)

_FIELDS: Final = ("description", "amount", "sub_item")


@router.get("/staff/bills/{bill_id}/supplement")
async def supplement_page(
    request: Request,
    bill_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.CREATE_BILL)],
    session: SessionDep,
) -> Response:
    """The form: what for, how much, and where the budget books it."""
    return _page(request, who, await get_bill(session, bill_id, who.principal.agency_ids), {})


@router.post("/staff/bills/{bill_id}/supplement")
async def add_supplement(
    bill_id: ThingId, deed: Annotated[StaffDeed, deed_needs(Action.CREATE_BILL)]
) -> Response:
    """Open a bill of the same dossier that names the earlier one; only where that one is paid."""
    typed = deed.typed_in(_FIELDS)
    async with deed.database.reading() as reading:
        bill = await get_bill(reading, bill_id, deed.by.agency_ids)
        earlier = await find_supplemented(reading, bill.id)
    schedule = await deed.context.price_book.read(deed.database, bill.agency_id)
    agency = await deed.context.agencies.get_agency(bill.agency_id)

    async def work(session: WriteSession) -> str:
        line = typed | {"amount": _amount(typed["amount"])}
        told = {"agency": agency.code, "channel": "counter", "supplement_of": bill.id}
        body = read_typed(BillIn, told | {"lines": [line]})
        key = deed.context.request_key
        asked = bill_request(schedule, agency, body, citizen_key=key, earlier=earlier)
        cipher = deed.context.cipher
        made = await create_bill_within(session, asked, actor=deed.by.actor, cipher=cipher)
        return f"/staff/bills/{made.id}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        return _page(deed.request, deed.who, bill, typed, error)


def _amount(text: str) -> int:
    """Whole đồng, with or without dots. Raises `Invalid`."""
    digits = text.replace(".", "").removesuffix("đ").strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 13 or int(digits) < 1:
        detail = "Ghi số tiền bằng đồng, ví dụ 50.000."
        raise Invalid(detail, errors=[FieldError("amount", "not_an_integer", detail)])
    return int(digits)


def _page(
    request: Request,
    who: SignedIn,
    bill: BillValue,
    typed: dict[str, str],
    fault: LephiError | None = None,
) -> Response:
    return render(
        request,
        "supplement.html",
        200 if fault is None else fault.status,
        who=who,
        bill=bill,
        typed={name: typed.get(name, "") for name in _FIELDS},
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
    )
