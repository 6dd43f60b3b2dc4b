"""Matches two files without a database: a day's payments and a ledger.

Either everything is read, matched and written, or the input is refused with row, column and
reason and nothing is written. The results are built in a folder beside their place and moved
there last, so no one ever reads half a result.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from functools import partial
from pathlib import Path
from typing import Final

import duckdb

from core.calendar import CUT_OFF, Calendar, national
from core.errors import LephiError, Unavailable
from core.file_names import path_fault
from core.spreadsheets import inert_sql
from reconciliation.matching import engine as matching
from reconciliation.matching.columns import LINES, PAYMENTS, ColumnProblem, InputRefused, shown
from reconciliation.matching.engine import ClassTally
from reconciliation.matching.typed_csv import (
    CsvSource,
    find_problems,
    is_unreadable,
    open_source,
    rewrite,
)

MATCHES: Final = "matches.csv"
DISCREPANCIES: Final = "discrepancies.csv"
SUMMARY: Final = "summary.json"

#: Of the payments whose rows are numbered from one to the other, in their order.
_MATCHES = "SELECT payment_id, line_id, reference, amount, rule FROM matches_between({}, {})"
#: Ids and references stay as they came, to be found again; a reason is free text.
_DISCREPANCIES = f"""
    SELECT side, id, class, reference, amount, other_amount, {inert_sql("reason")} AS reason
    FROM discrepancies ORDER BY side DESC, class, id
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class FilesSummary:
    """What became of the day: a count and a sum (whole đồng) for each class, all of them there."""

    classes: Mapping[str, ClassTally]

    def as_json(self) -> dict[str, dict[str, int]]:
        """The content of summary.json."""
        return {
            name: {"count": tally.count, "sum": tally.sum} for name, tally in self.classes.items()
        }


def reconcile_files(
    payments_csv: Path,
    ledger_csv: Path,
    on: date,
    out_dir: Path,
    *,
    cut_off: time = CUT_OFF,
    calendar: Calendar | None = None,
    memory_limit: str = "1GB",
    threads: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> FilesSummary:
    """Match the payments of the business date `on` (+07:00) with the lines of a ledger.

    Writes matches.csv (in the order of the payments), discrepancies.csv (by side, class and id)
    and summary.json into `out_dir`, which is made if it is not there; results of an earlier run
    are replaced. `calendar` is the national one unless given. `progress` hears each step's name.

    Raises `InputRefused`, with nothing written, for a cell that is not of its type, a wrong
    column, an id or a payment's reference that comes twice, or a payment of another date; and
    `core.errors.Unavailable` where memory or disk do not suffice, with nothing written either.
    """
    _refuse_places(payments_csv, ledger_csv, out_dir)
    days = calendar or national()
    with _workplace(out_dir) as work, ThreadPoolExecutor(1) as beside:
        results = work / "results"
        spill = work / "spill"
        results.mkdir()
        spill.mkdir()
        start = partial(
            matching.connect, memory_limit=memory_limit, threads=threads, temporary=spill
        )
        started = beside.submit(start)  # it takes about as long as a file takes to be looked at
        progress("xem hai tệp")
        payments, lines = _open_both(payments_csv, ledger_csv)
        if payments.is_odd or lines.is_odd:
            payments, lines = _rewrite_both(payments, lines, on, work)

        def attempt(
            connection: duckdb.DuckDBPyConnection, payments: CsvSource, lines: CsvSource
        ) -> FilesSummary:
            with _closing(connection):
                summary = _reconcile(
                    connection, payments, lines, on, results, cut_off, days, progress
                )
                joined = beside.submit(_join_matches, results)  # while the memory is given back
            joined.result()
            return summary

        try:
            summary = attempt(started.result(), payments, lines)
        except _Doubt:
            progress("tìm dòng lỗi")
            # If nothing is wrong row by row, the fast reader was too narrow for the dialect.
            summary = attempt(start(), *_rewrite_both(payments, lines, on, work))
        text = json.dumps(summary.as_json(), ensure_ascii=False, indent=2)
        (results / SUMMARY).write_text(text + "\n", encoding="utf-8")
        _move(results, out_dir)
    return summary


class _Doubt(LephiError):
    """The fast way saw something wrong, named here, and the slow way has to say where.

    It reaches the caller only if the slow way sees nothing: then it is our fault.
    """

    title = "Two ways of reading disagree"
    code = "readers_disagree"


def _reconcile(
    connection: duckdb.DuckDBPyConnection,
    payments: CsvSource,
    lines: CsvSource,
    on: date,
    results: Path,
    cut_off: time,
    calendar: Calendar,
    progress: Callable[[str], None],
) -> FilesSummary:
    # What DuckDB does leaves a core idle here and there, and needs no Python meanwhile.
    with connection.cursor() as looking, ThreadPoolExecutor(1) as beside:
        beside.submit(calendar.is_working_day, on)  # loads the calendar, which matching needs
        progress("đọc các khoản thanh toán")
        _load_payments(connection, payments, on)
        progress("đọc sổ và đối chiếu")
        _show_lines(connection, lines)
        unique: dict[str, Future[bool]] = {}
        written: list[Future[None]] = []
        share = payments.row_count * 5 // 8  # the first part is begun earlier than the second

        def heard(step: str) -> None:
            # No later step changes what stands already, so that it is looked at and written while
            # matching goes on. Nothing is moved to its place before all is looked at.
            if step == matching.AFTER_LEDGER:
                rows = "ledger WHERE line_id IS NOT NULL"
                unique["line_id"] = beside.submit(_is_unique, looking, rows, "line_id")
                unique["payment_id"] = beside.submit(_is_unique_in_order, looking)
            elif step == matching.AFTER_VERDICTS:
                connection.execute("SET preserve_insertion_order = true")
                first = _MATCHES.format(0, share - 1)
                written.append(beside.submit(_write, looking, first, results / MATCHES))

        tallies = matching.match(connection, calendar, cut_off=cut_off, progress=heard)
        if lines.row_count != _count(connection, "ledger", "line_id"):
            raise _Doubt("rows of the ledger")
        # A reference on two payments doubles the lines that name it, which the count of rows has
        # seen; where no line does, both payments are missing, and those are few to compare.
        missing = "doubtful WHERE class = 'missing_in_ledger'"
        if not _is_unique(connection, missing, "reference"):
            raise _Doubt("reference")
        progress("ghi kết quả")
        _write(connection, _DISCREPANCIES, results / DISCREPANCIES)
        second = _MATCHES.format(share, payments.row_count)
        _write(connection, second, _rest_of(results), header=False)
        (first_written,) = written
        first_written.result()
        for column in ("payment_id", "line_id"):
            if not unique[column].result():
                raise _Doubt(column)
    return FilesSummary(tallies)


def _load_payments(connection: duckdb.DuckDBPyConnection, payments: CsvSource, on: date) -> None:
    # The order of the file is the order of the results.
    connection.execute("SET preserve_insertion_order = true")
    matching.create_relations(connection)
    sql, parameters = payments.select()
    # A cell that could not be read is NULL, and no column of the table takes that.
    connection.execute(f"INSERT INTO payments {sql}", parameters)
    connection.execute("SET preserve_insertion_order = false")
    if payments.row_count != _count(connection, "payments", "*"):
        raise _Doubt("rows of the payments")
    other_day = connection.execute(
        "SELECT count(*) FROM payments WHERE day_in_vietnam(paid_at) <> ?", [on]
    ).fetchone()
    if other_day != (0,):
        raise _Doubt("paid_at")


def _show_lines(connection: duckdb.DuckDBPyConnection, lines: CsvSource) -> None:
    """Make `lines` the file itself: matching reads it once, so it need not be kept."""
    sql, parameters = lines.select()
    connection.execute("DROP TABLE lines")
    relation = connection.sql(sql, params=parameters)
    relation.create_view("lines")


def _is_unique_in_order(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether no payment's id comes twice: at once where each is greater than the one before."""
    pairs = "(SELECT payment_id > lag(payment_id) OVER () AS grows FROM payments)"
    grow = _count(connection, f"{pairs} WHERE NOT grows", "*") == 0
    return grow or _is_unique(connection, "payments", "payment_id")


def _is_unique(connection: duckdb.DuckDBPyConnection, rows: str, column: str) -> bool:
    """Whether no value comes twice; hashes of 64 bits are quicker to compare than long ids."""
    count = _count(connection, rows, "*")
    return any(
        _count(connection, rows, f"DISTINCT {value}") == count
        for value in (f"hash({column})", column)
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str, what: str) -> int:
    sql = f"SELECT count({what}) FROM {table}"  # noqa: S608 - our own words
    (count,) = connection.execute(sql).fetchall()[0]
    return int(count)


def _rest_of(results: Path) -> Path:
    """Where the second part of the matches is written: beside the results, not among them."""
    return results.with_name("rest.csv")


def _join_matches(results: Path) -> None:
    try:
        with (results / MATCHES).open("ab") as matches, _rest_of(results).open("rb") as rest:
            shutil.copyfileobj(rest, matches)
        _rest_of(results).unlink()
    except OSError as error:
        raise Unavailable(f"Không ghi được kết quả: {error}") from error


def _write(
    connection: duckdb.DuckDBPyConnection, select: str, path: Path, *, header: bool = True
) -> None:
    quoted = str(path).replace("'", "''")
    connection.execute(f"COPY ({select}) TO '{quoted}' (FORMAT csv, HEADER {header})")


def _open_both(payments_csv: Path, ledger_csv: Path) -> tuple[CsvSource, CsvSource]:
    """Both files looked at, and the problems of both told together."""
    problems: list[ColumnProblem] = []
    sources: list[CsvSource] = []
    for path, layout in ((payments_csv, PAYMENTS), (ledger_csv, LINES)):
        try:
            sources.append(open_source(path, layout))
        except InputRefused as refused:
            problems += refused.problems
    if problems:
        raise InputRefused(problems)
    payments, lines = sources
    return payments, lines


def _rewrite_both(
    payments: CsvSource, lines: CsvSource, on: date, work: Path
) -> tuple[CsvSource, CsvSource]:
    """The two files in plain dialect. Raises `InputRefused` with every problem, row by row."""
    problems = [*find_problems(payments, on), *find_problems(lines, None)]
    if problems:
        raise InputRefused(problems)
    return rewrite(payments, work / "payments.csv"), rewrite(lines, work / "lines.csv")


@contextmanager
def _closing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Its errors are ours: about what a file holds, or about want of memory or disk."""
    try:
        yield
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        if is_unreadable(error):
            raise _Doubt(said) from error
        raise Unavailable(f"Không đối chiếu được: {said}") from error
    finally:
        connection.close()


def _refuse_places(payments_csv: Path, ledger_csv: Path, out_dir: Path) -> None:
    """Results must have a folder to go to, and must not replace what they are made from."""
    unfit = [
        ColumnProblem(shown(path.name), 0, "", *fault)
        for path in (payments_csv, ledger_csv, out_dir)
        if (fault := path_fault(path)) is not None
    ]
    if unfit:
        raise InputRefused(unfit)
    if out_dir.exists() and not out_dir.is_dir():
        raise InputRefused([ColumnProblem(str(out_dir), 0, "", "out", "không phải thư mục")])
    places = {(out_dir / name).resolve() for name in (MATCHES, DISCREPANCIES, SUMMARY)}
    for path in (payments_csv, ledger_csv):
        if path.resolve() in places:
            reason = f"nằm ở chỗ của kết quả trong {out_dir}; hãy chọn thư mục khác"
            raise InputRefused([ColumnProblem(path.name, 0, "", "out", reason)])


@contextmanager
def _workplace(out_dir: Path) -> Iterator[Path]:
    """A hidden folder on the same file system as `out_dir`, gone afterwards."""
    place = out_dir.resolve()
    while not place.exists():
        place = place.parent
    with tempfile.TemporaryDirectory(prefix=".reconcile-", dir=place) as work:
        yield Path(work)


def _move(results: Path, out_dir: Path) -> None:
    """Put the results in their place; summary.json stands only beside the lists it sums up."""
    if not out_dir.exists():
        out_dir.parent.mkdir(parents=True, exist_ok=True)
        results.rename(out_dir)
        return
    (out_dir / SUMMARY).unlink(missing_ok=True)
    for name in (MATCHES, DISCREPANCIES, SUMMARY):
        (results / name).replace(out_dir / name)
