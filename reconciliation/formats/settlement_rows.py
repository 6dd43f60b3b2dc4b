"""The one row that every layout of a gateway's settlement file gives. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

SettlementKind = Literal["payment", "refund", "chargeback", "adjustment"]

#: Kinds whose amounts are what goes back, and count against their batch.
BACK: Final[frozenset[SettlementKind]] = frozenset({"refund", "chargeback"})


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """What a gateway says of one payment that it settles, or of what it takes back or corrects.

    `line_no` is the row as a person counts, from 1. `amount`, `fee` and `net` are whole đồng, and
    `net` is `amount - fee`. Of a payment the gateway pays `net` over; of a refund or chargeback it
    keeps `net` back, the fee being what it gives back of its own: none of these is negative. An
    adjustment is no payment's, and bears its own sign: what is negative the gateway keeps.
    `settled_on` is the day in Vietnam on which it pays over, `paid_at` (aware) when the payer paid,
    None where it is not told. `gateway_ref` is its own number and `order_ref` ours; one of them may
    be empty, of an adjustment both. All text is NFC.
    """

    line_no: int
    batch_ref: str
    settled_on: date
    kind: SettlementKind
    order_ref: str
    gateway_ref: str
    amount: int
    fee: int
    net: int
    paid_at: datetime | None = None

    @property
    def sign(self) -> int:
        """1, or -1 where the amounts count against the batch."""
        return -1 if self.kind in BACK else 1

    @property
    def paid_over(self) -> int:
        """What the row adds to what is paid over, in đồng: negative for what goes back."""
        return self.sign * self.net
