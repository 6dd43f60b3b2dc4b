"""What a gateway says of an attempt, by callback or by answer to a question, applied to the books.

The report is authentic already; here it is compared with the attempt as stored.
"""

from typing import Any

from sqlalchemy import text

from core import audit, clock
from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.queries import GatewayAccountValue
from payments.books.allocation import Reason, suspend
from payments.books.credits import record_unapplied
from payments.books.posting import (
    Recorded,
    distribute_on,
    lock_bill,
    lock_money,
    move_payment,
    note_conflict,
    post_credit,
    settlement_key,
)
from payments.ports import CallbackResult, GatewayResult, Outcome
from payments.states import LIVE


async def record_result(
    session: WriteSession,
    account: GatewayAccountValue,
    report: GatewayResult,
    *,
    actor: str,
    cipher: Cipher,
) -> Recorded:
    """Apply what a gateway says of an attempt, by callback or by answer to a question.

    The report is authentic already; here it is compared with the attempt as stored. Money of
    another amount, or with another field that differs, is held for a person; money for an order
    we do not know, and money told of again with another amount, is kept in suspense; a failure
    after a success changes nothing and is noted.
    """
    found = (
        await session.execute(
            text(
                "SELECT id, bill_id FROM payment"
                " WHERE order_ref = :order_ref AND gateway_account_id = :account"
            ),
            {"order_ref": report.order_ref, "account": account.id},
        )
    ).first()
    has_money = report.outcome in (Outcome.SUCCEEDED, Outcome.HELD)
    if found is None:
        if has_money and report.amount and report.gateway_ref:
            return await record_unapplied(
                session, account, report, None, actor=actor, cipher=cipher
            )
        await audit.record(
            session,
            actor=actor,
            action="callback.unknown_order",
            object_id=account.id,
            details={"order_ref": report.order_ref, "outcome": report.outcome},
        )
        return Recorded(CallbackResult.UNKNOWN_ORDER)
    bill = await lock_bill(session, found.bill_id)
    payment = (
        await session.execute(
            text("SELECT * FROM payment WHERE id = :id FOR UPDATE"), {"id": found.id}
        )
    ).one()
    differing = _differing(report, payment.request_code)
    if has_money:
        if not report.amount or not report.gateway_ref:
            raise ValueError("an adapter reported money without its amount or reference")
        return await _money(
            session, account, payment, bill, report, differing, actor=actor, cipher=cipher
        )
    if differing:
        await note_conflict(session, actor, payment.id, {"differs": differing})
        return Recorded(CallbackResult.MISMATCH, payment.id, bill.id)
    if report.outcome is Outcome.FAILED:
        return await _failure(session, payment, report, actor=actor)
    if report.outcome is Outcome.PENDING and payment.status in ("created", "unknown"):
        await move_payment(session, actor, payment, "submitted", {})
        return Recorded(CallbackResult.ACCEPTED, payment.id, bill.id, new=True)
    return Recorded(CallbackResult.ACCEPTED, payment.id, bill.id)


def _differing(report: GatewayResult, request_code: str) -> list[str]:
    """What the gateway tells back of the attempt, beside the amount, and tells otherwise."""
    if report.request_code is None or report.request_code == request_code:
        return []
    return ["request_code"]


async def _money(
    session: WriteSession,
    account: GatewayAccountValue,
    payment: Any,
    bill: Any,
    report: GatewayResult,
    differing: list[str],
    *,
    actor: str,
    cipher: Cipher,
) -> Recorded:
    amount = report.amount or 0
    key = settlement_key(account.id, report.gateway_ref or "")
    await lock_money(session, key)
    owner = (
        await session.execute(
            text("SELECT id, bill_id, credited FROM payment WHERE settlement_key = :key"),
            {"key": key},
        )
    ).first()
    if owner is not None and owner.credited == amount:
        if owner.bill_id == bill.id:
            return Recorded(CallbackResult.ACCEPTED, owner.id, bill.id)
        details = {"amount": amount, "credited": owner.credited, "recorded_as": owner.id}
        await note_conflict(session, actor, payment.id, details)
        return Recorded(CallbackResult.MISMATCH, owner.id, bill.id)
    if owner is not None or payment.credited is not None:
        # The gateway names one charge with two amounts, or took money twice for one order: what
        # it tells of now is a credit of its own.
        return await record_unapplied(session, account, report, bill.id, actor=actor, cipher=cipher)
    paid_at = report.paid_at or clock.now()
    accounting_on = clock.business_date(paid_at)
    odd = amount != payment.amount or bool(differing)
    after = "held" if odd or report.outcome is Outcome.HELD else "succeeded"
    await move_payment(
        session,
        actor,
        payment,
        after,
        {"amount": amount, "asked": payment.amount, "differs": differing},
        credited=amount,
        gateway_ref=report.gateway_ref,
        gateway_code=report.gateway_code,
        settlement_key=key,
        paid_at=paid_at,
        accounting_on=accounting_on,
        ask_at=None,
    )
    if odd:
        distribution = suspend(amount, Reason.AMOUNT_MISMATCH)
    elif after == "held":
        distribution = suspend(amount, Reason.HELD_BY_GATEWAY)
    else:
        distribution = await distribute_on(session, bill, amount)
    await post_credit(
        session, actor, bill, payment.id, account.collection.id, distribution, accounting_on
    )
    result = CallbackResult.MISMATCH if odd else CallbackResult.ACCEPTED
    return Recorded(result, payment.id, bill.id, distribution, new=True)


async def _failure(
    session: WriteSession, payment: Any, report: GatewayResult, *, actor: str
) -> Recorded:
    if payment.status in LIVE:
        details = {"gateway_code": report.gateway_code}
        code = report.gateway_code
        await move_payment(
            session, actor, payment, "failed", details, gateway_code=code, ask_at=None
        )
        return Recorded(CallbackResult.ACCEPTED, payment.id, payment.bill_id, new=True)
    if payment.credited is not None:
        await note_conflict(session, actor, payment.id, {"outcome": "failed after money came"})
    return Recorded(CallbackResult.ACCEPTED, payment.id, payment.bill_id)
