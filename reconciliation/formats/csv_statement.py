"""Reads a statement in CSV by the layout of its bank: every row, or none. Pure."""

import csv
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Final

from reconciliation.formats.accounts import named_accounts
from reconciliation.formats.decoding import decode
from reconciliation.formats.headers import SEPARATOR, csv_fault, get_header, rows_of
from reconciliation.formats.limits import AHEAD, LIMITS, Limits, check_size
from reconciliation.formats.mappings import Mapping, get_mapping
from reconciliation.formats.row_reader import RowReader
from reconciliation.formats.rows import StatementRefused, StatementRow
from reconciliation.formats.statement_file import StatementFile

#: After how many rows whoever waits is told how far it is.
_TOLD_EVERY: Final = 1_000


def read(content: bytes, mapping: str, on: date, *, limits: Limits = LIMITS) -> list[StatementRow]:
    """The rows of a statement whose layout has the code `mapping` on the day `on`.

    Raises `StatementRefused` naming every bad row and column, and `UnknownMapping`.
    """
    return read_day_file(content, mapping, on, limits=limits).rows


def read_day_file(
    content: bytes,
    mapping: str,
    on: date,
    *,
    limits: Limits = LIMITS,
    forced: bool = False,
    encoding: str | None = None,
    tell: Callable[[int], None] | None = None,
) -> StatementFile:
    """As `read`, with all that the file tells beside its rows.

    `forced` believes amounts that seem to have lost their thousands: two people have said so.
    `encoding` is the name of one of `decoding.ENCODINGS`, where the file cannot tell its own.
    `tell` hears now and then how many rows were read.
    """
    found = get_mapping(mapping, on)
    return read_file(
        content, found, on=on, limits=limits, forced=forced, encoding=encoding, tell=tell
    )


def read_by(content: bytes, mapping: Mapping, *, limits: Limits = LIMITS) -> list[StatementRow]:
    """The rows of a statement by a given layout, in their order. Raises `StatementRefused`."""
    return read_file(content, mapping, limits=limits).rows


def read_file(
    content: bytes,
    mapping: Mapping,
    *,
    on: date | None = None,
    limits: Limits = LIMITS,
    forced: bool = False,
    encoding: str | None = None,
    tell: Callable[[int], None] | None = None,
) -> StatementFile:
    """A statement by a given layout, its rows in their order. Raises `StatementRefused`.

    Furniture is passed over and counted: a heading that is repeated, the sums of a page, lines that
    move nothing, `sep=`. With `on` no line may be dated more than two days after it.
    """
    check_size(content, limits)
    text = decode(content, encoding, known_by=partial(has_header, mapping))
    header = get_header(text, mapping)
    reading = RowReader(mapping, header, limits, None if on is None else on + AHEAD)
    accounts: list[str] = []
    number = 0
    try:
        for number, cells in rows_of(text, header.delimiter):
            if number > header.row:
                reading.take(number, cells)
            elif number < header.row:
                accounts += named_accounts(cells)
            if tell is not None and number % _TOLD_EVERY == 0:
                tell(len(reading.rows))
    except csv.Error as error:
        raise StatementRefused([*reading.faults, csv_fault(error, number + 1)]) from None
    if SEPARATOR.match(text):
        reading.skipped["sep"] += 1
    return reading.statement(accounts, forced=forced)


def has_header(mapping: Mapping, text: str) -> bool:
    """Whether words that only one encoding spells so head the columns of a text."""
    if all(name.isascii() for name in mapping.names):
        return False
    try:
        get_header(text, mapping)
    except StatementRefused:
        return False
    return True
