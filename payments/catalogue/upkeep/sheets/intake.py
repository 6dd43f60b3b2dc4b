"""The rows of a file into entries, with every fault of every cell named. Pure.

What can be checked without knowing the catalogue is checked here, the entries' own checks
included; `objections` goes on from there.
"""

import unicodedata
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.errors import FieldError, Invalid
from core.folding import caseless
from core.foreign_files import NO_ROWS
from core.sheet_markings import NO_MARKINGS, Markings
from core.unseen import unseen, unseen_complaint
from payments.catalogue.upkeep.entries import Entry
from payments.catalogue.upkeep.sheets.cells import Cell, CellMisread, is_blank
from payments.catalogue.upkeep.sheets.columns import (
    CLASSES,
    COLUMNS,
    GUIDE,
    RULE_KEYS,
    TITLES,
    SheetColumn,
    find_column,
    free_column,
)
from payments.catalogue.upkeep.sheets.faults import SheetFault
from payments.catalogue.upkeep.sheets.unseen import calculation_faults, hidden_warnings


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as it was read: its name, and its rows with their numbers; blank rows are left out.

    `table` says which table it is, where that is known without looking into it. `markings` and
    `is_hidden` are what a workbook says of it beside the values.
    """

    name: str
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    table: str | None = None
    markings: Markings = NO_MARKINGS
    is_hidden: bool = False

    @property
    def heading(self) -> tuple[Cell, ...]:
        """The cells of the first row that says something."""
        return self.rows[0][1] if self.rows else ()


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry, and the row of the file that it was read from."""

    entry: Entry
    row: int

    @property
    def table(self) -> str:
        """The table it belongs to."""
        return self.entry.table


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What a file gave; `codes`, by table, has those of its faulty rows too: they are there.

    `warnings` say what was read although it is hidden, for the person who decides.
    """

    placed: tuple[PlacedEntry, ...]
    faults: tuple[SheetFault, ...]
    codes: Mapping[str, frozenset[str]]
    warnings: tuple[str, ...] = ()


def table_named(name: str) -> str | None:
    """The table that a sheet's name means, by its key or its title."""
    folded = caseless(name)
    return next(
        (t for t, title in TITLES.items() if folded in (caseless(t), caseless(title))), None
    )


def take(sheets: Sequence[Sheet]) -> IntakeResult:
    """Every row of every sheet; a sheet whose heading is wrong gives faults and no rows.

    A file without any row is a fault: whoever sends one meant something else.
    """
    placed: list[PlacedEntry] = []
    faults: list[SheetFault] = []
    codes: dict[str, frozenset[str]] = {}
    warnings: list[str] = []
    met: set[str] = set()
    for sheet in sheets:
        if caseless(sheet.name) == caseless(GUIDE):
            continue
        table = sheet.table or table_named(sheet.name) or _recognised(sheet)
        faults.extend(calculation_faults(table or sheet.name, sheet.heading, sheet.markings))
        if not sheet.rows:
            continue
        if table is None:
            reason = f"Không nhận ra đây là bảng nào trong các bảng: {', '.join(TITLES.values())}."
            faults.append(SheetFault(sheet.name, None, "", "unknown_table", reason))
        elif table in met:
            faults.append(
                SheetFault(table, None, "", "doubled", "Bảng này có hai trang trong tệp.")
            )
        else:
            met.add(table)
            found = _take_sheet(table, sheet, faults)
            placed.extend(found)
            codes[table] = _codes(table, sheet)
            numbers = [number for number, _ in sheet.rows]
            warnings.extend(
                hidden_warnings(
                    table, sheet.heading, numbers, sheet.markings, whole=sheet.is_hidden
                )
            )
    if not placed and not faults:
        faults.append(SheetFault("file", None, "", "empty", NO_ROWS))
    return IntakeResult(tuple(placed), tuple(faults), codes, tuple(warnings))


def _recognised(sheet: Sheet) -> str | None:
    """The table whose columns the heading has; None where there is no one such table."""
    headings = {str(cell) for cell in sheet.heading if not is_blank(cell)}
    apart: dict[str, int] = {}
    for table, columns in COLUMNS.items():
        known = [find_column(table, heading) for heading in headings]
        keys = {column.key for column in known if column is not None}
        missing = sum(column.key not in keys and not column.later for column in columns)
        if len(keys) > missing:
            apart[table] = known.count(None) + missing
    nearest = [table for table, count in apart.items() if count == min(apart.values())]
    return nearest[0] if len(nearest) == 1 else None


def _codes(table: str, sheet: Sheet) -> frozenset[str]:
    heading = [find_column(table, str(cell or "")) for cell in sheet.heading]
    keys = [None if column is None else column.key for column in heading]
    if "code" not in keys:
        return frozenset()
    place = keys.index("code")
    return frozenset(str(cells[place]).strip() for _, cells in sheet.rows if len(cells) > place)


def _take_sheet(table: str, sheet: Sheet, faults: list[SheetFault]) -> list[PlacedEntry]:
    row, cells = sheet.rows[0]
    columns = _headings(table, row, cells, faults)
    if columns is None:
        return []
    marked: dict[int, set[int]] = {}
    for place in (*sheet.markings.formulas, *sheet.markings.errors):
        marked.setdefault(place.row, set()).add(place.column - 1)
    placed = []
    for number, cells in sheet.rows[1:]:
        entry = _entry(table, number, cells, columns, faults, marked.get(number, frozenset()))
        if entry is not None:
            placed.append(PlacedEntry(entry, number))
    return placed


def _headings(
    table: str, row: int, cells: Sequence[Cell], faults: list[SheetFault]
) -> list[SheetColumn | None] | None:
    """The columns in the order of the file, None for a blank heading; None if one is wrong."""
    before = len(faults)
    columns: list[SheetColumn | None] = []
    for cell in cells:
        if is_blank(cell):
            columns.append(None)
            continue
        heading = str(cell).strip()
        column = find_column(table, heading)
        if column is None:
            shown = _shown(heading)
            faults.append(SheetFault(table, row, shown, "unknown_column", "Không có cột này."))
        elif column in columns:
            faults.append(SheetFault(table, row, column.key, "doubled", "Cột này có hai lần."))
        columns.append(column)
    known = {column.key for column in columns if column is not None}
    for column in COLUMNS[table]:
        if column.key not in known and not column.later:
            reason = "Thiếu cột này; hãy dùng tệp xuất ra từ danh mục làm mẫu."
            faults.append(SheetFault(table, row, column.key, "missing_column", reason))
    return columns if len(faults) == before else None


def _shown(heading: str) -> str:
    """A heading nobody knows, fit to be repeated."""
    clean = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in heading)
    return clean[:60]


def _entry(
    table: str,
    row: int,
    cells: Sequence[Cell],
    columns: Sequence[SheetColumn | None],
    faults: list[SheetFault],
    told: Set[int] = frozenset(),
) -> Entry | None:
    """The entry of a row, None where it is faulty; of the cells `told` a fault is listed already.

    Nothing is made of those: what they store was calculated.
    """
    data: dict[str, object] = {}
    rule: dict[str, object] = {}
    known = [columns[place] for place in told if place < len(columns)]
    faulty = {"" if column is None else column.key for column in known} | ({""} if told else set())

    def blame(key: str, code: str, reason: str) -> None:
        faults.append(SheetFault(table, row, key, code, reason))
        faulty.add(key)

    kind = _kind(cells, columns)
    for place, cell in enumerate(cells):
        column = columns[place] if place < len(columns) else None
        if is_blank(cell) or place in told:
            continue
        if column is None:
            blame("", "no_heading", f"Ô thứ {place + 1} không thuộc cột nào.")
            continue
        if isinstance(cell, str) and (found := unseen(cell)):
            blame(column.key, "unseen", unseen_complaint(found))
            continue
        try:
            value = column.read(cell, kind)
        except CellMisread as error:
            blame(column.key, error.code, error.detail)
            continue
        if column.in_rule:
            rule[column.rule_key] = value
        else:
            data[column.key] = value
    if "rule" in CLASSES[table].model_fields:
        if faulty.isdisjoint(column.key for column in columns if column and column.in_rule):
            data["rule"] = rule
        else:
            faulty.add("rule")
    try:
        entry = CLASSES[table].model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            key, code, reason = _told(table, one)
            if key not in faulty:
                blame(key, code, reason)
        return None
    except Invalid as error:
        for fault in error.errors:
            blame(_rule_column(fault), fault.code, fault.detail)
        return None
    return None if faulty else entry


def _kind(cells: Sequence[Cell], columns: Sequence[SheetColumn | None]) -> str:
    """What a row says of the kind of its rule, read before the cells that depend on it."""
    for cell, column in zip(cells, columns, strict=False):
        if column is not None and column.key == "kind":
            return str(cell or "").strip()
    return ""


def _rule_column(fault: FieldError) -> str:
    """The column in which a fault of a fee's rule lies: `rule.steps.0.each` is in `steps`."""
    first, _, rest = fault.field.partition(".")
    key = rest.partition(".")[0]
    if first != "rule" or not key:
        return "kind"
    return key if key in RULE_KEYS else free_column(key).key


_FORMS = {
    "code": "Chỉ gồm chữ không dấu, số, dấu chấm, gạch; tối đa 64 ký tự.",
    "ministry_code": "Chỉ gồm chữ không dấu, số, dấu chấm, gạch; tối đa 64 ký tự.",
    "province_code": "Chỉ gồm chữ không dấu, số, dấu chấm, gạch; tối đa 64 ký tự.",
    "commune_code": "Chỉ gồm chữ không dấu, số, dấu chấm, gạch; tối đa 64 ký tự.",
    "other_codes": "Các mã cách nhau bằng dấu chấm phẩy; mã chỉ gồm chữ không dấu, số, dấu chấm,"
    " gạch.",
    "procedure": "Chỉ gồm chữ không dấu, số, dấu chấm, gạch; tối đa 64 ký tự.",
    "fees": "Các mã cách nhau bằng dấu chấm phẩy; mã chỉ gồm chữ không dấu, số, dấu chấm, gạch.",
    "sub_item": "Phải có đúng bốn chữ số.",
    "number": "Ghi số văn bản, ví dụ 226/2016/TT-BTC.",
    "channel": "Ghi online hoặc counter.",
}


def _told(table: str, error: ErrorDetails) -> tuple[str, str, str]:
    """Column, code and reason of a fault that an entry found in itself."""
    key = str(error["loc"][0]) if error["loc"] else ""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing" or kind in ("string_too_short", "too_short"):
        return key, "missing", "Không được để trống."
    if kind == "value_error":
        said = str(context.get("error", ""))
        named, separator, rest = said.partition(": ")
        if separator and not key and find_column(table, named) is not None:
            return named, "invalid", f"{rest[:1].upper()}{rest[1:]}."
        return key, "invalid", f"{said[:1].upper()}{said[1:]}."
    if kind == "string_pattern_mismatch":
        code = {"sub_items": _FORMS["sub_item"]}.get(table) if key == "code" else None
        return key, "invalid", code or _FORMS.get(key, "Không đúng dạng.")
    if kind == "enum":
        column = find_column(table, key)
        return key, "not_a_choice", f"Ghi một trong: {', '.join(column.choices if column else ())}."
    if kind == "string_too_long":
        return key, "too_long", f"Tối đa {context.get('max_length')} ký tự."
    limits = {"greater_than_equal": ("ge", "Ít nhất"), "less_than_equal": ("le", "Nhiều nhất")}
    if kind in limits:
        name, words = limits[kind]
        return key, "out_of_range", f"{words} {context.get(name)}."
    return key, "invalid", "Giá trị không hợp lệ."
