"""Spells a whole amount of đồng in Vietnamese words. Pure.

A receipt states its amount in figures and in words (Decree 254/2026/NĐ-CP, article 23, clause 2đ),
and the words are what a reader trusts when a figure is smudged. The libraries we tried drop
"không trăm" (1 015 became "một nghìn lẻ mười lăm") or lose a minus sign, so these lines are ours;
a reverse parser in the tests reads every spelling back to its number.
"""

from core.errors import Invalid
from core.money import MAX_AMOUNT

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_BILLION = 10**9
_SCALES = ("", "nghìn", "triệu")


def amount_in_words(amount: int) -> str:
    """The words for `amount` whole đồng, with a capital first letter: "Năm nghìn đồng".

    Zero is "Không đồng". Raises `Invalid` for a negative number, for one above `MAX_AMOUNT`, and
    for anything that is not a plain `int` (a `bool` included).
    """
    if type(amount) is not int:
        raise Invalid("Số tiền phải là số nguyên đồng.", code="amount_not_integer")
    if not 0 <= amount <= MAX_AMOUNT:
        raise Invalid("Số tiền nằm ngoài khoảng đọc được.", code="amount_out_of_range")
    words = " ".join(_whole(amount)) or _DIGITS[0]
    return f"{words[0].upper()}{words[1:]} đồng"


def _whole(number: int) -> list[str]:
    """The words of a number of any size; "tỷ" is said once, after everything above it."""
    billions, rest = divmod(number, _BILLION)
    words = [*_below_billion(billions, full=False), "tỷ"] if billions else []
    return words + _below_billion(rest, full=bool(billions))


def _below_billion(number: int, *, full: bool) -> list[str]:
    """The words of 0..999 999 999. `full` says that something greater was spoken before."""
    words: list[str] = []
    for power in (2, 1, 0):
        group = number // 1000**power % 1000
        if group:
            words += _group(group, full=full or bool(words))
            if _SCALES[power]:
                words.append(_SCALES[power])
    return words


def _group(number: int, *, full: bool) -> list[str]:
    """The words of 1..999.

    When a greater group was spoken before (`full`), an empty hundred is said aloud, so that
    1 000 005 is heard as "không trăm linh năm" and never taken for 1 005 or 1 500.
    """
    hundreds, rest = divmod(number, 100)
    words = [_DIGITS[hundreds], "trăm"] if hundreds or full else []
    tens, units = divmod(rest, 10)
    if tens == 0:
        if units:
            words += ["linh", _DIGITS[units]] if words else [_DIGITS[units]]
        return words
    words += ["mười"] if tens == 1 else [_DIGITS[tens], "mươi"]
    if units:
        words.append(_after_tens(tens, units))
    return words


def _after_tens(tens: int, units: int) -> str:
    """The unit as it sounds after a ten: mười lăm, hai mươi mốt, hai mươi tư, hai mươi lăm."""
    if units == 5:
        return "lăm"
    if tens > 1 and units == 1:
        return "mốt"
    if tens > 1 and units == 4:
        return "tư"
    return _DIGITS[units]
