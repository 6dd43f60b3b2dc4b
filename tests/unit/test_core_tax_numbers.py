import pytest

from core.tax_numbers import checked_tax_number


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("0100109106", "0100109106"),
        ("0100109106-001", "0100109106-001"),
        ("0100109106001", "0100109106-001"),
        ("001099123456", "001099123456"),
    ],
)
def test_a_tax_number_has_one_form(written: str, shown: str) -> None:
    assert checked_tax_number(written) == shown


@pytest.mark.parametrize("last", range(10))
def test_of_ten_last_digits_one_is_right(last: int) -> None:
    number = f"010010910{last}"
    if last == 6:
        assert checked_tax_number(number) == number
    else:
        with pytest.raises(ValueError, match="chữ số kiểm tra"):
            checked_tax_number(number)


@pytest.mark.parametrize(
    "written",
    ["", "1", "010010910", "01001091061", "0100109106-1", "0100109106 001", "０１００１０９１０６",
     "0100109106\n", "010-0109106", "MST 0100109106", "00109912345"],
)  # fmt: skip
def test_what_has_another_form_is_told_the_form(written: str) -> None:
    with pytest.raises(ValueError, match="gồm 10 chữ số"):
        checked_tax_number(written)
