"""Amounts and counts as citizens type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.citizen.typed import TypedForm, amount, count
from core.money import format_vnd


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  ", None),
        ("đ", None),
        ("1500", 1500),
        ("1.500", 1500),
        ("1,500", 1500),
        ("1 500 000", 1_500_000),
        ("1\u00a0500\u00a0000", 1_500_000),
        ("2.000.000.000 đồng", 2_000_000_000),
        ("2.000.000.000VND", 2_000_000_000),
        ("0", 0),
        ("007", 7),
    ],
)
def test_an_amount_is_read_with_or_without_marks(text: str, expected: int | None) -> None:
    assert amount(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "1.50",
        "1.5000",
        "1.500,000",
        "1..500",
        ".500",
        "500.",
        "-5",
        "+5",
        "1e9",
        "2 tỷ",
        "٣",
        "²",
        "1.500.00",
        "12345.678",
        "đ5",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read_at_all(text: str) -> None:
    with pytest.raises(ValueError, match="whole đồng"):
        amount(text)


@given(st.integers(1, 10**13))
def test_what_we_write_is_what_we_read(figure: int) -> None:
    assert amount(format_vnd(figure)) == figure
    assert amount(str(figure)) == figure


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "٣", "1.5", "½"])
def test_what_is_no_count_becomes_one_that_no_fee_accepts(text: str) -> None:
    assert count(text) == 0


def test_a_count_that_was_not_sent_is_one() -> None:
    typed = TypedForm(("3",), more=("2",))
    assert [typed.quantity(0), typed.quantity(1)] == ["3", "1"]
    assert [typed.of_extra(0), typed.of_extra(1)] == ["2", "1"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("online", "online"),
        ("counter", "counter"),
        ("", "online"),
        ("poster", "online"),
        ("\x00", "online"),
        ("Counter", "online"),
    ],
)
def test_only_a_known_channel_is_kept_of_what_a_form_says(sent: str, kept: str) -> None:
    assert TypedForm(channel=sent).handed_in == kept
