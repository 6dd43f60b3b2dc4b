"""Puts every đồng of a day in exactly one place: payments on one side, ledger lines on the other.

The rules are in `matching.sql`, written to be read by an auditor; this module gives them a DuckDB
to run in, the calendar, and the control that nothing was lost or counted twice. The same rules
serve two files (`files`) and a day of the database: fill `payments` and `lines`, call `match`, read
`matches`, `discrepancies` and `placed_lines`.

The result does not depend on the order of the rows: a payment matches when it was credited once,
with its amount. Credited again, it is `duplicate`; credited once with another amount, it is
`amount_mismatch`; never credited, `missing_in_ledger`. A match booked after the day on which the
treasury had to book it is also `late`. One whose credit a debit returns is `reversed`. A credit
that names no payment is `unknown_in_ledger`.

Pure.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Final, Literal, TypeVar

import duckdb

from core.calendar import CUT_OFF, Calendar
from core.clock import VIETNAM
from core.errors import LephiError
from reconciliation.matching.reference_macros import create_macros, replace_unlike
from reconciliation.matching.returned_lines import find_returned

T = TypeVar("T")

#: Every place money can be in, in the order they are reported.
CLASSES: Final = (
    "matched",
    "late",
    "missing_in_ledger",
    "amount_mismatch",
    "duplicate",
    "reversed",
    "unknown_in_ledger",
    "debits",
)

#: The first steps that find, as they stay, every line in `ledger`, and the verdicts in `matches`.
AFTER_LEDGER: Final = "other words"
AFTER_VERDICTS: Final = "reasons"

_STEP = re.compile(r"^-- step: (.+)$", re.MULTILINE)

_TALLIES = "SELECT class, count, sum FROM tallies"
_CONTROL = "SELECT side, came, went, came_sum, went_sum FROM control"

_RELATIONS: Final = {
    "payments": {
        "payment_id": "VARCHAR NOT NULL",
        "reference": "VARCHAR NOT NULL",
        "amount": "BIGINT NOT NULL",
        "paid_at": "TIMESTAMPTZ NOT NULL",
    },
    "lines": {
        "line_id": "VARCHAR NOT NULL",
        "booked_at": "TIMESTAMPTZ NOT NULL",
        "amount": "BIGINT NOT NULL",
        "direction": "VARCHAR NOT NULL",
        "reference": "VARCHAR",
        "narrative": "VARCHAR",
        "bank_ref": "VARCHAR",
    },
}

_ROWS_AT_ONCE = 100_000


class ControlTotalsDiffer(LephiError):
    """What came in is not what was placed: our fault, and the result must not be used."""

    title = "Control totals differ"
    code = "control_totals_differ"


@dataclass(frozen=True, slots=True)
class ClassTally:
    """How many are in one place, and their sum in whole đồng."""

    count: int
    sum: int


def connect(
    *,
    memory_limit: str = "1GB",
    threads: int | None = None,
    temporary: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB of its own, which spills to the folder `temporary` over `memory_limit`.

    `threads` is the number of cores unless given. Without `temporary` nothing is spilled, and a
    day that does not fit raises `duckdb.OutOfMemoryException`. The caller closes it.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": "" if temporary is None else str(temporary),
        # Every output is sorted by a key, so the order of reading need not be kept.
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads is not None:
        settings["threads"] = threads
    connection = duckdb.connect(config=settings)
    create_macros(connection)
    connection.execute(_read("macros.sql"))
    return connection


def create_relations(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `payments` and `lines` empty, for `add_rows` or a read_csv to fill."""
    for name, columns in _RELATIONS.items():
        declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({declared})")


def add_rows(
    connection: duckdb.DuckDBPyConnection,
    relation: Literal["payments", "lines"],
    rows: Iterable[Sequence[object]],
) -> None:
    """Add rows whose values stand in the order of the relation's columns, times aware.

    Whole columns are handed over at once: `executemany` takes two hundred times as long a row.
    """
    kinds = [kind.split()[0] for kind in _RELATIONS[relation].values()]
    values = ", ".join(f"unnest(?::{kind}[])" for kind in kinds)
    iterator = iter(rows)
    while some := list(islice(iterator, _ROWS_AT_ONCE)):
        columns = [list(column) for column in zip(*some, strict=True)]
        connection.execute(
            f"INSERT INTO {relation} SELECT {values}",
            columns,
        )


def each_of(
    connection: duckdb.DuckDBPyConnection, query: str, made: Callable[..., T]
) -> Iterator[T]:
    """What `made` makes of each row that a query gives.

    Rows are taken some at a time: a million at once are more than what is made of them.
    """
    found = connection.execute(query)
    while some := found.fetchmany(_ROWS_AT_ONCE):
        yield from (made(*row) for row in some)


def match(
    connection: duckdb.DuckDBPyConnection,
    calendar: Calendar,
    *,
    cut_off: time = CUT_OFF,
    progress: Callable[[str], None] = lambda step: None,
) -> Mapping[str, ClassTally]:
    """Match the tables `payments` and `lines` of this connection; the tally of every class.

    Afterwards the connection holds `matches` (payment_id, line_id, reference, amount, rule),
    `discrepancies` (side, id, class, reference, amount, other_amount, reason) and `placed_lines`
    (line_id, payment_id or NULL, class, rule or NULL: every credit line once). None is in order,
    but `matches` is in that of the payments if `preserve_insertion_order` is set.

    The caller vouches that ids are unique, that references of payments are valid and unique, and
    that amounts are positive. `progress` hears each step.

    Raises `ControlTotalsDiffer` if a row or a đồng was lost, which would be our fault, and
    `core.errors.Invalid` for a payment outside the years of the calendar.
    """
    _give_treasury_days(connection, cut_off, calendar)
    for step, sql in _steps():
        progress(step)
        connection.execute(sql)
        if step == "other words":
            replace_unlike(connection, "spoken", "words")
        if step == "returned":
            find_returned(connection)
    _check_control_totals(connection)
    found = {
        name: ClassTally(count, int(total or 0))
        for name, count, total in connection.execute(_TALLIES).fetchall()
    }
    return {name: found.get(name, ClassTally(0, 0)) for name in CLASSES}


def _steps() -> list[tuple[str, str]]:
    """The steps of matching.sql, in order: name and statements."""
    _, *parts = _STEP.split(_read("matching.sql"))
    return list(zip(parts[::2], parts[1::2], strict=True))


def _read(name: str) -> str:
    return files("reconciliation.matching").joinpath(name).read_text("utf-8")


def _give_treasury_days(
    connection: duckdb.DuckDBPyConnection, cut_off: time, calendar: Calendar
) -> None:
    """For each day on which something was paid: when the treasury books it.

    The calendar is Python's; two answers a day, before and after cut-off, are all SQL needs.
    """
    connection.execute("SET VARIABLE cut_off = ?", [cut_off])
    connection.execute(
        "CREATE OR REPLACE TABLE treasury_days"
        " (paid_on DATE, before_cut_off DATE, after_cut_off DATE)"
    )
    days = connection.execute("SELECT DISTINCT day_in_vietnam(paid_at) FROM payments").fetchall()
    for (day,) in days:
        first, last = (datetime.combine(day, at, VIETNAM) for at in (time.min, time.max))
        connection.execute(
            "INSERT INTO treasury_days VALUES (?, ?, ?)",
            [
                day,
                calendar.treasury_day(first.astimezone(UTC), cut_off),
                calendar.treasury_day(last.astimezone(UTC), cut_off),
            ],
        )


def _check_control_totals(connection: duckdb.DuckDBPyConnection) -> None:
    for side, came, went, came_sum, went_sum in connection.execute(_CONTROL).fetchall():
        if (came, came_sum) != (went, went_sum):
            raise ControlTotalsDiffer(
                f"{side}: {came} rows of {came_sum} đồng came,"
                f" {went} rows of {went_sum} đồng were placed"
            )
