"""Checking a receipt: for anyone who has its code, without a key.

Whoever holds the paper, or the address on it, has the code. Where the receipt bears a person's
number, the code alone opens neither the files, which show that number, nor the amount, which is
what one must know besides: the page asks for it.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.web.citizen import typed
from app.web.rate import limited
from app.web.templating import render
from core import guesses
from core.db import DatabaseDep
from core.errors import NotFound
from core.idempotency import CipherDep
from core.sessions import WriteSession
from payments.context import ContextDep
from receipts.api import DisplayDep, file_response
from receipts.queries import ReceiptValue, find_by_code

router = APIRouter(include_in_schema=False)

#: As it stands on the paper; without it, or with another, a receipt with a person's number is shut.
TypedAmount = Annotated[str, Query(max_length=30)]


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A receipt that somebody has the code of; `opened` where they may see all that it says."""

    receipt: ReceiptValue
    opened: bool


async def _asked(
    code: str, database: DatabaseDep, cipher: CipherDep, amount: TypedAmount = ""
) -> _Lookup | None:
    # A transaction of its own: a wrong guess is counted, and drawing takes its time afterwards.
    async with database.transaction() as session:
        found = await find_by_code(session, cipher, code.strip().upper().replace("-", ""))
        return None if found is None else _Lookup(found, await _opens(session, found, amount))


AskedReceipt = Annotated[_Lookup | None, Depends(_asked)]


async def _opens(session: WriteSession, receipt: ReceiptValue, amount: str) -> bool:
    """Whether an amount as typed opens a receipt. Raises `RateLimited` after many wrong ones."""
    content = receipt.content
    if not (content.payer.is_numbered or content.on_behalf_of.is_numbered):
        return True
    if not amount:
        return False
    subject = f"amount:{receipt.summary.id}"
    await guesses.brake(session, subject)
    if _read(amount) == content.amount:
        return True
    await guesses.note_wrong(session, subject)
    return False


def _read(amount: str) -> int | None:
    try:
        return typed.amount(amount)
    except ValueError:
        return None


@router.get("/r/{code}.pdf", dependencies=[Depends(limited)])
async def fetch_pdf(code: str, asked: AskedReceipt, shown: DisplayDep) -> Response:
    """The PDF, for whoever has the check code and the amount."""
    receipt = _known(asked).receipt
    if not _known(asked).opened:
        return _page_of(code)
    return file_response(receipt, await shown.pdf(receipt), "pdf")


@router.get("/r/{code}.xml", dependencies=[Depends(limited)])
async def fetch_xml(code: str, asked: AskedReceipt, shown: DisplayDep) -> Response:
    """The XML, for whoever has the check code and the amount."""
    receipt = _known(asked).receipt
    if not _known(asked).opened:
        return _page_of(code)
    return file_response(receipt, await shown.xml(receipt), "xml")


def _known(asked: _Lookup | None) -> _Lookup:
    if asked is None:
        raise NotFound("Không có biên lai nào mang mã này.")
    return asked


def _page_of(code: str) -> Response:
    """To the page that asks for the amount."""
    return RedirectResponse(f"/r/{code}", 303)


@router.get("/r/{code}", dependencies=[Depends(limited)])
async def check_page(
    code: str,
    request: Request,
    asked: AskedReceipt,
    context: ContextDep,
    amount: TypedAmount = "",
) -> Response:
    """Whether a receipt is genuine and stands; personal data is masked."""
    if asked is None:
        return render(request, "receipt_unknown.html", 404, code=code[:40])
    found = asked.receipt
    summary = found.summary
    return render(
        request,
        "receipt.html",
        receipt=summary,
        content=found.content,
        note=found.note,
        opened=asked.opened,
        tried=bool(amount),
        payer=masked(found.content.payer.name),
        on_behalf_of=masked(found.content.on_behalf_of.name),
        delegate=masked(found.content.delegate.name),
        pdf_url=context.urls.receipt_file(summary.code, "pdf", summary.amount),
        xml_url=context.urls.receipt_file(summary.code, "xml", summary.amount),
    )


def masked(name: str) -> str:
    """A name its owner recognises and nobody else learns: "Nguyễn Văn An" is "N*** V*** A***"."""
    return " ".join(f"{part[0]}***" for part in name.split())
