"""What a bill's reader sees of its money and of what proves it: values that rooms hand up. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlacedMoney:
    """Where the money of a payment is now, in đồng; what it paid and what waits or is given back.

    `reversed` was no money of a payer, or was taken back. `reason` says why not all of it is with
    its bill, None where it is. Together they are what was credited, less what was given to other
    bills or paid back.
    """

    allocated: int = 0
    suspense: int = 0
    refundable: int = 0
    reversed: int = 0
    reason: str | None = None


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
