"""The catalogue over HTTP: find a procedure, see what it costs today and why.

An agency sees its own fees in the place of the nation's, so the answer depends on the key.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from core import clock
from core.auth import PrincipalDep
from core.db import SessionDep
from payments.catalogue import queries
from payments.catalogue.schemas import ProcedureOut, ProcedurePageOut
from payments.fees import MAX_COPIES, MAX_QUANTITY

router = APIRouter(tags=["procedures"])


@router.get("/procedures")
async def list_procedures(
    session: SessionDep,
    principal: PrincipalDep,
    query: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[\w.-]+$")] = None,
) -> ProcedurePageOut:
    """Procedures whose code, name or field holds every word of `query`, with or without marks."""
    page = await queries.list_procedures(
        session,
        principal.agency_id,
        clock.business_date(clock.now()),
        query=query,
        cursor=cursor,
    )
    return ProcedurePageOut.of(page)


@router.get("/procedures/{code}")
async def get_procedure(
    session: SessionDep,
    principal: PrincipalDep,
    code: Annotated[str, Path(max_length=100)],
    quantity: Annotated[int, Query(ge=1, le=MAX_QUANTITY)] = 1,
    copies: Annotated[int, Query(ge=1, le=MAX_COPIES)] = 1,
) -> ProcedureOut:
    """One procedure with its fees of today, each priced and explained for `quantity` units."""
    procedure = await queries.get_procedure(
        session, principal.agency_id, code, clock.business_date(clock.now())
    )
    return ProcedureOut.of(procedure, quantity=quantity, copies=copies)
