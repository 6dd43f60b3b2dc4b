"""A run's rows, sent to the database: its matches, discrepancies, places and settled money."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain, islice
from typing import Final

from core.copying import copy_line
from core.ids import new_id
from core.sessions import WriteSession
from reconciliation.cases.commands import OF_ONE_STATEMENT
from reconciliation.matching.values import DayResult

#: How many rows are made before the event loop has its turn.
_AT_A_TIME: Final = 1_000

_MATCH_COLUMNS = (
    *("reconciliation_id", "payment_id", "line_id"),
    *("reference", "amount", "rule", "statement_alone"),
)
_PLACE_COLUMNS = ("reconciliation_id", "line_id", "place", "payment_id")
_ODD_COLUMNS = (
    *("id", "reconciliation_id", "side", "object_id", "kind"),
    *("reference", "amount", "other_amount", "reason", "expected_on", "missing_after"),
)
_SETTLED_COLUMNS = ("reconciliation_id", "payment_id", "line_id", "paid_batch_id", "amount")


async def copy_run(session: WriteSession, run_id: str, result: DayResult) -> None:
    """Store what a run found, beside the row of the run itself."""
    await _copy(session, "match", _MATCH_COLUMNS, _match_lines(run_id, result))
    await _copy(session, "discrepancy", _ODD_COLUMNS, _odd_lines(run_id, result))
    await _copy(session, "placed_line", _PLACE_COLUMNS, _place_lines(run_id, result))
    await _copy(session, "settled_payment", _SETTLED_COLUMNS, _settled_lines(run_id, result))


async def _copy(
    session: WriteSession, table: str, columns: Sequence[str], lines: Iterator[str]
) -> None:
    while (first := next(lines, None)) is not None:
        some = chain((first,), islice(lines, OF_ONE_STATEMENT - 1))
        await session.copy_in(table, columns, _pieces(some))


def _match_lines(run_id: str, result: DayResult) -> Iterator[str]:
    for one in result.matches:
        what = (one.payment_id, one.line_id, one.reference, one.amount, one.rule)
        yield copy_line((run_id, *what, one.statement_alone))


def _odd_lines(run_id: str, result: DayResult) -> Iterator[str]:
    for one in result.discrepancies:
        what = (one.side, one.object_id, one.kind, one.reference or "")
        said = (one.amount, one.other_amount, one.reason, _day(one.expected_on), one.missing_after)
        yield copy_line((new_id("disc"), run_id, *what, *said))


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _place_lines(run_id: str, result: DayResult) -> Iterator[str]:
    for one in result.places:
        yield copy_line((run_id, one.line_id, one.place, one.payment_id))


def _settled_lines(run_id: str, result: DayResult) -> Iterator[str]:
    for one in result.settled:
        yield copy_line((run_id, one.payment_id, one.line_id, one.batch_id, one.amount))


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Some lines at a time: each piece is sent before the next is made."""
    while some := list(islice(lines, _AT_A_TIME)):
        yield "".join(some).encode()
