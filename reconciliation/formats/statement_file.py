"""What every statement format gives: the lines of a file, and what it tells beside them. Pure."""

from dataclasses import dataclass, field
from typing import Final

from reconciliation.formats.balances import BalanceGap, Balances
from reconciliation.formats.rows import StatementRow

#: What is told of a file without lines: a day on which nothing moved looks like one that was cut.
NO_LINES: Final = "Tệp không có dòng giao dịch nào."


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A statement as it was read: its rows, and how many others were passed over as what.

    `accounts` are the numbers of the accounts that it says it is of; `gaps` where its balances do
    not go from one line to the next; `notes` what else whoever sent it should know, in words.
    """

    rows: list[StatementRow]
    skipped: dict[str, int]
    accounts: tuple[str, ...] = ()
    balances: Balances = field(default_factory=Balances)
    gaps: tuple[BalanceGap, ...] = ()
    #: whether it has totals of its own, which agree with its lines
    has_totals: bool = False
    notes: tuple[str, ...] = ()
