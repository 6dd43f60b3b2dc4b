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
