"""The HTTP surface of bills."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from core import idempotency
from core.bodies import ParsedBody, documented, parsed
from core.db import SessionDep
from core.direct_route import DirectRoute
from core.errors import NotFound
from core.idempotency import Claim, KeyDep, answered
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import AgencyValue
from payments.bills import create
from payments.bills.commands import cancel_by_hand
from payments.bills.new_bill import NewBill
from payments.bills.places import places_of_bills
from payments.bills.presenting import bill_out
from payments.bills.queries import BillValue, get_bill, list_bills
from payments.bills.request import RefusedRequest, bill_request
from payments.bills.schemas import (
    DOSSIER_NUMBER,
    BillIn,
    BillList,
    BillOut,
    DossierBillsOut,
    DossierNumber,
)
from payments.bills.supplements import find_supplemented, supplements_of
from payments.context import Context, ContextDep, context_of

router = APIRouter(prefix="/api/v1", tags=["bills and payments"], route_class=DirectRoute)


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
    invoices = await context.receipts.invoices_of_bills(session, ids)
    places = await places_of_bills(context, session, bills)
    supplements = await supplements_of(session, ids)
    return [
        bill_out(
            context,
            await context.agencies.get_agency(bill.agency_id, session),
            bill,
            receipts.get(bill.id, ()),
            documents.get(bill.id, ()),
            places[bill.id],
            supplements.get(bill.id, ()),
            invoices.get(bill.id),
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
    request: Request,
) -> Response:
    """Create a bill. Repeating the request with its key gives the same bill and the same answer."""
    # Asked for here, as nowhere else: each dependency costs a bill 2 % of what it takes.
    context = await context_of(request)
    agency = await _agency(context, principal, body.model.agency)
    claim = Claim.of(principal.owner, "POST /bills", key, body.value, context.request_key)
    schedule = await context.price_book.read(context.database, agency.id)

    def answer(bill: NewBill) -> bytes:
        return bill_out(context, agency, bill).model_dump_json().encode()

    earlier = None
    if (named := body.model.supplement_of) is not None:
        async with context.database.reading() as session:
            earlier = await find_supplemented(session, named)
    try:
        asked = bill_request(
            schedule, agency, body.model, citizen_key=context.request_key, earlier=earlier
        )
        replay = await create.create_bill(
            context.database, asked, claim, answer, actor=principal.actor, cipher=context.cipher
        )
    except RefusedRequest:
        # A repeat must get its first answer even when its fee has meanwhile gone out of force.
        async with context.database.reading() as session:
            first = await idempotency.find(session, claim, context.cipher)
        if first is None:
            raise
        replay = first
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


@router.get("/dossiers/{dossier_number}/bills")
async def read_dossier(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    dossier_number: Annotated[str, Path(pattern=DOSSIER_NUMBER)],
    context: ContextDep,
    session: SessionDep,
) -> DossierBillsOut:
    """What is owed on a dossier now, by its whole number: fees, supplements and debts alike.

    For a portal that pulls what a dossier owes: each line has its notice with treasury, chapter and
    sub-item. `state` is `unpaid` where there is something to pay, `settled` where everything is
    paid or nothing is owed. 404 where no bill is of this dossier.
    """
    reach = principal.agency_ids
    if not (await list_bills(session, reach, dossier_number=dossier_number, limit=1)).items:
        raise NotFound("Không có khoản phải nộp nào của hồ sơ này.")
    unpaid: list[BillValue] = []
    cursor = None
    while True:
        page = await list_bills(
            session, reach, dossier_number=dossier_number, status="open", cursor=cursor, limit=100
        )
        unpaid += [bill for bill in page.items if bill.remaining]
        cursor = page.next_cursor
        if cursor is None:
            break
    return DossierBillsOut(
        dossier_number=dossier_number,
        state="unpaid" if unpaid else "settled",
        amount=sum(bill.remaining for bill in unpaid),
        items=await _present(context, session, unpaid),
    )


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
    """Withdraw a bill that no money has reached. Doing it twice is the same as once.

    409 `debt_bill` for one of a list of debts: two people withdraw the debt.
    """
    bill = await get_bill(session, bill_id, principal.agency_ids)
    await cancel_by_hand(session, bill.id, principal.agency_ids, actor=principal.actor)
    bill = await get_bill(session, bill.id, principal.agency_ids)
    return (await _present(context, session, [bill]))[0]
