"""What must agree before a day is closed: every item in one place, sums, and the bank's balances.

A line counts for the day that it was booked on; one that turned up after that day had been closed
counts for the first open one, and is what explains the difference to the balance of before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from core import clock
from core.errors import FieldError
from core.money import format_vnd
from core.sessions import ReadSession
from core.statements import ReadSql, load_sql
from payments.books.queries import list_day_payments, sum_day_payments
from reconciliation.days.carrying import list_carried
from reconciliation.matching.balance_chain import StatedBalance, conflicts_of, ends_of_chain
from reconciliation.settlements.models import PaidBatch, SettledPayment

#: How many rows a refusal names.
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class DayRun:
    """The run of a day that is looked at."""

    run_id: str
    collection_account_id: str
    on: date
    #: count and sum of the run's debits
    debits: tuple[int, int]


@dataclass(frozen=True, slots=True)
class LineSums:
    """Lines that count for a day, in đồng: those booked on it, and late ones of closed days."""

    credit_count: int = 0
    credits: int = 0
    debit_count: int = 0
    debits: int = 0
    late_credit_count: int = 0
    late_credits: int = 0
    late_debit_count: int = 0
    late_debits: int = 0

    @property
    def late(self) -> int:
        """What the late lines brought: credits less debits."""
        return self.late_credits - self.late_debits


@dataclass(frozen=True, slots=True)
class DayBalances:
    """What the account had before and after the day; None where no statement tells."""

    opening: int | None = None
    closing: int | None = None


@dataclass(frozen=True, slots=True)
class DayControl:
    """The sums of a day, and every fault that keeps it from being closed."""

    lines: LineSums
    balances: DayBalances
    payment_count: int
    paid: int
    #: what closed days had left waiting and counts for this one, in đồng
    carried_count: int
    carried: int
    faults: tuple[FieldError, ...]

    @property
    def agrees(self) -> bool:
        """Whether the bank's balances are told and go from one to the other (khớp)."""
        told = self.balances.opening is not None and self.balances.closing is not None
        return told and not self.faults


@dataclass(frozen=True, slots=True)
class _LineSum:
    direction: str
    late: bool
    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class _StrayLine:
    id: str
    detail: str


@dataclass(frozen=True, slots=True)
class _PlacedPayments:
    count: int
    places: int
    sum: int


@dataclass(frozen=True, slots=True)
class _PaymentPlaces:
    id: str
    count: int


_SQL = load_sql("reconciliation.days", "control_totals")
#: Count and sum of a day's lines.
_LINE_SUMS = ReadSql(_LineSum, _SQL["line_sums"])
#: The credit lines that are not in exactly one place.
_STRAY_LINES = ReadSql(_StrayLine, _SQL["stray_lines"])
#: What a run has of payments.
_PLACED_PAYMENTS = ReadSql(_PlacedPayments, _SQL["placed_payments"])
#: In how many places each payment of a run is.
_PAYMENT_PLACES = ReadSql(_PaymentPlaces, _SQL["payment_places"])
#: The balances that statements tell of a day.
_BALANCES = ReadSql(StatedBalance, _SQL["balances"])


async def control_of(session: ReadSession, run: DayRun, before: int | None) -> DayControl:
    """The sums of a run's day and what does not agree.

    `before` is the closing balance in the minutes of the day before, None where they tell none.
    """
    lines = _sums_of(await session.all(_LINE_SUMS, _of_day(run)))
    stated = await session.all(_BALANCES, _of_day(run))
    balances = _balances(stated, lines, before)
    carried = await list_carried(session, run.collection_account_id, run.on)
    of_day = (session, run.collection_account_id, run.on, run.on)
    paid = await sum_day_payments(*of_day)
    whole = await sum_day_payments(*of_day, carried)
    faults = [
        *await _stray(session, run),
        *await _misplaced(session, run, (whole.count, whole.credited), carried),
        *await _undone(session, run),
        *_debit_faults(run, lines),
        *_balance_faults(stated, balances, lines, before),
    ]
    return DayControl(
        lines,
        balances,
        paid.count,
        paid.credited,
        whole.count - paid.count,
        whole.credited - paid.credited,
        tuple(faults[:MOST_NAMED]),
    )


@dataclass(frozen=True, slots=True)
class StatementConflict:
    """A statement whose balances contradict the others of its day."""

    statement_id: str
    opening: int | None
    closing: int | None


async def list_conflicts(
    session: ReadSession, account_id: str, on: date
) -> list[StatementConflict]:
    """The statements of a day whose balances contradict the others'."""
    run = DayRun("", account_id, on, (0, 0))
    stated = await session.all(_BALANCES, _of_day(run))
    lines = _sums_of(await session.all(_LINE_SUMS, _of_day(run)))
    found = conflicts_of(stated, _balances(stated, lines, None).opening)
    return [
        StatementConflict(one.id, one.opening, one.closing) for one in stated if one.id in found
    ]


def _of_day(run: DayRun) -> dict[str, object]:
    begin, end = clock.day_bounds(run.on, run.on)
    return {"account": run.collection_account_id, "on": run.on, "begin": begin, "end": end}


def _sums_of(rows: Sequence[_LineSum]) -> LineSums:
    found = {(row.direction, row.late): row for row in rows}

    def of(direction: str, *, late: bool) -> tuple[int, int]:
        row = found.get((direction, late))
        return (0, 0) if row is None else (row.count, row.sum)

    return LineSums(
        *of("credit", late=False),
        *of("debit", late=False),
        *of("credit", late=True),
        *of("debit", late=True),
    )


def _balances(stated: Sequence[StatedBalance], lines: LineSums, before: int | None) -> DayBalances:
    if not stated:
        # Nothing moved: what the account had, with what turned up late, it has still.
        left = None if before is None else before + lines.late
        return DayBalances(left, left)
    told = [
        (one.opening, one.closing)
        for one in stated
        if one.opening is not None and one.closing is not None
    ]
    if len(told) == len(stated) and (ends := ends_of_chain(told)) is not None:
        return DayBalances(*ends)
    openings = [one for one in stated if one.opening is not None]
    closings = [one for one in stated if one.closing is not None]
    first = min(openings, key=lambda one: (one.first_at, -one.lines, one.id), default=None)
    last = max(closings, key=lambda one: (one.last_at, one.lines, one.id), default=None)
    return DayBalances(
        None if first is None else first.opening, None if last is None else last.closing
    )


async def _stray(session: ReadSession, run: DayRun) -> list[FieldError]:
    stray = await session.all(_STRAY_LINES, _of_day(run) | {"run": run.run_id})
    return [
        FieldError(
            line.id,
            "no_place",
            "Dòng sao kê đã bị rút sau khi đối chiếu; hãy đối chiếu lại ngày này."
            if line.detail == "withdrawn"
            else "Dòng sao kê không nằm ở đúng một chỗ; hãy đối chiếu lại ngày này.",
        )
        for line in stray
    ]


async def _undone(session: ReadSession, run: DayRun) -> list[FieldError]:
    """Payments that the run has as settled by a batch that was undone since."""
    undone = (
        select(SettledPayment.payment_id)
        .join(PaidBatch, col(PaidBatch.id) == col(SettledPayment.paid_batch_id))
        .where(
            col(SettledPayment.reconciliation_id) == run.run_id,
            col(PaidBatch.undone_at).is_not(None),
        )
        .order_by(col(SettledPayment.payment_id))
    )
    again = "Lần gắn lô của khoản này đã bị hủy sau khi đối chiếu; hãy đối chiếu lại ngày này."
    found = await session.all(undone.limit(MOST_NAMED))
    return [FieldError(one, "undone", again) for one in found]


async def _misplaced(
    session: ReadSession, run: DayRun, books: tuple[int, int], carried: Sequence[str]
) -> list[FieldError]:
    """Payments of the day, or carried into it, that the run has no place for, or two; and others
    that it has."""
    placed = await session.one(_PLACED_PAYMENTS, {"run": run.run_id})
    if (placed.count, placed.sum) == books and placed.places == placed.count:
        return []
    places = {one.id: one.count for one in await session.all(_PAYMENT_PLACES, {"run": run.run_id})}
    of_day = await list_day_payments(session, run.collection_account_id, run.on, run.on, carried)
    ids = {payment.payment_id for payment in of_day}
    wrong = sorted(one for one in ids | places.keys() if places.get(one, 0) != (one in ids))
    if not wrong:
        told = f"Sổ có {books[0]} khoản, {format_vnd(books[1])}; lần đối chiếu có {placed.count}"
        wrong_sum = f"{told} khoản, {format_vnd(placed.sum)}."
        return [FieldError("payments", "sum_differs", wrong_sum)]
    again = "Khoản thanh toán không nằm ở đúng một chỗ; hãy đối chiếu lại ngày này."
    return [FieldError(one, "no_place", again) for one in wrong]


def _debit_faults(run: DayRun, lines: LineSums) -> list[FieldError]:
    count, total = lines.debit_count + lines.late_debit_count, lines.debits + lines.late_debits
    if run.debits == (count, total):
        return []
    told = (
        f"Sao kê có {count} dòng ghi nợ, {format_vnd(total)};"
        f" lần đối chiếu có {run.debits[0]} dòng, {format_vnd(run.debits[1])}."
    )
    return [FieldError("debits", "sum_differs", told)]


def _balance_faults(
    stated: Sequence[StatedBalance],
    balances: DayBalances,
    lines: LineSums,
    before: int | None,
) -> list[FieldError]:
    gaps = "Số dư từng dòng của sao kê không nối tiếp nhau; có thể thiếu dòng."
    faults = [FieldError(one.id, "balance_gap", gaps) for one in stated if one.gap_count]
    opening, closing = balances.opening, balances.closing
    other = "Số dư của sao kê này trái với sao kê khác của cùng ngày."
    conflicts = conflicts_of(stated, opening)
    faults += [FieldError(one, "balance_conflict", other) for one in conflicts]
    if opening is not None and before is not None and opening != before + lines.late:
        told = (
            f"Số dư đầu ngày {format_vnd(opening)} khác số dư cuối ngày trước {format_vnd(before)}"
            f" cộng điều chỉnh {format_vnd(lines.late)}."
        )
        faults.append(FieldError("opening_balance", "differs", told))
    if opening is not None and closing is not None and stated:
        due = opening + lines.credits - lines.debits
        if due != closing:
            told = (
                f"Số dư đầu ngày {format_vnd(opening)} + ghi có {format_vnd(lines.credits)}"
                f" − ghi nợ {format_vnd(lines.debits)} = {format_vnd(due)},"
                f" khác số dư cuối ngày {format_vnd(closing)}."
            )
            faults.append(FieldError("closing_balance", "differs", told))
    return faults
