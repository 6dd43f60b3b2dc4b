"""What a gateway says of a refund that it was called for, written down.

Commands take a session and never commit; the refund is locked by the caller, its bill and payment
before it. What a gateway refuses goes back to where it was; what it is at is asked about again.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlmodel import col, exists, select

from core import clock
from core.errors import LephiError
from core.outbox import emit
from core.sessions import WriteSession
from payments.books.closed_days import find_last_closed, open_day
from payments.books.models import Refund
from payments.events import RefundPaid, RefundUnproved
from payments.gateway_refunds import RefundOutcome, RefundResult
from payments.ports import GatewayMisuse, GatewayUnavailable
from payments.refunds.locks import LockedRefund
from payments.refunds.moves import move_refund
from payments.refunds.placing import give_up, pay_back, unprove

ACTOR: Final = "system:refunds"

#: A refund in one of these states was called for, and its gateway has not said its last word.
CALLED: Final = ("unknown", "submitted")

#: What stands in the place of a gateway's code where a line of its file alone says "paid".
BY_FILE: Final = "settled"

#: A gateway may take its word back: one that said "paid" is asked again this often, for this long.
STILL_ASKED, ASKED_FOR = timedelta(hours=6), timedelta(days=3)


async def conclude(
    session: WriteSession,
    refund: LockedRefund,
    outcome: RefundResult | LephiError,
    *,
    called: bool,
    retry_at: datetime,
) -> None:
    """Write what came of calling for a refund, or (not `called`) of asking about one.

    `retry_at` is when one is called for again whose gateway was certainly not reached.
    """
    if isinstance(outcome, RefundResult):
        await _said(session, refund, outcome)
    elif called and refund.status == "unknown" and isinstance(outcome, GatewayUnavailable):
        details = {"gateway_code": outcome.code}
        await move_refund(session, ACTOR, refund, "approved", details, ask_at=retry_at)
    elif called and refund.status == "unknown" and isinstance(outcome, GatewayMisuse):
        await _refused(session, refund, outcome.code)


async def paid_by_gateway(
    session: WriteSession,
    refund: LockedRefund,
    gateway_ref: str | None,
    gateway_code: str,
    *,
    actor: str,
    line_id: str | None = None,
) -> None:
    """The gateway says that it paid the refund; `line_id` is the line of its file that does."""
    now = clock.now()
    last_closed = await find_last_closed(session, refund.collection_account_id)
    await pay_back(session, refund)
    await move_refund(
        session,
        actor,
        refund,
        "succeeded",
        {"gateway_ref": gateway_ref, "line": line_id},
        gateway_ref=gateway_ref,
        gateway_code=gateway_code,
        gateway_paid_at=now,
        settlement_line_id=line_id,
        accounting_on=open_day(last_closed, clock.business_date(now)),
        # What the payer's bank has decided nobody is asked about.
        ask_at=None if line_id or refund.way == "dispute" else now + STILL_ASKED,
    )
    bill_id = refund.bill_id or ""
    await emit(session, RefundPaid(refund.id, refund.agency_id, bill_id, refund.from_revenue))


async def shown_no_more(session: WriteSession, refund: LockedRefund, *, actor: str) -> None:
    """The line of a file that alone said that it was paid is none: its gateway has to say."""
    await unprove(session, refund)
    await move_refund(
        session,
        actor,
        refund,
        "unknown",
        {"line": refund.settlement_line_id},
        gateway_ref=None,
        gateway_code=None,
        gateway_paid_at=None,
        settlement_line_id=None,
        accounting_on=None,
        ask_at=clock.now(),
    )
    bill_id = refund.bill_id or ""
    await emit(session, RefundUnproved(refund.id, refund.agency_id, bill_id, refund.from_revenue))


async def is_another_called(session: WriteSession, refund: LockedRefund) -> bool:
    """Whether the gateway is at another refund of the payment: some tell of the newest alone.

    The payment is locked; the database refuses two as well (`uq_refund_under_way`).
    """
    another = exists(col(Refund.id)).where(
        col(Refund.payment_id) == refund.payment_id,
        col(Refund.id) != refund.id,
        col(Refund.way) == "gateway",
        col(Refund.status).in_(CALLED),
    )
    found: bool = await session.one(select(another))
    return found


async def _said(session: WriteSession, refund: LockedRefund, result: RefundResult) -> None:
    said, code, number = result.outcome, result.gateway_code, result.gateway_ref
    if await _is_another_s(session, refund, number):
        said, code, number = RefundOutcome.NOT_FOUND, "", None
    if refund.status == "succeeded" and said is not RefundOutcome.FAILED:
        await _ask_on(session, refund)
    elif refund.status == "succeeded":
        await _taken_back(session, refund, code)
    elif refund.status not in CALLED:
        return
    elif said is RefundOutcome.SUCCEEDED:
        await paid_by_gateway(session, refund, number, code, actor=ACTOR)
    elif said is RefundOutcome.FAILED:
        await _refused(session, refund, code, number)
    elif said is RefundOutcome.PENDING and refund.status == "unknown":
        told = {"gateway_code": code}
        numbered = number or refund.gateway_ref
        await move_refund(
            session, ACTOR, refund, "submitted", told, gateway_code=code, gateway_ref=numbered
        )
    else:
        # "Not found" proves nothing: it may be on its way still, and is never sent again.
        noted = update(Refund).where(col(Refund.id) == refund.id)
        await session.write(noted.values(gateway_code=code or said.value))


async def _is_another_s(session: WriteSession, refund: LockedRefund, number: str | None) -> bool:
    """Whether what bears the gateway's `number` is another refund of the payment.

    Some gateways tell of the newest refund of a charge, whichever was asked about, and two may be
    of one amount.
    """
    if number is None or refund.gateway_ref is not None:
        return number not in (None, refund.gateway_ref)
    another = exists(col(Refund.id)).where(
        col(Refund.payment_id) == refund.payment_id,
        col(Refund.id) != refund.id,
        col(Refund.gateway_ref) == number,
    )
    found: bool = await session.one(select(another))
    return found


async def _ask_on(session: WriteSession, refund: LockedRefund) -> None:
    """It stands as paid; after some days nobody asks any more."""
    now, since = clock.now(), refund.sent_at or refund.requested_at
    again = now + STILL_ASKED if now < since + ASKED_FOR else None
    asked = update(Refund).where(col(Refund.id) == refund.id)
    await session.write(asked.values(ask_at=again))


async def _refused(
    session: WriteSession, refund: LockedRefund, code: str, number: str | None = None
) -> None:
    await give_up(session, refund)
    numbered = number or refund.gateway_ref
    await move_refund(
        session,
        ACTOR,
        refund,
        "failed",
        {"gateway_code": code},
        gateway_code=code,
        gateway_ref=numbered,
        ask_at=None,
    )


async def _taken_back(session: WriteSession, refund: LockedRefund, code: str) -> None:
    """The gateway had said that it paid, and says now that it did not."""
    await unprove(session, refund)
    await give_up(session, refund)
    await move_refund(
        session,
        ACTOR,
        refund,
        "failed",
        {"gateway_code": code, "late": True},
        gateway_code=code,
        gateway_paid_at=None,
        settlement_line_id=None,
        accounting_on=None,
        ask_at=None,
    )
    bill_id = refund.bill_id or ""
    await emit(session, RefundUnproved(refund.id, refund.agency_id, bill_id, refund.from_revenue))
