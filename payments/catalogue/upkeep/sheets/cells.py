"""Single cells of a spreadsheet: what a clerk may write, and what it means. Pure.

A cell is read strictly or not at all: a number read loosely is a wrong amount. Spreadsheets also
change what was typed (2.000910 becomes a number without its last zero, 100 % becomes 1), so where
a cell may have been changed on the way, it is refused and the reason says what to do.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from core.errors import Invalid
from core.folding import caseless
from core.json import dumps, loads
from core.lettering import complaint, undrawable
from core.money import MAX_AMOUNT, format_vnd
from core.unseen import unseen, unseen_complaint, without_unseen

#: What a file can have in a cell. Text may be empty; None and "" are blank.
Cell = str | int | float | bool | date | datetime | time | timedelta | None

#: How a spreadsheet shows the cells of a column.
Look = Literal["text", "number", "date"]

#: Amounts below this many đồng hardly exist; most are thousands that lost their zeros on the way.
SMALL = 1000

#: Entries of earlier or later years are slips of the keyboard.
FIRST_YEAR, LAST_YEAR = 1900, 2200

#: How many cells of a row a complaint names; one fault is told of them all.
_NAMED = 5

_PLAIN_WHOLE = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.0)?")
_DOTTED_WHOLE = re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,5}")
_SIGNED = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DAY_FIRST = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_STEP = re.compile(r"([0-9.]+)\s*:\s*([0-9.]+)")
_FLAGS = {"có": True, "true": True, "không": False, "false": False}


class CellMisread(ValueError):
    """A cell does not hold what its column asks for; `code` is stable, `detail` Vietnamese."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cells of a column hold. `read` gets no blank cell; it raises `CellMisread`."""

    read: Callable[[Cell], Any]
    write: Callable[[Any], Cell]
    look: Look = "text"


#: A Vietnamese mobile number without its 0: nine digits that are nobody's number otherwise.
_WITHOUT_NOUGHT = re.compile(
    r"[35789](?:[ -]?[0-9]){8}|(?=[^.]*\.[^.]*\.)[35789](?:\.?[0-9]){8}"  # never one dot alone
)
#: What a spreadsheet makes of a number that it once held as one.
_AS_DECIMAL = re.compile(r"^([0-9]{8,15})\.0$")
#: A landline without its 0, if it is no number of another country.
_MAY_LACK_NOUGHT = re.compile("2(?:[ .-]?[0-9]){8,9}")
#: What lost nothing in a number cell: a Vietnamese number with the code of the country, whose + a
#: spreadsheet leaves out, and a service's number, as companies have.
_WITH_NO_NOUGHT = re.compile("84(?:[35789][0-9]{8}|2[0-9]{9})|1[89]00(?:[0-9]{4}|[0-9]{6})")


def is_blank(cell: Cell) -> bool:
    """Whether there is nothing in a cell but spaces."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def misplaced(cells: Sequence[Cell], known: Collection[int]) -> list[int]:
    """Which cells of a row, from 0, hold something to be seen and are in none of the columns known.

    Of one whose every character is unseen nobody would know what to take out.
    """
    return [
        place
        for place, cell in enumerate(cells)
        if place not in known
        and not is_blank(without_unseen(cell) if isinstance(cell, str) else cell)
    ]


def misplaced_complaint(places: Sequence[int]) -> str:
    """What a person is told of the `misplaced` cells of a row, of which there is at least one."""
    named = ", ".join(str(place + 1) for place in places[:_NAMED])
    if len(places) == 1:
        return f"Ô thứ {named} không thuộc cột nào."
    if len(places) <= _NAMED:
        return f"Các ô thứ {named} không thuộc cột nào."
    return f"Các ô thứ {named} và {len(places) - _NAMED} ô khác không thuộc cột nào."


def read_text(cell: Cell) -> str:
    """A text as it stands. A whole number is taken too, for a code of digits."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise CellMisread("not_a_text", "Phải là văn bản; hãy định dạng ô là Văn bản rồi gõ lại.")
    if isinstance(cell, float) and not cell.is_integer():
        # 2.000910 has already lost its last zero here.
        detail = "Bảng tính đã đổi thành số; hãy định dạng ô là Văn bản rồi gõ lại."
        raise CellMisread("not_a_text", detail)
    return str(int(cell))


def mended_phone(cell: Cell) -> str | None:
    """The phone number of a cell whose leading 0 a spreadsheet took off; None for others.

    A file of texts, as CSV is, may have been written by one that had taken it off before.
    """
    if isinstance(cell, str):
        text = _AS_DECIMAL.sub(r"\1", cell.strip())
    else:
        is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
        text = f"{cell:.15g}" if is_number else ""
    return f"0{text}" if _WITHOUT_NOUGHT.fullmatch(text) else None


def read_phone(cell: Cell) -> str:
    """A phone number as text, with the leading 0 that it lost (`mended_phone`).

    Raises `CellMisread` where it may have lost one and nobody can tell.
    """
    if mended := mended_phone(cell):
        return mended
    text = _AS_DECIMAL.sub(r"\1", read_text(cell))
    if not isinstance(cell, str):
        if _WITH_NO_NOUGHT.fullmatch(text):
            return text
        again = "Hãy định dạng ô là Văn bản rồi gõ lại số điện thoại."
        raise CellMisread("not_a_text", f"Ô này là số nên có thể đã mất số 0 ở đầu. {again}")
    if _MAY_LACK_NOUGHT.fullmatch(text):
        again = "Hãy ghi lại có số 0; số nước ngoài thì ghi dấu + và mã nước."
        raise CellMisread("ambiguous", f"Số máy bàn này có thể đã mất số 0 ở đầu. {again}")
    return text


def read_words(cell: Cell, longest: int = 200) -> str:
    """A text that comes to stand on papers: no unseen character, none that they cannot draw."""
    text = read_text(cell)
    if strange := unseen(text):
        raise CellMisread("unseen", unseen_complaint(strange))
    if lacking := undrawable(text):
        raise CellMisread("undrawable", complaint(lacking))
    if len(text) > longest:
        raise CellMisread("too_long", f"Tối đa {longest} ký tự.")
    return text


def read_whole(cell: Cell) -> int:
    """A whole number from 0 on: 2000, 2.000 with Vietnamese dots, or a number cell of 2000.0."""
    if isinstance(cell, str):
        text = cell.strip()
        if text.startswith("-"):
            raise CellMisread("negative", "Không được là số âm.")
        if _PLAIN_WHOLE.fullmatch(text):
            number = int(text.removesuffix(".0"))
        elif _DOTTED_WHOLE.fullmatch(text):
            number = int(text.replace(".", ""))
        else:
            raise CellMisread("not_an_integer", "Phải là số nguyên, ví dụ 2000 hoặc 2.000.")
    elif isinstance(cell, bool) or not isinstance(cell, int | float):
        raise CellMisread("not_an_integer", "Phải là số nguyên, ví dụ 2000 hoặc 2.000.")
    elif isinstance(cell, float) and not cell.is_integer():
        raise CellMisread("not_an_integer", "Phải là số nguyên, không có phần lẻ.")
    else:
        number = int(cell)
    if number < 0:
        raise CellMisread("negative", "Không được là số âm.")
    if number > MAX_AMOUNT:
        raise CellMisread("too_big", f"Quá lớn; nhiều nhất {MAX_AMOUNT}.")
    return number


def read_amount(cell: Cell) -> int:
    """An amount in đồng, as `read_whole`; a number cell of 1 to 999 is refused.

    A spreadsheet set to English keeps a typed 2.000 as the number 2. A small amount is text.
    """
    number = read_whole(cell)
    if 0 < number < SMALL and not isinstance(cell, str):
        meant = number * SMALL
        detail = (
            f"Ô là số {number}: nếu là {format_vnd(meant)}, hãy gõ {meant}; nếu đúng là"
            f" {format_vnd(number)}, hãy định dạng ô là Văn bản rồi gõ lại."
        )
        raise CellMisread("ambiguous", detail)
    return number


def read_percent(cell: Cell) -> int:
    """A whole percentage; 50 and "50 %" are the same.

    A spreadsheet keeps 100 % as the number 1, so that number is refused: it may mean either.
    """
    if isinstance(cell, str):
        return read_whole(cell.strip().removesuffix("%").rstrip())
    if isinstance(cell, int | float) and not isinstance(cell, bool) and cell == 1:
        detail = "Bảng tính ghi 100 % thành 1; hãy định dạng ô là Văn bản rồi gõ lại."
        raise CellMisread("ambiguous", detail)
    return read_whole(cell)


def read_share(cell: Cell) -> str:
    """An exact percentage as a decimal text, with a point or a comma: "0,15 %" is "0.15".

    Number cells are refused: a spreadsheet keeps 0,15 % as 0.0015, and nobody can tell.
    """
    if not isinstance(cell, str):
        detail = "Tỷ lệ ghi dạng văn bản, ví dụ 0,15; hãy định dạng ô là Văn bản rồi gõ lại."
        raise CellMisread("ambiguous", detail)
    text = cell.strip().removesuffix("%").rstrip()
    return text.replace(",", ".") if "." not in text else text


def read_date(cell: Cell) -> date:
    """A day: a date cell, dd/mm/yyyy (the day first), or ISO yyyy-mm-dd."""
    found: date | None = None
    if isinstance(cell, datetime):
        if cell.time() != time():
            raise CellMisread("not_a_date", "Phải là ngày, không kèm giờ.")
        found = cell.date()
    elif isinstance(cell, date):
        found = cell
    elif isinstance(cell, str):
        found = _date_of(cell.strip())
    if found is None:
        raise CellMisread("not_a_date", "Phải là ngày dạng dd/mm/yyyy, ví dụ 01/03/2027.")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise CellMisread("out_of_range", f"Năm phải từ {FIRST_YEAR} đến {LAST_YEAR}.")
    return found


def _date_of(text: str) -> date | None:
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = (int(part) for part in match.groups())
    elif match := _YEAR_FIRST.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_flag(cell: Cell) -> bool:
    """Yes or no: a logical cell, or có, không, true, false."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, str) and caseless(cell) in _FLAGS:
        return _FLAGS[caseless(cell)]
    raise CellMisread("not_a_flag", "Ghi có hoặc không.")


def read_codes(cell: Cell) -> list[str]:
    """Codes with semicolons between them; each may stand once."""
    codes = [part.strip() for part in read_text(cell).split(";")]
    codes = [code for code in codes if code]
    if len(set(codes)) < len(codes):
        raise CellMisread("doubled", "Có mã ghi hai lần.")
    return codes


def read_steps(cell: Cell) -> list[dict[str, int]]:
    """Steps such as "1: 2000; 3: 1000": from which unit on each unit costs how much."""
    steps = []
    for part in read_text(cell).split(";"):
        if not part.strip():
            continue
        match = _STEP.fullmatch(part.strip())
        if match is None:
            raise CellMisread("not_steps", "Ghi các bậc dạng 1: 2000; 3: 1000.")
        steps.append({"from": read_whole(match[1]), "each": read_whole(match[2])})
    return steps


def read_free(cell: Cell) -> object:
    """A value of a rule whose key nobody described: a whole number, text, yes or no, or JSON."""
    if isinstance(cell, bool):
        return cell
    if not isinstance(cell, str):
        return read_whole(cell)
    text = cell.strip()
    if text[:1] in ('"', "[", "{"):
        try:
            return loads(text.encode())
        except Invalid:
            raise CellMisread("not_json", "Không đọc được giá trị này.") from None
    if caseless(text) in _FLAGS:
        return _FLAGS[caseless(text)]
    if _SIGNED.fullmatch(text):
        return int(text)
    return read_whole(text) if _DOTTED_WHOLE.fullmatch(text) else text


def write_free(value: object) -> Cell:
    """What `read_free` understands as the same value."""
    if type(value) is int and 0 <= value <= MAX_AMOUNT:
        return value
    if isinstance(value, str) and value == value.strip() and value and read_back(value) == value:
        return value
    if isinstance(value, bool):
        return write_flag(value)
    return dumps(value).decode()


def read_back(text: str) -> object:
    """What `read_free` makes of a text, or None where it makes nothing of it."""
    try:
        return read_free(text)
    except CellMisread:
        return None


def write_flag(value: bool) -> str:
    """Có or không."""
    return "có" if value else "không"


def write_amount(value: int) -> Cell:
    """What `read_amount` reads: a number, or a text where that would be refused."""
    return str(value) if 0 < value < SMALL else value


def write_codes(codes: Sequence[str]) -> str:
    """Codes in order, with semicolons between them."""
    return "; ".join(sorted(set(codes)))


def write_steps(steps: object) -> Cell:
    """What `read_steps` reads; JSON where it is no list of steps, which nothing valid is."""
    try:
        return "; ".join(f"{step['from']}: {step['each']}" for step in steps)  # type: ignore[attr-defined]  # judged by the attempt
    except (TypeError, KeyError, AttributeError):
        return write_free(steps)


def _as_is(value: Any) -> Cell:
    found: Cell = value
    return found


def said(cell: Cell) -> str:
    """A cell as a person reads it: dates the day first, numbers as plain digits, "" for blank."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return write_flag(cell)
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}"
    return str(cell)


TEXT = Shape(read_text, str)
WHOLE = Shape(read_whole, _as_is, "number")
AMOUNT = Shape(read_amount, write_amount, "number")
PERCENT = Shape(read_percent, str)
SHARE = Shape(read_share, str)
DATE = Shape(read_date, _as_is, "date")
FLAG = Shape(read_flag, write_flag)
CODES = Shape(read_codes, write_codes)
STEPS = Shape(read_steps, write_steps)
FREE = Shape(read_free, write_free)
