"""What a bill is made of: what somebody asks to be billed for, and the bill made of it. Pure."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.reliefs import YearlyUse


@dataclass(frozen=True, kw_only=True)
class BillRequest:
    """A bill to create, checked and priced; `payments.bills.create` makes bills of no other thing.

    `opened_on` is the Vietnamese day whose fees the lines have.
    """

    agency_id: str
    lines: tuple[NewLine, ...]
    channel: str
    opened_on: date
    language: str = "vi"
    dossier_number: str | None = None
    return_url: str | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    payer: dict[str, str] | None = field(default=None, repr=False)
    #: keyed hash of the payer's personal number, under which a once-a-year relief is counted
    citizen_hash: str | None = None
    #: keyed hash of the agency and the payer's name (`payments.bills.names`)
    name_hash: str | None = None
    #: id of the earlier bill of the same dossier that this one adds to (thu bổ sung)
    supplement_of: str | None = None

    @property
    def uses(self) -> tuple[YearlyUse, ...]:
        """The reliefs once a year among its lines, each once."""
        return tuple(line.yearly for line in self.lines if line.yearly is not None)

    @property
    def amount(self) -> int:
        """The sum of the lines, in đồng."""
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class NewBill(BillRequest):
    """A bill as it is written first; `amount` and the status follow from the lines."""

    id: str
    reference: str
    created_at: datetime

    @property
    def payable(self) -> int:
        """What a payer may be asked for now, in đồng: all of it, for nothing is under way."""
        return self.amount

    @property
    def status(self) -> str:
        """`open`, or `exempt` where nothing is owed."""
        return "open" if self.amount else "exempt"
