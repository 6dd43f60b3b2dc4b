"""The HTTP surface of collectors' cash; what they do comes from the page of their walk."""

from typing import Annotated

from fastapi import APIRouter

from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.collecting.answers import CashBookList, CashBookOut
from payments.collecting.cash_book import list_cash_books

router = APIRouter(prefix="/api/v1", tags=["markets"])


@router.get("/cash-books")
async def read_cash_books(
    principal: Annotated[Principal, needs(Action.READ_CASH)], session: ReadSessionDep
) -> CashBookList:
    """What each collector took in cash, handed over and paid in, and every number of a slip.

    The newest hundred hand-overs of each.
    """
    books = await list_cash_books(session, principal.agency_ids)
    return CashBookList(items=[CashBookOut.of(book) for book in books])
