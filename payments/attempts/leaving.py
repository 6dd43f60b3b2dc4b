"""Choosing another way: a payer leaves an open attempt, once its gateway calls it unpaid.

The gateway is asked first, there and then, and where it can close an attempt it does. Where it has
the money, it is recorded and nothing is left. Where it gives no clear answer, the attempt stays
open while its payment page may still take money, and can be left afterwards: nobody is locked out
for longer than that. Money that is taken for it all the same is kept: it pays the bill, or is
refundable once the bill was paid otherwise.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from core import clock, idempotency
from core.errors import Conflict, FieldError
from core.sessions import WriteSession
from payments.attempts.asking import UNPAID, AskedAttempt, ask_safely, close_safely
from payments.attempts.queries import get_payment
from payments.bills.queries import PaymentValue
from payments.books.locks import lock_attempt
from payments.books.moves import move_payment
from payments.context import Context
from payments.ports import GatewayResult
from payments.states import LIVE

#: When an attempt that was left is asked about again.
AFTER_LEAVING = timedelta(minutes=5)


class AttemptUnclear(Conflict):
    """Nobody knows whether the open attempt was charged: wait a little, then ask again."""

    code = "attempt_unclear"
    retryable = True


async def leave(
    context: Context,
    payment_id: str,
    agency_ids: Collection[str],
    *,
    actor: str,
    patience: float = 30.0,
) -> None:
    """End an open attempt because its payer wants another way; nothing if it has ended.

    Waits so many seconds at most for the gateway. Raises `NotFound`, and `AttemptUnclear` while it
    may have been charged.
    """
    async with context.database.transaction() as session:
        payment = await get_payment(session, payment_id, agency_ids)
    if not payment.is_open or payment.gateway_account_id is None or payment.order_ref is None:
        return
    starting = payment.status == "created"
    if starting and idempotency.is_under_way(payment.created_at):
        raise _unclear(payment)
    attempt = AskedAttempt(
        payment.id, payment.gateway_account_id, payment.order_ref, payment.created_at
    )
    answers: list[GatewayResult | None] = []

    async def work() -> None:
        result = await ask_safely(context, attempt)
        async with context.database.reading() as session:
            now = await get_payment(session, payment.id, agency_ids)
        # As it stands since: an order whose answer was lost at first is open at its gateway.
        if _is_unpaid(now.status, result):
            await close_safely(context, attempt)
        answers.append(result)

    # Not the question of a page that is looked at: the answer to that one may be lost.
    await context.background.do(f"leave {payment.id}", work, patience)
    result = answers[0] if answers else None

    async def write(session: WriteSession) -> None:
        locked = await lock_attempt(session, payment.id)
        if locked.payment.status not in LIVE:
            return
        over = clock.now() > open_until(context, payment, locked.bill.expires_at)
        if not (over or _is_unpaid(locked.payment.status, result)):
            raise _unclear(payment)
        says = "nothing" if result is None else result.outcome
        details = {"gateway_says": says, "left": True}
        ask_at = clock.now() + AFTER_LEAVING
        await move_payment(session, actor, locked.payment, "expired", details, ask_at=ask_at)

    await context.database.run(write)


def open_until(
    context: Context, payment: PaymentValue, bill_expires_at: datetime | None
) -> datetime:
    """When the payment page of an attempt stops taking money."""
    info = context.gateways.find_info(payment.gateway)
    if info is None:
        return payment.created_at
    return info.open_until(payment.created_at, bill_expires_at)


def _is_unpaid(status: str, result: GatewayResult | None) -> bool:
    """Whether the gateway calls it unpaid.

    That it knows no order tells something only of an attempt that it took (a payer need not have
    come to it); another's may still be on its way.
    """
    return status == "submitted" and result is not None and result.outcome in UNPAID


def _unclear(payment: PaymentValue) -> AttemptUnclear:
    return AttemptUnclear(
        "Cổng thanh toán chưa cho biết lần thanh toán trước đã trừ tiền hay chưa. "
        "Hãy chờ một phút rồi thử lại.",
        errors=[FieldError("instead_of", "unclear", payment.id)],
    )
