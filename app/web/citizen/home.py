"""The way in for someone without a link: what this is, the fees of a body, a code to look up."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import col, select

from app.web.citizen.fee_cards import summary_of
from app.web.citizen.find_receipt import PATH
from app.web.citizen.transfers import TypedTransfer
from app.web.templating import render
from core import clock
from core.db import ReadSessionDep, SessionDep
from core.references import find_references
from core.statements import values_of
from payments.agencies.models import Agency
from payments.bills.queries import find_static_reference
from payments.catalogue.models import Procedure
from payments.catalogue.queries import list_fields, list_procedures
from payments.context import ContextDep

router = APIRouter(include_in_schema=False)

#: Procedures on one page of the list; more would make it heavy for a phone.
PER_PAGE = 25

#: The first page asks for a transfer, and knows nothing of it.
_NONE = TypedTransfer()

Typed = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class _Body:
    """A body to choose from."""

    code: str
    name: str
    name_en: str


_BODIES = values_of(_Body, Agency).order_by(col(Agency.name), col(Agency.code)).limit(200)
_FIELDS = select(Procedure.field).distinct().order_by(Procedure.field)


@router.get("/")
async def home(request: Request, session: ReadSessionDep) -> Response:
    """What this is, and where to go on."""
    agencies = await session.all(_BODIES)
    return render(request, "index.html", agencies=agencies, missed="", typed="", transfer=_NONE)


@router.get("/b")
async def look_up_bill(
    request: Request, session: ReadSessionDep, reference: Typed = ""
) -> Response:
    """Go to a bill by a reference as typed: in any case, with spaces, or inside a memo.

    A poster's is no bill's: whoever types it has paid, and looks for the receipt.
    """
    found = find_references(reference)
    if len(found) == 1:
        if await find_static_reference(session, found[0]) is not None:
            return RedirectResponse(f"{PATH}?memo={found[0]}", 303)
        return RedirectResponse(f"/b/{found[0]}", 303)
    return render(
        request, "index.html", 404, agencies=(), missed="bill", typed=reference, transfer=_NONE
    )


@router.get("/r")
async def look_up_receipt(request: Request, code: Typed = "") -> Response:
    """Go to a receipt's check page by a code as typed."""
    plain = "".join(character for character in code.upper() if character.isalnum())
    if plain and plain.isascii():
        return RedirectResponse(f"/r/{plain}", 303)
    return render(
        request, "index.html", 404, agencies=(), missed="receipt", typed=code, transfer=_NONE
    )


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
