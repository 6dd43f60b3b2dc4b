"""Writing down which invoices are wanted, and what of their money has gone back since.

A bill has one invoice for ever, whatever is told of it how often: a sale is one sale, also where
the bank took its money back and it was paid again.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from core import audit, clock
from core.ids import new_id
from core.json import canonical
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.books.queries import ReceiptSource, list_receipt_sources
from payments.refunds.queries import sum_paid_back
from receipts.commands import parties_of, payment_methods
from receipts.content import Payer
from receipts.documents import DocumentKind, kind_of
from receipts.invoice_calls import InvoiceParty
from receipts.invoices.accounts import (
    OpenAccount,
    find_invoice_account,
    has_invoice_accounts,
)
from receipts.invoices.context import InvoiceContext
from receipts.invoices.models import Invoice

ACTOR = "system:invoices"

_ROW = Invoice


async def order_invoices(
    session: WriteSession, context: InvoiceContext, bill_ids: Sequence[str]
) -> None:
    """Want an invoice for what each of these settled bills has of prices, where it has none.

    Only where the body, or one above it, has a provider. One that no provider has heard of says
    how it is paid now: its money may have gone back and come again from elsewhere.
    """
    if not await has_invoice_accounts(session):
        return
    await lock_bills(session, bill_ids)
    cipher, accounts = context.cipher, dict[str, OpenAccount | None]()
    for source in await list_receipt_sources(session, cipher, bill_ids):
        if not _prices_of(source):
            continue
        if source.agency_id not in accounts:
            found = await find_invoice_account(session, cipher, source.agency_id)
            accounts[source.agency_id] = found
        account = accounts[source.agency_id]
        if account is not None:
            await _order(session, context, source, account)
    await note_money_back(session, bill_ids)


async def _order(
    session: WriteSession, context: InvoiceContext, source: ReceiptSource, account: OpenAccount
) -> None:
    now, invoice_id = clock.now(), new_id("invoice")
    day = clock.business_date(now)
    costing = _prices_of(source)
    content = {
        **_parties(source),
        "lines": costing,
        "payment_method": payment_methods(source.gateways, context.gateway_title),
    }
    once = insert(_ROW).on_conflict_do_nothing(
        index_elements=["bill_id"], index_where=col(_ROW.adjusts).is_(None)
    )
    row = {
        "id": invoice_id,
        "bill_id": source.bill_id,
        "agency_id": source.agency_id,
        "account_id": account.id,
        "form": account.kind.form,
        "symbol": account.kind.symbol_in(day.year),
        "issued_on": day,
        "amount": sum(amount for _, amount in costing),
        "content": context.cipher.encrypt(canonical(content), f"invoice:{invoice_id}"),
        "state": "waiting",
        "money_back": 0,
        "adjusted": 0,
        "due_at": now,
        "waits_since": now,
        "turn": 0,
        "attempts": 0,
        "created_at": now,
    }
    if await session.write(once, row):
        return
    unheard = (
        col(_ROW.bill_id) == source.bill_id,
        col(_ROW.adjusts).is_(None),
        col(_ROW.state).in_(("waiting", "dropped")),
    )
    known = await session.first(select(_ROW.id).where(*unheard))
    if known is not None:
        sealed = context.cipher.encrypt(canonical(content), f"invoice:{known}")
        await session.write(update(_ROW).where(*unheard).values(content=sealed))


def _prices_of(source: ReceiptSource) -> list[tuple[str, int]]:
    return [
        (line.description, line.amount)
        for line in source.lines
        if line.amount and kind_of(line.nature) is DocumentKind.CONFIRMATION
    ]


def _parties(source: ReceiptSource) -> dict[str, dict[str, str]]:
    """Who sells and who buys: whoever owes it, where somebody else paid."""
    issuer, payer, on_behalf_of, _ = parties_of(source)
    bought = payer if on_behalf_of == Payer() else on_behalf_of
    return {
        "seller": asdict(InvoiceParty(issuer.name, issuer.tax_code, issuer.address)),
        "buyer": asdict(InvoiceParty(bought.name, bought.tax_code, bought.address)),
    }


@dataclass(frozen=True, slots=True)
class _LockedInvoice:
    """An invoice that nobody else changes before our transaction ends; amounts in đồng."""

    id: str
    bill_id: str
    amount: int
    money_back: int


async def note_money_back(session: WriteSession, bill_ids: Collection[str]) -> None:
    """Write on the invoices of these bills what of their money is not with them any more.

    All of it where the bill is not settled, else what refunds have given back. Where a bill has
    other lines too, nobody can say which of them was given back: then it is counted here first. One
    that was dropped, because all of its money had gone back, is wanted again where that is no more.
    """
    bills = await lock_bills(session, bill_ids)
    wanted = values_of(_LockedInvoice, _ROW).where(
        col(_ROW.bill_id).in_(bill_ids), col(_ROW.adjusts).is_(None)
    )
    found = await session.lock_all(wanted.order_by(col(_ROW.id)))
    if not found:
        return
    settled = [one.id for one in bills if one.status == "paid"]
    back = dict.fromkeys(settled, 0) | await sum_paid_back(session, settled)
    for one in found:
        after = min(back.get(one.bill_id, one.amount), one.amount)
        if after == one.money_back:
            continue
        this = update(_ROW).where(col(_ROW.id) == one.id)
        await session.write(this.values(money_back=after))
        if after < one.amount:
            now = clock.now()
            again = this.where(col(_ROW.state) == "dropped")
            await session.write(again.values(state="waiting", due_at=now, waits_since=now))
        await audit.record(
            session,
            actor=ACTOR,
            action="invoice.money_back",
            object_id=one.id,
            details={"before": one.money_back, "money_back": after},
        )
