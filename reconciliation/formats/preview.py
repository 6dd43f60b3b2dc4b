"""What a statement's file would say, before it is taken in: columns, rows, sums, faults. Pure."""

import csv
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from core.errors import FieldError, Invalid
from reconciliation.formats import csv_statement, proposing, xlsx_statement
from reconciliation.formats.decoding import check_encoding, decoded
from reconciliation.formats.headers import Header, MissingColumns, header_among, rows_of
from reconciliation.formats.layouts import layout_json, read_layout
from reconciliation.formats.limits import check_size
from reconciliation.formats.mappings import Mapping, get_mapping, list_mappings
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import (
    CSV,
    StatementFormat,
    format_of,
    guess_named,
    read_statement,
)
from reconciliation.formats.rows import StatementRefused, StatementRow
from reconciliation.formats.statement_file import StatementFile

#: So many rows of the file, and so many lines of the statement, are shown.
_RAW_SHOWN: Final = 20
_LINES_SHOWN: Final = 20
#: Rows that are looked at for a proposal, and what is shown of a cell.
_LOOKED_AT: Final = 300
_CELL_SHOWN: Final = 200
_DELIMITERS: Final = (";", ",", "\t", "|")


@dataclass(frozen=True, slots=True)
class RawTable:
    """The first rows of a file of columns, as text; `encoding` and `delimiter` "" in a workbook."""

    rows: list[tuple[int, list[str]]]
    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True, slots=True)
class StatementPreview:
    """What was found in a file. Amounts in đồng, rows counted from 1.

    `layout` is the one that the lines were read by: named, written down, or `is_proposed`; None
    where none fits, or the format has none. With `faults` there are no lines and no sums.
    """

    format: str
    encoding: str
    delimiter: str
    header_row: int | None
    raw_rows: list[tuple[int, list[str]]]
    mapping: str
    layout: dict[str, Any] | None
    is_proposed: bool
    lines: list[StatementRow]
    file: StatementFile | None
    faults: tuple[FieldError, ...]


def preview(content: bytes, task: ReadingTask, layout: str = "") -> StatementPreview:
    """What the file would say; `layout` is one in JSON, which stands for the task's mapping.

    An empty `task.mapping` asks for a proposal: the format that the file itself shows (MT940,
    camt), else a mapping of ours whose columns are there, else one by the words that head them. A
    file that cannot be read is told in `faults`. Raises `BadLayout`, `UnknownMapping` and
    `UnknownEncoding`. Processor work.
    """
    check_encoding(task.encoding)
    written = read_layout(layout) if layout else None
    if not task.mapping and written is None:
        task = replace(task, mapping=guess_named(content))
    format_ = format_of(content, task.mapping)
    try:
        check_size(content, task.limits)
        if format_.is_named:
            return _shown(format_, RawTable([]), task.mapping, None, read_statement(content, task))
        known = _named(task) if written is None else None
        table = _table_of(content, format_, task, written or known)
    except StatementRefused as refused:
        empty = _shown(format_, RawTable([]), task.mapping, written, None)
        return replace(empty, faults=tuple(refused.errors))
    given = written or known
    chosen = given or _fitting(table, task) or _proposed(table, task)
    if chosen is None:
        detail = "Không nhận ra dòng tiêu đề; hãy viết mẫu sao kê (layout) cho tệp này."
        shown = _shown(format_, table, "", None, None)
        return replace(shown, faults=(FieldError("file", "no_heading", detail),))
    shown = _shown(format_, table, chosen.code, chosen, None, is_proposed=given is None)
    try:
        if format_ is CSV:
            file = csv_statement.read_file(
                content,
                chosen,
                on=task.on,
                limits=task.limits,
                forced=task.forced,
                encoding=task.encoding or table.encoding,
            )
        else:
            file = xlsx_statement.read_by(content, chosen, task)
    except Invalid as refused:
        return replace(shown, faults=tuple(refused.errors))
    return replace(shown, file=file, lines=file.rows[:_LINES_SHOWN])


def _named(task: ReadingTask) -> Mapping | None:
    """The layout that the task names, one that was saved or one of ours."""
    if task.layout is not None:
        return task.layout
    return get_mapping(task.mapping, task.on) if task.mapping else None


def _shown(
    format_: StatementFormat,
    table: RawTable,
    mapping: str,
    layout: Mapping | None,
    file: StatementFile | None,
    *,
    is_proposed: bool = False,
) -> StatementPreview:
    header = None if layout is None else _header_of(table.rows, layout)
    return StatementPreview(
        format=format_.code,
        encoding=table.encoding,
        delimiter=table.delimiter,
        header_row=header.row if isinstance(header, Header) else None,
        raw_rows=[
            (number, [cell[:_CELL_SHOWN] for cell in cells])
            for number, cells in table.rows[:_RAW_SHOWN]
        ],
        mapping=mapping,
        layout=None if layout is None else layout_json(layout),
        is_proposed=is_proposed,
        lines=[] if file is None else file.rows[:_LINES_SHOWN],
        file=file,
        faults=(),
    )


def _table_of(
    content: bytes, format_: StatementFormat, task: ReadingTask, given: Mapping | None
) -> RawTable:
    if format_ is not CSV:
        return RawTable(xlsx_statement.first_rows(content, _LOOKED_AT))
    known_by = partial(_is_known, given, task)
    text, encoding = decoded(content, task.encoding, known_by=known_by)
    delimiters = _DELIMITERS if given is None else given.delimiters
    tables = [(_first(text, one), one) for one in delimiters]
    rows, delimiter = max(tables, key=lambda table: _columns_known(table[0], task))
    return RawTable(rows, encoding, delimiter)


def _is_known(given: Mapping | None, task: ReadingTask, text: str) -> bool:
    """Whether words head the columns that only one encoding spells so."""
    if given is not None:
        return csv_statement.has_header(given, text)
    for delimiter in _DELIMITERS:
        heading = proposing.guess_heading(_first(text, delimiter))
        if heading is not None and not all(name.isascii() for name in heading.columns.values()):
            return True
    return any(
        csv_statement.has_header(one, text) for one in list_mappings() if one.is_valid(task.on)
    )


def _columns_known(rows: list[tuple[int, list[str]]], task: ReadingTask) -> tuple[int, int]:
    """How many columns are known, and how many there are: the right delimiter gives most."""
    heading = proposing.guess_heading(rows)
    known = 0 if heading is None else len(heading.columns)
    fits = any(_fits(rows, one) for one in list_mappings() if one.is_valid(task.on))
    return max(known, proposing.MOST_KNOWN if fits else 0), max(
        (len(cells) for _, cells in rows), default=0
    )


def _fitting(table: RawTable, task: ReadingTask) -> Mapping | None:
    """The mapping of ours whose columns are all there; the one with most, where several are."""
    valid = [one for one in list_mappings() if one.is_valid(task.on) and _fits(table.rows, one)]
    return max(valid, key=lambda one: len(one.names), default=None)


def _fits(rows: list[tuple[int, list[str]]], mapping: Mapping) -> bool:
    return isinstance(_header_of(rows, mapping), Header)


def _header_of(rows: list[tuple[int, list[str]]], mapping: Mapping) -> Header | MissingColumns:
    has_separator = bool(rows) and rows[0][1][:1] in (["sep="], ["sep=;"], ["sep=,"])
    return header_among(rows, mapping, mapping.header_within + has_separator)


def _proposed(table: RawTable, task: ReadingTask) -> Mapping | None:
    return proposing.propose_layout(table.rows, table.delimiter, task.on)


def _first(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    rows = []
    try:
        for number, cells in rows_of(text, delimiter):
            if number > _LOOKED_AT:
                break
            rows.append((number, cells))
    except csv.Error:
        return rows
    return rows
