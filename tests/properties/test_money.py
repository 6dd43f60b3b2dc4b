import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.money import MAX_AMOUNT, format_vnd, from_scale, to_scale

AMOUNTS = st.integers(1, MAX_AMOUNT)
SCALES = st.sampled_from([1, 10, 100, 1000])


@given(AMOUNTS, SCALES)
def test_there_and_back_through_a_scale_is_the_same_amount(amount: int, scale: int) -> None:
    assert from_scale(to_scale(amount, scale), scale) == amount


@given(AMOUNTS, SCALES, st.integers(1, 999))
def test_a_value_between_two_dong_never_becomes_an_amount(
    amount: int, scale: int, excess: int
) -> None:
    if excess % scale == 0:
        assert from_scale(to_scale(1, scale) + excess, scale) == 1 + excess // scale
        return
    with pytest.raises(Invalid):
        from_scale(to_scale(amount, scale) + excess, scale)


@given(AMOUNTS)
def test_what_is_written_can_be_read_back(amount: int) -> None:
    assert int(format_vnd(amount).removesuffix(" đ").replace(".", "")) == amount
