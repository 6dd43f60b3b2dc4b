"""What matching a day is given and what it gives: lines, matches, discrepancies, places. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from core.clock import business_date
from core.references import find_references
from reconciliation.matching.engine import CLASSES as FILE_CLASSES

#: Every place money of a day can be in, in the order they are reported. What is `late`, or
#: `statement_alone`, or a gateway's `batch`, is matched too.
CLASSES = (
    *(*FILE_CLASSES, "no_statement", "statement_alone", "batch", "expected", "ambiguous"),
    *("swept", "wrong_sweep", "missing_sweep", "missing_day", "balance_conflict"),
    *("settled_in_batch", "with_gateway", "on_the_way", "missing_in_settlement", "not_paid_over"),
)


@dataclass(frozen=True, slots=True)
class DayLine:
    """A line of a statement; `amount` in đồng, positive, `direction` says which way."""

    line_id: str
    booked_at: datetime
    amount: int
    direction: str
    reference: str
    narrative: str
    bank_ref: str
    #: the first open day, where it turned up after its own had been closed
    late_on: date | None = None

    @property
    def day(self) -> date:
        """The day that it counts for."""
        return self.late_on or business_date(self.booked_at)

    @property
    def references(self) -> list[str]:
        """The valid references on this line, wherever they stand."""
        return find_references(f"{self.reference} {self.narrative}")


@dataclass(frozen=True, slots=True)
class DayMatch:
    """A payment and the line that is its money; `rule` is how they were found to be one."""

    payment_id: str
    line_id: str
    reference: str
    amount: int
    rule: str
    #: whether no feed and no gateway has told of the money: its line is all the evidence there is
    statement_alone: bool = False


@dataclass(frozen=True, slots=True)
class DaySettled:
    """A payment at a gateway whose batch was paid over: its line of the settlement, and the batch.

    `amount` in đồng is what the payment brought, gross.
    """

    payment_id: str
    line_id: str
    batch_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class DayDiscrepancy:
    """What did not simply agree; `kind` is one of `CLASSES`."""

    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str
    #: of money that no line told of: the day by which it has to be booked, and after how many
    #: working days from then it is missing
    expected_on: date | None = None
    missing_after: int | None = None


@dataclass(frozen=True, slots=True)
class DayPlace:
    """Where a credit line is that is in no match and no discrepancy of its own.

    `place` is the class of the payment's discrepancy that it belongs to, or `other_day` where its
    payment is of another day; `unplaced` would be a fault of ours.
    """

    line_id: str
    place: str
    payment_id: str | None = None


@dataclass(slots=True)
class DayResult:
    """What became of the day's payments and lines."""

    matches: list[DayMatch] = field(default_factory=list)
    discrepancies: list[DayDiscrepancy] = field(default_factory=list)
    debits: list[DayLine] = field(default_factory=list)
    #: the debits that sweep the account to the State Bank; none of them is in `debits`
    swept: list[DayLine] = field(default_factory=list)
    #: the day's other credit lines, each once
    places: list[DayPlace] = field(default_factory=list)
    #: of each payment that the bank took back, the line that did it
    returned: dict[str, str] = field(default_factory=dict)
    #: the payments that gateways have paid over
    settled: list[DaySettled] = field(default_factory=list)

    def summary(self) -> dict[str, dict[str, int]]:
        """Count and sum (đồng) of each class."""
        tally = {name: {"count": 0, "sum": 0} for name in CLASSES}
        for name, amount in self._amounts():
            tally[name]["count"] += 1
            tally[name]["sum"] += amount
        return tally

    def _amounts(self) -> Iterable[tuple[str, int]]:
        yield from (("matched", found.amount) for found in self.matches)
        alone = (found for found in self.matches if found.statement_alone)
        yield from (("statement_alone", found.amount) for found in alone)
        batches = (found for found in self.matches if found.rule == "batch")
        yield from (("batch", found.amount) for found in batches)
        yield from ((found.kind, found.amount) for found in self.discrepancies)
        yield from (("settled_in_batch", one.amount) for one in self.settled)
        yield from (("debits", line.amount) for line in self.debits)
        yield from (("swept", line.amount) for line in self.swept)
