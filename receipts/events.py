"""What receipts tells the rest of the house. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from core.events import Event


@dataclass(frozen=True, slots=True)
class ReceiptIssued(Event):
    """A receipt has its number and its signature; it may be shown and delivered."""

    name: ClassVar[str] = "receipt.issued"

    receipt_id: str
    bill_id: str
    agency_id: str
    amount: int
