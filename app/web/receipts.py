"""Receipts over HTTP: for systems by id with a key, for anyone by check code without one."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.web.rate import limited
from app.web.templating import render
from core.db import DatabaseDep, SessionDep
from core.errors import NotFound
from core.idempotency import CipherDep
from payments.agencies.access.principals import PrincipalDep, needs
from payments.agencies.access.rights import Action
from payments.bills.presenting import receipt_out
from payments.bills.schemas import ReceiptOut
from payments.context import ContextDep
from receipts.display import Display
from receipts.queries import ReceiptValue, find_by_code, get_receipt

api = APIRouter(prefix="/api/v1/receipts", tags=["receipts"])
router = APIRouter(include_in_schema=False)

_READING = [needs(Action.READ_RECEIPTS)]


async def display(request: Request) -> Display:
    """The application's way of showing receipts."""
    found: Display = request.app.state.display
    return found


DisplayDep = Annotated[Display, Depends(display)]


async def _receipt(
    receipt_id: str, principal: PrincipalDep, database: DatabaseDep, cipher: CipherDep
) -> ReceiptValue:
    # A transaction of its own: drawing takes its time, and needs another one afterwards.
    async with database.transaction() as session:
        return await get_receipt(session, cipher, receipt_id, principal.agency_ids)


OwnReceipt = Annotated[ReceiptValue, Depends(_receipt)]


def _shown(media_type: str) -> Any:
    content = {"schema": {"type": "string", "contentMediaType": media_type}}
    return {"response_class": Response, "responses": {200: {"content": {media_type: content}}}}


@api.get("/{receipt_id}.pdf", dependencies=_READING, **_shown("application/pdf"))
async def read_pdf(receipt: OwnReceipt, shown: DisplayDep) -> Response:
    """The signed PDF, the display of the receipt; the same bytes every time."""
    return _file(receipt, await shown.pdf(receipt), "pdf")


@api.get("/{receipt_id}.xml", dependencies=_READING, **_shown("application/xml"))
async def read_xml(receipt: OwnReceipt, shown: DisplayDep) -> Response:
    """The signed XML, the document of record."""
    return _file(receipt, await shown.xml(receipt), "xml")


@api.get("/{receipt_id}", dependencies=_READING)
async def read_receipt(receipt: OwnReceipt, context: ContextDep) -> ReceiptOut:
    """A receipt by its id."""
    return receipt_out(context, receipt.summary)


async def _checked(code: str, database: DatabaseDep, cipher: CipherDep) -> ReceiptValue:
    async with database.transaction() as session:
        found = await find_by_code(session, cipher, code.strip().upper().replace("-", ""))
    if found is None:
        raise NotFound("Không có biên lai nào mang mã này.")
    return found


CheckedReceipt = Annotated[ReceiptValue, Depends(_checked)]


@router.get("/r/{code}.pdf", dependencies=[Depends(limited)])
async def fetch_pdf(receipt: CheckedReceipt, shown: DisplayDep) -> Response:
    """The PDF, for whoever has the check code."""
    return _file(receipt, await shown.pdf(receipt), "pdf")


@router.get("/r/{code}.xml", dependencies=[Depends(limited)])
async def fetch_xml(receipt: CheckedReceipt, shown: DisplayDep) -> Response:
    """The XML, for whoever has the check code."""
    return _file(receipt, await shown.xml(receipt), "xml")


@router.get("/r/{code}", dependencies=[Depends(limited)])
async def check_page(
    code: str, request: Request, session: SessionDep, cipher: CipherDep, context: ContextDep
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
        pdf_url=context.urls.receipt_file(found.summary.code, "pdf"),
        xml_url=context.urls.receipt_file(found.summary.code, "xml"),
    )


def masked(name: str) -> str:
    """A name its owner recognises and nobody else learns: "Nguyễn Văn An" is "N*** V*** A***"."""
    return " ".join(f"{part[0]}***" for part in name.split())


def _file(receipt: ReceiptValue, data: bytes, kind: str) -> Response:
    media_type = {"pdf": "application/pdf", "xml": "application/xml"}[kind]
    summary = receipt.summary
    name = f"bien-lai-{summary.symbol}-{summary.number}.{kind}"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(data, media_type=media_type, headers=headers)
