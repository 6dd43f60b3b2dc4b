"""The books compared with what was signed: each receipt's row, content, file and bill agree.

Rows can be changed by whoever has the database in hand; the signed XML cannot, and the key that
seals content and files is not in the database. So the XML is opened and verified against the
certificates that the operator keeps, and what stands in the rows is held against it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256

from sqlalchemy import String, any_, cast, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core.clock import business_date
from core.crypto import Cipher, DecryptionFailed
from core.sessions import ReadSession
from core.statements import values_of
from payments.books.queries import ReceiptSource, list_receipt_sources
from payments.summaries import FALLEN
from receipts.commands import parties_of, written_lines
from receipts.content import LONGEST_DOSSIER, ReceiptContent
from receipts.documents import DocumentContent
from receipts.models import PaymentDocument, Receipt, ReceiptFile, ReceiptSeries
from receipts.text import clean
from receipts.verification import InvalidReason, VerificationResult, verify_each

#: How many receipts are looked at together.
BATCH = 200
#: How many are verified in one go by one process.
_SHARE = 25


@dataclass(frozen=True, slots=True)
class IssuedReceipt:
    """All that the tables say of a receipt; `content` is encrypted."""

    id: str
    bill_id: str
    agency_id: str
    owner: str
    template: str
    symbol: str
    number: int
    code: str
    status: str
    amount: int
    issued_on: date
    issued_at: datetime
    signer: str
    signed_at: datetime
    paid_at: datetime | None
    content: bytes


@dataclass(frozen=True, slots=True)
class FileRow:
    """A stored file of a receipt; `data` is encrypted."""

    receipt_id: str
    kind: str
    sha256: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Opener:
    """What opens and judges documents: the key of fields, and the certificates to trust (PEM)."""

    cipher: Cipher = field(repr=False)
    certificates: bytes
    #: runs processor work in other processes; None is here
    elsewhere: Callable[..., Awaitable[list[VerificationResult]]] | None = None

    async def verify(self, files: Sequence[bytes]) -> list[VerificationResult]:
        """The verdict of each file, in order; many of them on several processors."""
        if self.elsewhere is None or len(files) <= _SHARE:
            return await asyncio.to_thread(verify_each, files, self.certificates)
        shares = [files[start : start + _SHARE] for start in range(0, len(files), _SHARE)]
        work = [self.elsewhere(verify_each, share, self.certificates) for share in shares]
        return [result for share in await asyncio.gather(*work) for result in share]


_RECEIPTS = (
    values_of(
        IssuedReceipt, Receipt, ReceiptSeries, owner=col(ReceiptSeries.agency_id).label("owner")
    )
    .join(ReceiptSeries, col(ReceiptSeries.id) == Receipt.series_id)
    .order_by(col(Receipt.id))
)


async def disagreements(
    session: ReadSession, opener: Opener, bill_ids: Sequence[str] | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """Batch by batch: how many receipts were looked at, and a line for each thing that differs.

    `bill_ids` are the bills whose receipts are looked at; None is all.
    """
    if bill_ids is not None:
        for start in range(0, len(bill_ids), BATCH):
            some = col(Receipt.bill_id).in_(bill_ids[start : start + BATCH])
            receipts = await session.all(_RECEIPTS.where(some))
            yield len(receipts), await _judge(session, opener, receipts)
        return
    after = ""
    while receipts := await session.all(_RECEIPTS.where(col(Receipt.id) > after).limit(BATCH)):
        after = receipts[-1].id
        yield len(receipts), await _judge(session, opener, receipts)


async def _judge(
    session: ReadSession, opener: Opener, receipts: Sequence[IssuedReceipt]
) -> list[str]:
    sources, lines = await _sources(session, opener.cipher, [r.bill_id for r in receipts])
    opened: dict[str, bytes] = {}
    ids = [receipt.id for receipt in receipts]
    files = values_of(FileRow, ReceiptFile).where(col(ReceiptFile.receipt_id).in_(ids))
    for file in await session.all(files):
        data = _open(opener.cipher, file.data, f"receipt:{file.receipt_id}:{file.kind}")
        if data is None or sha256(data).hexdigest() != file.sha256:
            lines.append(_line(file.receipt_id, f"its {file.kind} is not the one that was stored"))
        elif file.kind == "xml":
            opened[file.receipt_id] = data
    results = await opener.verify(list(opened.values()))
    verdicts = dict(zip(opened, results, strict=True))
    for receipt in receipts:
        if receipt.id in verdicts:
            source = sources.get(receipt.bill_id)
            found = _faults(opener.cipher, receipt, verdicts[receipt.id], source)
            lines.extend(_line(receipt.id, fault) for fault in found)
    return lines


def _line(receipt_id: str, fault: str) -> str:
    return f"a receipt's rows say what was signed: {receipt_id} ({fault})"


async def _sources(
    session: ReadSession, cipher: Cipher, bill_ids: Sequence[str]
) -> tuple[dict[str, ReceiptSource], list[str]]:
    """What settled bills give to their receipts, and the bills whose payer cannot be read."""
    try:
        found = await list_receipt_sources(session, cipher, bill_ids)
    except DecryptionFailed:
        found, lines = [], []
        for bill_id in bill_ids:
            try:
                found += await list_receipt_sources(session, cipher, [bill_id])
            except DecryptionFailed:
                lines.append(f"a bill's payer data is its own: {bill_id}")
        return {source.bill_id: source for source in found}, lines
    return {source.bill_id: source for source in found}, []


def _faults(
    cipher: Cipher,
    receipt: IssuedReceipt,
    verdict: VerificationResult,
    source: ReceiptSource | None,
) -> Iterator[str]:
    """What a receipt's rows say otherwise than its signed document."""
    reasons = [reason for reason in verdict.reasons if reason not in _OF_CLOCKS]
    if reasons or verdict.content is None:
        yield f"its signature does not hold: {', '.join(reasons)}"
        return
    signed = verdict.content
    content = _open(cipher, receipt.content, f"receipt:{receipt.id}")
    if content is None:
        yield "its content does not open"
    elif ReceiptContent.from_json(json.loads(content)) != signed:
        yield "its content"
    told = {
        "template": (receipt.template, signed.template),
        "symbol": (receipt.symbol, signed.symbol),
        "number": (receipt.number, signed.number),
        "code": (receipt.code, signed.check_code),
        "amount": (receipt.amount, signed.amount),
        "day": (receipt.issued_on, signed.issued_on),
        "day of its time": (business_date(receipt.issued_at), signed.issued_on),
        "signer": (receipt.signer, verdict.signer),
        "time of signing": (receipt.signed_at, verdict.signed_at),
        "body": (receipt.agency_id, receipt.owner),
    }
    if receipt.status in FALLEN:
        pass  # its money was taken back: the bill has another moment of payment, or none
    elif source is None:
        yield "its bill is not settled"
    else:
        told |= _of_bill(receipt, signed, source)
    for name, (stored, said) in told.items():
        if stored != said:
            yield f"its {name} is {_shown(name, stored)}, signed was {_shown(name, said)}"


def _of_bill(
    receipt: IssuedReceipt, signed: ReceiptContent, source: ReceiptSource
) -> dict[str, tuple[object, object]]:
    """What a receipt's bill says beside what was signed."""
    told: dict[str, tuple[object, object]] = {
        "body in the books": (source.agency_id, receipt.agency_id),
        "reference": (source.reference, signed.reference),
        "dossier": (clean(source.dossier_number or "", LONGEST_DOSSIER), signed.dossier_number),
    }
    if signed.paid_at is None:  # of before migration 0014: it said less, and some of it otherwise
        return told
    _, payer, on_behalf_of, delegate = parties_of(source)
    return told | {
        "lines": (written_lines(source), signed.lines),
        "payer": (payer, signed.payer),
        "party it was paid for": (on_behalf_of, signed.on_behalf_of),
        "delegate": (delegate, signed.delegate),
        "moment of payment": (_second(source.paid_at), signed.paid_at),
        "moment of payment in its row": (
            None if receipt.paid_at is None else _second(receipt.paid_at),
            signed.paid_at,
        ),
    }


#: A clock that was ahead is another matter: what was signed is the same.
_OF_CLOCKS = frozenset({InvalidReason.SIGNED_IN_FUTURE})

#: What is personal, or long: that it differs is said, and not how.
_UNSAID = frozenset({"payer", "party it was paid for", "delegate", "lines", "code"})


def _shown(name: str, value: object) -> str:
    return "another" if name in _UNSAID else str(value)


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _open(cipher: Cipher, sealed: bytes, context: str) -> bytes | None:
    try:
        return cipher.decrypt(bytes(sealed), context)
    except DecryptionFailed:
        return None


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """All that the tables say of a confirmation or a slip; `content` is encrypted."""

    id: str
    bill_id: str
    kind: str
    amount: int
    issued_at: datetime
    content: bytes


async def document_disagreements(session: ReadSession, cipher: Cipher) -> AsyncIterator[str]:
    """A line for each confirmation or slip whose row says otherwise than its sealed content."""
    wanted = values_of(StoredDocument, PaymentDocument).order_by(col(PaymentDocument.id))
    async for document in session.each(wanted):
        said = "a document's row says what its content says: " + document.id
        content = _open(cipher, document.content, f"document:{document.id}")
        if content is None:
            yield f"{said} does not open"
            continue
        told = DocumentContent.from_json(json.loads(content))
        kept = (document.kind, document.amount, document.issued_at)
        if kept != (told.kind.value, told.amount, told.issued_at):
            yield said


async def count_receipts(session: ReadSession) -> int:
    """How many receipts there are to look at."""
    return await session.one(select(func.count()).select_from(Receipt))


async def bills_of(session: ReadSession, object_ids: Sequence[str]) -> list[str]:
    """The bills among some objects, and those that the receipts among them are of."""
    bills = [one for one in object_ids if one.startswith("bill_")]
    receipts = [one for one in object_ids if one.startswith("rcpt_")]
    known = col(Receipt.id) == any_(cast(receipts, ARRAY(String)))
    return sorted({*bills, *await session.all(select(Receipt.bill_id).where(known))})
