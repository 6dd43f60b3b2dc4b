"""Balances that statements tell of a day, as one chain from its beginning to its end. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """A statement's balances at the beginning and the end of a day, and how far it reaches.

    Amounts in đồng, credits less debits. `before` is what all lines of the day before its first one
    come to, `through` all until its last one; `beside_first` and `beside_last` are what lines of
    others at these very moments come to, of which nobody knows on which side they are.
    """

    id: str
    gap_count: int
    opening: int | None
    closing: int | None
    first_at: datetime
    last_at: datetime
    lines: int
    #: whether it has lines of days before, and after
    reaches_back: bool
    reaches_further: bool
    before: int
    beside_first: int
    through: int
    beside_last: int


def conflicts_of(stated: Sequence[StatedBalance], opening: int | None) -> list[str]:
    """The ids of the statements whose balances contradict what all statements of the day tell.

    `opening` is what the account had when the day began; None where none of them tells. Statements
    that make one chain agree. Else each has to begin and end with what the account had before its
    first and after its last line, by the lines of all of them: one in the middle that says
    otherwise is seen, although first and last agree.
    """
    whole = [
        (one.opening, one.closing)
        for one in stated
        if one.opening is not None and one.closing is not None
    ]
    if opening is None or (len(whole) == len(stated) and ends_of_chain(whole) is not None):
        return []
    return sorted(one.id for one in stated if not _agrees(one, opening))


def _agrees(one: StatedBalance, opening: int) -> bool:
    begins = opening + (0 if one.reaches_back else one.before)
    if one.opening is not None:
        beside = 0 if one.reaches_back else one.beside_first
        if one.opening not in (begins, begins + beside):
            return False
    if one.closing is None or one.reaches_further:
        # What it says of the day's end comes from its lines of later days: see the day's totals.
        return True
    ends = opening + one.through
    return one.closing in (ends, ends - one.beside_last)


def ends_of_chain(told: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The first opening and the last closing balance, in đồng, of statements in a row.

    Statements of MT940 and camt tell days and no times, so their balances alone tell their order:
    each goes on where one before it ended. None where they make no single chain that uses each
    once and whose ends are certain; a circle has no certain beginning.
    """
    balance = Counter[int]()
    for opening, closing in told:
        balance[opening] += 1
        balance[closing] -= 1
    first = [amount for amount, count in balance.items() if count > 0]
    last = [amount for amount, count in balance.items() if count < 0]
    if len(first) != 1 or len(last) != 1 or balance[first[0]] != 1:
        return None
    return (first[0], last[0]) if _is_one(told, first[0]) else None


def _is_one(told: Sequence[tuple[int, int]], start: int) -> bool:
    """Whether every balance is reached from the first one: no circle stands beside the chain."""
    reached = {start}
    while True:
        more = {closing for opening, closing in told if opening in reached} - reached
        if not more:
            return all(opening in reached for opening, _ in told)
        reached |= more
