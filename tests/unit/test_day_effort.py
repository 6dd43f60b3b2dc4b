"""Matching a day of twice as many takes twice the work: counted in how often a payment is read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import chain

import pytest

from core.calendar import national
from payments.books.queries import DayPayment
from reconciliation.matching.day import match_day
from reconciliation.matching.values import DayDiscrepancy, DayLine
from tests.support.days import reference_of

ON = date(2026, 11, 23)
AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class _Watched(DayPayment):
    """A payment that counts how often it is asked for something."""

    reads = 0

    def __getattribute__(self, name: str) -> object:
        _Watched.reads += 1
        return super().__getattribute__(name)


def reads_of(count: int) -> int:
    """How often the payments of a day are read that has as many credits, and none of them fits.

    A third of the credits name a payment with another amount, a third nobody, and a third were
    taken back.
    """
    payments = [
        _Watched(f"p{number}", reference_of(number), 5_000, AT, ON, "bank", "NONREF")
        for number in range(count)
    ]
    lines = []
    for number in range(count):
        amount = 6_000 if number % 3 == 0 else 5_000
        words = "" if number % 3 == 1 else reference_of(number)
        lines.append(DayLine(f"l{number:04d}", AT, amount, "credit", "", words, ""))
        if number % 3 == 2:
            back = (f"d{number:04d}", AT, amount, "debit", "", f"hoan tra {words}", "")
            lines.append(DayLine(*back))
    _Watched.reads = 0
    match_day(ON, payments, lines, time(16), national())
    return _Watched.reads


def test_twice_the_day_is_twice_the_work() -> None:
    assert reads_of(200) < 2.2 * reads_of(100)


def test_looking_through_all_payments_for_each_line_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control."""

    def among_all(
        odd: DayDiscrepancy,
        line: DayLine,
        left: Mapping[tuple[str, int], Sequence[DayPayment]],
    ) -> None:
        _ = [one for one in chain.from_iterable(left.values()) if one.reference in line.references]

    monkeypatch.setattr("reconciliation.matching.day.names_several", among_all)
    assert reads_of(200) > 2.2 * reads_of(100)
