"""The HTTP surface of receipts: by id, with a key."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core.db import DatabaseDep
from core.idempotency import CipherDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.schemas import ReceiptOut, receipt_out
from payments.urls import Urls
from receipts.display import Display
from receipts.queries import ReceiptValue, get_receipt

router = APIRouter(prefix="/api/v1/receipts", tags=["receipts"])


async def display(request: Request) -> Display:
    """The application's way of showing receipts."""
    found: Display = request.app.state.display
    return found


async def urls(request: Request) -> Urls:
    """The application's addresses."""
    found: Urls = request.app.state.urls
    return found


DisplayDep = Annotated[Display, Depends(display)]
UrlsDep = Annotated[Urls, Depends(urls)]


async def _receipt(
    principal: Annotated[Principal, needs(Action.READ_RECEIPTS)],
    receipt_id: str,
    database: DatabaseDep,
    cipher: CipherDep,
) -> ReceiptValue:
    # A transaction of its own: drawing takes its time, and needs another one afterwards.
    async with database.reading() as session:
        return await get_receipt(session, cipher, receipt_id, principal.agency_ids)


OwnReceipt = Annotated[ReceiptValue, Depends(_receipt)]


def _shown(media_type: str) -> dict[str, Any]:
    content = {"schema": {"type": "string", "contentMediaType": media_type}}
    return {"response_class": Response, "responses": {200: {"content": {media_type: content}}}}


@router.get("/{receipt_id}.pdf", **_shown("application/pdf"))
async def read_pdf(receipt: OwnReceipt, shown: DisplayDep) -> Response:
    """The signed PDF, the display of the receipt; the same bytes every time."""
    return file_response(receipt, await shown.pdf(receipt), "pdf")


@router.get("/{receipt_id}.xml", **_shown("application/xml"))
async def read_xml(receipt: OwnReceipt, shown: DisplayDep) -> Response:
    """The signed XML, the document of record."""
    return file_response(receipt, await shown.xml(receipt), "xml")


@router.get("/{receipt_id}")
async def read_receipt(receipt: OwnReceipt, urls: UrlsDep) -> ReceiptOut:
    """A receipt by its id."""
    return receipt_out(urls, receipt.summary)


def file_response(receipt: ReceiptValue, data: bytes, kind: str) -> Response:
    """A receipt's file, under a name that says which receipt it is."""
    media_type = {"pdf": "application/pdf", "xml": "application/xml"}[kind]
    summary = receipt.summary
    name = f"bien-lai-{summary.symbol}-{summary.number}.{kind}"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(data, media_type=media_type, headers=headers)
