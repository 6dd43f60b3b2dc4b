"""What the rest of the house may know of receipts: frozen values, never rows."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from core.crypto import Cipher
from core.errors import LephiError, NotFound
from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from payments.summaries import FALLEN, DocumentSummary, InvoiceSummary, ReceiptSummary
from receipts.content import ReceiptContent, SignatureNote
from receipts.documents import DocumentContent
from receipts.invoices.queries import invoices_of_bills
from receipts.models import PaymentDocument, Receipt, ReceiptFile, ReceiptSeries

T = TypeVar("T", bound="_ListedReceipt")


class FileDamaged(LephiError):
    """A stored file is not the one that was stored: restore it from a backup."""

    code = "receipt_file_damaged"


@dataclass(frozen=True, slots=True)
class ReceiptValue:
    """A receipt with what it says."""

    summary: ReceiptSummary
    bill_id: str
    agency_id: str
    content: ReceiptContent
    note: SignatureNote


@dataclass(frozen=True, slots=True)
class _ListedReceipt:
    """What a list says of a receipt, with what it has of its series."""

    id: str
    bill_id: str
    template: str
    symbol: str
    number: int
    code: str
    issued_at: datetime
    amount: int
    status: str

    @property
    def summary(self) -> ReceiptSummary:
        """What the reader of its bill sees."""
        return ReceiptSummary(
            id=self.id,
            template=self.template,
            symbol=self.symbol,
            number=self.number,
            code=self.code,
            issued_at=self.issued_at,
            amount=self.amount,
            status=self.status,
        )


@dataclass(frozen=True, slots=True)
class _StoredReceipt(_ListedReceipt):
    """All that is stored of a receipt; `content` is encrypted."""

    agency_id: str
    content: bytes
    signer: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class _StoredFile:
    """A file as it is stored; `data` is encrypted, `sha256` that of the file itself."""

    sha256: str
    data: bytes


def _receipts(kind: type[T], condition: ColumnElement[bool]) -> ValueSelect[T]:
    return (
        values_of(kind, Receipt, ReceiptSeries)
        .join(ReceiptSeries, col(ReceiptSeries.id) == Receipt.series_id)
        .where(condition)
        .order_by(col(Receipt.issued_at), col(Receipt.id))
    )


@dataclass(frozen=True, slots=True)
class _ListedDocument:
    """What a list says of a document."""

    id: str
    bill_id: str
    kind: str
    code: str
    amount: int
    issued_at: datetime

    @property
    def summary(self) -> DocumentSummary:
        """What the reader of its bill sees."""
        return DocumentSummary(
            id=self.id,
            kind=self.kind,
            code=self.code,
            amount=self.amount,
            issued_at=self.issued_at,
        )


class Receipts:
    """The receipts of bills, for `payments`, which may not look here by itself."""

    async def of_bills(
        self, session: ReadSession, bill_ids: Sequence[str]
    ) -> Mapping[str, Sequence[ReceiptSummary]]:
        """The receipts of each bill that has any, in order of issue."""
        if not bill_ids:
            return {}
        found: dict[str, list[ReceiptSummary]] = {}
        for receipt in await session.all(
            _receipts(_ListedReceipt, col(Receipt.bill_id).in_(bill_ids))
        ):
            found.setdefault(receipt.bill_id, []).append(receipt.summary)
        return found

    async def documents_of_bills(
        self, session: ReadSession, bill_ids: Sequence[str]
    ) -> Mapping[str, Sequence[DocumentSummary]]:
        """The documents that prove what no receipt proves, of each bill that has any."""
        if not bill_ids:
            return {}
        found: dict[str, list[DocumentSummary]] = {}
        of_bills = (
            values_of(_ListedDocument, PaymentDocument)
            .where(col(PaymentDocument.bill_id).in_(bill_ids))
            .order_by(col(PaymentDocument.kind))
        )
        for document in await session.all(of_bills):
            found.setdefault(document.bill_id, []).append(document.summary)
        return found

    async def invoices_of_bills(
        self, session: ReadSession, bill_ids: Sequence[str]
    ) -> Mapping[str, InvoiceSummary]:
        """The invoice of each bill that has one, or waits for it."""
        return await invoices_of_bills(session, bill_ids)


async def list_proved_bills(session: ReadSession, bill_ids: Collection[str]) -> set[str]:
    """Those of these bills that have a receipt that stands, or another document."""
    receipts = select(Receipt.bill_id).where(
        col(Receipt.bill_id).in_(bill_ids), col(Receipt.status).not_in(FALLEN)
    )
    return {*await session.all(receipts), *await list_documented_bills(session, bill_ids)}


async def list_documented_bills(session: ReadSession, bill_ids: Collection[str]) -> set[str]:
    """Those of these bills that have a slip or a confirmation, which nothing takes back."""
    documents = select(PaymentDocument.bill_id).where(col(PaymentDocument.bill_id).in_(bill_ids))
    return set(await session.all(documents))


@dataclass(frozen=True, slots=True)
class _StoredDocument:
    """A document as it is stored; `content` is encrypted."""

    id: str
    content: bytes


async def find_document(session: ReadSession, cipher: Cipher, code: str) -> DocumentContent | None:
    """What the document of that code says, None if there is none."""
    stored = await session.first(
        values_of(_StoredDocument, PaymentDocument).where(PaymentDocument.code == code)
    )
    if stored is None:
        return None
    told = json.loads(cipher.decrypt(stored.content, f"document:{stored.id}"))
    return DocumentContent.from_json(told)


async def get_receipt(
    session: ReadSession, cipher: Cipher, key: str, agency_ids: Collection[str]
) -> ReceiptValue:
    """The receipt of that id. Raises `NotFound` if absent or another agency's."""
    found = await session.first(_receipts(_StoredReceipt, col(Receipt.id) == key))
    if found is None or found.agency_id not in agency_ids:
        raise NotFound("Không có biên lai này.")
    return _opened(found, cipher)


async def find_by_code(session: ReadSession, cipher: Cipher, code: str) -> ReceiptValue | None:
    """The receipt of that check code, None if there is none."""
    found = await session.first(_receipts(_StoredReceipt, col(Receipt.code) == code))
    return None if found is None else _opened(found, cipher)


def _opened(receipt: _StoredReceipt, cipher: Cipher) -> ReceiptValue:
    content = json.loads(cipher.decrypt(receipt.content, f"receipt:{receipt.id}"))
    return ReceiptValue(
        summary=receipt.summary,
        bill_id=receipt.bill_id,
        agency_id=receipt.agency_id,
        content=ReceiptContent.from_json(content),
        note=SignatureNote(receipt.signer, receipt.signed_at),
    )


async def find_file(
    session: ReadSession, cipher: Cipher, receipt_id: str, kind: str
) -> bytes | None:
    """A receipt's stored file, None if it was not made yet. Raises `FileDamaged`."""
    stored = await session.first(
        values_of(_StoredFile, ReceiptFile).where(
            ReceiptFile.receipt_id == receipt_id, ReceiptFile.kind == kind
        )
    )
    if stored is None:
        return None
    data = cipher.decrypt(stored.data, f"receipt:{receipt_id}:{kind}")
    if sha256(data).hexdigest() != stored.sha256:
        raise FileDamaged("Tệp biên lai đã bị hỏng.")
    return data


@dataclass(frozen=True, slots=True)
class SeriesValue:
    """A series and how far it has counted."""

    id: str
    agency_id: str
    template: str
    symbol: str
    year: int
    last_number: int
    last_issued_at: datetime | None


async def list_series(session: ReadSession) -> list[SeriesValue]:
    """Every series, by agency and symbol."""
    return await session.all(
        values_of(SeriesValue, ReceiptSeries).order_by(
            col(ReceiptSeries.agency_id), col(ReceiptSeries.symbol)
        )
    )
