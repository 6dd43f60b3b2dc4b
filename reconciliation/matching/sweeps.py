"""The evening sweep: the debit that takes an account's whole balance to the State Bank. Pure.

Circular 81/2025/TT-BTC art. 5(3)a: at the end of the day the whole balance goes. So a sweep is what
has come since the one before, less what other debits took. Words and accounts by which it is known
are dated rows of the account (`ageing.DayRuleValue`): each bank writes its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from core.days import day_text
from core.folding import caseless, without_marks
from core.money import format_vnd
from reconciliation.matching.ageing import DayRuleValue
from reconciliation.matching.values import DayDiscrepancy, DayLine

WRONG_SWEEP, MISSING_SWEEP = "wrong_sweep", "missing_sweep"


@dataclass(frozen=True, slots=True)
class SweepDue:
    """Sweeps of one moment, and what they had to take; amounts in đồng.

    `due` is what came since the sweep before, less what other debits took.
    """

    lines: tuple[DayLine, ...]
    due: int

    @property
    def amount(self) -> int:
        """What they took."""
        return sum(line.amount for line in self.lines)


def is_sweep(line: DayLine, rule: DayRuleValue) -> bool:
    """Whether a debit sweeps the account, by the rule in force on its day.

    Case, marks, spaces and punctuation of words do not count: banks change all of them. An account
    must stand by itself, not within a longer number.
    """
    if line.direction != "debit":
        return False
    told = f"{line.reference} {line.narrative}"
    plain = plain_words(told)
    if any(plain_words(words) in plain for words in rule.sweep_words):
        return True
    numbers = set("".join(char if char.isalnum() else " " for char in told).split())
    return any(account in numbers for account in rule.sweep_accounts)


def by_moment(sweeps: Iterable[DayLine]) -> list[tuple[DayLine, ...]]:
    """The sweeps of each moment, in order: what tells days only cannot tell one from another."""
    moments: dict[datetime, list[DayLine]] = {}
    for line in sorted(sweeps, key=lambda line: (line.booked_at, line.line_id)):
        moments.setdefault(line.booked_at, []).append(line)
    return [tuple(lines) for lines in moments.values()]


def wrong_sweeps(sweeps: Iterable[SweepDue]) -> list[DayDiscrepancy]:
    """A discrepancy for each moment at which another sum was swept than there was."""
    return [
        DayDiscrepancy(
            "line", one.lines[0].line_id, WRONG_SWEEP, "", one.amount, one.due, _reason(one)
        )
        for one in sweeps
        if one.amount != one.due
    ]


def missing_sweep(on: date, due: int) -> DayDiscrepancy:
    """A working day on which nothing swept an account that had `due` đồng by the cut-off."""
    reason = (
        f"Ngày làm việc {day_text(on)} không có kết chuyển nào, trong khi đến giờ ngừng giao dịch"
        f" tài khoản có {format_vnd(due)} chưa kết chuyển."
    )
    return DayDiscrepancy("account", on.isoformat(), MISSING_SWEEP, "", due, None, reason)


def _reason(one: SweepDue) -> str:
    lines = ", ".join(line.line_id for line in one.lines)
    return (
        f"Kết chuyển {format_vnd(one.amount)} (dòng {lines}), nhưng từ lần kết chuyển trước"
        f" tài khoản có {format_vnd(one.due)}."
    )


def plain_words(text: str) -> str:
    """What counts of words by which a sweep is known: letters and digits, without case or marks."""
    return "".join(char for char in caseless(without_marks(text)) if char.isalnum())
