"""Invoices as frozen values: what was asked for, and what became of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlmodel import col

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.summaries import InvoiceSummary
from receipts.invoices.models import Invoice

InvoiceState = Literal["waiting", "asking", "unknown", "issued", "dropped", "set_aside"]

_ROW = Invoice
#: Money of an invoice that is not with its bill, and that nobody has adjusted for.
_WANTING = (col(_ROW.state) == "issued", col(_ROW.money_back) != col(_ROW.adjusted))


@dataclass(frozen=True, slots=True)
class InvoiceValue:
    """An invoice without its buyer; amounts are in đồng.

    `account_id` is where it was asked for last, `vat_percent` the tax in `amount`, `money_back`
    what is not with the bill any more, `adjusted` for how much of that the invoice was adjusted,
    by `adjusted_by`. One that `adjusts` another changes what that says by `change`, below 0 where
    it says less then.
    """

    id: str
    agency_id: str
    account_id: str
    bill_id: str
    form: str
    symbol: str
    number: int | None
    authority_code: str | None
    lookup_url: str | None
    issued_on: date
    amount: int
    vat_percent: int | None
    state: str
    money_back: int
    adjusted: int
    adjusted_by: str | None
    adjusts: str | None
    change: int | None
    attempts: int
    last_error: str | None
    due_at: datetime | None
    created_at: datetime
    issued_at: datetime | None

    @property
    def wants_adjustment(self) -> bool:
        """Whether it says another sum than the body has of it."""
        return self.state == "issued" and self.money_back != self.adjusted

    @property
    def may_be_replayed(self) -> bool:
        """Whether it waits for a person to have it asked for again."""
        return self.state == "set_aside"


_INVOICES = values_of(InvoiceValue, _ROW)


async def get_invoice(
    session: ReadSession, invoice_id: str, within: Collection[str] | None
) -> InvoiceValue:
    """An invoice of one of the bodies `within` (None: of any). Raises `NotFound`."""
    wanted = _INVOICES.where(col(_ROW.id) == invoice_id)
    if within is not None:
        wanted = wanted.where(col(_ROW.agency_id).in_(within))
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có hóa đơn này.")
    return found


async def list_invoices(
    session: ReadSession,
    within: Collection[str] | None,
    *,
    state: InvoiceState | None = None,
    wanting: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[InvoiceValue]:
    """The invoices of some bodies (None: of all), the newest first.

    Only those of one state, or that `wanting` says are to be adjusted.
    """
    wanted = _INVOICES.order_by(col(_ROW.id).desc()).limit(limit + 1)
    if within is not None:
        wanted = wanted.where(col(_ROW.agency_id).in_(within))
    if state is not None:
        wanted = wanted.where(col(_ROW.state) == state)
    if wanting:
        wanted = wanted.where(*_WANTING)
    if cursor is not None:
        wanted = wanted.where(col(_ROW.id) < cursor)
    return page_of(await session.all(wanted), limit, lambda one: one.id)


async def list_adjusting(session: ReadSession, invoice_id: str) -> list[InvoiceValue]:
    """The invoices that adjust this one, the oldest first, however far each is."""
    wanted = _INVOICES.where(col(_ROW.adjusts) == invoice_id)
    return await session.all(wanted.order_by(col(_ROW.id)))


@dataclass(frozen=True, slots=True)
class _SummedInvoice:
    bill_id: str
    id: str
    form: str
    symbol: str
    number: int | None
    authority_code: str | None
    lookup_url: str | None
    issued_on: date
    amount: int
    state: str


async def invoices_of_bills(
    session: ReadSession, bill_ids: Collection[str]
) -> Mapping[str, InvoiceSummary]:
    """The invoice of each bill that has one or waits for it; one that was dropped is none."""
    if not bill_ids:
        return {}
    wanted = values_of(_SummedInvoice, _ROW).where(
        col(_ROW.bill_id).in_(bill_ids),
        col(_ROW.state) != "dropped",
        col(_ROW.adjusts).is_(None),
    )
    return {
        one.bill_id: InvoiceSummary(
            one.id,
            one.form,
            one.symbol,
            one.number,
            one.authority_code,
            one.lookup_url,
            one.issued_on,
            one.amount,
            one.state,
        )
        for one in await session.all(wanted)
    }
