"""What a run found, as frozen values."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import col

from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.cases.discrepancies import page_of_worked
from reconciliation.models import Match


@dataclass(frozen=True, slots=True)
class DiscrepancyValue:
    """What did not simply agree, and why; amounts in đồng. `id` stays from run to run."""

    id: str
    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str
    #: of money that no line told of: by when it has to be booked, and after how many working days
    #: it is missing
    expected_on: date | None = None
    missing_after: int | None = None


async def page_of_discrepancies(
    session: ReadSession, run_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[DiscrepancyValue]:
    """Some discrepancies of a run, by side and object; `cursor` is that of the page before."""
    page = await page_of_worked(session, run_id, cursor=cursor, limit=limit)
    items = [
        DiscrepancyValue(
            id=odd.case_id or odd.id,
            side=odd.side,
            object_id=odd.object_id,
            kind=odd.kind,
            reference=odd.reference,
            amount=odd.amount,
            other_amount=odd.other_amount,
            reason=odd.reason,
            expected_on=odd.expected_on,
            missing_after=odd.missing_after,
        )
        for odd in page.items
    ]
    return Page(tuple(items), page.next_cursor)


@dataclass(frozen=True, slots=True)
class MatchValue:
    """A payment of the day and the line that is its money, amount in đồng.

    `statement_alone` says that no feed and no gateway has told of it; None in runs of before.
    """

    payment_id: str
    line_id: str
    reference: str
    amount: int
    rule: str
    statement_alone: bool | None


async def list_matches(
    session: ReadSession,
    run_id: str,
    *,
    statement_alone: bool | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[MatchValue]:
    """The matches of a run by payment: all, or those that do or do not rest on a statement alone.

    `cursor` is the payment to go on after.
    """
    wanted = values_of(MatchValue, Match).where(Match.reconciliation_id == run_id)
    if statement_alone is not None:
        wanted = wanted.where(col(Match.statement_alone).is_(statement_alone))
    if cursor is not None:
        wanted = wanted.where(col(Match.payment_id) > cursor)
    found = await session.all(wanted.order_by(col(Match.payment_id)).limit(limit + 1))
    return page_of(found, limit, lambda one: one.payment_id)
