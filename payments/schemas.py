"""A receipt and an invoice as the API shows them, by themselves or with their bill."""

from dataclasses import asdict
from datetime import date
from typing import Literal

from pydantic import BaseModel

from core.schemas import Instant
from payments.summaries import DocumentSummary, InvoiceSummary, ReceiptSummary
from payments.urls import Urls


class ReceiptOut(BaseModel):
    """A receipt of a bill."""

    id: str
    template: str
    symbol: str
    number: int
    code: str
    issued_at: Instant
    amount: int
    status: Literal["numbered", "issued", "replaced", "notified", "refunded", "returned"]
    pdf_url: str
    xml_url: str
    check_url: str


class DocumentOut(BaseModel):
    """What proves a part of a bill that no receipt proves.

    `treasury_slip` has the data of form C1-02/NS for other revenue of the state budget;
    `confirmation` says that a price was paid, and is neither a receipt nor an invoice.
    """

    id: str
    kind: Literal["treasury_slip", "confirmation"]
    amount: int
    issued_at: Instant
    page_url: str


class InvoiceOut(BaseModel):
    """The invoice of what a bill has of prices, of `amount` đồng.

    `number` is null while there is none: it is asked for, or it is `set_aside`, for nobody could
    make it as it was asked for and people look at it. `lookup_url` is where its buyer fetches it.
    """

    id: str
    form: str
    symbol: str
    number: int | None
    authority_code: str | None
    lookup_url: str | None
    issued_on: date
    amount: int
    state: Literal["waiting", "asking", "unknown", "issued", "set_aside"]


def invoice_out(invoice: InvoiceSummary) -> InvoiceOut:
    """An invoice for the API."""
    return InvoiceOut(**asdict(invoice))


def document_out(urls: Urls, document: DocumentSummary) -> DocumentOut:
    """A document for the API, with its address."""
    return DocumentOut(
        id=document.id,
        kind=document.kind,  # type: ignore[arg-type]  # a CHECK keeps it to these values
        amount=document.amount,
        issued_at=document.issued_at,
        page_url=urls.document(document.code),
    )


def receipt_out(urls: Urls, receipt: ReceiptSummary) -> ReceiptOut:
    """A receipt for the API, with its addresses."""
    return ReceiptOut(
        id=receipt.id,
        template=receipt.template,
        symbol=receipt.symbol,
        number=receipt.number,
        code=receipt.code,
        issued_at=receipt.issued_at,
        amount=receipt.amount,
        status=receipt.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
        pdf_url=urls.receipt_file(receipt.code, "pdf", receipt.amount),
        xml_url=urls.receipt_file(receipt.code, "xml", receipt.amount),
        check_url=urls.receipt_check(receipt.code),
    )
