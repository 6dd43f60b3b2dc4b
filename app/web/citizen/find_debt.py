"""What another office's paper asks for: found by its code and the tax number on it.

Whoever has no link has the paper. One answer for a wrong code and a wrong number; and so many
guesses about one code, and about one tax number, whoever makes them: a firm's number is public, and
an office's codes follow one another.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request, Response

from app.web.rate import limited
from app.web.templating import render
from core import guesses
from core.crypto import keyed_hash
from core.db import SessionDep
from core.tax_numbers import checked_tax_number
from payments.context import ContextDep
from payments.debts.kinds import KINDS, DebtKind
from payments.debts.queries import DebtValue, find_own_debts

router = APIRouter(include_in_schema=False)

#: Short, because papers may ask people to type it.
PATH: Final = "/khoan-phai-nop"


@router.get(PATH)
async def debt_search_page(request: Request) -> Response:
    """The form."""
    return _page(request, "", "")


@router.post(PATH, dependencies=[Depends(limited)])
async def answer_debt_search(
    request: Request,
    session: SessionDep,
    context: ContextDep,
    code: Annotated[str, Form(max_length=64)] = "",
    tax_number: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """The bills of a debt, each with its page; names are on none of them here."""
    code, tax_number = code.replace("\x00", "").strip(), tax_number.strip()
    try:
        number = checked_tax_number(tax_number)
    except ValueError as error:
        return _page(request, code, tax_number, 422, faults={"tax_number": str(error)})
    whose = keyed_hash(context.request_key, f"debt_tax:{number}".encode())
    # The code first, always: two who wait for one another's second would wait for ever.
    subjects = (f"debt:{code}", f"debt_tax:{whose}")
    for subject in subjects:
        await guesses.brake(session, subject)
    found = await find_own_debts(session, context.request_key, code, number)
    if not found:
        for subject in subjects:
            await guesses.note_wrong(session, subject)
        return _page(request, code, tax_number, 404, missed=True)
    links = {one.id: context.urls.pay(one.bill_id, one.bill) for one in found}
    return _page(request, code, tax_number, found=found, links=links)


def _page(
    request: Request,
    code: str,
    tax_number: str,
    status: int = 200,
    *,
    faults: dict[str, str] | None = None,
    missed: bool = False,
    found: Sequence[DebtValue] = (),
    links: dict[str, str] | None = None,
) -> Response:
    return render(
        request,
        "find_debt.html",
        status,
        code=code,
        tax_number=tax_number,
        faults=faults or {},
        missed=missed,
        found=[(one, KINDS[DebtKind(one.kind)]) for one in found],
        links=links or {},
    )
