"""What holds for every fee rule, whatever its figures; and broken rules that the checks catch."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import MAX_AMOUNT
from payments.catalogue.rules import fees
from payments.catalogue.rules.fee_requests import AssessmentNotice, FeeRequest, MeasuredBy
from payments.catalogue.rules.fees import MAX_COPIES, MAX_QUANTITY, FeeRule, price
from payments.catalogue.rules.kinds import (
    AssessedFee,
    FixedFee,
    Percentage,
    PerUnit,
    Step,
    kinds,
    rule_from,
)
from payments.catalogue.rules.wording import FeeAmount, LocalizedText, Term, counted, explain
from tests.support.examples import examples
from tests.support.explanations import amount_told_en, amount_told_vi

PAGE = LocalizedText("trang", "page")
EXAMPLES = settings(max_examples=examples(150), deadline=None)

amounts = st.integers(0, 900_000)
limits = st.none() | st.integers(1, 5_000_000)
quantities = st.integers(1, 400) | st.integers(1, MAX_QUANTITY)
copy_counts = st.integers(1, 5) | st.integers(1, MAX_COPIES)
values = st.integers(1, 10_000_000) | st.integers(1, MAX_AMOUNT)


def _in_order(least: int | None, most: int | None) -> tuple[int | None, int | None]:
    if least is not None and most is not None and least > most:
        return most, least
    return least, most


fixed = amounts.map(FixedFee)


@st.composite
def stepped(draw: st.DrawFn) -> PerUnit:
    """A rule per unit, with up to five steps and any limits."""
    starts = draw(st.sets(st.integers(2, 300), max_size=4))
    each = draw(st.lists(amounts, min_size=5, max_size=5))
    least, most = _in_order(draw(limits), draw(limits))
    steps = tuple(Step(n, cost) for n, cost in zip([1, *sorted(starts)], each, strict=False))
    return PerUnit(steps, cap=most, minimum=least)


@st.composite
def percentages(draw: st.DrawFn) -> Percentage:
    """A share of a value, with any limits."""
    percent = Decimal(draw(st.integers(1, 1_000_000))) / 10_000
    return Percentage(percent, *_in_order(draw(limits), draw(limits)))


notices = st.builds(
    AssessmentNotice,
    st.integers(1, MAX_AMOUNT),
    st.from_regex(r"\A[0-9]{1,6}/TB-[A-Z]{2,5}\Z"),
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.just("KBNN khu vực I"),
    st.just("757"),
    st.just("2801"),
)


@st.composite
def asked_of(draw: st.DrawFn, rule: FeeRule) -> FeeRequest:
    """Something that may be asked of a rule."""
    if rule.measured_by is MeasuredBy.VALUE:
        return FeeRequest(value=draw(values))
    if rule.measured_by is MeasuredBy.NOTICE:
        return FeeRequest(notice=draw(notices))
    return FeeRequest(draw(quantities), draw(copy_counts))


rules = fixed | stepped() | percentages() | st.just(AssessedFee())
rules_and_asked = rules.flatmap(lambda rule: st.tuples(st.just(rule), asked_of(rule)))


def more_of(asked: FeeRequest, more: int) -> FeeRequest:
    """The same with `more` of what it measures, as far as that may go."""
    if asked.value is not None:
        return replace(asked, value=min(asked.value + more, MAX_AMOUNT))
    if asked.notice is not None:
        most = min(asked.notice.amount + more, MAX_AMOUNT)
        return replace(asked, notice=replace(asked.notice, amount=most))
    return replace(asked, quantity=min(asked.quantity + more, MAX_QUANTITY))


def check_more_never_costs_less(rule: FeeRule, asked: FeeRequest, more: int) -> None:
    assert price(rule, asked).amount <= price(rule, more_of(asked, more)).amount


def check_explained(rule: FeeRule, asked: FeeRequest) -> None:
    line = price(rule, asked, unit=PAGE)
    assert amount_told_vi(line.explanation.vi) == line.amount
    assert amount_told_en(line.explanation.en) == line.amount


@EXAMPLES
@given(rules_and_asked, st.integers(0, 400))
def test_more_never_costs_less(case: tuple[FeeRule, FeeRequest], more: int) -> None:
    check_more_never_costs_less(*case, more)


@EXAMPLES
@given(fixed | stepped(), quantities, copy_counts)
def test_copies_cost_so_many_times_one_copy(rule: FeeRule, quantity: int, copies: int) -> None:
    one = price(rule, FeeRequest(quantity)).amount
    assert price(rule, FeeRequest(quantity, copies)).amount == copies * one


@EXAMPLES
@given(rules_and_asked)
def test_explanation_and_amount_never_disagree(case: tuple[FeeRule, FeeRequest]) -> None:
    check_explained(*case)


@EXAMPLES
@given(stepped(), quantities)
def test_a_copy_never_costs_more_than_the_cap_nor_less_than_the_minimum(
    rule: PerUnit, quantity: int
) -> None:
    amount = price(rule, FeeRequest(quantity)).amount
    assert rule.cap is None or amount <= rule.cap
    assert rule.minimum is None or amount >= rule.minimum


@settings(max_examples=examples(60), deadline=None)
@given(stepped(), st.integers(1, 350))
def test_steps_cost_what_counting_unit_by_unit_gives(rule: PerUnit, quantity: int) -> None:
    total = 0
    for unit in range(1, quantity + 1):
        total += [step.each for step in rule.steps if step.first <= unit][-1]
    total = max(total, rule.minimum or 0)
    amount = price(rule, FeeRequest(quantity)).amount
    assert amount == (total if rule.cap is None else min(total, rule.cap))


@EXAMPLES
@given(percentages(), values)
def test_a_share_is_within_half_a_dong_of_the_exact_one(rule: Percentage, value: int) -> None:
    amount = price(rule, FeeRequest(value=value)).amount
    if amount not in (rule.floor, rule.ceiling):
        assert -50 < amount * 100 - value * rule.percent <= 50
    assert rule.floor is None or amount >= rule.floor
    assert rule.ceiling is None or amount <= rule.ceiling


@EXAMPLES
@given(rules)
def test_a_rule_survives_being_kept_as_data(rule: FeeRule) -> None:
    assert rule_from(rule.kind, rule.to_data()) == rule


def _broken(terms: list[Term]) -> FeeRule:
    """A rule that always answers with these terms."""

    @dataclass(frozen=True, slots=True)
    class Broken(FixedFee):
        kind: ClassVar[str] = "broken"

        def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
            return FeeAmount(counted(asked.quantity, unit), tuple(terms))

    return Broken(0)


@pytest.mark.parametrize(
    "terms",
    [
        [Term(5000, LocalizedText("2 × 2.000 đ", "2 × 2,000 VND"))],  # says 4,000 and asks 5,000
        [Term(4000, LocalizedText("1 × 4.000 đ", "1 × 4,000 VND"))],  # explains one page of two
        [Term(4000, LocalizedText("2 × 2.000 đ", "2 × 2,000 USD"))],
        [Term(4000, LocalizedText("2 × 2.000 đ", "2 × 2.000 VND"))],
        [Term(4000, LocalizedText("bốn nghìn", "four thousand"))],
    ],
)
def test_a_rule_whose_words_tell_another_amount_is_caught(terms: list[Term]) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_explained(_broken(terms), FeeRequest(2))
    check_explained(
        _broken([Term(4000, LocalizedText("2 × 2.000 đ", "2 × 2,000 VND"))]), FeeRequest(2)
    )


def test_a_share_that_is_cut_instead_of_rounded_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, asked = Percentage(Decimal("0.15")), FeeRequest(value=1_000)  # 1.5 đ, so 2 đ
    assert price(rule, asked).amount == 2
    check_explained(rule, asked)
    monkeypatch.setattr("payments.catalogue.rules.kinds.ROUND_HALF_UP", "ROUND_DOWN")
    with pytest.raises((AssertionError, ValueError)):
        check_explained(rule, asked)


def test_a_rule_that_gives_a_rebate_for_more_is_caught() -> None:
    @dataclass(frozen=True, slots=True)
    class Rebate(FixedFee):
        kind: ClassVar[str] = "rebate"

        def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
            return FeeAmount(
                LocalizedText("", ""), (Term(10_000 // asked.quantity, LocalizedText("", "")),)
            )

    with pytest.raises(AssertionError):
        check_more_never_costs_less(Rebate(0), FeeRequest(1), 1)
    assert "rebate" not in kinds()


@pytest.mark.parametrize("limit", ["at_least", "at_most"])
def test_a_limit_that_the_words_keep_quiet_about_is_caught(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = PerUnit((Step(1, 1000),), cap=1500, minimum=1200)
    asked = FeeRequest(1 if limit == "at_least" else 2)
    check_explained(rule, asked)

    def explain_without_limit(charge: FeeAmount, copies: int) -> LocalizedText:
        least = None if limit == "at_least" else charge.at_least
        most = None if limit == "at_most" else charge.at_most
        return explain(FeeAmount(charge.measured, charge.terms, least, most), copies)

    monkeypatch.setattr(fees, "explain", explain_without_limit)
    with pytest.raises(AssertionError):
        check_explained(rule, asked)
