"""Reads the two files of `reconcile files` strictly: every cell by its type, or not at all.

A file is looked at as bytes, then read by DuckDB. Only if that fails, or if the dialect is one
that readers of CSV take differently, is it read row by row, to name what is wrong.
"""

import codecs
import csv
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import duckdb

from core.clock import business_date
from reconciliation.matching.columns import ColumnProblem, InputRefused, Layout, shown

#: No more than this many problems of one file are listed: the rest is rarely of another kind.
PROBLEMS_LISTED: Final = 20

#: A blank beside a quotation mark at the edge of a cell: readers of CSV differ on what it means.
_ODD_QUOTES = re.compile(rb'[,\r\n][ \t]+"|"[ \t]+(?:[,\r\n]|\Z)')
# Small enough that the passes over a chunk find it in the processor's cache, and that its memory is
# used again: a block of 128 KiB or more is mapped afresh by the C library, which takes as long.
_CHUNK = 1 << 16
# Of a day's file each core gets several: with fewer and larger ones some end long before others.
_BUFFER = 1 << 24


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A file that was looked at: text in UTF-8 whose header has the columns of its layout.

    `row_count` was not counted by DuckDB, and must be what DuckDB reads: it can lose the rows after
    a quotation mark that is never closed without a word.
    """

    path: Path
    name: str
    layout: Layout
    header: tuple[str, ...]
    row_count: int
    has_quotes: bool
    is_odd: bool

    def select(self) -> tuple[str, dict[str, object]]:
        """SQL that reads the file, every cell typed or NULL, and the parameters of the SQL."""
        cells = ", ".join(f"{c.sql} AS {c.name}" for c in self.layout.columns if c.sql)
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in self.header)
        # Nothing is left to a guess. A cell with a line break in it could make a reader that
        # starts in the middle of the file believe that a row begins there.
        sql = f"""
            WITH file AS (SELECT * FROM read_csv(
                $path, columns = {{{columns}}}, auto_detect = false, header = true,
                delim = ',', quote = '"', escape = '"', compression = 'none',
                hive_partitioning = false, parallel = {not self.has_quotes},
                buffer_size = {_BUFFER}
            )),
            numbered AS (
                SELECT *, as_number(reference) AS number, TRY_CAST(amount AS BIGINT) AS whole
                FROM file
            ),
            halved AS (
                SELECT *, first_half(number) AS half_1, second_half(number) AS half_2
                FROM numbered
            )
            SELECT {cells} FROM halved"""  # noqa: S608 - our own words; the path is a parameter
        return sql, {"path": _literal_path(self.path)}


def open_source(path: Path, layout: Layout) -> CsvSource:
    """Look at the file's bytes and header. Raises `InputRefused` if it cannot be read at all."""
    name = path.name
    if not path.is_file():
        raise InputRefused([ColumnProblem(name, 0, "", "missing_file", f"không có tệp {path}")])
    line_count, has_quotes, is_odd = _look_at_bytes(path)
    with path.open(encoding="utf-8-sig", newline="") as text:
        try:
            header = tuple(next(csv.reader(text, strict=True), []))
        except csv.Error as error:
            raise InputRefused([_unreadable(name, 1, error)]) from error
    expected = [column.name for column in layout.columns]
    problems = [
        ColumnProblem(name, 1, column, "missing_column", "thiếu cột này")
        for column in expected
        if column not in header
    ]
    for place, column in enumerate(header):
        if column not in expected:
            problems.append(
                ColumnProblem(name, 1, column, "extra_column", "cột thừa, không biết là gì")
            )
        elif column in header[:place]:
            problems.append(ColumnProblem(name, 1, column, "double_column", "cột có hai lần"))
    if problems:
        raise InputRefused(problems)
    source = CsvSource(path, name, layout, header, line_count - 1, has_quotes, is_odd)
    return replace(source, row_count=_count_rows(source)) if has_quotes else source


def find_problems(source: CsvSource, on: date | None) -> list[ColumnProblem]:
    """Read row by row and say what is wrong, at most `PROBLEMS_LISTED` times.

    `on` is the Vietnamese business date that `paid_at` must have, None for a file without one.
    """
    problems: list[ColumnProblem] = []
    seen: dict[str, dict[str, int]] = {name: {} for name in source.layout.unique}
    columns = {column.name: column for column in source.layout.columns}
    try:
        for row, cells in read_rows(source):
            if len(cells) != len(source.header):
                problems.append(_wrong_width(source, row, len(cells)))
            else:
                for name, cell in zip(source.header, cells, strict=True):
                    fault = columns[name].refuse(cell)
                    if fault is None and name == "paid_at" and on is not None:
                        fault = _refuse_other_day(cell, on)
                    if fault is None and name in seen:
                        fault = _refuse_second(seen[name], cell, row)
                    if fault is not None:
                        problems.append(ColumnProblem(source.name, row, name, *fault))
            if len(problems) >= PROBLEMS_LISTED:
                return [*problems[:PROBLEMS_LISTED], _and_more(source)]
    except csv.Error as error:
        problems.append(_unreadable(source.name, 0, error))
    return problems


def read_rows(source: CsvSource) -> Iterator[tuple[int, list[str]]]:
    """Each row after the header with its number; rows that are wholly blank are left out.

    Raises `csv.Error` where quotation marks are not closed.
    """
    with source.path.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, strict=True)
        next(rows, None)
        for row, cells in enumerate(rows, start=2):
            if cells:
                yield row, cells


def rewrite(source: CsvSource, into: Path) -> CsvSource:
    """The same rows in one plain dialect, for a file that only the slow way understands."""
    row_count = 0
    with into.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(source.header)
        for _, cells in read_rows(source):
            writer.writerow(cells)
            row_count += 1
    return replace(source, path=into, row_count=row_count, has_quotes=True, is_odd=False)


def is_unreadable(error: duckdb.Error) -> bool:
    """Whether DuckDB failed on what a file holds, and not for want of memory or disk."""
    return isinstance(
        error,
        duckdb.InvalidInputException | duckdb.ConversionException | duckdb.ConstraintException,
    )


def _count_rows(source: CsvSource) -> int:
    try:
        return sum(1 for _ in read_rows(source))
    except csv.Error as error:
        raise InputRefused([_unreadable(source.name, 0, error)]) from error


def _look_at_bytes(path: Path) -> tuple[int, bool, bool]:
    """How many lines there are, and whether there are quotation marks, and odd ones.

    Raises `InputRefused` if it is not text in UTF-8.
    """
    has_quotes = False
    row = 1
    last = b""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise InputRefused([_not_utf8(path.name, 1, "tệp là UTF-16")])
        file.seek(0)
        while chunk := file.read(_CHUNK):
            why, place = _find_bad_byte(decoder, chunk)
            if why:
                row += chunk.count(b"\n", 0, place)
                raise InputRefused([_not_utf8(path.name, row, why)])
            row += len(chunk) - len(chunk.replace(b"\n", b""))  # `count` takes twice as long
            has_quotes = has_quotes or b'"' in chunk
            last = chunk
        if decoder.getstate()[0]:
            raise InputRefused([_not_utf8(path.name, row, "tệp bị cắt giữa một ký tự")])
        lines = row - last.count(b"\n", len(last.rstrip(b"\r\n")))
        if not has_quotes:
            return lines, False, False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return lines, True, _ODD_QUOTES.search(content) is not None


def _find_bad_byte(decoder: codecs.IncrementalDecoder, chunk: bytes) -> tuple[str, int]:
    """Why and where this chunk, in sequence, is not text in UTF-8; no reason if it is."""
    if not (chunk.isascii() and not decoder.getstate()[0]):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return "có byte không phải UTF-8", max(error.start, 0)
    place = chunk.find(b"\0")
    return ("có byte 0", place) if place >= 0 else ("", 0)


def _literal_path(path: Path) -> str:
    """The path with the characters that DuckDB would take for a pattern of names escaped."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _refuse_other_day(cell: str, on: date) -> tuple[str, str] | None:
    day = business_date(datetime.fromisoformat(cell))
    if day == on:
        return None
    return "other_day", f"thuộc ngày {day:%d/%m/%Y}, không phải ngày đối chiếu {on:%d/%m/%Y}"


def _refuse_second(seen: dict[str, int], cell: str, row: int) -> tuple[str, str] | None:
    first = seen.setdefault(cell, row)
    return None if first == row else ("duplicate", f"{shown(cell)} trùng với dòng {first}")


def _wrong_width(source: CsvSource, row: int, width: int) -> ColumnProblem:
    wanted = len(source.header)
    column = "" if width > wanted else source.header[width]
    what = "thừa ô" if width > wanted else "thiếu ô từ cột này"
    return ColumnProblem(source.name, row, column, "width", f"{what}: có {width} ô, cần {wanted}")


def _unreadable(name: str, row: int, error: Exception) -> ColumnProblem:
    return ColumnProblem(name, row, "", "csv", f"không đọc được như CSV ({error})")


def _not_utf8(name: str, row: int, why: str) -> ColumnProblem:
    return ColumnProblem(name, row, "", "encoding", f"{why}; hãy lưu lại tệp dạng CSV UTF-8")


def _and_more(source: CsvSource) -> ColumnProblem:
    return ColumnProblem(
        source.name, 0, "", "more", "và có thể còn lỗi khác; đã dừng kiểm tra ở đây"
    )
