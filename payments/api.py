"""The HTTP surface of bills, payments and callbacks."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from core import clock, idempotency
from core.auth import Principal, PrincipalDep, Role
from core.bodies import Parsed, documented, parsed, read_raw
from core.db import SessionDep
from core.errors import Invalid, NotFound
from core.idempotency import Claim, KeyDep, Replay
from core.sessions import WriteSession
from payments import callbacks, opening
from payments.agencies.queries import AgencyValue
from payments.checkout import checkout
from payments.commands import cancel_bill, prepare_bill
from payments.context import Context, ContextDep
from payments.ports import RawCallback
from payments.presenting import bill_out, payment_json, payment_out
from payments.queries import BillValue, get_bill, get_payment, list_bills
from payments.schemas import BillIn, BillList, BillOut, DossierNumber, PaymentIn, PaymentOut

router = APIRouter(prefix="/api/v1", tags=["bills and payments"])
callback_router = APIRouter(tags=["callbacks"])

BillBody = Annotated[Parsed[BillIn], Depends(parsed(BillIn))]
PaymentBody = Annotated[Parsed[PaymentIn], Depends(parsed(PaymentIn))]

_JSON = "application/json"
_MOST_CALLBACK = 64 * 1024


async def _agency(context: Context, principal: Principal, code: str) -> AgencyValue:
    """The agency the caller named, if the caller may act for it. Raises `NotFound`."""
    agency = await context.agencies.get_agency(code)
    if agency.id not in principal.agency_ids:
        raise NotFound("Không có cơ quan này.")
    return agency


async def _present(
    context: Context, session: WriteSession, bills: list[BillValue]
) -> list[BillOut]:
    receipts = await context.receipts.of_bills(session, [bill.id for bill in bills])
    return [
        bill_out(
            context,
            await context.agencies.get_agency(bill.agency_id, session),
            bill,
            receipts.get(bill.id, ()),
        )
        for bill in bills
    ]


@router.post("/bills", status_code=201, response_model=BillOut, openapi_extra=documented(BillIn))
async def open_bill(
    principal: PrincipalDep, key: KeyDep, body: BillBody, context: ContextDep
) -> Response:
    """Open a bill. Repeating the request with its key gives the same bill and the same answer."""
    principal.require(Role.CLERK, Role.ADMIN)
    agency = await _agency(context, principal, body.model.agency)
    claim = Claim.of(principal.owner, "POST /bills", key, body.value, context.request_key)
    try:
        schedule = await context.price_book.read(context.database, agency.id)
        bill = prepare_bill(schedule, agency, body.model, asset_key=context.request_key)
    except Invalid:
        # A repeat must get its first answer even when its fee has meanwhile gone out of force.
        async with context.database.transaction() as session:
            earlier = await idempotency.find(session, claim, context.cipher)
        if earlier is None:
            raise
        return _replayed(earlier)
    answer = bill_out(context, agency, bill).model_dump_json().encode()
    replay = await opening.insert_once(
        context.database, bill, claim, answer, actor=principal.actor, cipher=context.cipher
    )
    return Response(answer, 201, media_type=_JSON) if replay is None else _replayed(replay)


def _replayed(replay: Replay) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    return Response(replay.body, replay.status or 201, headers=headers, media_type=_JSON)


@router.get("/bills")
async def read_bills(
    principal: PrincipalDep,
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
    bill_id: str, principal: PrincipalDep, context: ContextDep, session: SessionDep
) -> BillOut:
    """A bill by its id or reference, with its payments and receipts."""
    bill = await get_bill(session, bill_id, principal.agency_ids)
    return (await _present(context, session, [bill]))[0]


@router.post("/bills/{bill_id}/cancel")
async def withdraw_bill(
    bill_id: str, principal: PrincipalDep, context: ContextDep, session: SessionDep
) -> BillOut:
    """Withdraw a bill that no money has reached. Doing it twice is the same as once."""
    principal.require(Role.CLERK, Role.ADMIN)
    bill = await get_bill(session, bill_id, principal.agency_ids)
    await cancel_bill(session, bill.id, principal.agency_ids, actor=principal.actor)
    bill = await get_bill(session, bill.id, principal.agency_ids)
    return (await _present(context, session, [bill]))[0]


@router.post(
    "/bills/{bill_id}/payments",
    status_code=201,
    response_model=PaymentOut,
    openapi_extra=documented(PaymentIn),
)
async def start_payment(
    bill_id: str,
    principal: PrincipalDep,
    key: KeyDep,
    body: PaymentBody,
    context: ContextDep,
    request: Request,
) -> Response:
    """Start an attempt at a gateway. `unknown` means: being asked, do not pay again."""
    principal.require(Role.CLERK, Role.ADMIN)
    route = f"POST /bills/{bill_id}/payments"
    claim = Claim.of(principal.owner, route, key, body.value, context.request_key)
    status, answer = await checkout(
        context,
        bill_id,
        principal.agency_ids,
        body.model.gateway,
        claim,
        payment_json,
        actor=principal.actor,
        payer_ip=request.client.host if request.client else "127.0.0.1",
    )
    return Response(answer, status, media_type=_JSON)


@router.get("/payments/{payment_id}")
async def read_payment(payment_id: str, principal: PrincipalDep, session: SessionDep) -> PaymentOut:
    """A payment by its id."""
    return payment_out(await get_payment(session, payment_id, principal.agency_ids))


@callback_router.post("/callbacks/{gateway}/{account}", include_in_schema=False)
@callback_router.get("/callbacks/{gateway}/{account}", include_in_schema=False)
async def take_callback(
    gateway: str, account: str, request: Request, context: ContextDep
) -> Response:
    """A gateway's report or a bank's notice; answered in the gateway's own way."""
    raw = RawCallback(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await read_raw(request, most=_MOST_CALLBACK),
        received_at=clock.now(),
    )
    answer = await callbacks.receive(context, gateway, account, raw)
    return Response(answer.body, answer.status, media_type=answer.media_type)
