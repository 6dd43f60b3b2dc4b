"""The status inquiry: ask gateways about open attempts, and only then let them and bills expire.

Callbacks get lost and answers time out; the gateway's own books do not. An attempt that is
`submitted` or `unknown` is asked about with growing pauses. Money that came is recorded as if its
callback had come. An attempt ends unpaid only past its deadline and after the gateway was asked;
where a gateway cannot be asked it never ends by itself.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, SQLColumnExpression, or_, update
from sqlmodel import col, exists, func, select

from core import clock
from core.log import get
from core.sessions import WriteSession
from core.statements import values_of
from payments.attempts.results import record_result
from payments.bills.locks import LockedBill
from payments.bills.models import Bill, Payment
from payments.books.locks import lock_attempt
from payments.books.moves import move_bill, move_payment
from payments.context import Context
from payments.ports import (
    AttemptKey,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    Outcome,
    OutcomeUnknown,
    Queryable,
)
from payments.states import LIVE

log = get(__name__)

ACTOR = "system:status_inquiry"

#: An attempt that the gateway still calls pending after this long is over.
DEADLINE = timedelta(hours=24)

#: "Not found" means nothing while the order may still be on its way.
GRACE = timedelta(minutes=15)

#: An attempt that is over is still asked about, for a citizen may pay on an old page and the
#: callback get lost: this often, for this long.
STILL_ASKED, ASKED_FOR = timedelta(hours=1), timedelta(days=3)

_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DueAttempt:
    """An attempt that the gateway is to be asked about now; `asked` is how often it was."""

    id: str
    asked: int
    gateway_account_id: str
    order_ref: str
    created_at: datetime


def pause(asked: int) -> timedelta:
    """How long to wait before asking again: 15 s, 30 s, 60 s … at most 5 minutes."""
    return min(timedelta(seconds=15 * 2 ** min(asked, 10)), _LONGEST_PAUSE)


async def inquire(context: Context, limit: int = 20) -> int:
    """Ask about the attempts that are due; how many were asked about."""
    now = clock.now()
    due = (
        values_of(DueAttempt, Payment)
        .where(
            col(Payment.ask_at) <= now,
            or_(col(Payment.status) == "expired", col(Payment.status).in_(sorted(LIVE))),
        )
        .order_by(col(Payment.ask_at))
        .limit(limit)
    )
    async with context.database.transaction() as session:
        attempts = await session.lock_all(due, skip_locked=True)
        for attempt in attempts:
            asked = update(Payment).where(col(Payment.id) == attempt.id)
            await session.write(
                asked.values(ask_at=now + pause(attempt.asked), asked=attempt.asked + 1)
            )
    # At once, for a slow gateway must not keep us from asking the others.
    await asyncio.gather(*(_ask_safely(context, attempt) for attempt in attempts))
    return len(attempts)


async def _ask_safely(context: Context, attempt: DueAttempt) -> None:
    try:
        await _ask(context, attempt)
    except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
        reason = repr(error)
        log.error("the status inquiry could not ask or record", payment=attempt.id, reason=reason)


async def _ask(context: Context, attempt: DueAttempt) -> None:
    account = await context.agencies.get_gateway_by_id(attempt.gateway_account_id)
    adapter = context.gateways.gateway(account.access)
    result: GatewayResult | None = None
    try:
        if isinstance(adapter, Queryable):
            result = await adapter.query(AttemptKey(attempt.order_ref, attempt.created_at))
    except (GatewayUnavailable, OutcomeUnknown) as error:
        log.info("gateway gave no clear answer", payment=attempt.id, code=error.code)
    except GatewayMisuse as error:
        log.error("gateway refused our question", payment=attempt.id, code=error.code)

    async def write(session: WriteSession) -> None:
        if result is not None and result.outcome is not Outcome.NOT_FOUND:
            await record_result(session, account, result, actor=ACTOR, cipher=context.cipher)
        await _conclude(session, attempt.id, result)

    await context.database.run(write)


async def _conclude(session: WriteSession, payment_id: str, result: GatewayResult | None) -> None:
    """After asking: an attempt left open by a crash is unknown; one past its deadline is over."""
    attempt = await lock_attempt(session, payment_id)
    payment = attempt.payment
    if payment.status == "created":
        await move_payment(session, ACTOR, payment, "unknown", {"asked": payment.asked})
        return
    now = clock.now()
    if payment.status == "expired":
        again = now + STILL_ASKED if now < payment.created_at + ASKED_FOR else None
        asked = update(Payment).where(col(Payment.id) == payment.id)
        await session.write(asked.values(ask_at=again))
    if payment.status not in LIVE or result is None:
        return
    over = now > _deadline(payment.created_at, attempt.bill.expires_at)
    if result.outcome is Outcome.NOT_FOUND:
        over = now > payment.created_at + GRACE
    if over:
        details = {"gateway_says": result.outcome}
        await move_payment(session, ACTOR, payment, "expired", details, ask_at=now + STILL_ASKED)


def _deadline(created_at: datetime, expires_at: datetime | None) -> datetime:
    latest = created_at + DEADLINE
    return latest if expires_at is None else min(latest, expires_at)


async def expire_bills(context: Context, limit: int = 100) -> int:
    """Close bills past their time whose gateways have been asked; how many.

    A bill with an attempt still open is not closed: the attempt ends first, with its own question.
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
        for bill in await session.lock_all(due, skip_locked=True):
            # Again, for one may have been started while we came to the lock.
            live = select(func.count()).where(_is_live_attempt_of(bill.id))
            if not await session.one(live):
                await move_bill(session, ACTOR, bill, "expired", {})
                closed += 1
    return closed


def _is_live_attempt_of(bill_id: SQLColumnExpression[str] | str) -> ColumnElement[bool]:
    return (col(Payment.bill_id) == bill_id) & col(Payment.status).in_(sorted(LIVE))
