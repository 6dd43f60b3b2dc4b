"""Money that is alike is paired one to one, or ambiguous whole: each at most once, in any order."""

import random
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from payments.books.queries import DayPayment
from reconciliation.matching.pairing import PairedMoney, pair_alike
from reconciliation.matching.values import DayLine
from tests.support.days import ON, at, reference_of

ONE, TWO = reference_of(1), reference_of(2)
_days = st.sampled_from([0, 0, 0, 1, 2, 9, 20])
#: Of one transfer for several bills, a bank may have cut the second name off.
_named = st.sampled_from(["", ONE, TWO, " ".join(sorted((ONE, TWO)))])


@st.composite
def alike(draw: st.DrawFn) -> tuple[list[DayPayment], list[DayLine]]:
    """Payments and lines of one name and one amount, on a few days."""
    payments, lines = [], []
    for number in range(draw(st.integers(0, 5))):
        day = ON + timedelta(days=draw(_days))
        paid = at(day, draw(st.integers(8, 15)))
        payments.append(DayPayment(f"p{number}", draw(_named), 5_000, paid, day, "bank", "FT1"))
    for number in range(draw(st.integers(0, 5))):
        booked = at(ON + timedelta(days=draw(_days)), draw(st.integers(8, 15)))
        lines.append(DayLine(f"l{number}", booked, 5_000, "credit", "", draw(_named), "FT1"))
    return payments, lines


def told(found: PairedMoney) -> tuple[list[tuple[str, str]], list[tuple[list[str], list[str]]]]:
    pairs = sorted((one.payment_id, line.line_id) for one, line in found.pairs)
    ambiguous = sorted(
        (
            sorted(one.payment_id for one in some.payments),
            sorted(line.line_id for line in some.lines),
        )
        for some in found.ambiguous
    )
    return pairs, ambiguous


@given(alike())
def test_each_is_in_one_place_at_most(given_: tuple[list[DayPayment], list[DayLine]]) -> None:
    pairs, ambiguous = told(pair_alike(*given_))
    names = [name for pair in pairs for name in pair]
    names += [name for some in ambiguous for side in some for name in side]
    assert len(names) == len(set(names))


@given(alike())
def test_no_pair_is_of_other_purposes_or_far_apart(
    given_: tuple[list[DayPayment], list[DayLine]],
) -> None:
    for payment, line in pair_alike(*given_).pairs:
        own, named = set(payment.reference.split()), set(line.references)
        assert not named or not own or own & named
        assert abs((line.booked_at.date() - payment.accounting_on).days) <= 14


@given(alike(), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(
    given_: tuple[list[DayPayment], list[DayLine]], chance: random.Random
) -> None:
    payments, lines = given_
    again = pair_alike(chance.sample(payments, len(payments)), chance.sample(lines, len(lines)))
    assert told(again) == told(pair_alike(payments, lines))


@given(st.integers(1, 4), st.integers(1, 4))
def test_more_of_one_side_is_never_first_come(many: int, few: int) -> None:
    payments = [
        DayPayment(f"p{number}", "", 5_000, at(ON, 9), ON, "bank", "FT1") for number in range(many)
    ]
    lines = [
        DayLine(f"l{number}", at(ON, 10), 5_000, "credit", "", "", "FT1") for number in range(few)
    ]
    pairs, ambiguous = told(pair_alike(payments, lines))
    assert (len(pairs), len(ambiguous)) == ((many, 0) if many == few else (0, 1))


def test_a_transfer_for_several_bills_is_the_line_that_names_them_all() -> None:
    both = " ".join(sorted((ONE, TWO)))
    payments = [
        DayPayment("whole", both, 5_000, at(ON, 9), ON, "bank", "FT1"),
        DayPayment("one", ONE, 5_000, at(ON, 9), ON, "bank", "FT1"),
    ]
    lines = [
        DayLine("l1", at(ON, 8), 5_000, "credit", "", f"CT {TWO}, {ONE}", "FT1"),
        DayLine("l2", at(ON, 8), 5_000, "credit", "", ONE, "FT1"),
    ]
    assert told(pair_alike(payments, lines))[0] == [("one", "l2"), ("whole", "l1")]
    # A line whose words a bank has cut names a part of them; one that names another is not its.
    assert told(pair_alike(payments[:1], lines[1:]))[0] == [("whole", "l2")]
    other = DayLine("l3", at(ON, 8), 5_000, "credit", "", reference_of(3), "FT1")
    assert told(pair_alike(payments[:1], [other])) == ([], [])
