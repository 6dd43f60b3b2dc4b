import pytest

from core.tax_numbers import checked_tax_number


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("0109876543", "0109876543"),
        ("0109876543-001", "0109876543-001"),
        ("0109876543001", "0109876543-001"),
        ("001099123456", "001099123456"),
    ],
)
def test_a_tax_number_has_one_form(written: str, shown: str) -> None:
    assert checked_tax_number(written) == shown


@pytest.mark.parametrize("last", range(10))
def test_of_ten_last_digits_one_is_right(last: int) -> None:
    number = f"010987654{last}"
    if last == 3:
        assert checked_tax_number(number) == number
    else:
        with pytest.raises(ValueError, match="chữ số kiểm tra"):
            checked_tax_number(number)


@pytest.mark.parametrize(
    "written",
    ["", "1", "010987654", "01098765431", "0109876543-1", "0109876543 001", "０１０９８７６５４３",
     "0109876543\n", "010-9876543", "MST 0109876543", "00109912345"],
)  # fmt: skip
def test_what_has_another_form_is_told_the_form(written: str) -> None:
    with pytest.raises(ValueError, match="gồm 10 chữ số"):
        checked_tax_number(written)
