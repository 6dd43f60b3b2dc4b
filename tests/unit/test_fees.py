"""Fee rules: the limits, what a rule's data must look like, and a new kind of rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import pytest

from core.errors import Invalid
from core.money import MAX_AMOUNT
from payments.catalogue.rules import fees
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.fees import FeeRule, fee_kind, price
from payments.catalogue.rules.kinds import FixedFee, PerUnit, Step, kinds, rule_from
from payments.catalogue.rules.wording import CASE, FeeAmount, LocalizedText, Term, counted

PAGE = LocalizedText("trang", "page")
COPY_CERTIFICATION = PerUnit((Step(1, 2000), Step(3, 1000)), cap=200_000)


def test_a_tariff_says_the_rule_in_both_languages() -> None:
    assert COPY_CERTIFICATION.tariff(PAGE) == LocalizedText(
        "2.000 đ mỗi trang; từ trang thứ 3: 1.000 đ mỗi trang; tối đa 200.000 đ mỗi bản",
        "2,000 VND per page; from page 3: 1,000 VND per page; at most 200,000 VND per copy",
    )
    assert FixedFee(10_000).tariff(CASE) == LocalizedText(
        "10.000 đ mỗi trường hợp", "10,000 VND per case"
    )
    assert FixedFee(0).tariff(CASE) == LocalizedText("không thu", "no charge")


@pytest.mark.parametrize("unit", ["page", "copy", "day", "tax", "dispatch", "pass"])
def test_english_units_take_their_regular_plural(unit: str) -> None:
    plurals = {"page": "pages", "copy": "copies", "day": "days", "tax": "taxes"}
    plurals |= {"dispatch": "dispatches", "pass": "passes"}
    line = price(FixedFee(1), FeeRequest(2), unit=LocalizedText("đơn vị", unit))
    assert line.explanation.en == f"2 {plurals[unit]}: 2 × 1 VND"


@pytest.mark.parametrize(
    ("quantity", "copies", "wrong"),
    [
        (0, 1, {"quantity": "out_of_range"}),
        (-1, 1, {"quantity": "out_of_range"}),
        (10_001, 1, {"quantity": "out_of_range"}),
        (1, 0, {"copies": "out_of_range"}),
        (1, 1_001, {"copies": "out_of_range"}),
        (True, 1, {"quantity": "not_an_integer"}),
        (1.0, 1, {"quantity": "not_an_integer"}),
        ("3", 1, {"quantity": "not_an_integer"}),
        (0, 0, {"quantity": "out_of_range", "copies": "out_of_range"}),
    ],
)
def test_a_count_outside_its_limits_is_refused_by_name(
    quantity: int, copies: int, wrong: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as refused:
        price(COPY_CERTIFICATION, FeeRequest(quantity, copies), unit=PAGE, path="lines.2.")
    found = {fault.field: fault.code for fault in refused.value.errors}
    assert found == {f"lines.2.{field}": code for field, code in wrong.items()}


def test_a_line_may_reach_the_largest_amount_but_not_pass_it() -> None:
    assert price(FixedFee(MAX_AMOUNT // 1000), FeeRequest(1000)).amount == MAX_AMOUNT
    with pytest.raises(Invalid) as refused:
        price(FixedFee(MAX_AMOUNT), FeeRequest(1, 2))
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [("amount", "too_big")]


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("percent", {"amount": 1}, "kind"),
        ("percentage", {"percent": 0.15}, "rule.percent"),
        ("percentage", {"percent": "0.15001"}, "rule.percent"),
        ("percentage", {"percent": "0"}, "rule.percent"),
        ("percentage", {"percent": "100.1"}, "rule.percent"),
        ("percentage", {"percent": "1e1"}, "rule.percent"),
        ("percentage", {"percent": "-1"}, "rule.percent"),
        ("percentage", {"percent": "1", "floor": 2, "ceiling": 1}, "rule.floor"),
        ("percentage", {"percent": "1", "floor": 0}, "rule.floor"),
        ("percentage", {"percent": "1", "cap": 1}, "rule.cap"),
        ("per_unit", {"steps": [{"from": 1, "each": 1}], "cap": 1, "minimum": 2}, "rule.minimum"),
        ("assessed", {"amount": 1}, "rule.amount"),
        ("foreign_currency", {"currency": "VND", "amount": 1}, "rule.currency"),
        ("foreign_currency", {"currency": "usd", "amount": 1}, "rule.currency"),
        ("foreign_currency", {"currency": "USD", "amount": 0}, "rule.amount"),
        ("foreign_currency", {"currency": 840, "amount": 1}, "rule.currency"),
        ("fixed", [1], "rule"),
        ("fixed", None, "rule"),
        ("fixed", {}, "rule.amount"),
        ("fixed", {"amount": 1, "cap": 2}, "rule.cap"),
        ("fixed", {"amount": "1000"}, "rule.amount"),
        ("fixed", {"amount": True}, "rule.amount"),
        ("fixed", {"amount": 1.5}, "rule.amount"),
        ("fixed", {"amount": -1}, "rule.amount"),
        ("fixed", {"amount": MAX_AMOUNT + 1}, "rule.amount"),
        ("per_unit", {"steps": []}, "rule.steps"),
        ("per_unit", {"steps": "1"}, "rule.steps"),
        ("per_unit", {"steps": [1]}, "rule.steps.0"),
        ("per_unit", {"steps": [{"from": 2, "each": 1}]}, "rule.steps"),
        ("per_unit", {"steps": [{"from": 1, "each": 1, "to": 2}]}, "rule.steps.0.to"),
        ("per_unit", {"steps": [{"from": 1}]}, "rule.steps.0.each"),
        ("per_unit", {"steps": [{"from": 1, "each": -1}]}, "rule.steps.0.each"),
        ("per_unit", {"steps": [{"from": 1, "each": 2}, {"from": 1, "each": 1}]}, "rule.steps"),
        ("per_unit", {"steps": [{"from": 1, "each": 2}], "cap": 0}, "rule.cap"),
        ("per_unit", {"steps": [{"from": 1, "each": 2}], "cap": "9"}, "rule.cap"),
    ],
)
def test_data_that_is_not_exactly_a_rule_is_refused_by_name(
    kind: str, data: object, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rule_from(kind, data)
    assert [fault.field for fault in refused.value.errors] == [field]


def test_a_rule_of_more_than_twenty_steps_is_refused() -> None:
    def steps(count: int) -> dict[str, object]:
        return {"steps": [{"from": n, "each": 1000 + n} for n in range(1, count + 1)]}

    assert rule_from("per_unit", steps(20)).to_data() == steps(20)
    with pytest.raises(Invalid) as refused:
        rule_from("per_unit", steps(21))
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [
        ("rule.steps", "too_many")
    ]


def test_a_new_kind_of_rule_is_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fees, "_KINDS", dict(fees._KINDS))

    @fee_kind
    @dataclass(frozen=True, slots=True)
    class AtLeast(FeeRule):
        kind: ClassVar[str] = "at_least"
        each: int
        least: int

        @classmethod
        def from_data(cls, data: Mapping[str, object]) -> Self:
            return cls(each=int(str(data["each"])), least=int(str(data["least"])))

        def to_data(self) -> dict[str, object]:
            return {"each": self.each, "least": self.least}

        def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
            amount = max(self.each * asked.quantity, self.least)
            words = LocalizedText(f"{amount} đ", f"{amount} VND")
            return FeeAmount(counted(asked.quantity, unit), (Term(amount, words),))

        def tariff(self, unit: LocalizedText) -> LocalizedText:
            return unit

    rule = rule_from("at_least", {"each": 10, "least": 25})
    assert rule.to_data() == {"each": 10, "least": 25}
    assert [price(rule, FeeRequest(quantity)).amount for quantity in (1, 2, 3)] == [25, 25, 30]
    assert "at_least" in kinds()
    with pytest.raises(ValueError, match="already a kind"):
        fee_kind(AtLeast)
