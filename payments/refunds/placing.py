"""Where a refund's money is: set aside when it is approved, gone when its debit is seen.

One that a gateway gives back is gone when the gateway says so, out of what it has in transit.

Every move is a ledger transaction of its own. What bills were given stays allocated to them: a paid
bill was paid; the part that goes back is on the refund (`from_revenue`), and both are counted
wherever money is. Refunds and what they take from are locked by the caller, bills first.
"""

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import clock
from core.errors import Conflict
from core.ids import new_id
from core.money import format_vnd
from core.sessions import WriteSession
from payments.bills.models import SuspenseItem
from payments.books import ledger, suspense
from payments.books.allocation import Reason
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.models import Refund
from payments.books.suspense import LockedItem
from payments.refunds.locks import LockedRefund, RefundableMoney


class NotRefundable(Conflict):
    """So much of the payment cannot go back: look at what of it is left."""

    code = "not_refundable"


async def set_aside(
    session: WriteSession, actor: str, refund: LockedRefund, money: RefundableMoney
) -> dict[str, int]:
    """Take a refund's money from where it is: refundable first, then suspense, then its bill.

    How many đồng came from where. Raises `NotRefundable` where there is not enough.
    """
    if refund.amount > money.available:
        raise NotRefundable(f"Chỉ còn {format_vnd(money.available)} có thể hoàn trả.")
    taken = {"refundable": 0, "suspense": 0}
    for item in sorted(money.items, key=lambda item: (item.place != "refundable", item.id)):
        part = min(item.amount, refund.amount - sum(taken.values()))
        if part:
            await _take(session, actor, item, part)
            taken[item.place] += part
    from_revenue = refund.amount - sum(taken.values())
    written = update(Refund).where(col(Refund.id) == refund.id)
    await session.write(written.values(from_revenue=from_revenue, bill_id=money.bill_id))
    await _hold(session, refund, "paying_back")
    source = _source(refund)
    amounts = {**taken, "revenue": from_revenue, "paying_back": -refund.amount}
    await ledger.post(session, "refund", source, money.bill_id, amounts)
    return {**taken, "revenue": from_revenue}


async def pay_back(session: WriteSession, refund: LockedRefund) -> None:
    """What was set aside has left the account."""
    await _release(session, refund, "paying_back")
    await _hold(session, refund, "paid_back")
    amounts = {"paying_back": refund.amount, "paid_back": -refund.amount, **_by_gateway(refund)}
    await ledger.post(session, "refund_paid", _source(refund), refund.bill_id, amounts)


async def unprove(session: WriteSession, refund: LockedRefund) -> None:
    """Nobody tells any more that it has left the account."""
    await _release(session, refund, "paid_back")
    await _hold(session, refund, "paying_back")
    gone = {ledger: -amount for ledger, amount in _by_gateway(refund).items()}
    amounts = {"paid_back": refund.amount, "paying_back": -refund.amount, **gone}
    await ledger.post(session, "refund_unproved", _source(refund), refund.bill_id, amounts)


def _by_gateway(refund: LockedRefund) -> dict[str, int]:
    """What a gateway has given back it does not pay over: it leaves what is in transit."""
    if refund.way == "bank":
        return {}
    return {"in_transit": -refund.amount, "gateway_back": refund.amount}


async def give_up(session: WriteSession, refund: LockedRefund) -> None:
    """It will not be paid: its money goes back to its bill, and what was over is refundable."""
    await _release(session, refund, "paying_back")
    over = refund.amount - refund.from_revenue
    if over:
        await session.write(
            insert(SuspenseItem), _item(refund, "refundable", over) | {"refund_id": None}
        )
    amounts = {
        "paying_back": refund.amount,
        "refundable": -over,
        "revenue": -refund.from_revenue,
    }
    await ledger.post(session, "refund_failed", _source(refund), refund.bill_id, amounts)


async def _take(session: WriteSession, actor: str, item: LockedItem, part: int) -> None:
    now = clock.now()
    await suspense.close_item(session, item.id, now)
    if part < item.amount:
        left = {
            "id": new_id("susp"),
            "payment_id": item.payment_id,
            "bill_id": item.bill_id,
            "place": item.place,
            "amount": item.amount - part,
            "reason": item.reason,
            "created_at": now,
        }
        await session.write(insert(SuspenseItem), left)
    elif item.place == "suspense":
        await note_decided(session, actor, item, Reason.REFUND_WANTED)


async def _hold(session: WriteSession, refund: LockedRefund, place: str) -> None:
    await session.write(insert(SuspenseItem), _item(refund, place, refund.amount))


def _item(refund: LockedRefund, place: str, amount: int) -> dict[str, object]:
    return {
        "id": new_id("susp"),
        "payment_id": refund.payment_id,
        "bill_id": refund.bill_id,
        "place": place,
        "amount": amount,
        "reason": Reason.REFUND_WANTED,
        "created_at": clock.now(),
        "refund_id": refund.id,
    }


async def _release(session: WriteSession, refund: LockedRefund, place: str) -> None:
    held = select(SuspenseItem.id).where(
        col(SuspenseItem.refund_id) == refund.id,
        col(SuspenseItem.place) == place,
        col(SuspenseItem.closed_at).is_(None),
    )
    await suspense.close_item(session, await session.one(held), clock.now())


def _source(refund: LockedRefund) -> MoneySource:
    today = clock.business_date(clock.now())
    return MoneySource(refund.payment_id, refund.collection_account_id, today)
