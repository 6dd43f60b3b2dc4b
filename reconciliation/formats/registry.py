"""The formats of statements: of each, by its code, what reads it.

What a caller names as `mapping` is a layout of columns (`mappings.toml`), which a file in CSV or
XLSX may have, or the code of a format that says itself what each of its fields means. Pure.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciliation.formats import camt_statement, csv_statement, mt940_statement, xlsx_statement
from reconciliation.formats.decoding import check_encoding
from reconciliation.formats.limits import check_size
from reconciliation.formats.mappings import get_mapping, list_mappings
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.statement_file import StatementFile

#: So much of a file is looked at to tell its format.
_LOOKED_AT: Final = 4096
_XML: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|(?:\w+:)?Document)\b")
_TAGS: Final = re.compile(rb"(?:\A|[\r\n]|\{4:)\s*:20:(?s:.{0,300}?)[\r\n]:25P?:")


@dataclass(frozen=True, slots=True)
class StatementFormat:
    """A format: its code, what people call it, what reads it.

    `read` gives a file's content as every format does; it raises `StatementRefused` with every
    fault it found. `begins` are the first bytes of a file of columns that is in this format.
    """

    code: str
    title: str
    read: Callable[[bytes, ReadingTask], StatementFile]
    begins: tuple[bytes, ...] = ()
    #: what only files of a format that is named have near their beginning
    tells: re.Pattern[bytes] | None = None
    #: whether its code is what a caller names as `mapping`, and no mapping's is
    is_named: bool = True


def _read_csv(content: bytes, task: ReadingTask) -> StatementFile:
    return csv_statement.read_file(
        content,
        task.layout or get_mapping(task.mapping, task.on),
        on=task.on,
        limits=task.limits,
        forced=task.forced,
        encoding=task.encoding,
        tell=task.tell,
    )


#: What a file of columns is in where no other format claims its first bytes.
CSV: Final = StatementFormat("csv", "CSV", _read_csv, is_named=False)
FORMATS: Final = (
    CSV,
    StatementFormat("xlsx", "XLSX", xlsx_statement.read, begins=(b"PK\x03\x04",), is_named=False),
    StatementFormat("mt940", "SWIFT MT940, MT942", mt940_statement.read, tells=_TAGS),
    StatementFormat("camt", "ISO 20022 camt.053, camt.054", camt_statement.read, tells=_XML),
)


def format_of(content: bytes, mapping: str) -> StatementFormat:
    """The format that a file must be in, by what the caller named and by its first bytes."""
    for one in FORMATS:
        if one.is_named and one.code == mapping:
            return one
    return next((one for one in FORMATS if one.begins and content.startswith(one.begins)), CSV)


def is_ours(code: str) -> bool:
    """Whether a code is that of a format or of a layout of ours, on whatever day."""
    ours = {one.code for one in FORMATS} | {one.code for one in list_mappings()}
    return code in ours


def guess_named(content: bytes) -> str:
    """The code of the format that a file itself shows to be in, "" for one of columns.

    For a look into a file alone: money is taken in by what a person named.
    """
    begin = content[:_LOOKED_AT]
    return next((one.code for one in FORMATS if one.tells and one.tells.search(begin)), "")


def read_statement(content: bytes, task: ReadingTask) -> StatementFile:
    """A statement as it was read, whatever its format.

    Raises `StatementRefused` naming every bad row, `UnknownMapping` and `UnknownEncoding`.
    """
    check_encoding(task.encoding)
    check_size(content, task.limits)
    return format_of(content, task.mapping).read(content, task)
