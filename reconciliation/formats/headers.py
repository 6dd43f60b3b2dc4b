"""The heading of a statement in CSV: found among its first rows, by the columns of its layout.

Pure.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from core.errors import FieldError
from core.folding import caseless
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.rows import StatementRefused, fault_at

#: What a spreadsheet writes above everything to say which separator it used.
SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t]*\r?(?:\n|$)', re.IGNORECASE)
#: A line and what ends it, as every system writes that.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

#: What the reader of CSV complains of, by a part of its words, in ours.
_REASONS: Final = {
    "unexpected end": "dấu ngoặc kép mở mà không đóng",
    "expected after": ("sau dấu ngoặc kép đóng còn chữ: dấu ngoặc kép ở trong ô phải viết hai lần"),
    # What an open quotation mark swallows grows over the limit long before the file ends.
    "field larger": "dấu ngoặc kép mở mà không đóng, hoặc ô quá dài",
}
_UNREAD: Final = "không đọc được như CSV"


@dataclass(frozen=True, slots=True)
class Header:
    """Which row the heading is, what separates its cells, and where each column stands."""

    row: int
    delimiter: str
    columns: dict[str, int]
    names: list[str]


@dataclass(frozen=True, slots=True)
class MissingColumns:
    """What the row lacks that is most like a heading."""

    row: int
    names: list[str]

    def refusal(self) -> StatementRefused:
        """Why the file is not taken: a fault for each column."""
        detail = "thiếu cột này, hoặc có nó hai lần"
        return StatementRefused(
            [fault_at(self.row, name, "missing_column", detail) for name in self.names]
        )


def get_header(text: str, mapping: Mapping) -> Header:
    """The first row, among those where it may be, that holds every column of the layout once."""
    closest = MissingColumns(1, list(mapping.names))
    within = mapping.header_within + bool(SEPARATOR.match(text))
    for delimiter in mapping.delimiters:
        try:
            found = header_among(rows_of(text, delimiter), mapping, within, delimiter)
        except csv.Error:
            continue
        if isinstance(found, Header):
            return found
        closest = min(closest, found, key=lambda one: len(one.names))
    raise closest.refusal()


def header_among(
    rows: Iterable[tuple[int, list[str]]], mapping: Mapping, within: int, delimiter: str = ""
) -> "Header | MissingColumns":
    """The first of these rows that holds every column once, or what the closest one lacks."""
    wanted = {caseless(name): name for name in mapping.names}
    closest = MissingColumns(1, list(mapping.names))
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            within += 1  # a blank row is none
            continue
        if number > within:
            break
        names = [caseless(cell) for cell in cells]
        missing = [name for key, name in wanted.items() if names.count(key) != 1]
        if not missing:
            columns = {name: names.index(key) for key, name in wanted.items()}
            return Header(number, delimiter, columns, names)
        if len(missing) < len(closest.names):
            closest = MissingColumns(number, missing)
    return closest


def csv_fault(error: csv.Error, row: int) -> FieldError:
    """Why a row is not read as CSV, and so none after it."""
    said = str(error)
    reason = next((reason for part, reason in _REASONS.items() if part in said), _UNREAD)
    return fault_at(row, "", "csv", reason)


def rows_of(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers, as a person counts. Raises `csv.Error`."""
    rows: Iterable[list[str]] = csv.reader(_lines_of(text), delimiter=delimiter, strict=True)
    return enumerate(rows, start=1)


def _lines_of(text: str) -> Iterator[str]:
    """The lines with their ends; a file in memory would hold four bytes for each character."""
    return (found[0] for found in _LINE.finditer(text))
