"""What a bill's reader sees of its money and of what proves it: values that rooms hand up. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class PlacedMoney:
    """Where the money of a payment is now, in đồng; what it paid and what waits or is given back.

    `reversed` was no money of a payer, or was taken back; `paying_back` is a refund's that is under
    way, `paid_back` was returned to its payer. `reason` says why not all of it is with its bill,
    None where it is. Together they are what was credited.
    """

    allocated: int = 0
    suspense: int = 0
    refundable: int = 0
    reversed: int = 0
    reason: str | None = None
    paying_back: int = 0
    paid_back: int = 0

    def __add__(self, other: "PlacedMoney") -> "PlacedMoney":
        """The money of two payments together; the reason of the first that has one."""
        return PlacedMoney(
            allocated=self.allocated + other.allocated,
            suspense=self.suspense + other.suspense,
            refundable=self.refundable + other.refundable,
            reversed=self.reversed + other.reversed,
            reason=self.reason or other.reason,
            paying_back=self.paying_back + other.paying_back,
            paid_back=self.paid_back + other.paid_back,
        )

    @property
    def left(self) -> int:
        """What has neither gone nor been promised to go, in đồng."""
        return self.allocated + self.suspense + self.refundable


#: A receipt in one of these states proves nothing any more: another one stands for it, or the bank
#: took its money back.
FALLEN: Final = ("replaced", "returned")


@dataclass(frozen=True, slots=True)
class ReceiptSummary:
    """A receipt of a bill as the bill's reader sees it; `amount` in đồng."""

    id: str
    template: str
    symbol: str
    number: int
    code: str
    issued_at: datetime
    amount: int
    status: str

    @property
    def stands(self) -> bool:
        """Whether it proves anything still."""
        return self.status not in FALLEN


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """What proves a part of a bill that no receipt proves; `amount` in đồng.

    `kind` is `treasury_slip` (other revenue of the state budget) or `confirmation` (a price).
    """

    id: str
    kind: str
    code: str
    amount: int
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceSummary:
    """The invoice of what a bill has of prices, as the bill's reader sees it; `amount` in đồng.

    `number` and what follows is None while there is none; `authority_code` is the tax authority's,
    `lookup_url` where its buyer fetches it. `state` says whether it is still asked for: one that is
    `set_aside` nobody could make, and people look at it.
    """

    id: str
    form: str
    symbol: str
    number: int | None
    authority_code: str | None
    lookup_url: str | None
    issued_on: date
    amount: int
    state: str

    @property
    def is_set_aside(self) -> bool:
        """Whether it is asked for no more until people have looked at it."""
        return self.state == "set_aside"

    @property
    def name(self) -> str:
        """Form, symbol and number, as an invoice is named: 2C26MAA-57."""
        return f"{self.form}{self.symbol}-{self.number}"
