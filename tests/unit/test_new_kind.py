"""The page about fees tells the truth: its new kind of rule is one class and one test."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.catalogue.rules import fees, kinds
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.fees import FeeRule
from payments.catalogue.rules.schedule import Applicability
from payments.catalogue.rules.wording import LocalizedText
from tests.properties import test_fees as promises
from tests.support.examples import examples

PAGE = Path(__file__).parents[2] / "docs" / "fees.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def told() -> Iterator[dict[str, Any]]:
    """The names of the page's two pieces of code, run where the page says that they belong."""
    known = dict(fees._KINDS)
    the_class, the_test = BLOCKS
    names = dict(vars(kinds))
    exec(compile(the_class, str(PAGE), "exec"), names)  # noqa: S102  our own page
    names |= {name: value for name, value in vars(promises).items() if name not in names}
    exec(compile(the_test, str(PAGE), "exec"), names)  # noqa: S102
    yield names
    fees._KINDS.clear()
    fees._KINDS.update(known)


def test_the_new_kind_is_read_priced_explained_and_kept(told: dict[str, Any]) -> None:
    rule: FeeRule = kinds.rule_from("first_free", {"free": 1, "each": 5000})
    assert rule.to_data() == {"free": 1, "each": 5000}
    hour = LocalizedText("giờ", "hour")
    line = fees.price(rule, FeeRequest(3), unit=hour)
    assert (line.amount, line.explanation.vi) == (10_000, "3 giờ: 1 × 0 đ + 2 × 5.000 đ")
    assert rule.tariff(hour).vi == "5.000 đ mỗi giờ từ giờ thứ 2"
    assert fees.price(rule, FeeRequest(1), unit=hour).explanation.en == "1 hour: no charge"


def test_the_new_kind_keeps_every_promise_of_fee_rules(told: dict[str, Any]) -> None:
    @settings(max_examples=examples(60), deadline=None)
    @given(told["rules"].flatmap(_with_something_asked), st.integers(0, 400))
    def keeps(case: tuple[FeeRule, FeeRequest], more: int) -> None:
        rule, asked = case
        promises.check_more_never_costs_less(rule, asked, more)
        promises.check_explained(rule, asked)
        assert kinds.rule_from(rule.kind, rule.to_data()) == rule

    keeps()


def _with_something_asked(rule: FeeRule) -> st.SearchStrategy[tuple[FeeRule, FeeRequest]]:
    return st.tuples(st.just(rule), promises.asked_of(rule))


def test_the_page_names_every_kind_and_every_way_a_fee_is_charged() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for word in (*kinds.kinds(), *Applicability):
        assert f"`{word}`" in text, word
