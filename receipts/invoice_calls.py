"""Having an invoice made: what is asked of a provider of e-invoices, what it says. Pure.

Stall money and what else is a price needs an invoice of who sells (Decree 254/2026/NĐ-CP). An
invoice is asked for with no transaction open, under a key of ours that is the same at every try:
**a provider makes one invoice for a key, whatever it is asked how often.** What comes back is a
value, never an exception:

* `ISSUED`: there is an invoice of that key, with its number;
* `ABSENT`: the provider has never heard of that key (only of `find`);
* `REFUSED`: it will not make it as it is asked for; nothing was made;
* `LATER`: nothing happened, and it may be tried again: no connection, wrong credentials;
* `UNCLEAR`: bytes had left us and no readable answer came back. It is asked about, by the key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from core.errors import FieldError


class InvoiceFate(StrEnum):
    """How a call ended; see the module."""

    ISSUED = "issued"
    ABSENT = "absent"
    REFUSED = "refused"
    LATER = "later"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class InvoiceAnswer:
    """What became of one call.

    Of an invoice that is there: `number`, the tax authority's `authority_code` where it has one,
    `symbol` and `amount` in đồng as the provider has them (None where it does not tell the sum),
    `lookup_url` where its buyer fetches it. `fault` says why there is none, and holds nothing of
    the buyer.
    """

    fate: InvoiceFate
    number: int | None = None
    symbol: str = ""
    amount: int | None = 0
    authority_code: str | None = None
    lookup_url: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class InvoiceParty:
    """Who sells, or who buys; what is not known is empty."""

    name: str = field(default="", repr=False)
    tax_code: str = field(default="", repr=False)
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One item, in đồng: `net` and `vat` are together `amount`, which was paid."""

    description: str
    amount: int
    net: int
    vat: int


@dataclass(frozen=True, slots=True)
class AdjustedInvoice:
    """The invoice that another one adjusts (hóa đơn bị điều chỉnh), as its provider knows it.

    `decreases` says that the adjusting one takes its sums off what this one says, not adds them.
    """

    key: str
    form: str
    symbol: str
    number: int
    issued_on: date
    decreases: bool


@dataclass(frozen=True, slots=True)
class InvoiceOrder:
    """An invoice as it is asked for; `key` is ours. `vat_percent` is None where none is shown.

    `form` and `symbol` are its kind in law (mẫu số, ký hiệu): see `receipts.invoices.law`. One that
    `adjusts` another tells the difference alone, by sums above zero.
    """

    key: str
    form: str
    symbol: str
    issued_on: date
    seller: InvoiceParty
    buyer: InvoiceParty
    lines: tuple[InvoiceLine, ...]
    amount: int
    net: int
    vat: int
    vat_percent: int | None
    payment_method: str
    adjusts: AdjustedInvoice | None = None


@dataclass(frozen=True, slots=True)
class InvoiceAccess:
    """A body's account at a provider of e-invoices."""

    provider: str
    url: str = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)


class InvoiceProviders(Protocol):
    """The providers of e-invoices there are, by name."""

    async def issue(self, access: InvoiceAccess, order: InvoiceOrder) -> InvoiceAnswer:
        """Ask for an invoice, or for the one that there is of its key; never raises for it."""
        ...

    async def find(self, access: InvoiceAccess, key: str) -> InvoiceAnswer:
        """Ask which invoice there is of a key; changes nothing there, never raises for it."""
        ...

    def names(self) -> Sequence[str]:
        """The names of the providers there are."""
        ...

    def faults(self, access: InvoiceAccess) -> Sequence[FieldError]:
        """What is wrong with an account as it is set up, field by field; never tells a value."""
        ...
