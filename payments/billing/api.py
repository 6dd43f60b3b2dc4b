"""The HTTP surface of markets: what is written down of them. `runs_api` bills, see there."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from core.bodies import ParsedBody, documented, parsed
from core.crypto import new_token
from core.db import ReadSessionDep
from core.errors import FieldError, Invalid, NotFound
from core.idempotency import IdempotencyDep
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_agency
from payments.billing import commands
from payments.billing.answers import (
    ContractList,
    ContractOut,
    CreatedOut,
    EndOut,
    MarketList,
    MarketOut,
    ReadingList,
    ReadingOut,
    StallList,
    StallOut,
    StickerOut,
    VendorList,
    VendorOut,
)
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market, list_markets
from payments.billing.queries import (
    find_codes,
    list_readings,
    page_of_contracts,
    page_of_stalls,
    page_of_vendors,
)
from payments.billing.schemas import (
    ContractIn,
    EndIn,
    MarketIn,
    ReadingIn,
    StallsIn,
    StickerIn,
    VendorFactsIn,
    VendorIn,
)
from payments.books.api import Cursor, Limit, ObjectId
from payments.context import ContextDep

router = APIRouter(prefix="/api/v1", tags=["markets"])

#: A market by its id or code.
MarketName = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9._/-]+$")]


async def own_market(session: ReadSession, principal: Principal, market: str) -> MarketValue:
    """The market the caller named, if it is theirs. Raises `NotFound`."""
    return await get_market(session, market, principal.agency_ids)


async def own_agency(session: ReadSession, principal: Principal, code: str) -> str:
    """The id of the agency the caller named, if the caller may act for it. Raises `NotFound`."""
    found = await find_agency(session, code)
    if found is None or found.id not in principal.agency_ids:
        raise NotFound("Không có cơ quan này.")
    return found.id


@router.get("/markets")
async def read_markets(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)], session: ReadSessionDep
) -> MarketList:
    """The markets of the agency and its units."""
    found = await list_markets(session, principal.agency_ids)
    return MarketList(items=[MarketOut.of(one) for one in found])


@router.post(
    "/markets",
    status_code=201,
    response_model=MarketOut,
    openapi_extra=documented(MarketIn),
)
async def write_market(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    body: Annotated[ParsedBody[MarketIn], Depends(parsed(MarketIn))],
    idempotent: IdempotencyDep,
) -> Response:
    """Write a market down. 409 `code_taken` where the agency has one of that code."""

    async def work(session: WriteSession) -> MarketOut:
        agency_id = await own_agency(session, principal, body.model.agency)
        made = await commands.create_market(
            session, agency_id, body.model.new, actor=principal.actor
        )
        return MarketOut.of(await get_market(session, made))

    return await idempotent(idempotent.claim(principal.owner, body.value), work)


@router.get("/markets/{market}/stalls")
async def read_stalls(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    market: MarketName,
    session: ReadSessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> StallList:
    """The stalls of a market, each with its reference."""
    found = await own_market(session, principal, market)
    page = await page_of_stalls(session, found.id, cursor=cursor, limit=limit)
    items = [StallOut.of(one) for one in page.items]
    return StallList(items=items, next_cursor=page.next_cursor)


@router.post(
    "/markets/{market}/stalls",
    status_code=201,
    response_model=CreatedOut,
    openapi_extra=documented(StallsIn),
)
async def write_stalls(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    market: MarketName,
    body: Annotated[ParsedBody[StallsIn], Depends(parsed(StallsIn))],
    idempotent: IdempotencyDep,
) -> Response:
    """Write stalls down, all of them or none."""

    async def work(session: WriteSession) -> CreatedOut:
        found = await own_market(session, principal, market)
        new = [one.new for one in body.model.stalls]
        ids = await commands.add_stalls(session, found, new, actor=principal.actor)
        return CreatedOut(ids=ids)

    claim = idempotent.claim(principal.owner, {"market": market, "body": body.value})
    return await idempotent(claim, work)


@router.post(
    "/stalls/{stall_id}/sticker",
    status_code=201,
    response_model=StickerOut,
    openapi_extra=documented(StickerIn),
)
async def write_sticker(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    stall_id: ObjectId,
    body: Annotated[ParsedBody[StickerIn], Depends(parsed(StickerIn))],
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Give the vendor of a stall's newest contract a new short code, told this once.

    It stands on the contract and opens that vendor's page of the stall: it is no part of the
    sticker. The vendor's code before is worthless; what others who held the stall were given opens
    what they still owe, and nothing of this vendor's.
    """

    async def work(session: WriteSession) -> StickerOut:
        code = new_token(bits=30)
        await commands.print_sticker(
            session,
            stall_id,
            principal.agency_ids,
            code,
            body.model.reason,
            key=context.request_key,
            actor=principal.actor,
        )
        return StickerOut(code=code)

    claim = idempotent.claim(principal.owner, {"stall": stall_id, "body": body.value})
    return await idempotent(claim, work)


@router.get("/vendors")
async def read_vendors(
    principal: Annotated[Principal, needs(Action.READ_VENDORS)],
    session: ReadSessionDep,
    context: ContextDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> VendorList:
    """The vendors of the agency and its units, with their names and telephones."""
    page = await page_of_vendors(
        session, principal.agency_ids, context.cipher, cursor=cursor, limit=limit
    )
    items = [VendorOut.of(one) for one in page.items]
    return VendorList(items=items, next_cursor=page.next_cursor)


@router.post(
    "/vendors",
    status_code=201,
    response_model=CreatedOut,
    openapi_extra=documented(VendorIn),
)
async def write_vendor(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    body: Annotated[ParsedBody[VendorIn], Depends(parsed(VendorIn))],
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Write a vendor down; what is personal is kept sealed."""

    async def work(session: WriteSession) -> CreatedOut:
        agency_id = await own_agency(session, principal, body.model.agency)
        ids = await commands.add_vendors(
            session,
            agency_id,
            [body.model.new],
            cipher=context.cipher,
            key=context.request_key,
            actor=principal.actor,
        )
        return CreatedOut(ids=ids)

    return await idempotent(idempotent.claim(principal.owner, body.value), work)


@router.post(
    "/vendors/{vendor_id}",
    status_code=201,
    response_model=CreatedOut,
    openapi_extra=documented(VendorFactsIn),
)
async def rewrite_vendor(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    vendor_id: ObjectId,
    body: Annotated[ParsedBody[VendorFactsIn], Depends(parsed(VendorFactsIn))],
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Write a vendor's name, telephone and tax number anew; the code stays."""

    async def work(session: WriteSession) -> CreatedOut:
        told = body.model
        await commands.change_vendor(
            session,
            vendor_id,
            principal.agency_ids,
            commands.NewVendor("", told.name, told.phone, told.tax_number),
            cipher=context.cipher,
            key=context.request_key,
            actor=principal.actor,
        )
        return CreatedOut(ids={"vendor": vendor_id})

    claim = idempotent.claim(principal.owner, {"vendor": vendor_id, "body": body.value})
    return await idempotent(claim, work)


@router.get("/markets/{market}/contracts")
async def read_contracts(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    market: MarketName,
    session: ReadSessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ContractList:
    """Who holds which stall of a market, and who did."""
    found = await own_market(session, principal, market)
    page = await page_of_contracts(session, found.id, cursor=cursor, limit=limit)
    items = [ContractOut.of(one) for one in page.items]
    return ContractList(items=items, next_cursor=page.next_cursor)


@router.post(
    "/markets/{market}/contracts",
    status_code=201,
    response_model=CreatedOut,
    openapi_extra=documented(ContractIn),
)
async def write_contract(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    market: MarketName,
    body: Annotated[ParsedBody[ContractIn], Depends(parsed(ContractIn))],
    idempotent: IdempotencyDep,
) -> Response:
    """Write a contract down. 409 `stall_held` where somebody holds the stall on one of its days."""

    async def work(session: WriteSession) -> CreatedOut:
        found = await own_market(session, principal, market)
        told = body.model
        stall = await find_codes(session, "stall", found.id, [told.stall])
        vendor = await find_codes(session, "vendor", found.agency_id, [told.vendor])
        faults = [
            FieldError(name, "unknown", f"Không có mã {code}.")
            for name, code, known in (
                ("stall", told.stall, stall),
                ("vendor", told.vendor, vendor),
            )
            if code not in known
        ]
        if faults:
            raise Invalid(faults[0].detail, errors=faults)
        new = commands.NewContract(
            stall[told.stall],
            vendor[told.vendor],
            **told.model_dump(exclude={"stall", "vendor"}),
        )
        (made,) = await commands.add_contracts(session, found, [new], actor=principal.actor)
        return CreatedOut(ids={told.stall: made})

    claim = idempotent.claim(principal.owner, {"market": market, "body": body.value})
    return await idempotent(claim, work)


@router.post(
    "/contracts/{contract_id}/end",
    status_code=201,
    response_model=EndOut,
    openapi_extra=documented(EndIn),
)
async def end_contract(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    contract_id: ObjectId,
    body: Annotated[ParsedBody[EndIn], Depends(parsed(EndIn))],
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Say a contract's last day; unpaid bills for later days are withdrawn and made anew.

    409 `period_paid` where what was billed for later days has money already.
    """

    async def work(session: WriteSession) -> EndOut:
        last = body.model.last_on
        done = await commands.end_contract(
            session,
            contract_id,
            last,
            principal.agency_ids,
            context.cipher,
            actor=principal.actor,
        )
        return EndOut(id=contract_id, last_on=last, billed_anew=done.anew)

    claim = idempotent.claim(principal.owner, {"contract": contract_id, "body": body.value})
    return await idempotent(claim, work)


@router.get("/stalls/{stall_id}/readings")
async def read_readings(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    stall_id: ObjectId,
    session: ReadSessionDep,
) -> ReadingList:
    """The readings of a stall's meters that stand, the newest first."""
    stall = await commands.get_stall(session, stall_id, principal.agency_ids)
    found = await list_readings(session, stall.id)
    return ReadingList(items=[ReadingOut.of(one) for one in found])


@router.post(
    "/stalls/{stall_id}/readings",
    status_code=201,
    response_model=CreatedOut,
    openapi_extra=documented(ReadingIn),
)
async def write_reading(
    principal: Annotated[Principal, needs(Action.READ_METERS)],
    stall_id: ObjectId,
    body: Annotated[ParsedBody[ReadingIn], Depends(parsed(ReadingIn))],
    idempotent: IdempotencyDep,
) -> Response:
    """Write down what a meter shows. A reading of the same day is replaced until it is billed."""

    async def work(session: WriteSession) -> CreatedOut:
        told = body.model
        made = await commands.record_reading(
            session,
            stall_id,
            told.meter,
            told.read_on,
            told.shows,
            principal.agency_ids,
            began_anew=told.began_anew,
            actor=principal.actor,
        )
        return CreatedOut(ids={told.meter: made})

    claim = idempotent.claim(principal.owner, {"stall": stall_id, "body": body.value})
    return await idempotent(claim, work)
