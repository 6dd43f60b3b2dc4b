"""What holds for every fee rule, whatever its figures; and broken rules that the checks catch."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import fees
from payments.fee_words import Charge, Term, Words, explain
from payments.fees import (
    MAX_COPIES,
    MAX_QUANTITY,
    FeeRule,
    Fixed,
    PerUnit,
    Step,
    price,
    rule_from,
)
from tests.support.explanations import amount_told_en, amount_told_vi

PAGE = Words("trang", "page")
EXAMPLES = settings(max_examples=150, deadline=None)

amounts = st.integers(0, 900_000)
quantities = st.integers(1, 400) | st.integers(1, MAX_QUANTITY)
copy_counts = st.integers(1, 5) | st.integers(1, MAX_COPIES)
fixed = amounts.map(Fixed)
stepped = st.builds(
    lambda starts, each, cap: PerUnit(
        tuple(Step(first, cost) for first, cost in zip([1, *sorted(starts)], each, strict=False)),
        cap,
    ),
    st.sets(st.integers(2, 300), max_size=4),
    st.lists(amounts, min_size=5, max_size=5),
    st.none() | st.integers(1, 5_000_000),
)
rules = fixed | stepped


def check_more_never_costs_less(rule: FeeRule, quantity: int, more: int) -> None:
    assert price(rule, quantity).amount <= price(rule, more).amount


def check_explained(rule: FeeRule, quantity: int, copies: int) -> None:
    line = price(rule, quantity, copies, unit=PAGE)
    assert amount_told_vi(line.explanation_vi) == line.amount
    assert amount_told_en(line.explanation_en) == line.amount


@EXAMPLES
@given(rules, quantities, quantities)
def test_more_units_never_cost_less(rule: FeeRule, one: int, other: int) -> None:
    check_more_never_costs_less(rule, min(one, other), max(one, other))


@EXAMPLES
@given(rules, quantities, copy_counts)
def test_copies_cost_so_many_times_one_copy(rule: FeeRule, quantity: int, copies: int) -> None:
    assert price(rule, quantity, copies).amount == copies * price(rule, quantity).amount


@EXAMPLES
@given(rules, quantities, copy_counts)
def test_explanation_and_amount_never_disagree(rule: FeeRule, quantity: int, copies: int) -> None:
    check_explained(rule, quantity, copies)


@EXAMPLES
@given(stepped, quantities)
def test_a_copy_never_costs_more_than_the_cap(rule: PerUnit, quantity: int) -> None:
    assert rule.cap is None or price(rule, quantity).amount <= rule.cap


@settings(max_examples=60, deadline=None)
@given(stepped, st.integers(1, 350))
def test_steps_cost_what_counting_unit_by_unit_gives(rule: PerUnit, quantity: int) -> None:
    total = 0
    for unit in range(1, quantity + 1):
        total += [step.each for step in rule.steps if step.first <= unit][-1]
    assert price(rule, quantity).amount == (total if rule.cap is None else min(total, rule.cap))


@EXAMPLES
@given(rules)
def test_a_rule_survives_being_kept_as_data(rule: FeeRule) -> None:
    assert rule_from(rule.kind, rule.to_data()) == rule


def _broken(charge: Charge) -> FeeRule:
    """A rule that always answers with `charge`."""

    @dataclass(frozen=True, slots=True)
    class Broken(Fixed):
        kind: ClassVar[str] = "broken"

        def charge(self, quantity: int) -> Charge:
            return charge

    return Broken(0)


@pytest.mark.parametrize(
    "terms",
    [
        [Term(5000, Words("2 × 2.000 đ", "2 × 2,000 VND"))],  # says 4,000 and asks 5,000
        [Term(4000, Words("1 × 4.000 đ", "1 × 4,000 VND"))],  # explains one page of two
        [Term(4000, Words("2 × 2.000 đ", "2 × 2,000 USD"))],
        [Term(4000, Words("2 × 2.000 đ", "2 × 2.000 VND"))],
        [Term(4000, Words("bốn nghìn", "four thousand"))],
    ],
)
def test_a_rule_whose_words_tell_another_amount_is_caught(terms: list[Term]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_explained(_broken(Charge(tuple(terms))), 2, 1)
    check_explained(_broken(Charge((Term(4000, Words("2 × 2.000 đ", "2 × 2,000 VND")),))), 2, 1)


def test_a_rule_that_gives_a_rebate_for_more_is_caught() -> None:
    @dataclass(frozen=True, slots=True)
    class Rebate(Fixed):
        kind: ClassVar[str] = "rebate"

        def charge(self, quantity: int) -> Charge:
            return Charge((Term(10_000 // quantity, Words("", "")),))

    with pytest.raises(AssertionError):
        check_more_never_costs_less(Rebate(0), 1, 2)
    assert "rebate" not in fees.kinds()


def test_a_cap_that_the_words_keep_quiet_about_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PerUnit((Step(1, 1000),), cap=1500)
    check_explained(rule, 2, 1)

    def explain_without_cap(charge: Charge, quantity: int, copies: int, unit: Words) -> Words:
        return explain(Charge(charge.terms), quantity, copies, unit)

    monkeypatch.setattr(fees, "explain", explain_without_cap)
    with pytest.raises(AssertionError):
        check_explained(rule, 2, 1)
