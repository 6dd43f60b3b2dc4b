"""Checking a receipt: for anyone who has its code, without a key."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.web.rate import limited
from app.web.templating import render
from core.db import DatabaseDep, ReadSessionDep
from core.errors import NotFound
from core.idempotency import CipherDep
from payments.context import ContextDep
from receipts.api import DisplayDep, file_response
from receipts.queries import ReceiptValue, find_by_code

router = APIRouter(include_in_schema=False)


async def _checked(code: str, database: DatabaseDep, cipher: CipherDep) -> ReceiptValue:
    async with database.reading() as session:
        found = await find_by_code(session, cipher, code.strip().upper().replace("-", ""))
    if found is None:
        raise NotFound("Không có biên lai nào mang mã này.")
    return found


CheckedReceipt = Annotated[ReceiptValue, Depends(_checked)]


@router.get("/r/{code}.pdf", dependencies=[Depends(limited)])
async def fetch_pdf(receipt: CheckedReceipt, shown: DisplayDep) -> Response:
    """The PDF, for whoever has the check code."""
    return file_response(receipt, await shown.pdf(receipt), "pdf")


@router.get("/r/{code}.xml", dependencies=[Depends(limited)])
async def fetch_xml(receipt: CheckedReceipt, shown: DisplayDep) -> Response:
    """The XML, for whoever has the check code."""
    return file_response(receipt, await shown.xml(receipt), "xml")


@router.get("/r/{code}", dependencies=[Depends(limited)])
async def check_page(
    code: str, request: Request, session: ReadSessionDep, cipher: CipherDep, context: ContextDep
) -> Response:
    """Whether a receipt is genuine and stands; personal data is masked."""
    found = await find_by_code(session, cipher, code.strip().upper().replace("-", ""))
    if found is None:
        return render(request, "receipt_unknown.html", 404, code=code[:40])
    return render(
        request,
        "receipt.html",
        receipt=found.summary,
        content=found.content,
        note=found.note,
        payer=masked(found.content.payer.name),
        on_behalf_of=masked(found.content.on_behalf_of.name),
        delegate=masked(found.content.delegate.name),
        pdf_url=context.urls.receipt_file(found.summary.code, "pdf"),
        xml_url=context.urls.receipt_file(found.summary.code, "xml"),
    )


def masked(name: str) -> str:
    """A name its owner recognises and nobody else learns: "Nguyễn Văn An" is "N*** V*** A***"."""
    return " ".join(f"{part[0]}***" for part in name.split())
