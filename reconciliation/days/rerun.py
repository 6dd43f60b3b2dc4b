"""What a closed day would be if it were reconciled anew: a report, and nothing changes.

Lines and payments that came after the closing count for the first open day; here they are looked at
on their own day again, which tells what the minutes did not know.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from sqlmodel import col

from core.clock import business_date
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.books.queries import DayPayment
from reconciliation.context import ReconciliationContext
from reconciliation.days.account_days import completed
from reconciliation.days.commands import read_day
from reconciliation.days.late_returns import list_own_transfers, with_late_returns
from reconciliation.days.undoing import list_undone
from reconciliation.matching.ageing import WAITING
from reconciliation.matching.day import came_by_bank, match_day
from reconciliation.matching.values import DayResult
from reconciliation.models import Discrepancy, Match
from reconciliation.settlements.models import SettledPayment

#: How many differences are told one by one.
MOST_TOLD = 500


@dataclass(frozen=True, slots=True)
class DayDifference:
    """What a closed day has and a new run would not (`gone`), or the other way round (`new`).

    `place` is `matched`, `settled_in_batch` or the class of a discrepancy; `amount` in đồng.
    """

    change: str
    side: str
    object_id: str
    place: str
    amount: int


@dataclass(frozen=True, slots=True)
class DayComparison:
    """How many differences there are, and the first of them."""

    count: int
    differences: tuple[DayDifference, ...]


@dataclass(frozen=True, slots=True)
class _FoundMatch:
    payment_id: str
    line_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class _FoundDiscrepancy:
    side: str
    object_id: str
    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class _FoundSettled:
    payment_id: str
    amount: int


async def compare_closed(
    reconciling: ReconciliationContext, account: CollectionAccountValue, on: date, run_id: str
) -> DayComparison:
    """What a closed day would be otherwise, as the books and statements are now."""
    async with reconciling.database.reading() as session:
        before = await _stored(session, run_id)
        undone = await list_undone(session, account.id)
    day = await read_day(
        reconciling,
        account,
        on,
        frozenset(name for side, name, _, _ in before if side == "payment"),
    )
    carried = {
        one.payment_id
        for one in day.payments
        if one.payment_id in day.carried and one.accounting_on < on
    }
    of_then = [replace(one, accounting_on=_own_day(one)) for one in day.payments]
    as_booked = [replace(line, late_on=None) for line in day.lines]
    by_bank = came_by_bank(of_then)
    async with reconciling.database.reading() as session:
        ours = await list_own_transfers(session, as_booked)
    told = (on, by_bank, as_booked, account.cut_off, reconciling.calendar, undone, carried, ours)
    result: DayResult = await reconciling.elsewhere(match_day, *told)
    result = with_late_returns(result, day.late, day.payments)
    async with reconciling.database.reading() as session:
        found_now = (on, result, of_then, carried)
        result = await completed(
            session, reconciling.cipher, reconciling.calendar, account, *found_now
        )
    # What waited went on to the next day: what became of it there is no difference here.
    waited = {name for side, name, place, _ in before if place in WAITING and side == "payment"}
    matches = [one for one in result.matches if one.payment_id not in waited]
    now = _places(
        ((one.payment_id, one.line_id, one.amount) for one in matches),
        ((one.side, one.object_id, one.kind, one.amount) for one in result.discrepancies),
        ((one.payment_id, one.amount) for one in result.settled),
    )
    before, now = ({one for one in places if one[1] not in waited} for places in (before, now))
    found = [DayDifference("gone", *one) for one in sorted(before - now)]
    found += [DayDifference("new", *one) for one in sorted(now - before)]
    return DayComparison(len(found), tuple(found[:MOST_TOLD]))


def _own_day(payment: DayPayment) -> date:
    return business_date(payment.paid_at)


_Place = tuple[str, str, str, int]


async def _stored(session: ReadSession, run_id: str) -> set[_Place]:
    matches = await session.all(
        values_of(_FoundMatch, Match).where(col(Match.reconciliation_id) == run_id)
    )
    odd = await session.all(
        values_of(_FoundDiscrepancy, Discrepancy).where(
            col(Discrepancy.reconciliation_id) == run_id
        )
    )
    settled = await session.all(
        values_of(_FoundSettled, SettledPayment).where(
            col(SettledPayment.reconciliation_id) == run_id
        )
    )
    return _places(
        ((one.payment_id, one.line_id, one.amount) for one in matches),
        ((one.side, one.object_id, one.kind, one.amount) for one in odd),
        ((one.payment_id, one.amount) for one in settled),
    )


def _places(
    matches: Iterable[tuple[str, str, int]],
    discrepancies: Iterable[tuple[str, str, str, int]],
    settled: Iterable[tuple[str, int]],
) -> set[_Place]:
    found: set[_Place] = set(discrepancies)
    found |= {("payment", name, "settled_in_batch", amount) for name, amount in settled}
    for payment_id, line_id, amount in matches:
        found |= {("payment", payment_id, "matched", amount), ("line", line_id, "matched", amount)}
    return found
