"""What is wrong with a list of debts: row, column and reason, and how it is refused. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import FieldError, Invalid
from payments.debts.columns import TITLES

#: No more than this many faults of one file are listed in an answer; its error sheet has them all.
MOST_FAULTS: Final = 200

#: The code of a fault of a row with cells that are in no column.
NO_HEADING: Final = "no_heading"


class DebtSheetRefused(Invalid):
    """A list of debts cannot be taken; `errors` says where and why, nothing was taken."""

    code = "sheet_refused"


@dataclass(frozen=True, slots=True)
class DebtFault:
    """What is wrong with a cell, or with a row where `column` is ""; rows count from 1."""

    row: int
    #: the name of the column (`payments.debts.columns`)
    column: str
    code: str
    reason: str

    @property
    def words(self) -> str:
        """Row, column and reason in one line of Vietnamese."""
        place = f", cột {TITLES[self.column]}" if self.column else ""
        return f"Dòng {self.row}{place}: {self.reason}"

    @property
    def error(self) -> FieldError:
        """The fault as an answer has it."""
        place = f", column {TITLES[self.column]}" if self.column else ""
        return FieldError(f"row {self.row}{place}", self.code, self.words)


def refused_for(faults: Sequence[DebtFault]) -> DebtSheetRefused:
    """The refusal of a file for these faults."""
    return refused([fault.error for fault in faults[:MOST_FAULTS]], len(faults))


def refused(errors: Sequence[FieldError], count: int | None = None) -> DebtSheetRefused:
    """The refusal that lists these faults; `count` is how many there are with those not listed."""
    count = count or len(errors)
    more = f" ({MOST_FAULTS} lỗi đầu được nêu)" if count > MOST_FAULTS else ""
    return DebtSheetRefused(f"Tệp có {count} lỗi{more}; chưa nhận dòng nào.", errors=list(errors))
