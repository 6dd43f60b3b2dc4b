"""What payments tells the rest of the house: ids and amounts only, with a version. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, slots=True)
class BillPaid(Event):
    """A bill is settled: its allocations reach its amount (đồng). It calls for a receipt."""

    name: ClassVar[str] = "bill.paid"

    bill_id: str
    agency_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class BillReopened(Event):
    """A settled bill is owed again: its money was none, or the bank took it back."""

    name: ClassVar[str] = "bill.reopened"

    bill_id: str
    agency_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class StallCreditWaits(Event):
    """Money on a stall's reference waits for what is owed there; `amount` is what came, in đồng.

    Told when it comes, and again when more is owed.
    """

    name: ClassVar[str] = "stall_credit.waits"

    payment_id: str
    agency_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class CollectorDepositWaits(Event):
    """Money on a hand-over's reference waits to clear what its collector took; `amount` in đồng.

    Told when it comes, and again when the hand-over is counted.
    """

    name: ClassVar[str] = "collector_deposit.waits"

    payment_id: str
    agency_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class RefundPaid(Event):
    """A refund has left the account. `amount` đồng of it the bill `bill_id` had been given.

    Its receipt says more than the body has kept, unless that is 0. `bill_id` is "" where the money
    was no bill's.
    """

    name: ClassVar[str] = "refund.paid"

    refund_id: str
    agency_id: str
    bill_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class RefundUnproved(Event):
    """The statement that showed a refund leave was withdrawn; the rest is as in `RefundPaid`."""

    name: ClassVar[str] = "refund.unproved"

    refund_id: str
    agency_id: str
    bill_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class StallImportWaits(Event):
    """A file of stalls has rows that are not taken yet. Told again while it has any."""

    name: ClassVar[str] = "stall_import.waits"

    import_id: str
    agency_id: str


@dataclass(frozen=True, slots=True)
class DebtListWaits(Event):
    """A list of debts has rows that are no bills yet. Told again while it has any."""

    name: ClassVar[str] = "debt_list.waits"

    list_id: str
    agency_id: str
