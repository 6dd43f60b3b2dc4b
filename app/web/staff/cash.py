"""The cash books of collectors, and counting what one of them hands over."""

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.collecting import book_words, typed_amount
from app.web.staff.deeds import REFUSALS, StaffDeed, faults_by_field, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from core.db import SessionDep
from core.errors import LephiError, NotAllowed
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.collecting.cash_book import list_cash_books
from payments.collecting.collectors import staff_id_of
from payments.collecting.handovers import count_handover

router = APIRouter(include_in_schema=False)

CASH: Final = "/staff/cash"


@router.get(CASH)
async def cash_books(
    request: Request, who: Annotated[SignedIn, page_needs(Action.READ_CASH)], session: SessionDep
) -> Response:
    """Every collector's cash, hand-overs and slips, and the form that counts what waits."""
    return await _page(request, who, session)


@router.post(CASH)
async def count(deed: Annotated[StaffDeed, deed_needs(Action.COUNT_CASH)]) -> Response:
    """Say what was counted of a hand-over, as another person than who hands it over."""
    typed = {name: deed.typed(name) for name in ("counted", "difference")}
    handover = deed.typed("handover")

    async def work(session: WriteSession) -> str:
        await count_handover(
            session,
            handover,
            deed.by.agency_ids,
            typed_amount("counted", typed["counted"]),
            typed["difference"][:200],
            by=staff_id_of(deed.by),
            actor=deed.by.actor,
        )
        return CASH

    try:
        return await deed.once(work)
    except (*REFUSALS, NotAllowed) as error:
        async with deed.database.reading() as session:
            sent = typed | {"id": handover}
            return await _page(deed.request, deed.who, session, fault=error, typed=sent)


async def _page(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    *,
    fault: LephiError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    books = await list_cash_books(session, who.principal.agency_ids)
    return render(
        request,
        "cash_books.html",
        200 if fault is None else fault.status,
        who=who,
        books=books,
        me=staff_id_of(who.principal),
        may=who.principal.may(Action.COUNT_CASH),
        onces={book.waiting.id: new_once() for book in books if book.waiting},
        fault=fault,
        faults={"counted": "", "difference": ""} | faults_by_field(fault),
        typed={"id": "", "counted": "", "difference": ""} | (typed or {}),
        **book_words(request),
    )
