"""The status inquiry: ask gateways about open attempts, and only then let them and bills expire.

Callbacks get lost and answers time out; the gateway's own books do not. An attempt that is
`submitted` or `unknown` is asked about with growing pauses, and once more when its time is over
(`payments.attempts.asking`); where a gateway cannot be asked it never ends by itself, but only when
its payer chooses another way (`payments.attempts.leaving`).
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, or_, update
from sqlmodel import col, exists, func, select

from core import clock
from core.clocks import MOST_APART, require_agreement
from core.lanes import Lanes
from core.statements import values_of
from payments.attempts.asking import ACTOR, STILL_ASKED, AskedAttempt, ask_safely
from payments.bills.locks import LockedBill
from payments.bills.models import Bill, Payment
from payments.books.moves import move_bill
from payments.context import Context
from payments.states import LIVE

_LONGEST_PAUSE = timedelta(minutes=5)

#: How many questions to one account are under way at once.
AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class DueAttempt(AskedAttempt):
    """An attempt that the gateway is to be asked about now; `asked` is how often it was."""

    asked: int


def pause(asked: int) -> timedelta:
    """How long to wait before asking again: 15 s, 30 s, 60 s … at most 5 minutes."""
    return min(timedelta(seconds=15 * 2 ** min(asked, 10)), _LONGEST_PAUSE)


async def inquire(context: Context, limit: int = 20) -> int:
    """Ask about attempts that are due, so many of each account; how many were asked about."""
    accounts = await _due_accounts(context)
    return sum(await asyncio.gather(*(_ask_account(context, one, limit) for one in accounts)))


class Inquiries(Lanes):
    """The questions of one worker: each account's for themselves, so many at once."""

    def __init__(self, context: Context, at_once: int = AT_ONCE) -> None:
        super().__init__(
            "gateways",
            lambda: _due_accounts(context),
            lambda account, most: _answers_of(context, account, most),
            lambda times: pause(times).total_seconds(),
            at_once,
        )


async def _due_accounts(context: Context) -> list[str]:
    """The accounts of which an attempt is due, whose is due longest first."""
    accounts = (
        select(func.coalesce(Payment.gateway_account_id, ""))
        .where(col(Payment.gateway_account_id).is_not(None), *_is_due())
        .group_by(col(Payment.gateway_account_id))
        .order_by(func.min(Payment.ask_at))
    )
    async with context.database.reading() as session:
        found: list[str] = await session.all(accounts)
    return found


def _is_due() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Attempts whose time has come, and those whose time a clock put forward has set: no pause is
    so long."""
    now = clock.now()
    at, live = col(Payment.ask_at), col(Payment.status).in_(sorted(LIVE))
    come = or_(
        at <= now,
        at > now + STILL_ASKED + MOST_APART,
        and_(live, at > now + _LONGEST_PAUSE + MOST_APART),
    )
    return come, or_(col(Payment.status) == "expired", live)


async def _ask_account(context: Context, account: str, limit: int) -> int:
    return len(await _answers_of(context, account, limit))


async def _answers_of(context: Context, account: str, limit: int) -> list[bool]:
    """Ask an account about so many attempts that are due; of each, whether it answered clearly."""
    now = clock.now()
    due = (
        values_of(DueAttempt, Payment)
        .where(col(Payment.gateway_account_id) == account, *_is_due())
        .order_by(col(Payment.ask_at))
        .limit(limit)
    )
    async with context.database.transaction() as session:
        attempts = await session.lock_all(due, skip_locked=True)
        for attempt in attempts:
            asked = update(Payment).where(col(Payment.id) == attempt.id)
            await session.write(
                asked.values(
                    ask_at=now + pause(attempt.asked), asked=attempt.asked + 1, asked_at=now
                )
            )
    # At once, for one question that hangs must not keep us from asking the others.
    results = await asyncio.gather(*(ask_safely(context, attempt) for attempt in attempts))
    return [result is not None for result in results]


async def expire_bills(context: Context, limit: int = 100) -> int:
    """Close bills past their time whose gateways have been asked; how many.

    A bill with an attempt still open is not closed: the attempt ends first, with its own question.
    Raises `ClocksDisagree` where now cannot be believed.
    """
    due = (
        values_of(LockedBill, Bill)
        .where(
            Bill.status == "open",
            col(Bill.expires_at) <= clock.now(),
            ~exists().where(_is_live_attempt_of(col(Bill.id))),
        )
        .order_by(col(Bill.expires_at))
        .limit(limit)
    )
    closed = 0
    async with context.database.transaction() as session:
        await require_agreement(session)
        for bill in await session.lock_all(due, skip_locked=True):
            # Again, for one may have been started while we came to the lock.
            live = select(func.count()).where(_is_live_attempt_of(bill.id))
            if not await session.one(live):
                await move_bill(session, ACTOR, bill, "expired", {})
                closed += 1
    return closed


def _is_live_attempt_of(bill_id: SQLColumnExpression[str] | str) -> ColumnElement[bool]:
    return (col(Payment.bill_id) == bill_id) & col(Payment.status).in_(sorted(LIVE))
