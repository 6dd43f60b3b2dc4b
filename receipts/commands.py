"""Issuing receipts: a number, the frozen content, and the signed XML, for a batch of settled bills.

The whole batch is one transaction, and the outbox's delivered mark is in it too: a crash at any
line leaves neither a number without a receipt nor a receipt that is made twice. A bill that has
its receipt already is passed over, so a repeated delivery changes nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import audit, clock, failpoints
from core.clocks import require_agreement
from core.crypto import Cipher, new_token
from core.db import hit_after_commit
from core.ids import new_id
from core.json import canonical
from core.outbox import emit
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.bills.queries import LineValue
from payments.books.queries import ReceiptSource, list_receipt_sources
from payments.summaries import FALLEN
from receipts.content import (
    Delegate,
    Issuer,
    Payer,
    ReceiptContent,
    ReceiptLine,
    ReplacedReceipt,
)
from receipts.documents import kind_of
from receipts.events import ReceiptIssued
from receipts.law import rules_on
from receipts.models import Receipt, ReceiptFile, ReceiptSeries
from receipts.numbering import Counter, lock_series, save
from receipts.ports import Signer
from receipts.signing import sign
from receipts.slips import write_documents
from receipts.words import amount_in_words

ACTOR = "system:receipts"

_TRANSFER = "Chuyển khoản"
_CASH = "Tiền mặt (người thu nhận)"


@dataclass(frozen=True, slots=True)
class IssuingContext:
    """What issuing needs beside a session."""

    cipher: Cipher = field(repr=False)
    signer: Signer
    #: the address of a receipt's check page, from its code
    check_url: Callable[[str], str]
    #: a gateway's title in Vietnamese, from its name
    gateway_title: Callable[[str], str]
    #: marks receipts without legal value
    demo: bool


@dataclass(frozen=True, slots=True)
class _ReturnedReceipt:
    """A receipt whose money the bank took back."""

    id: str
    bill_id: str
    template: str
    symbol: str
    number: int
    issued_on: date

    @property
    def as_replaced(self) -> ReplacedReceipt:
        """As the receipt that takes its place names it."""
        return ReplacedReceipt(self.template, self.symbol, self.number, self.issued_on)


async def issue(session: WriteSession, issuing: IssuingContext, bill_ids: Sequence[str]) -> None:
    """Issue the receipts of settled bills in the caller's transaction.

    Lines that are neither phí nor lệ phí go on documents of their own (`receipts.slips`).

    Raises what the signer raises, and `ClocksDisagree` where today cannot be believed; then the
    whole transaction must go, numbers included.
    """
    await require_agreement(session)
    # Money that turns out to be none reopens its bill only while that has no receipt.
    await lock_bills(session, bill_ids)
    sources = await list_receipt_sources(session, issuing.cipher, bill_ids)
    # A receipt bears the day of its issue and a number of that day's year, however long ago the
    # money came: read once, so that the series locked is the one of the day that is written.
    at = clock.now()
    year = clock.business_date(at).year
    proved = [source for source in sources if _receipt_lines(source)]
    counters = await lock_series(session, {(source.agency_id, year) for source in proved})
    # Under the series' locks nobody else can be issuing for these bills.
    bills = [source.bill_id for source in proved]
    standing = col(Receipt.status).not_in(FALLEN)
    with_receipt = select(Receipt.bill_id).where(col(Receipt.bill_id).in_(bills), standing)
    done = set(await session.all(with_receipt))
    fallen = {one.bill_id: one for one in await _list_returned(session, bills)}
    for source in proved:
        if source.bill_id not in done:
            counter = counters[source.agency_id, year]
            before = fallen.get(source.bill_id)
            made = await _issue_one(session, issuing, source, counter, at, before)
            if before is not None:
                await _end(session, before.id, "replaced", ACTOR, {"by": made})
    for counter in counters.values():
        await save(session, counter)
    for source in sources:
        await write_documents(
            session,
            issuing.cipher,
            source,
            parties_of(source),
            at=at,
            payment_method=payment_methods(source.gateways, issuing.gateway_title),
            demo=issuing.demo,
            actor=ACTOR,
        )
    failpoints.hit("receipt.before_commit")
    hit_after_commit(session, "receipt.after_commit")


async def _issue_one(
    session: WriteSession,
    issuing: IssuingContext,
    source: ReceiptSource,
    counter: Counter,
    at: datetime,
    before: _ReturnedReceipt | None = None,
) -> str:
    number, issued_at = counter.take(at)
    failpoints.hit("receipt.after_number")
    code = new_token(bits=60)
    day = clock.business_date(issued_at)
    content = content_of(source, counter, number, day, code, issuing)
    if before is not None:
        content = replace(content, replaces=before.as_replaced)
    signed = await asyncio.to_thread(sign, content, issuing.signer)
    receipt_id = new_id("rcpt")
    receipt = {
        "id": receipt_id,
        "series_id": counter.id,
        "number": number,
        "agency_id": source.agency_id,
        "bill_id": source.bill_id,
        "code": code,
        "status": "issued",
        "amount": content.amount,
        "issued_on": content.issued_on,
        "issued_at": issued_at,
        "content": issuing.cipher.encrypt(canonical(content.to_json()), f"receipt:{receipt_id}"),
        "signer": signed.note.signer,
        "signed_at": signed.note.signed_at,
        "paid_at": source.paid_at,
    }
    document = {
        "receipt_id": receipt_id,
        "kind": "xml",
        "sha256": sha256(signed.xml).hexdigest(),
        "data": issuing.cipher.encrypt(signed.xml, f"receipt:{receipt_id}:xml"),
        "created_at": issued_at,
    }
    await session.write(insert(Receipt), receipt)
    await session.write(insert(ReceiptFile), document)
    details = {"bill": source.bill_id, "symbol": counter.symbol, "number": number}
    await audit.record(
        session, actor=ACTOR, action=ReceiptIssued.name, object_id=receipt_id, details=details
    )
    await emit(session, ReceiptIssued(receipt_id, source.bill_id, source.agency_id, content.amount))
    return receipt_id


async def withdraw_receipts(
    session: WriteSession, bill_ids: Collection[str], *, actor: str
) -> list[str]:
    """The receipts of these bills prove nothing any more: the bank took their money back.

    The caller has locked the bills, which are to be paid again; the next receipt of each replaces
    its own (TT 91/2026/TT-BTC, Điều 20). The ids of those that stood.
    """
    standing = select(Receipt.id).where(
        col(Receipt.bill_id).in_(bill_ids), col(Receipt.status).not_in(FALLEN)
    )
    found = await session.all(standing.order_by(col(Receipt.id)))
    for receipt_id in found:
        await _end(session, receipt_id, "returned", actor, {})
    return found


async def _list_returned(session: ReadSession, bill_ids: Sequence[str]) -> list[_ReturnedReceipt]:
    returned = (
        values_of(_ReturnedReceipt, Receipt, ReceiptSeries)
        .join(ReceiptSeries, col(ReceiptSeries.id) == col(Receipt.series_id))
        .where(col(Receipt.bill_id).in_(bill_ids), col(Receipt.status) == "returned")
    )
    return await session.all(returned)


async def _end(
    session: WriteSession, receipt_id: str, status: str, actor: str, details: dict[str, str]
) -> None:
    changed = update(Receipt).where(col(Receipt.id) == receipt_id).values(status=status)
    await session.write(changed)
    await audit.record(
        session, actor=actor, action=f"receipt.{status}", object_id=receipt_id, details=details
    )


def content_of(
    source: ReceiptSource,
    counter: Counter,
    number: int,
    day: date,
    code: str,
    issuing: IssuingContext,
) -> ReceiptContent:
    """What the receipt of a settled bill says on its day, of the charges and fees among them."""
    of_receipt = _receipt_lines(source)
    lines = written_lines(source)
    fees = (
        basis
        for line in of_receipt
        for basis in (line.basis, (line.relief or {}).get("basis"))
        if basis
    )
    basis = tuple(dict.fromkeys((*fees, *rules_on(day).basis)))
    amount = sum(line.amount for line in lines)
    issuer, payer, on_behalf_of, delegate = parties_of(source)
    return ReceiptContent(
        template=counter.template,
        symbol=counter.symbol,
        number=number,
        issued_on=day,
        issuer=issuer,
        lines=lines,
        amount=amount,
        amount_in_words=amount_in_words(amount),
        payment_method=payment_methods(source.gateways, issuing.gateway_title),
        check_code=code,
        check_url=issuing.check_url(code),
        payer=payer,
        on_behalf_of=on_behalf_of,
        delegate=delegate,
        dossier_number=source.dossier_number or "",
        reference=source.reference,
        legal_basis=basis,
        paid_at=source.paid_at,
        demo=issuing.demo,
    )


def written_lines(source: ReceiptSource) -> tuple[ReceiptLine, ...]:
    """The lines that a receipt proves, as it says them."""
    return tuple(
        ReceiptLine(
            description=line.description,
            amount=line.amount,
            quantity=line.quantity,
            unit=line.unit,
            copies=line.copies,
            sub_item=line.sub_item or "",
            description_en=line.description_en or "",
        )
        for line in _receipt_lines(source)
    )


def _receipt_lines(source: ReceiptSource) -> list[LineValue]:
    """The lines that a receipt proves; those that cost nothing are left out."""
    return [line for line in source.lines if line.amount and kind_of(line.nature) is None]


def parties_of(source: ReceiptSource) -> tuple[Issuer, Payer, Payer, Delegate]:
    """Who collected, from whom, for whom it was paid, and who collects for the body."""

    def told(name: str) -> str:
        return source.payer.get(name, "")

    return (
        Issuer(
            name=source.agency_name,
            name_en=source.agency_name_en,
            tax_code=source.agency_tax_code,
            address=source.agency_address,
            phone=source.agency_phone,
            account=source.account,
        ),
        Payer(
            name=told("name"),
            address=told("address"),
            tax_code=told("payer_tax_number"),
            identity=told("identity_number"),
        ),
        Payer(
            name=told("behalf_name"),
            address=told("behalf_address"),
            tax_code=told("behalf_tax_number"),
        ),
        Delegate(name=told("delegate_name"), address=told("delegate_address")),
    )


def payment_methods(gateways: Sequence[str], title: Callable[[str], str]) -> str:
    """How a bill was paid, in words; `bank` is a transfer, whichever feed told of it."""
    own = {"bank": _TRANSFER, "cash": _CASH}
    ways = (own.get(g) or f"Thanh toán trực tuyến ({title(g)})" for g in gateways)
    return " + ".join(ways) or _TRANSFER
