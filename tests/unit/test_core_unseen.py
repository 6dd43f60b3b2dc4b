"""Which characters nobody sees, and what is said of them."""

import unicodedata

import pytest

from core.bodies import validated
from core.errors import Invalid
from core.unseen import (
    all_seen,
    is_plain_line,
    unseen,
    unseen_complaint,
    unseen_faults,
    without_unseen,
)
from payments.books.schemas import ReasonIn

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
WIDTHLESS = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u034f\ufe0f\U000e0001\U000e0100"
INKLESS = "\u3164\uffa0\u115f\u2800\u2028\u2029"


@pytest.mark.parametrize("character", TURNING + WIDTHLESS + INKLESS)
def test_marks_of_direction_and_without_width_are_found_and_left_out(character: str) -> None:
    text = f"Nguyễn{character} An"
    assert unseen(text) == character
    assert without_unseen(text) == "Nguyễn An"
    assert not is_plain_line(text)
    with pytest.raises(ValueError, match=f"U\\+{ord(character):04X}"):
        all_seen(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain", "Nguyễn Thị Ánh ₫", "王小明 😀", "a\u00a0b"),
        unicodedata.normalize("NFD", "Nguyễn Ánh"),
    ],
)
def test_what_can_be_seen_is_left_alone(text: str) -> None:
    assert unseen(text) == ""
    assert without_unseen(text) == text
    assert all_seen(text) == text


def test_the_complaint_names_some_and_counts_the_rest() -> None:
    assert "(U+202E, U+200B)" in unseen_complaint("\u202e\u200b")
    assert "và 7 ký tự khác" in unseen_complaint(TURNING)


def test_every_text_of_a_json_value_is_looked_at_and_named_by_its_path() -> None:
    bad = "a\u200bb"
    value = {"a": bad, "b": [{"c": "good"}, {"c": bad}], "d": {bad: 1}, "e": 5, "f": None}
    assert [fault.field for fault in unseen_faults(value)] == ["a", "b.1.c", "d"]
    assert [fault.field for fault in unseen_faults(bad)] == ["body"]
    assert list(unseen_faults({"a": [1, True, "good"]})) == []


def test_no_body_is_taken_with_one() -> None:
    assert validated(ReasonIn, {"reason": "vì sao"}).reason == "vì sao"
    with pytest.raises(Invalid) as caught:
        validated(ReasonIn, {"reason": "vì\u202esao"})
    (fault,) = caught.value.errors
    assert (fault.field, fault.code) == ("reason", "unseen")
    assert fault.detail == caught.value.detail == unseen_complaint("\u202e")
