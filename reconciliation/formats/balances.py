"""The balances that a statement tells: whether they go from its opening, line by line, to its end.

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciliation.formats.rows import StatementRow

#: No more than this many gaps are told: one hole in a file may make many.
GAPS_TOLD = 50


@dataclass(frozen=True, slots=True)
class Balances:
    """What the account had before a statement and after it, in đồng; None if it does not say."""

    opening: int | None = None
    closing: int | None = None

    def told(self, words: str, amount: int) -> "Balances":
        """With what a row tells, by its first words without marks."""
        if "dau" in words or "opening" in words:
            return self if self.opening is not None else replace(self, opening=amount)
        ends = "cuoi" in words or "closing" in words
        return replace(self, closing=amount) if ends else self


@dataclass(frozen=True, slots=True)
class BalanceGap:
    """A row whose balance is not what the rows before it make; amounts in đồng.

    `row` is None for the closing balance of the file.
    """

    row: int | None
    expected: int
    told: int

    @property
    def detail(self) -> str:
        """The gap in words."""
        place = "Số dư cuối kỳ" if self.row is None else f"Dòng {self.row}: số dư"
        return f"{place} ghi {self.told}, theo các dòng trước phải là {self.expected}"


def balance_gaps(rows: Sequence[StatementRow], balances: Balances) -> list[BalanceGap]:
    """Where balances do not follow from each other, at most `GAPS_TOLD`.

    Some banks write the newest line first: the order in which fewer balances are wrong is the
    file's. What tells no balance is wrong in nothing.
    """
    ways = [_gaps(order, balances) for order in (rows, rows[::-1])]
    return min(ways, key=len)[:GAPS_TOLD]


def _gaps(rows: Sequence[StatementRow], balances: Balances) -> list[BalanceGap]:
    found = []
    known = balances.opening
    for row in rows:
        if known is not None:
            known += row.amount if row.direction == "credit" else -row.amount
        if row.balance is not None:
            if known is not None and known != row.balance:
                found.append(BalanceGap(row.line_no, known, row.balance))
            known = row.balance
    if known is not None and balances.closing is not None and known != balances.closing:
        found.append(BalanceGap(None, known, balances.closing))
    return found
