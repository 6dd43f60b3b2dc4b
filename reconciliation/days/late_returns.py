"""Money of a closed day that the bank took back afterwards: it counts for the day of the debit.

The closed day stays as it is. The debit's day has the payment once more, as `reversed`: it is told
there, an alert says so, and two people reverse it there as they would on its own day.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy import String, any_, cast
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col

from core import clock
from core.crypto import Cipher
from core.days import day_text
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.books.closed_days import ClosedDay, find_last_closed
from payments.books.commands import note_returned_money
from payments.books.queries import DayPayment
from payments.refunds.queries import list_proving_lines
from reconciliation.closing_models import LateReturn
from reconciliation.matching.reversals import LONGEST, reversals_of, says_reversal
from reconciliation.matching.values import DayDiscrepancy, DayLine, DayResult
from reconciliation.models import Match, StatementLine
from reconciliation.statements.lines import STORED_LINES

_KIND: Final = "reversed"


@dataclass(frozen=True, slots=True)
class ReturnedLater:
    """A payment of the day `closed_on`, and the debit of a later day that took it back."""

    payment_id: str
    line_id: str
    closed_on: date


@dataclass(frozen=True, slots=True)
class _ClosedMatch:
    """A payment and its line in the run of a closed day."""

    payment_id: str
    line_id: str
    business_on: date


async def note_late_returns(
    session: WriteSession,
    cipher: Cipher,
    account: CollectionAccountValue,
    on: date,
    lines: Sequence[DayLine],
    undone: Collection[tuple[str, str]],
    *,
    actor: str,
) -> int:
    """Note the payments of closed days that debits of `on` took back, with an alert; how many.

    `lines` are the day's and those around it, `undone` the matches that people took apart. What
    is noted already is not noted again. A debit that proves a refund is our own transfer.
    """
    debits = [
        line
        for line in lines
        if line.direction == "debit" and line.day == on and says_reversal(line.narrative)
    ]
    if not debits or await find_last_closed(session, account.id) is None:
        return 0
    first = min(clock.business_date(line.booked_at) for line in debits) - LONGEST
    last = max(clock.business_date(line.booked_at) for line in debits)
    of_day = {line.line_id for line in debits}
    ours = await list_proving_lines(session, of_day)
    around = await _lines(session, cipher, account, (first, last), {x.amount for x in debits})
    taken_back = {
        credit: debit.line_id
        for credit, debit in reversals_of(around).items()
        if debit.line_id in of_day - ours
    }
    noted = 0
    for one in await _closed_matches(session, account, taken_back):
        if (one.payment_id, one.line_id) in undone or one.business_on >= on:
            continue
        debit_id = taken_back[one.line_id]
        row = {
            "payment_id": one.payment_id,
            "line_id": debit_id,
            "collection_account_id": account.id,
            "closed_on": one.business_on,
            "accounting_on": on,
            "created_at": clock.now(),
        }
        if await session.write(insert(LateReturn).values(row).on_conflict_do_nothing()):
            await note_returned_money(session, one.payment_id, debit_id, actor=actor)
            noted += 1
    return noted


async def list_own_transfers(session: ReadSession, lines: Iterable[DayLine]) -> set[str]:
    """Those of the lines whose words say that money was returned, and that are refunds of ours."""
    told = [
        line.line_id
        for line in lines
        if line.direction == "debit" and says_reversal(line.narrative)
    ]
    return await list_proving_lines(session, told) if told else set()


async def _lines(
    session: ReadSession,
    cipher: Cipher,
    account: CollectionAccountValue,
    days: tuple[date, date],
    amounts: Collection[int],
) -> list[DayLine]:
    """The standing lines of these amounts that were booked from one day to another."""
    begin, end = clock.day_bounds(*days)
    wanted = STORED_LINES.where(
        col(StatementLine.collection_account_id) == account.id,
        col(StatementLine.withdrawn_at).is_(None),
        col(StatementLine.booked_at) >= begin,
        col(StatementLine.booked_at) < end,
        col(StatementLine.amount).in_(amounts),
    )
    return [line.opened(cipher) for line in await session.all(wanted)]


async def _closed_matches(
    session: ReadSession, account: CollectionAccountValue, line_ids: Collection[str]
) -> list[_ClosedMatch]:
    named = any_(cast(sorted(line_ids), ARRAY(String)))
    wanted = (
        values_of(_ClosedMatch, Match, business_on=col(ClosedDay.business_on))
        .join_from(
            Match, ClosedDay, col(ClosedDay.reconciliation_id) == col(Match.reconciliation_id)
        )
        .where(col(Match.line_id) == named, col(ClosedDay.collection_account_id) == account.id)
        .order_by(col(Match.payment_id))
    )
    return await session.all(wanted)


async def list_late_returns(
    session: ReadSession, collection_account_id: str, on: date
) -> list[ReturnedLater]:
    """What of closed days debits of `on` took back; a debit that was withdrawn took nothing."""
    wanted = (
        values_of(ReturnedLater, LateReturn)
        .join_from(LateReturn, StatementLine, col(StatementLine.id) == col(LateReturn.line_id))
        .where(
            col(LateReturn.collection_account_id) == collection_account_id,
            col(LateReturn.accounting_on) == on,
            col(StatementLine.withdrawn_at).is_(None),
        )
        .order_by(col(LateReturn.payment_id), col(LateReturn.line_id))
    )
    return await session.all(wanted)


def with_late_returns(
    result: DayResult, late: Iterable[ReturnedLater], payments: Iterable[DayPayment]
) -> DayResult:
    """A day's result in which such payments are `reversed`, whatever else was made of them.

    What people have reversed already is among `payments` no more, and is left alone.
    """
    known = {one.payment_id: one for one in payments}
    found = {one.payment_id: one for one in late if one.payment_id in known}
    if not found:
        return result
    odd = [x for x in result.discrepancies if x.side != "payment" or x.object_id not in found]
    for payment_id, one in found.items():
        payment = known[payment_id]
        reason = (
            "Ngân hàng đã thu lại tiền này sau khi ngày của nó"
            f" ({day_text(one.closed_on)}) đã khóa sổ;"
            " ngày đó giữ nguyên, việc được ghi ở ngày này."
        )
        told = (payment.reference, payment.amount, 0, reason)
        odd.append(DayDiscrepancy("payment", payment_id, _KIND, *told))
    odd.sort(key=lambda x: (x.side, x.object_id, x.kind))
    return replace(
        result,
        matches=[one for one in result.matches if one.payment_id not in found],
        discrepancies=odd,
        returned=result.returned | {one.payment_id: one.line_id for one in found.values()},
    )
