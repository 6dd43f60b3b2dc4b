"""The tax that an invoice shows: no đồng more or less than was paid, whatever the rate."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from receipts.invoices.amounts import invoice_lines, net_of

AMOUNTS = st.integers(min_value=1, max_value=10**13)
RATES = st.none() | st.integers(min_value=0, max_value=100)


@given(st.lists(AMOUNTS, min_size=1, max_size=8), RATES)
def test_what_was_paid_is_price_and_tax_to_the_dong(paid: list[int], rate: int | None) -> None:
    lines = invoice_lines([("x", amount) for amount in paid], rate)
    assert [one.net + one.vat for one in lines] == paid
    assert all(one.vat >= 0 and one.net >= 0 for one in lines)
    if not rate:
        assert sum(one.vat for one in lines) == 0


@given(AMOUNTS, st.integers(min_value=0, max_value=100))
def test_the_price_before_tax_is_the_nearest_dong(amount: int, rate: int) -> None:
    exact = Fraction(100 * amount, 100 + rate)
    assert abs(net_of(amount, rate) - exact) <= Fraction(1, 2)


def test_a_tax_counted_by_itself_loses_a_dong() -> None:
    """The negative control: price and tax each rounded down are not what was paid."""
    paid, rate = 5_000, 8
    assert paid * 100 // (100 + rate) + paid * rate // (100 + rate) == 4_999
    (line,) = invoice_lines([("x", paid)], rate)
    assert (line.net, line.vat) == (4_630, 370)
