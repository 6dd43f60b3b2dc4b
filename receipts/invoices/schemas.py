"""What the API of invoices takes and gives."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from core.schemas import Instant, RequestModel
from receipts.invoices.accounts import InvoiceAccountValue
from receipts.invoices.queries import InvoiceState, InvoiceValue


class AdjustmentIn(RequestModel):
    """That an invoice was adjusted at its provider: `document` names the adjusting invoice.

    `money_back` is the invoice's as it was read before it was adjusted, in đồng.
    """

    document: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,10}-[0-9]{1,8}$")]
    money_back: Annotated[int, Field(ge=0, le=10_000_000_000_000)]


class AdjustingIn(RequestModel):
    """That an adjusting invoice be asked for; `money_back` is the invoice's as it was read."""

    money_back: Annotated[int, Field(ge=0, le=10_000_000_000_000)]


class WantedInvoiceOut(BaseModel):
    """An invoice of what a bill has of prices, and what became of asking for it.

    Amounts are in đồng. `money_back` is what of `amount` is not with the bill any more; where it is
    not `adjusted`, the invoice `wants_adjustment` at its provider. One that `adjusts` another
    changes what that says by `change`, below 0 where it says less. `due_at` is when it is asked for
    again.
    """

    id: str
    agency: str
    bill: str
    form: str
    symbol: str
    number: int | None
    authority_code: str | None
    lookup_url: str | None
    issued_on: date
    amount: int
    vat_percent: int | None
    state: InvoiceState
    money_back: int
    adjusted: int
    adjusted_by: str | None
    wants_adjustment: bool
    adjusts: str | None
    change: int | None
    attempts: int
    last_error: str | None
    due_at: Instant | None
    created_at: Instant
    issued_at: Instant | None

    @classmethod
    def of(cls, value: InvoiceValue, agency: str) -> "WantedInvoiceOut":
        """The invoice as the API shows it; `agency` is its body's code."""
        same = cls.model_fields.keys() - {"agency", "bill"}
        told = {name: getattr(value, name) for name in same}
        return cls(agency=agency, bill=value.bill_id, **told)


class InvoiceList(BaseModel):
    """Invoices, the newest first; `next_cursor` asks for those that follow."""

    items: list[WantedInvoiceOut]
    next_cursor: str | None


class InvoiceAccountOut(BaseModel):
    """A body's account at a provider of e-invoices, without its credentials.

    Its symbol (ký hiệu) is `coding`, two digits of the year, `making` and `series`.
    """

    id: str
    agency: str
    provider: str
    form: str
    coding: str
    making: str
    series: str
    vat_percent: int | None
    created_at: Instant

    @classmethod
    def of(cls, value: InvoiceAccountValue, agency: str) -> "InvoiceAccountOut":
        """The account as the API shows it; `agency` is its body's code."""
        same = cls.model_fields.keys() - {"agency"}
        return cls(agency=agency, **{name: getattr(value, name) for name in same})


class InvoiceAccountList(BaseModel):
    """The accounts of a body and its units; where there are none, no invoice is made."""

    items: list[InvoiceAccountOut]
