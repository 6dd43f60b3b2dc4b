"""Taking statements in, and running the reconciliation of a day.

Matching is processor work, so it runs in a process of its own with no transaction open. A
statement's line settles nothing by itself: matching comes first, and only a credit that it could
not place and whose reference is unpaid is recorded as money; then the day is matched once more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, String, any_, cast, func, insert, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, or_, select

from core import audit, clock, failpoints
from core.errors import Invalid
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue
from payments.books.closed_days import find_last_closed
from payments.books.commands import note_returned_money, share_notices_of
from payments.books.queries import DayPayment, list_day_payments, sum_day_payments
from payments.incoming.commands import may_be_taken, take_statement_credit
from payments.ports import Credit
from payments.refunds.commands import Debit, close_by_debits
from reconciliation.cases.commands import carry_cases, due_day
from reconciliation.closing_models import LateLine
from reconciliation.context import ReconciliationContext
from reconciliation.days.account_days import completed
from reconciliation.days.carrying import list_carried
from reconciliation.days.late_returns import (
    ReturnedLater,
    list_late_returns,
    list_own_transfers,
    note_late_returns,
    with_late_returns,
)
from reconciliation.days.run_rows import copy_run
from reconciliation.days.suggestions import read_misspelt
from reconciliation.days.undoing import list_undone
from reconciliation.matching.day import came_by_bank, match_day
from reconciliation.matching.day_findings import told_of_gateways
from reconciliation.matching.open_questions import misspelt_sums
from reconciliation.matching.values import DayLine, DayResult
from reconciliation.models import Reconciliation, StatementLine
from reconciliation.runs import check_open, run_lock
from reconciliation.statements.intake import FIRST_DAY, LAST_DAY
from reconciliation.statements.lines import STORED_LINES

#: Money may be booked some days after it was paid (Tết), and a feed may date it a day earlier.
BEFORE, AFTER = timedelta(days=7), timedelta(days=14)


#: Writes down that a run of this id was stored, in the transaction that stores it.
NoteRun = Callable[[WriteSession, str], Awaitable[None]]


#: How many lines are gone through before the event loop has its turn.
_AT_A_TIME = 1_000


#: How often a run is made while the books of its day change under it.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class OpenDay:
    """What a run reads: payments and lines of its day and of those around it.

    `carried` are the payments of earlier days that count for it.
    """

    payments: list[DayPayment]
    lines: list[DayLine]
    carried: frozenset[str] = frozenset()
    #: what of closed days a debit of the day took back
    late: tuple[ReturnedLater, ...] = ()


@dataclass(frozen=True, slots=True)
class _DayState:
    """What tells whether the books of a day, and the lines around it, are as they were read."""

    payments: int
    #: their sum, in đồng
    credited: int
    lines: int


async def reconcile(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    on: date,
    *,
    actor: str,
    noting: NoteRun | None = None,
) -> str:
    """Reconcile one business day of one account with the statements taken in; the run's id.

    `noting` is told of the run in the transaction that stores it; where it raises, nothing is.

    Running again gives a new run with the same result, unless statements or payments have come; it
    takes the place of the one before. Raises `Invalid` for a day outside the calendar, and
    `DayClosed`: what would differ in a closed day says `reconciliation.days.rerun`.
    """
    if not FIRST_DAY <= on <= LAST_DAY:
        raise Invalid(f"Ngày đối chiếu phải từ {FIRST_DAY:%d/%m/%Y} đến {LAST_DAY:%d/%m/%Y}.")
    due_on = due_day(reconciling.calendar, on)
    for left in reversed(range(_TRIES)):
        day = await _open_day(reconciling, account, on)
        # Before anybody asks what the bank took back: our own transfers have done none of it.
        await _close_refunds(reconciling, account, day.lines, actor=actor)
        if await _note_late(reconciling, account, on, day.lines, actor=actor):
            day = await read_day(reconciling, account, on)
        result = await _match(reconciling, account, on, day)
        await _note_returned(reconciling, result, actor=actor)
        if await _record_unmatched(reconciling, account, on, result, day.lines, actor=actor):
            day = await read_day(reconciling, account, on)
            result = await _match(reconciling, account, on, day)
        # A day that goes on may never come to rest: the last run is stored as it is.
        seen = _state_of(on, day) if left else None

        async def store(
            session: WriteSession,
            result: DayResult = result,
            seen: _DayState | None = seen,
            known: OpenDay = day,
        ) -> str | None:
            told = (result, known.payments, known.carried)
            found = await completed(
                session, reconciling.cipher, reconciling.calendar, account, on, *told
            )
            stored = await _store(session, account, on, found, seen, due_on=due_on, actor=actor)
            if stored is not None and noting is not None:
                await noting(session, stored)
            return stored

        if run_id := await reconciling.database.run(store):
            failpoints.hit("run.after_commit")
            return run_id
    raise AssertionError("unreachable: the last run is stored")


async def _open_day(
    reconciling: ReconciliationContext, account: CollectionAccountValue, on: date
) -> OpenDay:
    async with reconciling.database.reading() as session:
        check_open(await find_last_closed(session, account.id), on)
    return await read_day(reconciling, account, on)


async def _match(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    on: date,
    day: OpenDay,
) -> DayResult:
    async with reconciling.database.reading() as session:
        undone = await list_undone(session, account.id)
        ours = await list_own_transfers(session, day.lines)
    of_whom = (account.cut_off, reconciling.calendar, undone, day.carried, ours)
    by_bank = came_by_bank(day.payments)
    result: DayResult = await reconciling.elsewhere(match_day, on, by_bank, day.lines, *of_whom)
    result = told_of_gateways(result, day.payments, day.lines)
    return with_late_returns(result, day.late, day.payments)


async def read_day(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    on: date,
    carried: frozenset[str] | None = None,
) -> OpenDay:
    """The payments and lines of a day and of those around it, for `match_day`.

    `carried` are the payments of earlier days that count for it; looked for unless they are given.
    """
    async with reconciling.database.transaction() as session:
        if carried is None:
            carried = frozenset(await list_carried(session, account.id, on))
        payments = await list_day_payments(session, account.id, on - AFTER, on + BEFORE, carried)
        # There may be hundreds of thousands: the event loop has its turns between them.
        wanted = STORED_LINES.where(*_lines_around(account, on))
        lines = [line.opened(reconciling.cipher) async for line in session.each(wanted)]
        late = await list_late_returns(session, account.id, on)
        return OpenDay(payments, lines, carried, tuple(late))


def _lines_around(account: CollectionAccountValue, on: date) -> list[ColumnElement[bool]]:
    begin, end = clock.day_bounds(on - BEFORE, on + AFTER)
    late = select(LateLine.line_id).where(LateLine.accounting_on == on)
    return [
        col(StatementLine.collection_account_id) == account.id,
        col(StatementLine.withdrawn_at).is_(None),
        or_(
            (col(StatementLine.booked_at) >= begin) & (col(StatementLine.booked_at) < end),
            col(StatementLine.id).in_(late),
        ),
    ]


def _state_of(on: date, day: OpenDay) -> _DayState:
    amounts = [
        payment.amount
        for payment in day.payments
        if payment.accounting_on == on or payment.payment_id in day.carried
    ]
    return _DayState(len(amounts), sum(amounts), len(day.lines))


async def _state_now(session: WriteSession, account: CollectionAccountValue, on: date) -> _DayState:
    carried = await list_carried(session, account.id, on)
    payments = await sum_day_payments(session, account.id, on, on, carried)
    lines = select(func.count()).select_from(StatementLine).where(*_lines_around(account, on))
    return _DayState(payments.count, payments.credited, await session.one(lines))


async def _record_unmatched(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    on: date,
    result: DayResult,
    lines: Sequence[DayLine],
    *,
    actor: str,
) -> int:
    """Record credits that only the statement tells of; how many were recorded."""
    by_id = {line.line_id: line for line in lines}
    unknown = [x.object_id for x in result.discrepancies if x.kind == "unknown_in_ledger"]
    naming = [by_id[line_id] for line_id in unknown if by_id[line_id].references]
    async with reconciling.database.reading() as session:
        # Whose a line is that people have taken from a payment, people say too.
        apart = {line_id for _, line_id in await list_undone(session, account.id)}
        doubtful = await read_misspelt(session, account.agency_id, on, naming)
    if doubtful.lines:
        apart |= await reconciling.elsewhere(misspelt_sums, doubtful)
    recorded = 0
    for number, line_id in enumerate(unknown):
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        if line_id in apart:
            continue
        line = by_id[line_id]
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


async def _close_refunds(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    lines: Sequence[DayLine],
    *,
    actor: str,
) -> None:
    """Close the refunds whose debits are among the lines."""
    debits = [
        Debit(
            line_id=line.line_id,
            amount=line.amount,
            references=line.references,
            bank_ref=line.bank_ref,
            booked_on=clock.business_date(line.booked_at),
        )
        for line in lines
        if line.direction == "debit"
    ]

    if not debits:
        return

    async def close(session: WriteSession) -> list[str]:
        # A statement may have been withdrawn since its lines were read; from here on it is not.
        await share_notices_of(session, account.id)
        named = any_(cast([debit.line_id for debit in debits], ARRAY(String)))
        stand = select(StatementLine.id).where(
            col(StatementLine.id) == named, col(StatementLine.withdrawn_at).is_(None)
        )
        standing = set(await session.all(stand))
        told = [debit for debit in debits if debit.line_id in standing]
        return await close_by_debits(session, account.id, told, actor=actor)

    await reconciling.database.run(close)


async def _note_late(
    reconciling: ReconciliationContext,
    account: CollectionAccountValue,
    on: date,
    lines: Sequence[DayLine],
    *,
    actor: str,
) -> int:
    """Note what of closed days the debits of `on` took back; how many payments."""

    async def note(session: WriteSession) -> int:
        undone = await list_undone(session, account.id)
        told = (account, on, lines, undone)
        return await note_late_returns(session, reconciling.cipher, *told, actor=actor)

    return await reconciling.database.run(note)


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
    due_on: date,
    actor: str,
) -> str | None:
    """Store a run in the place of the day's earlier ones; None if the books are not as `seen`.

    Runs of one day are stored one after the other. One that began before another had recorded what
    only a statement tells would otherwise call unknown what is in the books by now.
    """
    await lock_names(session, run_lock(account.id, on))
    check_open(await find_last_closed(session, account.id), on)
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
    await copy_run(session, run_id, result)
    await carry_cases(session, account.id, on, run_id, due_on, result.discrepancies)
    counts = {name: tally["count"] for name, tally in summary.items()}
    await audit.record(
        session, actor=actor, action="reconciliation.run", object_id=run_id, details=counts
    )
    failpoints.hit("run.before_commit")
    return run_id
