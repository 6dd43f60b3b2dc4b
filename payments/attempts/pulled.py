"""Money that is taken for us by who asked what is owed: no attempt of ours comes before it.

A bank's counter or a portal names a bill's reference or a dossier, is told the amount, takes it and
tells of it under the reference. It goes by the same door as other money at a gateway. A gateway
that asks about an order of ours, before it takes money for it, is told too what is owed.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col

from core import audit, clock
from core.crypto import Cipher
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import GatewayAccountValue
from payments.agencies.tree import reach
from payments.attempts.billing import differing_from_billed, dossier_of
from payments.attempts.queries import count_attempts
from payments.bills.locks import lock_bill
from payments.bills.models import Bill, Payment
from payments.books.allocation import Reason
from payments.books.credits import record_unapplied
from payments.books.recording import Recording, find_recorded, note_conflict, settlement_key
from payments.disputes.commands import was_disputed_before
from payments.ports import CallbackResult, GatewayDirectory, GatewayResult, Outcome
from payments.pulls import Pull, PulledBill, PullKey, PullState
from payments.states import LIVE

#: So many bills of a dossier are looked at.
_MOST = 100


@dataclass(frozen=True, slots=True)
class _OwingBill:
    id: str
    reference: str
    status: str
    amount: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class _OpenAttempt:
    gateway: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _OrderedBill:
    status: str
    bill_id: str


_OWING = values_of(_OwingBill, Bill)
#: What is open before what is not, and the oldest first.
_BILLS = _OWING.order_by(col(Bill.status) != "open", col(Bill.created_at), col(Bill.id))


async def what_is_owed(
    session: ReadSession,
    account: GatewayAccountValue,
    asked: Pull,
    gateways: GatewayDirectory,
    *,
    cipher: Cipher,
) -> PulledBill:
    """What is owed and may be taken at this account now.

    Only bills of the account's body, or of units below it, are known to who asks. An open attempt
    stands in the way as long as its payment page takes money, as it does for a payer who chooses
    another way (`payments.attempts.leaving`), and so does money that a person looks at. Of several
    bills of a dossier what is owed now is told, else what cannot be taken now, else what expired.
    """
    if asked.key is PullKey.ORDER:
        return await _what_an_order_owes(session, account, asked.number)
    info = gateways.reader(account.access).info
    named = Bill.reference if asked.key is PullKey.REFERENCE else Bill.dossier_number
    bills = await session.all(
        _BILLS.where(
            col(named) == asked.number, col(Bill.agency_id).in_(await _reach_of(session, account))
        ).limit(_MOST)
    )
    if not bills:
        return PulledBill(PullState.UNKNOWN)
    found, now = PullState.SETTLED, clock.now()
    for bill in bills:
        if _has_expired(bill, now):
            found = PullState.EXPIRED if found is PullState.SETTLED else found
            continue
        if bill.status != "open":
            continue
        tried = await count_attempts(session, bill.id)
        amount = bill.amount - tried.waiting
        free = not (tried.held or await _is_under_way(session, gateways, tried.open, bill))
        if not free or not info.takes(amount, account.access.credentials):
            found = PullState.ELSEWHERE
            continue
        billed = await dossier_of(session, account.collection, bill.id, amount, cipher=cipher)
        return PulledBill(PullState.UNPAID, bill.reference, amount, billed)
    return PulledBill(found)


async def _what_an_order_owes(
    session: ReadSession, account: GatewayAccountValue, order_ref: str
) -> PulledBill:
    """What the bill of an attempt at this account owes, as long as the attempt is open."""
    order = await session.first(
        values_of(_OrderedBill, Payment).where(
            col(Payment.order_ref) == order_ref, col(Payment.gateway_account_id) == account.id
        )
    )
    if order is None:
        return PulledBill(PullState.UNKNOWN)
    bill = await session.one(_OWING.where(col(Bill.id) == order.bill_id))
    if _has_expired(bill, clock.now()):
        return PulledBill(PullState.EXPIRED)
    if order.status not in LIVE or bill.status != "open":
        return PulledBill(PullState.SETTLED)
    tried = await count_attempts(session, bill.id)
    if tried.held:
        return PulledBill(PullState.ELSEWHERE)
    return PulledBill(PullState.UNPAID, bill.reference, bill.amount - tried.waiting)


def _has_expired(bill: _OwingBill, now: datetime) -> bool:
    late = bill.expires_at is not None and bill.expires_at <= now
    return bill.status == "expired" or (bill.status == "open" and late)


async def _is_under_way(
    session: ReadSession, gateways: GatewayDirectory, payment_id: str | None, bill: _OwingBill
) -> bool:
    if payment_id is None:
        return False
    of_this = values_of(_OpenAttempt, Payment).where(col(Payment.id) == payment_id)
    attempt = await session.one(of_this)
    info = gateways.find_info(attempt.gateway)
    if info is None:
        return False
    return clock.now() <= info.open_until(attempt.created_at, bill.expires_at)


async def record_pulled(
    session: WriteSession,
    account: GatewayAccountValue,
    result: GatewayResult,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Record what was taken for a bill by its reference, once.

    Too little waits for the rest, too much and a second payment are refundable, as with every
    money. Money for no bill that the account may take for, told otherwise than it is billed, or
    held by its gateway, waits for a person; so does money that was disputed before it was told of.
    One number told of for two bills is one money, that of the first, and an alert. Raises
    ValueError for money without its amount or number: an adapter's fault.
    """
    has_money = result.outcome in (Outcome.SUCCEEDED, Outcome.HELD)
    bill = await session.first(
        _BILLS.where(
            col(Bill.reference) == result.order_ref,
            col(Bill.agency_id).in_(await _reach_of(session, account)),
        )
    )
    if not has_money:
        if bill is not None:
            return Recording(CallbackResult.ACCEPTED, bill_id=bill.id)
        told = {"order_ref": result.order_ref, "outcome": result.outcome}
        action = "callback.unknown_order"
        await audit.record(session, actor=actor, action=action, object_id=account.id, details=told)
        return Recording(CallbackResult.UNKNOWN_ORDER)
    amount, gateway_ref = result.amount, result.gateway_ref
    if not amount or not gateway_ref:
        raise ValueError("an adapter reported money without its amount or reference")
    if bill is not None:
        await lock_bill(session, bill.id)
    gone = await was_disputed_before(session, account, gateway_ref)
    taken = await find_recorded(session, settlement_key(account.id, gateway_ref))
    if taken is not None and taken.credited == amount:
        if bill is not None and taken.bill_id == bill.id:
            return Recording(CallbackResult.ACCEPTED, taken.payment_id, bill.id)
        if bill is not None and taken.bill_id is None and taken.reference == bill.reference:
            return Recording(CallbackResult.MISMATCH, taken.payment_id)  # held, as it was told
        # Told of again in the same words it would be the same event: this is another payer's word.
        again = {"amount": amount, "order_ref": result.order_ref}
        await note_conflict(session, actor, taken.payment_id, again)
        return Recording(CallbackResult.MISMATCH, taken.payment_id, taken.bill_id)
    differing: list[str] = []
    if bill is not None:
        differing = await differing_from_billed(
            session, result, account.collection, bill.id, amount, cipher=cipher
        )
    held = Reason.AMOUNT_MISMATCH if differing else None
    if gone or (held is None and result.outcome is Outcome.HELD):
        held = Reason.HELD_BY_GATEWAY
    recording = await record_unapplied(
        session,
        account,
        result,
        None if bill is None else bill.id,
        actor=actor,
        cipher=cipher,
        reference=None if bill is None else bill.reference,
        held=held,
    )
    if recording.new and recording.payment_id is not None and (gone or differing):
        why = {"differs": differing, "disputed_before": gone}
        await note_conflict(session, actor, recording.payment_id, why)
    return recording


async def _reach_of(session: ReadSession, account: GatewayAccountValue) -> frozenset[str]:
    return await reach(session, account.collection.agency_id)
