"""Calling gateways for refunds that two people approved, and asking about those that were called.

As at a checkout, the call is written down and committed before it is made, it is made with no
transaction open, and a transaction of its own writes what came of it. Whoever stops in between
leaves the refund `unknown`: it is asked about under the same name, and never called for again.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import col, select

from core import clock, failpoints
from core.clocks import MOST_APART
from core.errors import LephiError
from core.lanes import Lanes
from core.log import get
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.books.models import Refund
from payments.context import Context
from payments.gateway_refunds import RefundOrder, RefundResult
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown, Refundable
from payments.refunds.locks import LockedRefund, find_refund, lock_refunds
from payments.refunds.moves import move_refund
from payments.refunds.outcomes import (
    ACTOR,
    CALLED,
    STILL_ASKED,
    conclude,
    is_another_called,
)

log = get(__name__)

#: How many calls and questions about refunds to one account are under way at once.
AT_ONCE: Final = 4

#: A call may take so long; until then nobody asks what became of it.
_FIRST_ASK: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(minutes=30)
_IN_TURN: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class _Charge:
    """The charge of which a refund gives some back."""

    order_ref: str
    gateway_ref: str
    credited: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Errand:
    """What is to be said to a gateway: a `call` for a refund, or a question about one."""

    refund: LockedRefund
    order: RefundOrder
    call: bool


def pause(asked: int) -> timedelta:
    """How long to wait before the next question: 15 s, 30 s, a minute … at most half an hour."""
    return min(timedelta(seconds=15 * 2 ** min(asked, 10)), _LONGEST_PAUSE)


class RefundErrands(Lanes):
    """The calls and questions of one worker, each account's for themselves."""

    def __init__(self, context: Context, at_once: int = AT_ONCE) -> None:
        super().__init__(
            "refunds",
            lambda: _due_accounts(context),
            lambda account, most: _run_errands(context, account, most),
            lambda times: pause(times).total_seconds(),
            at_once,
        )


async def run_due_errands(context: Context, limit: int = 20) -> int:
    """Call for and ask about what is due, so many of each account; how many there were."""
    accounts = await _due_accounts(context)
    done = await asyncio.gather(*(_run_errands(context, one, limit) for one in accounts))
    return sum(len(answers) for answers in done)


async def _due_accounts(context: Context) -> list[str]:
    accounts = (
        select(func.coalesce(Refund.gateway_account_id, ""))
        .where(*_is_due())
        .group_by(col(Refund.gateway_account_id))
        .order_by(func.min(Refund.ask_at))
    )
    async with context.database.reading() as session:
        found: list[str] = await session.all(accounts)
    return found


def _is_due() -> tuple[ColumnElement[bool], ...]:
    """What is due; what a clock put forward has set is, too: no pause is so long."""
    now, at = clock.now(), col(Refund.ask_at)
    longest = STILL_ASKED + MOST_APART
    asked = col(Refund.status).in_((*CALLED, "approved", "succeeded"))
    return col(Refund.way) == "gateway", asked, or_(at <= now, at > now + longest)


async def _run_errands(context: Context, account: str, limit: int) -> list[bool]:
    """Do so many errands to an account; of each, whether the gateway answered clearly."""
    due = (
        select(col(Refund.id))
        .where(col(Refund.gateway_account_id) == account, *_is_due())
        .order_by(col(Refund.ask_at))
        .limit(limit)
    )
    async with context.database.reading() as session:
        ids: list[str] = await session.all(due)
    # At once, for one that hangs must not keep the others.
    return list(await asyncio.gather(*(_run_safely(context, one) for one in ids)))


async def _run_safely(context: Context, refund_id: str) -> bool:
    """Do one errand, and note whatever goes wrong: the others must go on."""
    try:
        return await _run(context, refund_id)
    except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
        log.error("a refund was not attended to", refund=refund_id, reason=repr(error))
        return False


async def _run(context: Context, refund_id: str) -> bool:
    async def take(session: WriteSession) -> _Errand | None:
        return await _take(session, refund_id)

    errand = await context.database.run(take)
    if errand is None:
        return True
    failpoints.hit("refund.after_intent")
    outcome = await _say(context, errand)
    failpoints.hit("refund.after_call")

    async def write(session: WriteSession) -> None:
        (refund,) = await lock_refunds(session, [errand.refund])
        retry_at = clock.now() + pause(refund.asked)
        await conclude(session, refund, outcome, called=errand.call, retry_at=retry_at)
        failpoints.hit("refund.before_outcome_commit")

    await context.database.run(write)
    return not isinstance(outcome, GatewayUnavailable | OutcomeUnknown)


async def _take(session: WriteSession, refund_id: str) -> _Errand | None:
    """Take an errand that is due: the call is written down before it is made. None: not ours."""
    known = await find_refund(session, refund_id)
    if known is None:
        return None
    (refund,) = await lock_refunds(session, [known])
    now = clock.now()
    longest = STILL_ASKED + MOST_APART
    if refund.ask_at is None or now < refund.ask_at <= now + longest:
        return None
    taken = update(Refund).where(col(Refund.id) == refund.id)
    call = refund.status == "approved"
    if call and await is_another_called(session, refund):
        await session.write(taken.values(ask_at=now + _IN_TURN))
        return None
    await session.write(taken.values(ask_at=now + pause(refund.asked), asked=refund.asked + 1))
    if call:
        details = {"way": refund.way, "gateway_account": refund.gateway_account_id}
        await move_refund(
            session, ACTOR, refund, "unknown", details, sent_at=now, ask_at=now + _FIRST_ASK
        )
    elif refund.status not in (*CALLED, "succeeded"):
        return None
    called_at = now if call or refund.sent_at is None else refund.sent_at
    return _Errand(refund, await _order(session, refund, called_at), call)


async def _order(session: WriteSession, refund: LockedRefund, called_at: datetime) -> RefundOrder:
    """The refund as its gateway needs it, the same from its call on: its own reference is its key.

    Some have the day of the call in their name of it; one that was certainly not reached has no
    name for it yet.
    """
    wanted = values_of(
        _Charge,
        Payment,
        order_ref=func.coalesce(Payment.order_ref, ""),
        gateway_ref=func.coalesce(Payment.gateway_ref, ""),
        credited=func.coalesce(Payment.credited, 0),
    )
    charge = await session.one(wanted.where(col(Payment.id) == refund.payment_id))
    return RefundOrder(
        refund_ref=refund.reference,
        order_ref=charge.order_ref,
        gateway_ref=charge.gateway_ref,
        amount=refund.amount,
        charged=charge.credited,
        description=f"Hoan tra {refund.reference}",
        asked_by="lephi",
        attempted_at=charge.created_at,
        created_at=called_at,
    )


async def _say(context: Context, errand: _Errand) -> RefundResult | LephiError:
    """Say it to the gateway, with no transaction open; its answer, or why there is none."""
    refund = errand.refund
    try:
        account = await context.agencies.get_gateway_by_id(refund.gateway_account_id or "")
        adapter = context.gateways.gateway(account.access)
        if not isinstance(adapter, Refundable):
            return GatewayMisuse(f"{account.gateway} gives nothing back")
        if errand.call:
            return await adapter.refund(errand.order)
        return await adapter.query_refund(errand.order)
    except (GatewayUnavailable, OutcomeUnknown) as error:
        log.info("gateway gave no clear answer", refund=refund.id, code=error.code)
        return error
    except GatewayMisuse as error:
        log.error("gateway refused our request", refund=refund.id, code=error.code)
        return error
