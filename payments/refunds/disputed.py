"""Money that a gateway holds back, or has given back, because the payer's bank disputes it.

It is a refund that nobody asked for and nobody approves: the gateway has the money already. What is
disputed is set aside, so that it does not go back a second time by another way.

Commands take a session and never commit; the refund's bill and payment are locked by the caller.
"""

from dataclasses import dataclass

from core.ids import new_id
from core.sessions import WriteSession
from payments.refunds.locks import RefundableMoney, lock_refund
from payments.refunds.moves import move_refund
from payments.refunds.outcomes import paid_by_gateway
from payments.refunds.placing import give_up, set_aside
from payments.refunds.requesting import write_request

#: What stands in the place of a gateway's code.
BY_DISPUTE = "dispute"


@dataclass(frozen=True, slots=True)
class HeldMoney:
    """The refund that sets disputed money aside, and how much of it, in đồng."""

    refund_id: str
    amount: int


async def hold_disputed(
    session: WriteSession,
    money: RefundableMoney,
    gateway_account_id: str,
    dispute_ref: str,
    amount: int,
    *,
    actor: str,
) -> HeldMoney | None:
    """Set `amount` đồng of a locked payment aside, or what is left of it.

    The refund's id and its amount; None where nothing is left.
    """
    amount = min(amount, money.available)
    if amount <= 0:
        return None
    refund_id = new_id("refund")
    reason = f"Ngân hàng của người nộp khiếu nại khoản này tại cổng ({dispute_ref})"
    await write_request(
        *(session, refund_id, money, amount, reason, None, actor, gateway_account_id),
        disputed=True,
    )
    refund = await lock_refund(session, refund_id)
    taken = await set_aside(session, actor, refund, money)
    await move_refund(session, actor, refund, "approved", {"taken": taken})
    refund = await lock_refund(session, refund_id)
    told = {"dispute": dispute_ref}
    await move_refund(session, actor, refund, "submitted", told, gateway_ref=dispute_ref)
    return HeldMoney(refund_id, amount)


async def lose_disputed(session: WriteSession, refund_id: str, *, actor: str) -> None:
    """It was decided for the payer: what was set aside has gone back."""
    refund = await lock_refund(session, refund_id)
    if refund.status == "submitted":
        await paid_by_gateway(session, refund, refund.gateway_ref, BY_DISPUTE, actor=actor)


async def win_disputed(session: WriteSession, refund_id: str, *, actor: str) -> bool:
    """It was decided for the body: what was set aside is where it was. False: it had gone back."""
    refund = await lock_refund(session, refund_id)
    if refund.status != "submitted":
        return False
    await give_up(session, refund)
    told = {"gateway_code": BY_DISPUTE}
    await move_refund(session, actor, refund, "failed", told, gateway_code=BY_DISPUTE)
    return True
