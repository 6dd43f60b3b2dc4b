"""Writing what proves the lines that no receipt proves, in the transaction that issues receipts.

A bill has at most one document of each kind: a repeated delivery changes nothing, and two workers
write it once.
"""

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.dialects.postgresql import insert

from core import audit
from core.crypto import Cipher, new_token
from core.ids import new_id
from core.json import canonical
from core.sessions import WriteSession
from payments.books.queries import ReceiptSource
from receipts.content import Delegate, Issuer, Payer
from receipts.documents import (
    DocumentContent,
    DocumentKind,
    DocumentLine,
    kind_of,
    kinds_among,
)
from receipts.models import PaymentDocument
from receipts.words import amount_in_words

WRITTEN = "payment_document.written"


async def write_documents(
    session: WriteSession,
    cipher: Cipher,
    source: ReceiptSource,
    parties: tuple[Issuer, Payer, Payer, Delegate],
    *,
    at: datetime,
    payment_method: str,
    demo: bool,
    actor: str,
) -> None:
    """Write the slips and confirmations that a settled bill needs; those that are there stay."""
    costing = [line for line in source.lines if line.amount]
    issuer, payer, on_behalf_of, delegate = parties
    for kind in kinds_among(line.nature for line in costing):
        lines = document_lines(source, kind)
        amount = sum(line.amount for line in lines)
        told = (payer, on_behalf_of)
        if kind is DocumentKind.TREASURY_SLIP:
            told = _taxpayers(source, payer, on_behalf_of)
        content = DocumentContent(
            kind=kind,
            issued_at=at,
            paid_at=source.paid_at,
            issuer=issuer,
            lines=lines,
            amount=amount,
            amount_in_words=amount_in_words(amount),
            payment_method=payment_method,
            reference=source.reference,
            payer=told[0],
            on_behalf_of=told[1],
            delegate=delegate,
            dossier_number=source.dossier_number or "",
            demo=demo,
        )
        document_id = new_id("doc")
        row = {
            "id": document_id,
            "bill_id": source.bill_id,
            "agency_id": source.agency_id,
            "kind": kind.value,
            "code": new_token(bits=60),
            "amount": amount,
            "issued_at": at,
            "content": cipher.encrypt(canonical(content.to_json()), f"document:{document_id}"),
        }
        once = insert(PaymentDocument).on_conflict_do_nothing(index_elements=["bill_id", "kind"])
        if await session.write(once, row):
            details = {"bill": source.bill_id, "kind": kind.value}
            await audit.record(
                session, actor=actor, action=WRITTEN, object_id=document_id, details=details
            )


def _taxpayers(source: ReceiptSource, payer: Payer, on_behalf_of: Payer) -> tuple[Payer, Payer]:
    """The parties, the one who owes it with the tax number that the notice names."""
    noticed = source.payer.get("tax_number", "")
    if on_behalf_of != Payer():
        return payer, replace(on_behalf_of, tax_code=on_behalf_of.tax_code or noticed)
    return replace(payer, tax_code=payer.tax_code or noticed), on_behalf_of


def document_lines(source: ReceiptSource, kind: DocumentKind) -> tuple[DocumentLine, ...]:
    """The lines of a bill that belong on a document of that kind."""
    lines = []
    for line in source.lines:
        if line.amount and kind_of(line.nature) is kind:
            notice = line.notice or {}
            lines.append(
                DocumentLine(
                    description=line.description,
                    amount=line.amount,
                    quantity=line.quantity,
                    copies=line.copies,
                    unit=line.unit,
                    sub_item=line.sub_item or "",
                    chapter=notice.get("chapter", ""),
                    notice=notice.get("number", ""),
                    notice_on=date.fromisoformat(told)
                    if (told := notice.get("issued_on"))
                    else None,
                    treasury=notice.get("treasury", ""),
                )
            )
    return tuple(lines)
