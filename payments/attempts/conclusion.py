"""What comes of an intent: the gateway's answer written down, or none when we stopped in between.

The second transaction of `checkout`. Commands take a session and never commit.
"""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import update
from sqlmodel import col

from core import clock, failpoints, idempotency
from core.errors import LephiError
from core.idempotency import Claim
from core.sessions import WriteSession
from payments.attempts.queries import get_payment
from payments.bills.models import Payment
from payments.books.locks import LockedPayment, lock_attempt
from payments.books.moves import move_payment
from payments.ports import AcceptedAttempt, DeclinedAttempt, OutcomeUnknown

#: When the status inquiry asks about an attempt for the first time.
FIRST_ASK = timedelta(seconds=15)


async def conclude(
    session: WriteSession,
    payment_id: str,
    outcome: AcceptedAttempt | DeclinedAttempt | LephiError,
    claim: Claim,
    actor: str,
) -> None:
    """Write what the gateway said; whatever a faster callback wrote stays.

    Where certainly nothing happened at the gateway, the request's key may be used again.
    """
    payment = (await lock_attempt(session, payment_id)).payment
    if isinstance(outcome, AcceptedAttempt):
        await _accepted(session, payment, outcome, actor)
    elif payment.status == "created" and isinstance(outcome, OutcomeUnknown):
        ask_at = clock.now() + FIRST_ASK
        await move_payment(session, actor, payment, "unknown", {}, ask_at=ask_at)
    elif payment.status == "created":
        code = outcome.gateway_code if isinstance(outcome, DeclinedAttempt) else outcome.code
        details = {"gateway_code": code}
        await move_payment(
            session, actor, payment, "failed", details, gateway_code=code, ask_at=None
        )
    if isinstance(outcome, LephiError) and not isinstance(outcome, OutcomeUnknown):
        await idempotency.forget(session, claim)
    failpoints.hit("checkout.before_outcome_commit")


async def _accepted(
    session: WriteSession, payment: LockedPayment, outcome: AcceptedAttempt, actor: str
) -> None:
    shown = {"type": outcome.checkout, "url": outcome.url, "payload": outcome.payload}
    if payment.status in ("created", "unknown"):
        ask_at = clock.now() + FIRST_ASK
        await move_payment(session, actor, payment, "submitted", {}, checkout=shown, ask_at=ask_at)
    else:
        told = update(Payment).where(col(Payment.id) == payment.id)
        await session.write(told.values(checkout=shown))


async def take_over(
    session: WriteSession, payment_id: str, agency_ids: Collection[str], actor: str
) -> None:
    """Go on from an intent whose request stopped: the gateway is asked, not called again.

    Raises `NotFound` for another agency's.
    """
    await get_payment(session, payment_id, agency_ids)
    payment = (await lock_attempt(session, payment_id)).payment
    if payment.status == "created":
        await move_payment(session, actor, payment, "unknown", {}, ask_at=clock.now())
