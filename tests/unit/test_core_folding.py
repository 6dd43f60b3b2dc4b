"""Text is compared without what only typing makes of it."""

import unicodedata

import pytest

from core.folding import caseless, single_spaced, without_marks


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_marks_come_off_in_either_form_and_case_stays(form: str) -> None:
    typed = unicodedata.normalize(form, "Đặng Dung, Nộp lệ phí; ẵẫẩ ỳỹ ƠƯ")  # type: ignore[arg-type]
    assert without_marks(typed) == "Dang Dung, Nop le phi; aaa yy OU"


def test_a_character_stands_for_another_only_where_asked() -> None:
    assert without_marks("Ａ①ª") == "Ａ①ª"
    assert without_marks("Ａ①ª", compatible=True) == "A1a"


def test_other_letters_stay() -> None:
    assert without_marks("ж 三 ß") == "ж 三 ß"


def test_white_space_is_one_space_and_none_at_the_ends() -> None:
    assert single_spaced("  Nội \t dung\u00a0\n ") == "Nội dung"
    assert single_spaced(unicodedata.normalize("NFD", "Nội")) == "Nội"
    assert single_spaced(" \n ") == ""


def test_words_are_equal_whatever_their_case_and_different_by_their_marks() -> None:
    assert caseless(" SỐ  TIỀN ") == caseless("Số tiền")
    assert caseless("Số tiền") != caseless("So tien")
