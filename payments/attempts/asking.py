"""One question to a gateway about one attempt: asked, recorded, and drawn the end from.

The gateway is called with no transaction open. Money that came is recorded as if its callback had
come; what else it says stays with the attempt, for the page that a payer is looking at. An attempt
ends unpaid only when its time is over and its gateway was asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlmodel import col

from core import clock, idempotency
from core.log import get
from core.sessions import WriteSession
from payments.attempts.gateway_receipts import want_receipt
from payments.attempts.results import record_result
from payments.bills.models import Payment
from payments.bills.queries import PaymentValue
from payments.books.locks import lock_attempt
from payments.books.moves import move_payment
from payments.context import Context
from payments.gateway_info import Capability
from payments.ports import (
    AttemptKey,
    Cancellable,
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

#: "Not found" means nothing while the order may still be on its way.
GRACE = timedelta(minutes=15)

#: An attempt that is over is still asked about, for a citizen may pay on an old page and the
#: callback get lost: this often, for this long.
STILL_ASKED, ASKED_FOR = timedelta(hours=1), timedelta(days=3)

#: A page asks about an attempt at most this often, however often it is looked at.
AGAIN = timedelta(seconds=5)

#: What a gateway says while nothing is paid.
UNPAID = (Outcome.PENDING, Outcome.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class AskedAttempt:
    """What has to be known of an attempt to ask its gateway about it."""

    id: str
    gateway_account_id: str
    order_ref: str
    created_at: datetime


async def ask(context: Context, attempt: AskedAttempt) -> GatewayResult | None:
    """Ask the gateway and write down what it says; None where it gave no clear answer."""
    account = await context.agencies.get_gateway_by_id(attempt.gateway_account_id)
    adapter = context.gateways.gateway(account.access)
    result: GatewayResult | None = None
    try:
        can = adapter.info.can(Capability.QUERY, account.access.credentials)
        if can and isinstance(adapter, Queryable):
            result = await adapter.query(AttemptKey(attempt.order_ref, attempt.created_at))
    except (GatewayUnavailable, OutcomeUnknown) as error:
        log.info("gateway gave no clear answer", payment=attempt.id, code=error.code)
    except GatewayMisuse as error:
        log.error("gateway refused our question", payment=attempt.id, code=error.code)
    open_for = adapter.info.open_until(attempt.created_at, None)

    async def write(session: WriteSession) -> None:
        if result is not None and result.outcome is not Outcome.NOT_FOUND:
            recorded = await record_result(
                session, account, result, actor=ACTOR, cipher=context.cipher
            )
            await want_receipt(session, account, adapter.info, result, recorded)
        await _conclude(session, attempt.id, result, open_for)

    await context.database.run(write)
    return result


async def ask_safely(context: Context, attempt: AskedAttempt) -> GatewayResult | None:
    """Ask, and note whatever goes wrong: others must go on. None where nothing is clear."""
    try:
        return await ask(context, attempt)
    except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
        reason = repr(error)
        log.error("the status inquiry could not ask or record", payment=attempt.id, reason=reason)
        return None


async def close_safely(context: Context, attempt: AskedAttempt) -> None:
    """Have an unpaid attempt closed at its gateway, where that can be done; nothing otherwise.

    What the gateway then says is recorded: money that came meanwhile, or that none will. Whatever
    goes wrong is noted, for then the attempt is as unpaid as it was.
    """
    account = await context.agencies.get_gateway_by_id(attempt.gateway_account_id)
    adapter = context.gateways.gateway(account.access)
    if not isinstance(adapter, Cancellable):
        return
    try:
        result = await adapter.cancel(AttemptKey(attempt.order_ref, attempt.created_at))
    except Exception as error:  # noqa: BLE001  the payer's way must not end here
        log.error("an attempt was not closed", payment=attempt.id, reason=repr(error))
        return

    async def write(session: WriteSession) -> None:
        await record_result(session, account, result, actor=ACTOR, cipher=context.cipher)

    if result.outcome is not Outcome.NOT_FOUND:
        await context.database.run(write)


async def ask_now(
    context: Context, payment: PaymentValue, patience: float, *, again: timedelta = AGAIN
) -> None:
    """Ask about an open attempt that a payer is waiting for, and wait so many seconds at most.

    The question goes on when patience is over. It is asked `again` after so long and no sooner,
    however often the page is looked at, and not while the call that starts the attempt may still
    be under way.
    """
    now = clock.now()
    if not payment.is_open or payment.gateway_account_id is None or payment.order_ref is None:
        return
    if payment.status == "created" and idempotency.is_under_way(payment.created_at):
        return
    if payment.asked_at is not None and payment.asked_at <= now < payment.asked_at + again:
        return
    attempt = AskedAttempt(
        payment.id, payment.gateway_account_id, payment.order_ref, payment.created_at
    )

    async def work() -> None:
        async with context.database.transaction() as session:
            mine = await _claim(session, attempt.id, now, again)
        if mine:
            await ask_safely(context, attempt)

    await context.background.do(f"ask {attempt.id}", work, patience)


async def _claim(session: WriteSession, payment_id: str, now: datetime, again: timedelta) -> bool:
    """Whether the question is ours: another process may have asked it while we came here."""
    due = or_(
        col(Payment.asked_at).is_(None),
        col(Payment.asked_at) <= now - again,
        col(Payment.asked_at) > now,
    )
    asked = update(Payment).where(col(Payment.id) == payment_id, due).values(asked_at=now)
    return await session.write(asked) == 1


def denied_until(created_at: datetime, open_until: datetime) -> datetime:
    """How long an attempt stays open that its gateway says it does not know.

    Some learn of an order only when the payer comes, and their page takes money until `open_until`.
    """
    return max(open_until, created_at + GRACE)


async def _conclude(
    session: WriteSession, payment_id: str, result: GatewayResult | None, open_until: datetime
) -> None:
    """After asking: an attempt left open by a crash is unknown; one past its time is over."""
    attempt = await lock_attempt(session, payment_id)
    payment = attempt.payment
    told = update(Payment).where(col(Payment.id) == payment.id)
    if payment.status in LIVE:
        says = None if result is None or result.outcome not in UNPAID else result.outcome
        await session.write(told.values(gateway_says=says))
    if payment.status == "created":
        await move_payment(session, ACTOR, payment, "unknown", {"asked": payment.asked})
        return
    now = clock.now()
    if payment.status == "expired":
        again = now + STILL_ASKED if now < payment.created_at + ASKED_FOR else None
        await session.write(told.values(ask_at=again))
    if payment.status not in LIVE or result is None:
        return
    latest = attempt.bill.expires_at
    over = now > (open_until if latest is None else min(open_until, latest))
    if result.outcome is Outcome.NOT_FOUND:
        over = now > denied_until(payment.created_at, open_until)
    if over:
        details = {"gateway_says": result.outcome}
        await move_payment(session, ACTOR, payment, "expired", details, ask_at=now + STILL_ASKED)
