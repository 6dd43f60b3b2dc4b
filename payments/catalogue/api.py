"""The catalogue over HTTP: find a procedure, see what it costs today and why.

An agency sees its own fees in the place of the nation's, so the answer depends on the key.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from core import clock
from core.auth import PrincipalDep
from core.db import SessionDep
from core.errors import Invalid
from core.money import MAX_AMOUNT
from payments.catalogue import queries
from payments.catalogue.pricing import unknown_claims
from payments.catalogue.schemas import ProcedureOut, ProcedurePageOut
from payments.fees import MAX_COPIES, MAX_QUANTITY, Asked
from payments.reliefs import Circumstances

router = APIRouter(tags=["procedures"])


@router.get("/procedures")
async def list_procedures(
    session: SessionDep,
    principal: PrincipalDep,
    query: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[\w.-]+$")] = None,
) -> ProcedurePageOut:
    """Procedures whose code, name or field holds every word of `query`, with or without marks."""
    today = clock.business_date(clock.now())
    page = await queries.list_procedures(
        session, principal.agency_id, today, query=query, cursor=cursor
    )
    return ProcedurePageOut.of(page, Circumstances(today))


@router.get("/procedures/{code}")
async def get_procedure(
    session: SessionDep,
    principal: PrincipalDep,
    code: Annotated[str, Path(max_length=100)],
    quantity: Annotated[int, Query(ge=1, le=MAX_QUANTITY)] = 1,
    copies: Annotated[int, Query(ge=1, le=MAX_COPIES)] = 1,
    value: Annotated[int | None, Query(ge=1, le=MAX_AMOUNT)] = None,
    channel: Literal["api", "counter", "online"] = "counter",
    relief: Annotated[list[str] | None, Query(max_length=20)] = None,
    born_on: date | None = None,
    asset: Annotated[str | None, Query(max_length=200)] = None,
    on: date | None = None,
) -> ProcedureOut:
    """One procedure with its fees, each priced and explained for what is asked.

    `value` is in đồng, for a fee that is a share of it; `relief` names grounds or reliefs that are
    claimed; `on` is a Vietnamese day, today if left out, to see what a fee was or will be. A relief
    that is not shown in a price does not hold for what was asked.
    """
    day = on or clock.business_date(clock.now())
    procedure = await queries.get_procedure(session, principal.agency_id, code, day)
    circumstances = Circumstances(day, channel, frozenset(relief or ()), born_on, asset)
    if faults := unknown_claims(procedure.schedule, circumstances):
        raise Invalid(faults[0].detail, errors=faults)
    return ProcedureOut.of(procedure, circumstances, Asked(quantity, copies, value))
