"""The fields of SWIFT's MT940 and MT942: where each begins, and what its text says. Pure.

The shapes are those of the library mt-940, whose patterns are asked here; it takes what fits of a
damaged amount for all of it, so what it finds is held against a grammar of our own: an amount has
its comma and its type of transaction, a side is one of the four words there are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from mt940 import tags

from core.money import MAX_AMOUNT
from reconciliation.formats.cells import CellRefused, quoted
from reconciliation.formats.rows import Direction

#: Fields that are known, with what they may say of themselves: F is final, M in between.
KNOWN: Final = frozenset(
    {
        *("13", "13C", "13D", "20", "21", "25", "25P", "28", "28C", "34F", "60F", "60M", "61"),
        *("62F", "62M", "64", "65", "86", "90C", "90D", "NS"),
    }
)
#: The currency, and its last letter, which may stand after the side; R is a habit: CR and DR.
_CURRENCY: Final = "VND"
_FUNDS: Final = frozenset({None, "D", "R"})

#: The blocks of a message before its text, where the first field follows in their line.
_BLOCKS = re.compile(r"-?\}?(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})*\{4:(?=:[0-9]{2}[A-Z]?:)")
_FIELD = re.compile(r":([0-9]{2}[A-Z]?|NS):")
#: What no line of text begins with: what moves money, or a balance, behind a damaged mark.
_LIKE_A_FIELD = re.compile(
    r".{0,8}?(?:[0-9]{6}(?:[0-9]{4})?[RE]?[CD][A-Z]?[0-9]{1,15},[0-9]{0,2}[SNF][A-Z0-9]{3}"
    r"|[CD][0-9]{6}[A-Z]{3}[0-9]{1,15},[0-9]{0,2}\s*$)"
)
_AMOUNT = re.compile(r"([0-9]{1,15}),([0-9]{0,2})")
_TYPE = re.compile(r"[SNF][A-Z0-9 ]{3}")
_STATUS: Final[dict[str, Direction]] = {"C": "credit", "D": "debit", "RC": "debit", "RD": "credit"}
_EXPECTED = re.compile(r"[0-9]{6}(?:[0-9]{4})?E[CD]")
_TOTAL = re.compile(r"([0-9]{1,5})([A-Z]{3})([0-9,]{1,16})")
_DIGITS_SHOWN: Final = 4
_NUMBER = re.compile(r"\s*([0-9Xx*][0-9Xx* .-]*)(?:[A-Z]{3})?")

_LINE: Final = tags.Statement().re
_BALANCE: Final = tags.BalanceBase().re


@dataclass(slots=True)
class SwiftField:
    """A field: its mark, the row it begins in, its lines of text."""

    mark: str
    row: int
    lines: list[str]


@dataclass(frozen=True, slots=True)
class SwiftLine:
    """What a field 61 says: when it was booked, how much, which side, and both references.

    `is_reversal` where it takes another line back; its side is then already the other one.
    """

    booked_on: date
    amount: int
    direction: Direction
    is_reversal: bool
    customer_ref: str
    bank_ref: str


def fields_of(text: str) -> Iterator[SwiftField]:
    """The fields of a file in order, with the lines that continue each.

    A line of `-` ends a message, told as a field of that mark; a line before any has the mark "".
    """
    current: SwiftField | None = None
    for row, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        found = _FIELD.match(line)
        if found is None and (blocks := _BLOCKS.match(line)) is not None:
            if current is not None:
                yield current
            current = SwiftField("-", row, [blocks[0]])
            line = line[blocks.end() :]
            found = _FIELD.match(line)
        if found is not None:
            if current is not None:
                yield current
            current = SwiftField(found[1], row, [line[found.end() :]])
        elif line.startswith(("-}", "{")) or line.strip() in ("-", "\x03"):
            if current is not None:
                yield current
            yield SwiftField("-", row, [line])
            current = None
        elif current is not None:
            current.lines.append(line)
        else:
            yield SwiftField("", row, [line])
    if current is not None:
        yield current


def is_like_a_field(line: str) -> bool:
    """Whether a line that continues a text looks like a field whose mark was damaged."""
    return _LIKE_A_FIELD.match(line) is not None


def is_expected(text: str) -> bool:
    """Whether a field 61 tells of money that is only expected."""
    return _EXPECTED.match(text) is not None


def read_line(text: str) -> SwiftLine:
    """What a field 61 says in its first line. Raises `CellRefused`."""
    found = _LINE.match(text)
    if found is None or not text[:16].isascii():
        raise CellRefused("line", f"{quoted(text)} không phải dòng :61:")
    status, funds = found["status"], found["funds_code"]
    if status not in _STATUS or funds not in _FUNDS:
        raise CellRefused("direction", f"{quoted(text)}: bên nợ, có không rõ")
    if found["id"] is None or _TYPE.fullmatch(found["id"]) is None:
        raise CellRefused("amount", f"{quoted(text)}: số tiền hoặc loại giao dịch không rõ")
    value_on = _day(found["year"], found["month"], found["day"])
    booked_on = value_on
    if (found["entry_month"] or "").strip():
        booked_on = _near(value_on, found["entry_month"], found["entry_day"] or "")
    # The pattern cuts references that are longer than SWIFT allows.
    customer_ref, _, bank_ref = text[found.end("id") :].partition("//")
    return SwiftLine(
        booked_on,
        read_amount(found["amount"]),
        _STATUS[status],
        status.startswith("R"),
        customer_ref.strip(),
        bank_ref.strip(),
    )


def read_balance(text: str) -> int:
    """The balance in đồng that a field 60 or 62 tells, negative for a debit.

    Raises `CellRefused`.
    """
    found = _BALANCE.fullmatch(text.strip())
    if found is None or found["status"] not in ("C", "D"):
        raise CellRefused("balance", f"{quoted(text)} không phải số dư")
    check_currency(found["currency"])
    _day(found["year"], found["month"], found["day"])
    amount = read_amount(found["amount"])
    return amount if found["status"] == "C" else -amount


def read_total(text: str) -> tuple[int, int]:
    """How many lines a field 90 counts, and their sum in đồng. Raises `CellRefused`."""
    found = _TOTAL.fullmatch(text.strip())
    if found is None:
        raise CellRefused("total", f"{quoted(text)} không phải dòng tổng")
    check_currency(found[2])
    return int(found[1]), read_amount(found[3])


def read_amount(text: str) -> int:
    """An amount with SWIFT's comma, in whole đồng. Raises `CellRefused`."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise CellRefused("amount", f"{quoted(text)} không phải số tiền kiểu 1000,00")
    if found[2].strip("0"):
        raise CellRefused("amount", f"{quoted(text)} có phần lẻ dưới một đồng")
    amount = int(found[1])
    if amount > MAX_AMOUNT:
        raise CellRefused("amount", f"{quoted(text)} lớn hơn mức cho phép")
    return amount


def read_account(text: str) -> str:
    """The number of an account, without its bank before and its currency after.

    "" where there is none, or it is hidden but for a few digits.
    """
    number = text.strip().rpartition("/")[2]
    found = _NUMBER.fullmatch(number)
    # Of a number that has letters, as virtual accounts do, its digits are what is compared.
    plain = re.sub("[^0-9]", "", number) if found is None else re.sub("[ .-]", "", found[1])
    enough = len(re.sub("[^0-9]", "", plain)) >= _DIGITS_SHOWN
    return plain.casefold().replace("*", "x") if enough else ""


def check_currency(currency: str) -> None:
    """Raise `CellRefused` for any but the đồng."""
    if currency != _CURRENCY:
        raise CellRefused("currency", f"tiền {quoted(currency)}; chỉ nhận {_CURRENCY}")


def _day(year: str, month: str, day: str) -> date:
    try:
        return date(2000 + int(year), int(month), int(day))
    except ValueError:
        raise CellRefused("time", f"không có ngày {day}/{month}/20{year}") from None


def _near(value_on: date, month: str, day: str) -> date:
    """The day of booking, which tells no year, in the one that brings it nearest to the other."""
    days = []
    for year in (value_on.year - 1, value_on.year, value_on.year + 1):
        try:
            days.append(date(year, int(month), int(day)))
        except ValueError:
            continue
    near = min(days, key=lambda one: abs(one - value_on), default=None)
    if near is None or abs(near - value_on).days > 183:
        raise CellRefused("time", f"không có ngày hạch toán {day}/{month}")
    return near
