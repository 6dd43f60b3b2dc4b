"""What the two files of `reconcile files` must hold: columns, and what a cell of each may say.

Each column says twice what it accepts: once as SQL, which reads a million rows in a fraction of a
second and yields NULL for a cell it cannot accept, and once in Python, which is asked only when
the fast way failed, and then finds the reason. Nothing is trimmed, completed or read as 0: an
amount is plain digits, a time carries its offset. Pure.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core import references
from core.errors import FieldError, Invalid

_ID_LENGTH = 255  # bytes
# core.money.MAX_AMOUNT in whole đồng; that module would bring all of Pydantic with it.
_MOST = 10**13
# 1 to `_MOST`, without sign, separators or leading zeros.
_AMOUNT = "[1-9][0-9]{0,12}|10{13}"
# ISO 8601 with an offset, as both DuckDB and Python read it.
_TIME = (
    "(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    "(:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"
)
_DIRECTIONS = ("credit", "debit")


@dataclass(frozen=True, slots=True)
class ColumnProblem:
    """One thing wrong with a file: `row` as a person counts (the header is 1), 0 if none."""

    file: str
    row: int
    column: str
    code: str
    reason: str

    def __str__(self) -> str:
        row = f", dòng {self.row}" if self.row else ""
        column = f", cột {self.column}" if self.column else ""
        return f"{self.file}{row}{column}: {self.reason}"


class InputRefused(Invalid):
    """A file cannot be taken as it is; `problems` names each row, column and reason."""

    code = "input_refused"

    def __init__(self, problems: Sequence[ColumnProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"Dữ liệu vào có {len(self.problems)} lỗi; chưa ghi gì ra.",
            errors=[
                FieldError(f"{p.file}, row {p.row}, column {p.column}", p.code, p.reason)
                for p in problems
            ],
        )


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its SQL (None if nobody reads it) and what Python says of a cell.

    `refuse` gives None for a cell it accepts, else a code and the reason for a person.
    """

    name: str
    sql: str | None
    refuse: Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns a file must have, in any order, and those in which no value may come twice."""

    columns: tuple[Column, ...]
    unique: tuple[str, ...]


def _refuse_id(cell: str) -> tuple[str, str] | None:
    if not cell:
        return "empty", "để trống"
    if len(cell.encode()) > _ID_LENGTH:
        return "too_long", f"dài quá {_ID_LENGTH} byte"
    return None


def _refuse_amount(cell: str) -> tuple[str, str] | None:
    if re.fullmatch(_AMOUNT, cell, re.ASCII):
        return None
    return "amount", f"{shown(cell)} không phải số tiền: cần số nguyên đồng từ 1 đến 10^13"


def _refuse_time(cell: str) -> tuple[str, str] | None:
    if re.fullmatch(_TIME, cell, re.ASCII):
        try:
            datetime.fromisoformat(cell)
        except ValueError:
            pass
        else:
            return None
    return "time", (
        f"{shown(cell)} không phải thời điểm có múi giờ, ví dụ 2026-11-02T09:15:00+07:00"
    )


def _refuse_direction(cell: str) -> tuple[str, str] | None:
    if cell in _DIRECTIONS:
        return None
    return "direction", f"{shown(cell)} không phải credit hoặc debit"


def _refuse_reference(cell: str) -> tuple[str, str] | None:
    if references.is_reference(cell):
        return None
    return (
        "reference",
        f"{shown(cell)} không phải mã tham chiếu đúng (sai dạng hoặc ký tự kiểm tra)",
    )


def _take_any(_cell: str) -> None:
    return None


def _id(name: str) -> Column:
    # DuckDB reads an empty cell as NULL.
    sql = f"CASE WHEN strlen({name}) <= {_ID_LENGTH} THEN {name} END"
    return Column(name, sql, _refuse_id)


def _amount() -> Column:
    # Written again it must be what was read: no sign, blank, fraction or leading zero was in it.
    taken = f"whole BETWEEN 1 AND {_MOST} AND CAST(whole AS VARCHAR) = amount"
    sql = f"CASE WHEN {taken} THEN whole END"
    return Column("amount", sql, _refuse_amount)


def _time(name: str) -> Column:
    # Nearly every time is of one form, which strptime reads in less than half the time and, at this
    # length and offset, no less strictly.
    quick = (
        f"CASE WHEN strlen({name}) = 25 AND suffix({name}, '+07:00')"
        f" AND {name} >= '1900' AND {name} < '2200'"
        f" THEN try_strptime({name}, '%Y-%m-%dT%H:%M:%S%z') END"
    )
    any_form = (
        f"CASE WHEN regexp_full_match({name}, '{_TIME}') THEN TRY_CAST({name} AS TIMESTAMPTZ) END"
    )
    return Column(name, f"coalesce({quick}, {any_form})", _refuse_time)


def _unread(name: str) -> Column:
    return Column(name, None, _take_any)


PAYMENTS: Final = Layout(
    columns=(
        _id("payment_id"),
        Column(
            "reference",
            "CASE WHEN check_holds(half_1, half_2) THEN reference END",
            _refuse_reference,
        ),
        _amount(),
        _time("paid_at"),
        _unread("gateway"),
        _unread("gateway_ref"),
    ),
    unique=("payment_id", "reference"),
)

LINES: Final = Layout(
    columns=(
        _id("line_id"),
        _time("booked_at"),
        _amount(),
        Column(
            "direction",
            "CASE WHEN direction IN ('credit', 'debit') THEN direction END",
            _refuse_direction,
        ),
        Column("reference", "reference", _take_any),
        Column("narrative", "narrative", _take_any),
        Column("bank_ref", "bank_ref", _take_any),
    ),
    unique=("line_id",),
)


def shown(cell: str) -> str:
    """A cell as a message shows it: in quotation marks, cut, without control characters."""
    cut = cell if len(cell) <= 40 else cell[:40] + "…"
    return '"' + "".join(c if c.isprintable() else "�" for c in cut) + '"'
