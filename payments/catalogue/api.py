"""The catalogue over HTTP: find a procedure, see what it costs today and why.

An agency sees its own fees in the place of the nation's, so the answer depends on the key, or on
the unit that is named.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from core import clock
from core.db import DatabaseDep, SessionDep
from core.errors import Invalid, NotFound
from core.money import MAX_AMOUNT
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_agency
from payments.catalogue import queries
from payments.catalogue.prices import PriceBookDep
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.claims import unknown_claims
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.fees import MAX_COPIES, MAX_QUANTITY
from payments.catalogue.schemas import ProcedureOut, ProcedurePageOut

router = APIRouter(tags=["procedures"])

#: The unit whose schedule is asked for; left out, the key's own agency.
AgencyCode = Annotated[str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9._/-]+$")]


async def _whose(session: ReadSession, principal: Principal, code: str | None) -> str:
    """The agency whose prices are asked for. Raises `NotFound` for one that is not the caller's."""
    if code is None:
        return principal.agency_id
    agency = await find_agency(session, code)
    if agency is None or agency.id not in principal.agency_ids:
        raise NotFound("Không có cơ quan này.")
    return agency.id


@router.get("/procedures")
async def list_procedures(
    principal: Annotated[Principal, needs(Action.READ_PRICES)],
    session: SessionDep,
    query: Annotated[str, Query(max_length=200)] = "",
    agency: AgencyCode = None,
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[\w.-]+$")] = None,
) -> ProcedurePageOut:
    """Procedures whose code, name or field holds every word of `query`, with or without marks."""
    today = clock.business_date(clock.now())
    agency_id = await _whose(session, principal, agency)
    page = await queries.list_procedures(session, agency_id, today, query=query, cursor=cursor)
    return ProcedurePageOut.of(page, Circumstances(today, "api"))


@router.get("/procedures/{code}", response_model=ProcedureOut)
async def get_procedure(
    principal: Annotated[Principal, needs(Action.READ_PRICES)],
    database: DatabaseDep,
    book: PriceBookDep,
    code: Annotated[str, Path(max_length=100)],
    quantity: Annotated[int, Query(ge=1, le=MAX_QUANTITY)] = 1,
    copies: Annotated[int, Query(ge=1, le=MAX_COPIES)] = 1,
    value: Annotated[int | None, Query(ge=1, le=MAX_AMOUNT)] = None,
    channel: Literal["api", "counter", "online"] = "api",
    relief: Annotated[list[str] | None, Query(max_length=20)] = None,
    born_on: date | None = None,
    on: date | None = None,
    agency: AgencyCode = None,
) -> Response:
    """One procedure with its fees, each priced and explained for what is asked.

    `value` is in đồng, for a fee that is a share of it; `relief` names grounds or reliefs that are
    claimed; `on` is a Vietnamese day, today if left out, to see what a fee was or will be. A relief
    that is not shown in a price does not hold for what was asked; of one that a citizen has once a
    year the price says what it gives to who has not had it. `agency` names a unit of the
    caller's whose schedule it is.
    """
    day = on or clock.business_date(clock.now())
    asked = FeeRequest(quantity, copies, value)
    circumstances = Circumstances(day, channel, frozenset(relief or ()), born_on, identified=True)

    async def made(session: ReadSession) -> bytes:
        agency_id = await _whose(session, principal, agency)
        procedure = await queries.get_procedure(session, agency_id, code, day)
        faults = unknown_claims(procedure.schedule.reliefs, circumstances) + circumstances.faults()
        if faults:
            raise Invalid(faults[0].detail, errors=faults)
        return ProcedureOut.of(procedure, circumstances, asked).model_dump_json().encode()

    # Whose it is stands in the key: what a unit's caller may name is theirs alone.
    key = (principal.agency_id, agency, code, circumstances, asked)
    content = await book.answer(database, key, made)
    return Response(content, media_type="application/json")
