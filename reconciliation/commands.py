"""Taking statements in, and running the reconciliation of a day.

Matching is processor work, so it runs in a process of its own with no transaction open. A
statement's line settles nothing by itself: matching comes first, and only a credit that it could
not place and whose reference is unpaid is recorded as money; then the day is matched once more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, func, insert, update
from sqlmodel import col, select

from core import audit, clock
from core.background import Background
from core.calendar import Calendar
from core.copying import copy_line
from core.crypto import Cipher
from core.db import Database
from core.errors import Invalid
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import WriteSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.books.commands import note_returned_money, share_notices_of
from payments.books.queries import DayPayment, list_day_payments, sum_day_payments
from payments.incoming.commands import may_be_taken, take_statement_credit
from payments.ports import Credit
from reconciliation.day import DayLine, DayResult, match_day
from reconciliation.intake import FIRST_DAY, LAST_DAY
from reconciliation.models import Reconciliation, StatementLine

#: Money may be booked some days after it was paid (Tết), and a feed may date it a day earlier.
BEFORE, AFTER = timedelta(days=7), timedelta(days=14)

#: How many lines are gone through before the event loop has its turn.
_AT_A_TIME = 1_000

#: How often a run is made while the books of its day change under it.
_TRIES = 5

#: Runs a function somewhere that does not block the event loop.
Elsewhere = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class ReconciliationContext:
    """What reconciling needs."""

    database: Database
    cipher: Cipher = field(repr=False)
    elsewhere: Elsewhere
    #: runs a function on an open file in a process that is begun for it and ends with it
    apart: Elsewhere
    background: Background
    calendar: Calendar
    #: keys the hashes of request bodies
    request_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _DayState:
    """What tells whether the books of a day, and the lines around it, are as they were read."""

    payments: int
    #: their sum, in đồng
    credited: int
    lines: int


_LINES = values_of(
    DayLine,
    StatementLine,
    line_id=col(StatementLine.id),
    reference=func.coalesce(StatementLine.reference, ""),
).order_by(col(StatementLine.booked_at), col(StatementLine.id))


async def reconcile(
    reconciling: ReconciliationContext, account: CollectionAccountValue, on: date, *, actor: str
) -> str:
    """Reconcile one business day of one account with the statements taken in; the run's id.

    Running again gives a new run with the same result, unless statements or payments have come; it
    takes the place of the one before. Raises `Invalid` for a day outside the calendar.
    """
    if not FIRST_DAY <= on <= LAST_DAY:
        raise Invalid(f"Ngày đối soát phải từ {FIRST_DAY:%d/%m/%Y} đến {LAST_DAY:%d/%m/%Y}.")
    for left in reversed(range(_TRIES)):
        payments, lines = await _day(reconciling, account, on)
        result = await _match(reconciling, account, on, payments, lines)
        await _note_returned(reconciling, result, actor=actor)
        if await _record_unmatched(reconciling, account, result, lines, actor=actor):
            payments, lines = await _day(reconciling, account, on)
            result = await _match(reconciling, account, on, payments, lines)
        # A day that goes on may never come to rest: the last run is stored as it is.
        seen = _state_of(on, payments, lines) if left else None

        async def store(
            session: WriteSession, result: DayResult = result, seen: _DayState | None = seen
        ) -> str | None:
            return await _store(session, account, on, result, seen, actor=actor)

        if run_id := await reconciling.database.run(store):
            return run_id
    raise AssertionError("unreachable: the last run is stored")


async def _match(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    on: date,
    payments: list[DayPayment],
    lines: list[DayLine],
) -> DayResult:
    result: DayResult = await reconciling.elsewhere(
        match_day, on, payments, lines, account.cut_off, reconciling.calendar
    )
    return result


async def _day(
    reconciling: ReconciliationContext, account: CollectionAccountValue, on: date
) -> tuple[list[DayPayment], list[DayLine]]:
    async with reconciling.database.transaction() as session:
        payments = await list_day_payments(session, account.id, on - AFTER, on + BEFORE)
        # There may be hundreds of thousands: the event loop has its turns between them.
        lines = [line async for line in session.each(_LINES.where(*_lines_around(account, on)))]
        return payments, lines


def _lines_around(account: CollectionAccountValue, on: date) -> list[ColumnElement[bool]]:
    begin, end = clock.day_bounds(on - BEFORE, on + AFTER)
    return [
        col(StatementLine.collection_account_id) == account.id,
        col(StatementLine.withdrawn_at).is_(None),
        col(StatementLine.booked_at) >= begin,
        col(StatementLine.booked_at) < end,
    ]


def _state_of(on: date, payments: Sequence[DayPayment], lines: Sequence[DayLine]) -> _DayState:
    amounts = [payment.amount for payment in payments if payment.accounting_on == on]
    return _DayState(len(amounts), sum(amounts), len(lines))


async def _state_now(session: WriteSession, account: CollectionAccountValue, on: date) -> _DayState:
    payments = await sum_day_payments(session, account.id, on, on)
    lines = select(func.count()).select_from(StatementLine).where(*_lines_around(account, on))
    return _DayState(payments.count, payments.credited, await session.one(lines))


async def _record_unmatched(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    result: DayResult,
    lines: Sequence[DayLine],
    *,
    actor: str,
) -> int:
    """Record credits that only the statement tells of; how many were recorded."""
    by_id = {line.line_id: line for line in lines}
    recorded = 0
    for number, odd in enumerate(result.discrepancies):
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        if odd.kind != "unknown_in_ledger":
            continue
        line = by_id[odd.object_id]
        credit = Credit(
            feed_ref=line.line_id,
            bank_ref=line.bank_ref,
            account_number=account.account_number,
            amount=line.amount,
            narrative=f"{line.reference} {line.narrative}".strip(),
            credited_at=line.booked_at,
        )
        if not may_be_taken(credit):
            continue  # most lines of a busy account: no transaction for each

        async def take(session: WriteSession, credit: Credit = credit) -> bool:
            await share_notices_of(session, account.id)
            stands = select(StatementLine.id).where(
                StatementLine.id == credit.feed_ref, col(StatementLine.withdrawn_at).is_(None)
            )
            if await session.lock_first(stands) is None:
                return False  # its statement has been withdrawn since it was read
            return await take_statement_credit(
                session, account, credit, actor=actor, cipher=reconciling.cipher
            )

        recorded += await reconciling.database.run(take)
    return recorded


async def _note_returned(
    reconciling: ReconciliationContext, result: DayResult, *, actor: str
) -> None:
    """Alert people of each payment of the books that the bank took back."""
    for payment_id, line_id in result.returned.items():

        async def note(
            session: WriteSession, payment_id: str = payment_id, line_id: str = line_id
        ) -> None:
            await note_returned_money(session, payment_id, line_id, actor=actor)

        await reconciling.database.run(note)


async def _store(
    session: WriteSession,
    account: CollectionAccountValue,
    on: date,
    result: DayResult,
    seen: _DayState | None,
    *,
    actor: str,
) -> str | None:
    """Store a run in the place of the day's earlier ones; None if the books are not as `seen`.

    Runs of one day are stored one after the other. One that began before another had recorded what
    only a statement tells would otherwise call unknown what is in the books by now.
    """
    name = f"reconciliation:{account.id}:{on}"
    await lock_names(session, name)
    if seen is not None and await _state_now(session, account, on) != seen:
        return None
    run_id = new_id("rec")
    of_day = (
        col(Reconciliation.collection_account_id) == account.id,
        col(Reconciliation.business_on) == on,
        col(Reconciliation.superseded_by).is_(None),
    )
    earlier = await session.first(select(Reconciliation.id).where(*of_day))
    summary = result.summary()
    run = {
        "id": run_id,
        "agency_id": account.agency_id,
        "collection_account_id": account.id,
        "business_on": on,
        "summary": summary,
        "created_by": actor,
        "created_at": clock.now(),
    }
    if earlier is not None:
        # Its place must be free first, and the run that takes it is not there yet.
        await session.write(update(Reconciliation).where(*of_day).values(superseded_by=earlier))
    await session.write(insert(Reconciliation), run)
    if earlier is not None:
        took_place = col(Reconciliation.superseded_by) == earlier
        await session.write(update(Reconciliation).where(took_place).values(superseded_by=run_id))
    await session.copy_in("match", _MATCH_COLUMNS, _pieces(_match_lines(run_id, result)))
    await session.copy_in("discrepancy", _ODD_COLUMNS, _pieces(_odd_lines(run_id, result)))
    counts = {name: tally["count"] for name, tally in summary.items()}
    await audit.record(
        session, actor=actor, action="reconciliation.run", object_id=run_id, details=counts
    )
    return run_id


_MATCH_COLUMNS = (
    *("reconciliation_id", "payment_id", "line_id"),
    *("reference", "amount", "rule", "statement_alone"),
)
_ODD_COLUMNS = (
    *("id", "reconciliation_id", "side", "object_id", "kind"),
    *("reference", "amount", "other_amount", "reason"),
)


def _match_lines(run_id: str, result: DayResult) -> Iterator[str]:
    for one in result.matches:
        what = (one.payment_id, one.line_id, one.reference, one.amount, one.rule)
        yield copy_line((run_id, *what, one.statement_alone))


def _odd_lines(run_id: str, result: DayResult) -> Iterator[str]:
    for one in result.discrepancies:
        what = (one.side, one.object_id, one.kind, one.reference or "")
        yield copy_line((new_id("disc"), run_id, *what, one.amount, one.other_amount, one.reason))


def _pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Some lines at a time: each piece is sent before the next is made."""
    while some := list(islice(lines, _AT_A_TIME)):
        yield "".join(some).encode()
