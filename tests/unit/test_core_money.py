from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from core.errors import Invalid
from core.money import MAX_AMOUNT, Amount, check_amount, format_vnd, from_scale, to_scale

#: What arrives in place of an amount, and why it is none.
NOT_AMOUNTS = [
    (0, "not_positive"),
    (-1, "not_positive"),
    (MAX_AMOUNT + 1, "too_big"),
    (2**63, "too_big"),
    (1000.0, "not_an_integer"),
    (1e3, "not_an_integer"),
    (float("nan"), "not_an_integer"),
    ("1000", "not_an_integer"),
    (True, "not_an_integer"),
    (None, "not_an_integer"),
    (Decimal(1000), "not_an_integer"),
]


@pytest.mark.parametrize("amount", [1, 2_000, MAX_AMOUNT])
def test_whole_dong_within_bounds_are_amounts(amount: int) -> None:
    assert check_amount(amount) == amount
    assert TypeAdapter(Amount).validate_python(amount) == amount


@pytest.mark.parametrize(("value", "code"), NOT_AMOUNTS)
def test_anything_else_is_refused_naming_the_field(value: object, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_amount(value, "lines.0.amount")
    assert caught.value.code == "invalid_amount"
    assert [(error.field, error.code) for error in caught.value.errors] == [
        ("lines.0.amount", code)
    ]


@pytest.mark.parametrize(("value", "code"), NOT_AMOUNTS)
def test_a_schema_refuses_the_same_values(value: object, code: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Amount).validate_python(value)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 đ"),
        (999, "999 đ"),
        (1_000, "1.000 đ"),
        (1_000_000, "1.000.000 đ"),
        (-50_000, "-50.000 đ"),
        (MAX_AMOUNT, "10.000.000.000.000 đ"),
    ],
)
def test_amounts_are_written_with_dots(amount: int, text: str) -> None:
    assert format_vnd(amount) == text


def test_a_gateway_that_counts_in_hundredths_is_translated_exactly() -> None:
    assert to_scale(5_000, 100) == 500_000
    assert from_scale(500_000, 100) == 5_000
    assert from_scale(5_000, 1) == 5_000


def test_a_remainder_is_refused_not_rounded() -> None:
    with pytest.raises(Invalid) as caught:
        from_scale(500_050, 100)
    assert caught.value.errors[0].code == "not_whole"


@pytest.mark.parametrize("value", [0, -100, MAX_AMOUNT * 100 + 100])
def test_a_scaled_value_outside_the_bounds_is_refused(value: int) -> None:
    with pytest.raises(Invalid):
        from_scale(value, 100)


@pytest.mark.parametrize("value", [True, 100.0, "100"])
def test_a_scaled_value_that_is_no_integer_is_refused(value: int) -> None:
    with pytest.raises(Invalid):
        from_scale(value, 100)


@pytest.mark.parametrize("scale", [0, -1, True, 1.0])
def test_a_scale_that_is_no_positive_integer_is_a_fault_of_ours(scale: int) -> None:
    with pytest.raises(ValueError, match="scale"):
        to_scale(1, scale)
    with pytest.raises(ValueError, match="scale"):
        from_scale(1, scale)
