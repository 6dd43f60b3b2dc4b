"""A market's stalls, vendors and contracts as a file that its board keeps: CSV or XLSX. Pure.

A row is a stall, with who holds it from when where somebody does; a stall that changed hands has a
row for each holder. Every fault of every cell is named by row, column and reason. No cell may be
calculated: what a formula showed when it was saved need not be what it says.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from core.errors import FieldError, Invalid
from core.folding import caseless
from core.foreign_files import NO_ROWS
from core.tax_numbers import checked_tax_number
from core.workbooks import WorkbookLimits
from payments.catalogue.upkeep.sheets.archives import CATALOGUE_LIMITS, TableLimits
from payments.catalogue.upkeep.sheets.cells import (
    Cell,
    CellMisread,
    is_blank,
    mended_phone,
    misplaced,
    misplaced_complaint,
    read_date,
    read_phone,
    read_text,
    read_whole,
    read_words,
)
from payments.catalogue.upkeep.sheets.faults import FileRefused
from payments.catalogue.upkeep.sheets.files import MOST_BYTES as MOST_BYTES
from payments.catalogue.upkeep.sheets.files import read_file

T = TypeVar("T")

#: Headings in the file → what they are here.
HEADINGS: Final = {
    "Mã sạp": "stall",
    "Loại": "kind",
    "Diện tích (m²)": "area",
    "Số mặt tiền": "frontages",
    "Dãy": "lane",
    "Thứ tự": "route_order",
    "Mã tiểu thương": "vendor",
    "Họ tên": "name",
    "Điện thoại": "phone",
    "Mã số thuế": "tax_number",
    "Số hợp đồng": "number",
    "Từ ngày": "first_on",
    "Đến ngày": "last_on",
    "Thu theo": "billed_by",
}
_TITLES: Final = {name: heading for heading, name in HEADINGS.items()}
_NEEDED: Final = ("stall", "kind", "area")
_BY_WORDS: Final = {"ngày": "day", "tuần": "week", "tháng": "month"}

#: The most rows of a file that is taken in batch by batch; one that is sent has fewer.
MOST_STALLS: Final = 100_000
_MOST_COLUMNS: Final = 20
LARGE_FILE: Final = TableLimits(
    32 * 1024 * 1024,
    WorkbookLimits(
        unpacked=320 * 1024 * 1024,
        rows=MOST_STALLS + 1,
        columns=_MOST_COLUMNS,
        cells=(MOST_STALLS + 1) * _MOST_COLUMNS,
        repeated=1024 * 1024 * 1024,
        area=2 * (MOST_STALLS + 1) * _MOST_COLUMNS,
    ),
)

#: No more than this many faults of one file are listed.
MOST_FAULTS: Final = 200
_EMPTY: Final = FieldError("file", "empty", NO_ROWS)

_AREA = re.compile(r"([0-9]{1,6})(?:[.,]([0-9]{1,2}))?")
#: What a contract's number is written with: as on its paper, with the letters of Vietnamese.
NUMBER_SIGNS: Final = "[A-Za-zÀ-ÖØ-öø-ɏẠ-ỹ0-9./ -]"
_PATTERNS: Final = {
    "stall": (r"[A-Za-z0-9][A-Za-z0-9./-]{0,31}", "Mã sạp gồm chữ không dấu, số và . / -."),
    "kind": (r"[a-z][a-z0-9_-]{0,31}", "Loại ghi bằng chữ thường không dấu, ví dụ nha-long."),
    "lane": (r"[A-Za-z0-9 ./-]{0,32}", "Dãy gồm chữ không dấu và số."),
    "vendor": (r"[A-Za-z0-9._/-]{1,64}", "Mã tiểu thương gồm chữ không dấu, số và . / - _."),
    "phone": (r"\+?[0-9][0-9 ]{7,18}", "Số điện thoại gồm 8 đến 19 chữ số."),
    "number": (NUMBER_SIGNS + "{1,64}", "Số hợp đồng gồm chữ, số và . / -, nhiều nhất 64 ký tự."),
}


class StallSheetRefused(Invalid):
    """A file of stalls cannot be taken; `errors` says where and why, nothing was taken."""

    code = "sheet_refused"


@dataclass(frozen=True, slots=True)
class StallRow:
    """A row: a stall, and its holder where there is one; `number` counts as a spreadsheet does."""

    number: int
    stall: str
    kind: str
    area: int
    frontages: int = 1
    lane: str = ""
    route_order: int = 0
    vendor: str = ""
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    #: whether it got back the leading 0 that a spreadsheet took off
    mended_phone: bool = False
    tax_number: str = field(default="", repr=False)
    contract: str = ""
    first_on: date | None = None
    last_on: date | None = None
    billed_by: str = "month"

    @property
    def place(self) -> tuple[str, int, int]:
        """What a stall is by: kind, area, frontages."""
        return self.kind, self.area, self.frontages


def refused(faults: Sequence[FieldError]) -> StallSheetRefused:
    """The refusal of a file for these faults."""
    more = f" ({MOST_FAULTS} lỗi đầu được nêu)" if len(faults) > MOST_FAULTS else ""
    told = f"Tệp có {len(faults)} lỗi{more}; chưa nhận dòng nào."
    return StallSheetRefused(told, errors=list(faults[:MOST_FAULTS]))


def fault_of(number: int, column: str, code: str, reason: str) -> FieldError:
    """What is wrong with a cell: its row and column, and why."""
    title = _TITLES[column]
    return FieldError(
        f"row {number}, column {title}", code, f"Dòng {number}, cột {title}: {reason}"
    )


def read_rows(content: bytes, limits: TableLimits = CATALOGUE_LIMITS) -> list[StallRow]:
    """The rows of a file. Raises `StallSheetRefused`, naming each fault."""
    try:
        sheets = read_file(content, limits=limits)
    except FileRefused as error:
        raise refused(error.errors) from None
    sheet = next((one for one in sheets if one.rows), None)
    if sheet is None:
        raise refused([_EMPTY])
    (first, headings), *rows = sheet.rows
    columns = _columns(first, headings)
    faults = [
        FieldError(f"cell {place.address}", "formula", f"Ô {place.address} có công thức hoặc lỗi.")
        for place in sorted({*sheet.markings.formulas, *sheet.markings.errors})[:MOST_FAULTS]
    ]
    found = [_row(number, cells, columns, faults) for number, cells in rows]
    read = [one for one in found if one is not None]
    faults += _disagreements(read)
    if faults:
        raise refused(faults)
    if not read:
        raise refused([FieldError("file", "empty", "Tệp chỉ có dòng tiêu đề.")])
    return read


def _columns(number: int, headings: Sequence[Cell]) -> dict[str, int]:
    known = {caseless(heading): name for heading, name in HEADINGS.items()}
    columns: dict[str, int] = {}
    faults = []
    for place, cell in enumerate(headings):
        if is_blank(cell):
            continue
        name = known.get(caseless(str(cell).strip()))
        if name is None or name in columns:
            told = f"Dòng {number}: không có cột nào tên {str(cell)[:50]!r}, hoặc ghi hai lần."
            faults.append(FieldError(f"row {number}", "unknown_column", told))
        else:
            columns[name] = place
    missing = [_TITLES[name] for name in _NEEDED if name not in columns]
    if missing:
        told = f"Dòng {number}: thiếu cột {', '.join(missing)}."
        faults.append(FieldError(f"row {number}", "missing_column", told))
    if faults:
        raise refused(faults)
    return columns


def _row(
    number: int,
    cells: Sequence[Cell],
    columns: Mapping[str, int],
    faults: list[FieldError],
) -> StallRow | None:
    before = len(faults)
    if strays := misplaced(cells, columns.values()):
        told = f"Dòng {number}: {misplaced_complaint(strays)}"
        faults.append(FieldError(f"row {number}", "no_heading", told))

    def read(name: str, how: Callable[[Cell], T], default: T) -> T:
        place = columns.get(name, len(cells))
        cell = cells[place] if place < len(cells) else None
        if is_blank(cell):
            return default
        try:
            return how(cell)
        except CellMisread as error:
            faults.append(fault_of(number, name, error.code, error.detail))
        except ValueError as error:
            faults.append(fault_of(number, name, "malformed", str(error)))
        return default

    values = {name: read(name, _text_of(name), "") for name in _PATTERNS}
    vendor = values["vendor"]
    row = StallRow(
        number=number,
        stall=values["stall"],
        kind=values["kind"],
        area=read("area", _area, 0),
        frontages=read("frontages", _frontages, 1),
        lane=values["lane"],
        route_order=read("route_order", _small, 0),
        vendor=vendor,
        name=read("name", read_words, ""),
        phone=values["phone"],
        mended_phone=read("phone", lambda cell: mended_phone(cell) is not None, False),
        tax_number=read("tax_number", lambda cell: checked_tax_number(read_text(cell)), ""),
        contract=values["number"],
        first_on=read("first_on", _day, None),
        last_on=read("last_on", _day, None),
        billed_by=read("billed_by", _by, "month"),
    )
    if len(faults) == before:
        needed = [("stall", row.stall), ("kind", row.kind), ("area", row.area)]
        if vendor:
            needed += [("name", row.name), ("first_on", row.first_on)]
        for name, value in needed:
            if not value:
                faults.append(fault_of(number, name, "missing", "Chưa ghi."))
        if not vendor and (row.name or row.first_on):
            faults.append(fault_of(number, "vendor", "missing", "Có người thuê mà chưa ghi mã."))
        if row.first_on and row.last_on and row.last_on < row.first_on:
            faults.append(fault_of(number, "last_on", "out_of_range", "Trước ngày bắt đầu."))
    return row if len(faults) == before else None


def _disagreements(rows: Sequence[StallRow]) -> list[FieldError]:
    """Where rows say different things of one stall or vendor, or of one stall on one day."""
    faults = []
    stalls: dict[str, StallRow] = {}
    vendors: dict[str, StallRow] = {}
    held: dict[str, list[StallRow]] = {}
    for row in sorted(rows, key=lambda one: one.number):
        other = stalls.setdefault(row.stall, row)
        if other.place != row.place:
            told = f"Dòng {other.number} ghi loại, diện tích hoặc mặt tiền khác cho sạp này."
            faults.append(fault_of(row.number, "stall", "differs", told))
        if not row.vendor:
            continue
        known = vendors.setdefault(row.vendor, row)
        if (known.name, known.phone) != (row.name, row.phone):
            told = f"Dòng {known.number} ghi tên hoặc điện thoại khác cho mã này."
            faults.append(fault_of(row.number, "vendor", "differs", told))
        for one in held.setdefault(row.stall, []):
            if _meet(one, row):
                told = f"Sạp đã có người thuê những ngày này ở dòng {one.number}."
                faults.append(fault_of(row.number, "first_on", "stall_held", told))
        held[row.stall].append(row)
    return faults


def _meet(one: StallRow, other: StallRow) -> bool:
    forever = date.max
    return (one.first_on or forever) <= (other.last_on or forever) and (
        other.first_on or forever
    ) <= (one.last_on or forever)


def _text_of(name: str) -> Callable[[Cell], str]:
    pattern, told = _PATTERNS[name]
    plain = read_phone if name == "phone" else read_text

    def read(cell: Cell) -> str:
        text = plain(cell)
        if re.fullmatch(pattern, text) is None:
            raise CellMisread("malformed", told)
        return text

    return read


def _area(cell: Cell) -> int:
    """Square metres with two decimals at most, as square decimetres."""
    text = cell.strip() if isinstance(cell, str) else read_number(cell)
    match = _AREA.fullmatch(text)
    area = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else 0
    if not 1 <= area <= 10_000_000:
        raise CellMisread("not_an_area", "Diện tích là số mét vuông, nhiều nhất hai số lẻ: 12,5.")
    return area


def read_number(cell: Cell) -> str:
    """A number cell as its shortest decimal text."""
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise CellMisread("not_a_number", "Phải là số.")
    return f"{cell:g}" if cell < 100_000 else str(int(cell))


def _frontages(cell: Cell) -> int:
    count = read_whole(cell)
    if not 1 <= count <= 4:
        raise CellMisread("out_of_range", "Từ 1 đến 4.")
    return count


def _small(cell: Cell) -> int:
    number = read_whole(cell)
    if number > 1_000_000:
        raise CellMisread("out_of_range", "Nhiều nhất 1.000.000.")
    return number


def _day(cell: Cell) -> date | None:
    return read_date(cell)


def _by(cell: Cell) -> str:
    word = caseless(read_text(cell))
    if word not in _BY_WORDS:
        raise CellMisread("unknown", "Ghi ngày, tuần hoặc tháng.")
    return _BY_WORDS[word]
