"""The way in for someone without a link: what this is, the fees of a body, a code to look up."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import text

from app.web.fee_cards import summary_of
from app.web.rate import limited
from app.web.templating import render
from core import clock
from core.db import SessionDep
from core.references import find_references
from payments.catalogue.queries import list_fields, list_procedures
from payments.context import ContextDep

router = APIRouter(include_in_schema=False)

#: Procedures on one page of the list; more would make it heavy for a phone.
PER_PAGE = 25

Typed = Annotated[str, Query(max_length=200)]


@router.get("/")
async def home(request: Request, session: SessionDep) -> Response:
    """What this is, and where to go on."""
    agencies = await session.execute(
        text("SELECT code, name, name_en FROM agency ORDER BY name, code LIMIT 200")
    )
    return render(request, "index.html", agencies=agencies.all(), missed="", typed="")


@router.get("/b", dependencies=[Depends(limited)])
async def look_up_bill(request: Request, session: SessionDep, reference: Typed = "") -> Response:
    """Go to a bill by a reference as typed: in any case, with spaces, or inside a memo."""
    found = find_references(reference)
    if len(found) == 1:
        return RedirectResponse(f"/b/{found[0]}", 303)
    return render(request, "index.html", 404, agencies=(), missed="bill", typed=reference)


@router.get("/r", dependencies=[Depends(limited)])
async def look_up_receipt(request: Request, code: Typed = "") -> Response:
    """Go to a receipt's check page by a code as typed."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    if plain and plain.isascii():
        return RedirectResponse(f"/r/{plain}", 303)
    return render(request, "index.html", 404, agencies=(), missed="receipt", typed=code)


@router.get("/p/{agency}")
async def fee_list(
    agency: str,
    request: Request,
    session: SessionDep,
    context: ContextDep,
    q: Typed = "",
    after: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """What a body collects fees for, found by words with or without marks."""
    body = await context.agencies.get_agency(agency, session)
    today = clock.business_date(clock.now())
    page = await list_procedures(session, body.id, today, query=q, cursor=after, limit=PER_PAGE)
    return render(
        request,
        "procedures.html",
        agency=body,
        items=[summary_of(procedure, today) for procedure in page.items],
        next_cursor=page.next_cursor,
        fields=await list_fields(session, body.id),
        typed=q,
    )
