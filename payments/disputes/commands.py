"""What gateways tell of disputes, written down. Commands take a session and never commit.

An inquiry moves nothing. While a dispute is open its money is set aside, so that it does not go
back a second time; lost, it has gone back, as a refund by the gateway has; won, it is where it was.
Events come in any order: what was decided is not opened again.
"""

from typing import Any, Final

from sqlalchemy import insert, update
from sqlmodel import col

from core import audit, clock
from core.ids import new_id
from core.sessions import WriteSession
from core.statements import values_of
from payments.agencies.queries import GatewayAccountValue
from payments.books.recording import (
    Recording,
    find_recorded,
    lock_money,
    note_conflict,
    settlement_key,
)
from payments.disputes.models import Dispute
from payments.disputes.queries import LackingDispute, LockedDispute
from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.ports import CallbackResult
from payments.refunds.disputed import hold_disputed, lose_disputed, win_disputed
from payments.refunds.locks import RefundableMoney, lock_refundable
from payments.states import DISPUTE as STATES

#: Alerts: a dispute that people have to answer at the gateway; one of money that is not there any
#: more; one of a payment that the books do not know.
DISPUTED: Final = "payment.disputed"
NOT_SET_ASIDE: Final = "dispute.not_set_aside"
UNKNOWN_PAYMENT: Final = "dispute.unknown_payment"

#: Who sets aside what a dispute lacked, as the audit log names them.
ACTOR: Final = "system:disputes"

_DECIDED: Final = (DisputeState.WON, DisputeState.LOST)
_DISPUTE = values_of(LockedDispute, Dispute)


async def record_dispute(
    session: WriteSession, account: GatewayAccountValue, told: GatewayDispute, *, actor: str
) -> Recording:
    """Apply what a gateway says of a dispute, once; what it told before changes nothing.

    A dispute of a payment that the books do not know is noted for people, as is one of money that
    is not all there any more, and one that was decided twice and differently.
    """
    key = settlement_key(account.id, told.gateway_ref)
    owner = await find_recorded(session, key)
    if owner is None:
        # Who records it at this moment has its name locked: what it is told of next it must see.
        await lock_money(session, key)
        owner = await find_recorded(session, key)
    if owner is None:
        details = {
            "dispute": told.dispute_ref,
            "gateway_ref": told.gateway_ref,
            "amount": told.amount,
            "state": told.state,
        }
        await audit.record(
            session, actor=actor, action=UNKNOWN_PAYMENT, object_id=account.id, details=details
        )
        return Recording(CallbackResult.UNKNOWN_ORDER)
    money = await lock_refundable(session, owner.payment_id)
    known = await session.lock_first(
        _DISPUTE.where(
            Dispute.gateway_account_id == account.id, Dispute.dispute_ref == told.dispute_ref
        )
    )
    before = None if known is None else known.status
    place = (owner.payment_id, owner.bill_id)
    if known is not None and (known.payment_id, known.amount) != (owner.payment_id, told.amount):
        differs = {
            "dispute": told.dispute_ref,
            "payment": owner.payment_id,
            "amount": told.amount,
            "was": known.amount,
        }
        await note_conflict(session, actor, known.payment_id, differs)
        return Recording(CallbackResult.MISMATCH, *place)
    if before in _DECIDED and told.state in _DECIDED and before != told.state:
        await note_conflict(
            session, actor, owner.payment_id, {"dispute": told.dispute_ref, "said": told.state}
        )
        return Recording(CallbackResult.MISMATCH, *place)
    if not STATES.allows(before, told.state):
        return Recording(CallbackResult.ACCEPTED, *place)
    dispute = known or await _open(session, account, told, money, actor)
    refund_id = await _move_money(session, account, told, dispute, money, actor)
    decided_at = told.told_at if told.state in _DECIDED else None
    moved = update(Dispute).where(col(Dispute.id) == dispute.id)
    await session.write(
        moved.values(
            status=told.state,
            refund_id=refund_id,
            respond_by=told.respond_by,
            decided_at=decided_at,
        )
    )
    await audit.record(
        session,
        actor=actor,
        action=STATES.move(before, told.state).event,
        object_id=dispute.id,
        details={"payment": owner.payment_id, "amount": told.amount, "before": before},
    )
    return Recording(CallbackResult.ACCEPTED, *place, new=True)


async def was_disputed_before(
    session: WriteSession, account: GatewayAccountValue, gateway_ref: str
) -> bool:
    """Whether a gateway has told of a dispute of this money before it told of the money.

    The money's name is locked from then on: nobody tells of one meanwhile.
    """
    await lock_money(session, settlement_key(account.id, gateway_ref))
    told = {"gateway_ref": gateway_ref}
    return await audit.is_recorded(session, UNKNOWN_PAYMENT, account.id, told)


async def hold_lacking(session: WriteSession, lacking: LackingDispute) -> int:
    """Set aside what a dispute lacked, or what of it is there again; 1 where anything is, else 0.

    A refund may have been under way when the bank asked, and come to nothing since.
    """
    money = await lock_refundable(session, lacking.payment_id)
    dispute = await session.lock_one(_DISPUTE.where(Dispute.id == lacking.id))
    if dispute.refund_id is not None or dispute.status not in (
        DisputeState.OPEN,
        DisputeState.LOST,
    ):
        return 0
    held = await hold_disputed(
        *(session, money, lacking.gateway_account_id, lacking.dispute_ref, lacking.amount),
        actor=ACTOR,
    )
    if held is None:
        return 0
    if dispute.status == DisputeState.LOST:
        await lose_disputed(session, held.refund_id, actor=ACTOR)
    found = update(Dispute).where(col(Dispute.id) == dispute.id)
    return await session.write(found.values(refund_id=held.refund_id))


async def _open(
    session: WriteSession,
    account: GatewayAccountValue,
    told: GatewayDispute,
    money: RefundableMoney,
    actor: str,
) -> LockedDispute:
    """Write down a dispute that is new, with an alert."""
    dispute = LockedDispute(
        new_id("dispute"), money.payment.id, told.amount, DisputeState.INQUIRY.value, None
    )
    row: dict[str, Any] = {
        "id": dispute.id,
        "agency_id": money.payment.agency_id,
        "gateway_account_id": account.id,
        "dispute_ref": told.dispute_ref,
        "payment_id": dispute.payment_id,
        "amount": told.amount,
        "reason": told.reason,
        "status": dispute.status,
        "respond_by": told.respond_by,
        "opened_at": clock.now(),
    }
    await session.write(insert(Dispute), row)
    details = {"dispute": dispute.id, "amount": told.amount}
    await audit.record(
        session, actor=actor, action=DISPUTED, object_id=dispute.payment_id, details=details
    )
    return dispute


async def _move_money(
    session: WriteSession,
    account: GatewayAccountValue,
    told: GatewayDispute,
    dispute: LockedDispute,
    money: RefundableMoney,
    actor: str,
) -> str | None:
    """Set the money aside, let it go, or put it back; the refund that has it, if any."""
    refund_id = dispute.refund_id
    if told.state in (DisputeState.OPEN, DisputeState.LOST) and refund_id is None:
        held = await hold_disputed(
            session, money, account.id, told.dispute_ref, told.amount, actor=actor
        )
        refund_id = None if held is None else held.refund_id
        if held is None or held.amount < told.amount:
            details = {"dispute": dispute.id, "amount": told.amount, "left": money.available}
            await audit.record(
                session,
                actor=actor,
                action=NOT_SET_ASIDE,
                object_id=dispute.payment_id,
                details=details,
            )
    if refund_id is None:
        return None
    if told.state is DisputeState.LOST:
        await lose_disputed(session, refund_id, actor=actor)
    elif told.state is DisputeState.WON and not await win_disputed(session, refund_id, actor=actor):
        said = {"dispute": told.dispute_ref, "said": told.state, "refund": refund_id}
        await note_conflict(session, actor, dispute.payment_id, said)
    return refund_id
