"""What a gateway says of an attempt, by callback or by answer to a question, applied to the books.

The result is authentic already; here it is compared with the attempt as stored.
"""

from dataclasses import replace

from core import audit, clock
from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.queries import (
    GatewayAccountValue,
    find_first_day,
    get_collection_account,
)
from payments.attempts.billing import differing_from_billed
from payments.attempts.pulled import record_pulled
from payments.attempts.straight import find_straight, lock_straight, record_beside
from payments.bills.locks import LockedBill
from payments.books.allocation import Reason, suspend
from payments.books.closed_days import accounting_day
from payments.books.credits import BANK, record_unapplied
from payments.books.dates import money_date
from payments.books.identity import ToldNotice, keep_notice
from payments.books.ledger import MoneySource
from payments.books.locks import LockedPayment, find_and_lock_attempt, find_order_account
from payments.books.moves import move_payment
from payments.books.posting import distribute_on, post_credit
from payments.books.recording import (
    Recording,
    find_recorded,
    lock_money,
    note_conflict,
    note_doubt,
    settlement_key,
)
from payments.ports import CallbackResult, GatewayResult, Outcome
from payments.states import LIVE


async def record_result(
    session: WriteSession,
    account: GatewayAccountValue,
    gateway_result: GatewayResult,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Apply what a gateway says of an attempt, by callback or by answer to a question.

    Money of another amount, or with another field that differs, is held for a person; money for
    an order we do not know, and money told of again with another amount, is kept in suspense; a
    failure after a success changes nothing and is noted. What is told of another account's order
    changes nothing: the gateway is asked under that account. Raises ValueError for money without
    its amount or reference: an adapter's fault.
    """
    outcome = gateway_result.outcome
    straight = await lock_straight(session, account, gateway_result)
    attempt = await find_and_lock_attempt(session, gateway_result.order_ref, account.id)
    has_money = outcome in (Outcome.SUCCEEDED, Outcome.HELD)
    if attempt is None:
        if gateway_result.pulled:
            return await record_pulled(session, account, gateway_result, actor=actor, cipher=cipher)
        if await find_order_account(session, gateway_result.order_ref) is not None:
            # Two accounts with one secret accept each other's notices: whose order it is decides.
            return Recording(CallbackResult.MISMATCH, misdirected=True)
        if straight is not None:
            return await record_beside(
                session, account, gateway_result, straight, actor=actor, cipher=cipher
            )
        if has_money and gateway_result.amount and gateway_result.gateway_ref:
            return await record_unapplied(
                session, account, gateway_result, None, actor=actor, cipher=cipher
            )
        await audit.record(
            session,
            actor=actor,
            action="callback.unknown_order",
            object_id=account.id,
            details={"order_ref": gateway_result.order_ref, "outcome": outcome},
        )
        return Recording(CallbackResult.UNKNOWN_ORDER)
    bill, payment = attempt.bill, attempt.payment
    differing = _differing(gateway_result, payment.request_code)
    where = account.collection
    if where.id != payment.collection_account_id:
        where = await get_collection_account(session, payment.collection_account_id)
    differing += await differing_from_billed(
        session, gateway_result, where, bill.id, payment.amount, cipher=cipher
    )
    doubt = None
    if straight is not None:
        known = await find_straight(session, straight, payment, bill, actor=actor)
        if isinstance(known, Recording):
            return known
        if payment.credited is not None:
            return await record_beside(
                session, account, gateway_result, straight, actor=actor, cipher=cipher
            )
        doubt = known
    if has_money:
        return await _money(
            session,
            account,
            payment,
            bill,
            gateway_result,
            differing,
            straight,
            doubt,
            actor=actor,
            cipher=cipher,
        )
    if differing:
        await note_conflict(session, actor, payment.id, {"differs": differing})
        return Recording(CallbackResult.MISMATCH, payment.id, bill.id)
    if outcome is Outcome.FAILED:
        return await _failure(session, payment, gateway_result, actor=actor)
    if outcome is Outcome.PENDING and payment.status in ("created", "unknown"):
        await move_payment(session, actor, payment, "submitted", {})
        return Recording(CallbackResult.ACCEPTED, payment.id, bill.id, new=True)
    return Recording(CallbackResult.ACCEPTED, payment.id, bill.id)


def _differing(result: GatewayResult, request_code: str | None) -> list[str]:
    """What the gateway tells back of the attempt, beside the amount, and tells otherwise."""
    if result.request_code is None or result.request_code == request_code:
        return []
    return ["request_code"]


async def _money(
    session: WriteSession,
    account: GatewayAccountValue,
    payment: LockedPayment,
    bill: LockedBill,
    gateway_result: GatewayResult,
    differing: list[str],
    straight: ToldNotice | None,
    doubt: Reason | None,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Record what the gateway charged for a locked attempt, once."""
    amount, gateway_ref = gateway_result.amount, gateway_result.gateway_ref
    if not amount or not gateway_ref:
        raise ValueError("an adapter reported money without its amount or reference")
    key = settlement_key(account.id, gateway_ref) if straight is None else straight.key
    await lock_money(session, key)
    owner = await find_recorded(session, key)
    if owner is not None and owner.credited == amount:
        if owner.bill_id == bill.id:
            return Recording(CallbackResult.ACCEPTED, owner.payment_id, bill.id)
        details = {"amount": amount, "credited": owner.credited, "recorded_as": owner.payment_id}
        await note_conflict(session, actor, payment.id, details)
        return Recording(CallbackResult.MISMATCH, owner.payment_id, bill.id)
    if owner is not None or payment.credited is not None:
        # The gateway names one charge with two amounts, or took money twice for one order: what
        # it tells of now is a credit of its own.
        return await record_unapplied(
            session, account, gateway_result, bill.id, actor=actor, cipher=cipher
        )
    now = clock.now()
    destination = payment.collection_account_id
    opened_on = await find_first_day(session, destination, account.collection)
    came = money_date(gateway_result.paid_at or now, now, opened_on)
    accounting_on = await accounting_day(session, destination, came.at)
    source = MoneySource(payment.id, destination, accounting_on)
    if came.said is not None and came.doubt is not None:
        dated = {"amount": amount, "dated": came.said.isoformat()}
        await note_doubt(session, actor, payment.id, came.doubt, dated)
    odd = amount != payment.amount or bool(differing or doubt or came.doubt)
    after = "held" if odd or gateway_result.outcome is Outcome.HELD else "succeeded"
    await move_payment(
        session,
        actor,
        payment,
        after,
        {"amount": amount, "asked": payment.amount, "differs": differing},
        credited=amount,
        gateway=account.gateway if straight is None else BANK,
        gateway_ref=gateway_ref,
        gateway_code=gateway_result.gateway_code,
        settlement_key=key,
        paid_at=came.at,
        accounting_on=source.accounting_on,
        ask_at=None,
    )
    if came.doubt is not None:
        distribution = suspend(amount, came.doubt)
    elif odd:
        distribution = suspend(amount, doubt or Reason.AMOUNT_MISMATCH)
    elif after == "held":
        distribution = suspend(amount, Reason.HELD_BY_GATEWAY)
    else:
        distribution = await distribute_on(session, bill, amount)
    await post_credit(session, actor, bill, source, distribution, at_gateway=straight is None)
    if straight is not None:
        await keep_notice(session, replace(straight, reference=bill.reference), payment.id)
    result = CallbackResult.MISMATCH if odd else CallbackResult.ACCEPTED
    return Recording(result, payment.id, bill.id, distribution, new=True)


async def _failure(
    session: WriteSession, payment: LockedPayment, gateway_result: GatewayResult, *, actor: str
) -> Recording:
    """End an open attempt; a failure after money came is only noted."""
    if payment.status in LIVE:
        code = gateway_result.gateway_code
        await move_payment(
            session,
            actor,
            payment,
            "failed",
            {"gateway_code": code},
            gateway_code=code,
            ask_at=None,
        )
        return Recording(CallbackResult.ACCEPTED, payment.id, payment.bill_id, new=True)
    if payment.credited is not None:
        failed = {
            "outcome": "failed after money came",
            "gateway_code": gateway_result.gateway_code,
        }
        await note_conflict(session, actor, payment.id, failed)
    return Recording(CallbackResult.ACCEPTED, payment.id, payment.bill_id)
