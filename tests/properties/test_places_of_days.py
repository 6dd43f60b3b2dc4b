"""Every payment and credit line of a day is in exactly one place, whatever order they come in."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import CUT_OFF, national
from core.clock import business_date
from payments.books.queries import DayPayment
from reconciliation.matching.day import match_day
from reconciliation.matching.values import DayLine, DayResult
from tests.support.days import ON, at, days
from tests.support.examples import examples
from tests.support.slow_matching import Line, Payment

Day = tuple[list[Payment], list[Line]]
Booked = tuple[list[DayPayment], list[DayLine]]


def as_booked(day: Day) -> Booked:
    payments, lines = day
    return (
        [
            DayPayment(p.payment_id, p.reference, p.amount, p.paid_at, ON, "bank", "")
            for p in payments
        ],
        [
            DayLine(
                line.line_id,
                line.booked_at,
                line.amount,
                line.direction,
                line.reference or "",
                line.narrative or "",
                line.bank_ref or "",
            )
            for line in lines
        ],
    )


def matched(payments: list[DayPayment], lines: list[DayLine]) -> DayResult:
    return match_day(ON, payments, lines, CUT_OFF, national())


def strays(result: DayResult, payments: list[DayPayment], lines: list[DayLine]) -> list[str]:
    """Payments of the day and its credit lines that are in no place, or in two."""
    told = Counter(one.payment_id for one in result.matches)
    told += Counter(
        odd.object_id
        for odd in result.discrepancies
        if odd.side == "payment" and odd.kind != "late"
    )
    of_day = {line.line_id for line in lines if line.direction == "credit" and line.day == ON}
    held = Counter(one.line_id for one in result.matches if one.line_id in of_day)
    held += Counter(odd.object_id for odd in result.discrepancies if odd.side == "line")
    held += Counter(one.line_id for one in result.places if one.place != "unplaced")
    own = {payment.payment_id for payment in payments if payment.accounting_on == ON}
    return [
        *(name for name in own | told.keys() if told[name] != (name in own)),
        *(name for name in of_day | held.keys() if held[name] != (name in of_day)),
    ]


def shifted(booked: Booked, every: int) -> Booked:
    """The same with every fourth line told of late, and every third payment of the next day."""
    payments, lines = booked
    return (
        [
            replace(one, accounting_on=ON + timedelta(days=1)) if number % 3 == every else one
            for number, one in enumerate(payments)
        ],
        [
            replace(line, late_on=ON, booked_at=line.booked_at - timedelta(days=1))
            if number % 4 == every and business_date(line.booked_at) == ON
            else line
            for number, line in enumerate(lines)
        ],
    )


@settings(max_examples=examples(60))
@given(days(), st.one_of(st.none(), st.integers(0, 3)), st.randoms(use_true_random=False))
def test_each_is_in_exactly_one_place_and_the_order_of_lines_does_not_matter(
    day: Day, every: int | None, chance: random.Random
) -> None:
    payments, lines = as_booked(day) if every is None else shifted(as_booked(day), every)
    first = matched(payments, lines)
    assert strays(first, payments, lines) == []
    again = matched(payments, chance.sample(lines, len(lines)))
    assert (again.matches, again.discrepancies, again.places, again.summary()) == (
        first.matches,
        first.discrepancies,
        first.places,
        first.summary(),
    )


def test_a_line_that_is_forgotten_is_a_stray() -> None:
    """The negative control: a result without its places leaves lines in none."""
    noon = at(ON, 12)
    payments = [DayPayment("p1", "", 5, noon, ON - timedelta(days=1), "bank", "FT260001")]
    lines = [DayLine("L1", noon, 5, "credit", "", "", "FT260001")]
    result = matched(payments, lines)
    assert [one.place for one in result.places] == ["other_day"]
    result.places.clear()
    assert strays(result, payments, lines) == ["L1"]
