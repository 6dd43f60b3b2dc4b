"""The HTTP surface of bills."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from core import idempotency
from core.bodies import ParsedBody, documented, parsed
from core.db import SessionDep
from core.errors import NotFound
from core.idempotency import Claim, KeyDep, answered
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import AgencyValue
from payments.bills import create
from payments.bills.commands import cancel_bill
from payments.bills.new_bill import NewBill
from payments.bills.presenting import bill_out
from payments.bills.queries import BillValue, get_bill, list_bills
from payments.bills.request import RefusedRequest, bill_request
from payments.bills.schemas import BillIn, BillList, BillOut, DossierNumber
from payments.context import Context, ContextDep

router = APIRouter(prefix="/api/v1", tags=["bills and payments"])


BillBody = Annotated[ParsedBody[BillIn], Depends(parsed(BillIn))]


async def _agency(context: Context, principal: Principal, code: str) -> AgencyValue:
    """The agency the caller named, if the caller may act for it. Raises `NotFound`."""
    agency = await context.agencies.get_agency(code)
    if agency.id not in principal.agency_ids:
        raise NotFound("Không có cơ quan này.")
    return agency


async def _present(
    context: Context, session: WriteSession, bills: list[BillValue]
) -> list[BillOut]:
    ids = [bill.id for bill in bills]
    receipts = await context.receipts.of_bills(session, ids)
    documents = await context.receipts.documents_of_bills(session, ids)
    with_money = [payment_id for bill in bills for payment_id in bill.with_money]
    places = await context.money.of_payments(session, with_money)
    return [
        bill_out(
            context,
            await context.agencies.get_agency(bill.agency_id, session),
            bill,
            receipts.get(bill.id, ()),
            documents.get(bill.id, ()),
            places,
        )
        for bill in bills
    ]


@router.post(
    "/bills",
    status_code=201,
    response_model=BillOut,
    openapi_extra=documented(BillIn),
)
async def create_bill(
    principal: Annotated[Principal, needs(Action.CREATE_BILL)],
    key: KeyDep,
    body: BillBody,
    context: ContextDep,
) -> Response:
    """Create a bill. Repeating the request with its key gives the same bill and the same answer."""
    agency = await _agency(context, principal, body.model.agency)
    claim = Claim.of(principal.owner, "POST /bills", key, body.value, context.request_key)
    schedule = await context.price_book.read(context.database, agency.id)

    def answer(bill: NewBill) -> bytes:
        return bill_out(context, agency, bill).model_dump_json().encode()

    try:
        request = bill_request(schedule, agency, body.model, citizen_key=context.request_key)
        replay = await create.create_bill(
            context.database, request, claim, answer, actor=principal.actor, cipher=context.cipher
        )
    except RefusedRequest:
        # A repeat must get its first answer even when its fee has meanwhile gone out of force.
        async with context.database.reading() as session:
            earlier = await idempotency.find(session, claim, context.cipher)
        if earlier is None:
            raise
        replay = earlier
    return answered(replay)


@router.get("/bills")
async def read_bills(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    context: ContextDep,
    session: SessionDep,
    dossier_number: DossierNumber | None = None,
    status: Literal["open", "paid", "exempt", "expired", "cancelled"] | None = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> BillList:
    """The caller's bills, newest first."""
    page = await list_bills(
        session,
        principal.agency_ids,
        dossier_number=dossier_number,
        status=status,
        cursor=cursor,
        limit=limit,
    )
    items = await _present(context, session, list(page.items))
    return BillList(items=items, next_cursor=page.next_cursor)


@router.get("/bills/{bill_id}")
async def read_bill(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    bill_id: str,
    context: ContextDep,
    session: SessionDep,
) -> BillOut:
    """A bill by its id or reference, with its payments and receipts."""
    bill = await get_bill(session, bill_id, principal.agency_ids)
    return (await _present(context, session, [bill]))[0]


@router.post("/bills/{bill_id}/cancel")
async def withdraw_bill(
    principal: Annotated[Principal, needs(Action.CANCEL_BILL)],
    bill_id: str,
    context: ContextDep,
    session: SessionDep,
) -> BillOut:
    """Withdraw a bill that no money has reached. Doing it twice is the same as once."""
    bill = await get_bill(session, bill_id, principal.agency_ids)
    await cancel_bill(session, bill.id, principal.agency_ids, actor=principal.actor)
    bill = await get_bill(session, bill.id, principal.agency_ids)
    return (await _present(context, session, [bill]))[0]
