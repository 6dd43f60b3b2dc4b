"""Payouts: what a gateway took is cleared gross, its fee is a posting, the credit is what is left.

A gateway pays a batch over with one transfer, from which it has taken its fee. When two people have
said which credit that is, it clears the batch out of transit in one ledger transaction: the credit
leaves suspense, the whole gross leaves transit, and the difference is `gateway_fee`. To undo it, a
transaction of its own posts the reverse, and the credit waits in suspense again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import String, any_, insert, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core import audit, clock
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.money import format_vnd
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.bills.models import Bill, Payment, SuspenseItem
from payments.books import ledger, suspense
from payments.books.allocation import Distribution, Reason, suspend
from payments.books.credits import BANK
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.models import Payout
from payments.books.suspense import LockedItem
from payments.books.transit import MoreThanInTransit, sum_in_transit

#: Of such money nobody knows yet whether it is money of its own: that is decided first.
_UNSURE: Final = frozenset(
    {
        Reason.CONFLICTING_NOTICE,
        Reason.POSSIBLE_DUPLICATE,
        Reason.DATED_AHEAD,
        Reason.DATED_BEFORE,
    }
)


class CreditNotWhole(Conflict):
    """The credit does not wait whole in suspense: look at it again."""

    code = "not_waiting"


class PayoutUndone(Conflict):
    """The payout was undone already."""

    code = "already_undone"


@dataclass(frozen=True, slots=True)
class PayoutValue:
    """A payout as it stands or was undone; amounts in đồng, `amount` is `gross` less `fee`."""

    id: str
    payment_id: str
    collection_account_id: str
    amount: int
    gross: int
    fee: int
    line_id: str | None
    created_at: datetime
    undone_at: datetime | None


_PAYOUT = values_of(PayoutValue, Payout)


async def find_account_of(session: ReadSession, payment_id: str) -> str | None:
    """The collection account that money of the books came to; None if there is no such money."""
    return await session.first(
        select(Payment.collection_account_id).where(Payment.id == payment_id)
    )


async def lock_credit(session: WriteSession, payment_id: str) -> LockedItem:
    """Lock a bank's credit that waits whole in suspense, and what is in transit to its account.

    Raises `CreditNotWhole`.
    """
    named = select(Bill.id).join(SuspenseItem, col(SuspenseItem.bill_id) == col(Bill.id))
    bills = await session.all(named.where(SuspenseItem.payment_id == payment_id))
    await lock_bills(session, set(bills))  # bills before any money
    items = await suspense.lock_items_of(session, payment_id)
    whole = len(items) == 1 and items[0].place == "suspense"
    if not whole or items[0].amount != items[0].credited or items[0].gateway != BANK:
        raise CreditNotWhole("Khoản ghi có này không còn chờ nguyên vẹn trong sổ.")
    if items[0].reason in _UNSURE:
        raise CreditNotWhole("Khoản ghi có này đang nghi trùng hoặc sai ngày; hãy xử lý trước.")
    await lock_transit(session, items[0].collection_account_id)
    return items[0]


async def lock_transit(session: WriteSession, collection_account_id: str) -> None:
    """Let nobody else clear money in transit to an account before our transaction ends."""
    await lock_names(session, f"in_transit:{collection_account_id}")


async def check_cleared(session: ReadSession, collection_account_id: str, gross: int) -> None:
    """Raises `MoreThanInTransit` where less than `gross` đồng are in transit to the account."""
    there = await sum_in_transit(session, collection_account_id)
    if gross > there:
        raise MoreThanInTransit(
            f"Các cổng còn {format_vnd(there)} chưa chuyển về tài khoản này,"
            f" ít hơn {format_vnd(gross)} của lô."
        )


async def pay_over(
    session: WriteSession,
    actor: str,
    item: LockedItem,
    gross: int,
    *,
    line_id: str | None = None,
) -> str:
    """Take a locked credit for what a gateway paid over of `gross` đồng; the payout's id.

    What is missing to `gross` is the fee. Raises `MoreThanInTransit`.
    """
    await check_cleared(session, item.collection_account_id, gross)
    now, reason, fee = clock.now(), Reason.SETTLED_BY_GATEWAY, gross - item.amount
    await suspense.close_item(session, item.id, now)
    cleared = Distribution(in_transit=item.amount, reason=reason)
    await suspense.hold(session, item.payment_id, item.bill_id, cleared, now)
    await note_decided(session, actor, item, reason)
    source = MoneySource(item.payment_id, item.collection_account_id, clock.business_date(now))
    amounts = {item.place: item.amount, "in_transit": -gross, "gateway_fee": fee}
    payout = {
        "id": new_id("payout"),
        "payment_id": item.payment_id,
        "collection_account_id": item.collection_account_id,
        "amount": item.amount,
        "gross": gross,
        "fee": fee,
        "clearing": await ledger.post(session, "payout", source, item.bill_id, amounts),
        "created_at": now,
        "line_id": line_id,
    }
    await session.write(insert(Payout), payout)
    told = {"payout": payout["id"], "amount": item.amount, "gross": gross, "fee": fee}
    await audit.record(
        session,
        actor=actor,
        action="payment.settled_by_gateway",
        object_id=item.payment_id,
        details=told,
    )
    return str(payout["id"])


async def find_payout(session: ReadSession, payout_id: str) -> PayoutValue | None:
    """The payout of that id; None if there is none."""
    return await session.first(_PAYOUT.where(Payout.id == payout_id))


async def lock_payout(session: WriteSession, payout_id: str) -> PayoutValue:
    """Lock a payout that stands, after what is in transit. Raises `NotFound`, `PayoutUndone`."""
    found = await find_payout(session, payout_id)
    if found is None:
        raise NotFound("Không có lần chuyển về này.")
    await lock_transit(session, found.collection_account_id)
    locked = await session.lock_one(_PAYOUT.where(Payout.id == payout_id))
    if locked.undone_at is not None:
        raise PayoutUndone("Lần chuyển về này đã được hủy.")
    return locked


async def undo_payout(session: WriteSession, actor: str, payout: PayoutValue) -> None:
    """Undo a locked payout by a posting of its own: its credit waits in suspense again."""
    now, reason = clock.now(), Reason.GATEWAY_SETTLEMENT
    item = await suspense.lock_cleared(session, payout.payment_id)
    await suspense.close_item(session, item.id, now)
    waits = suspend(item.amount, reason)
    await suspense.hold(session, item.payment_id, item.bill_id, waits, now)
    await note_decided(session, actor, item, reason)
    source = MoneySource(item.payment_id, item.collection_account_id, clock.business_date(now))
    amounts = {
        "suspense": -payout.amount,
        "in_transit": payout.gross,
        "gateway_fee": -payout.fee,
    }
    undoing = await ledger.post(session, "payout_undone", source, item.bill_id, amounts)
    undone = update(Payout).where(col(Payout.id) == payout.id)
    await session.write(undone.values(undone_at=now, undoing=undoing))
    told = {"payout": payout.id, "amount": payout.amount, "gross": payout.gross, "fee": payout.fee}
    await audit.record(
        session,
        actor=actor,
        action="payment.payout_undone",
        object_id=payout.payment_id,
        details=told,
    )


async def list_standing_payouts(
    session: ReadSession, line_ids: Sequence[str], payment_ids: Sequence[str]
) -> list[PayoutValue]:
    """The payouts that stand of these lines of statements or of this money, by id."""
    of_line = col(Payout.line_id) == any_(literal(list(line_ids), ARRAY(String)))
    of_money = col(Payout.payment_id) == any_(literal(list(payment_ids), ARRAY(String)))
    wanted = _PAYOUT.where(of_line | of_money, col(Payout.undone_at).is_(None))
    return await session.all(wanted.order_by(col(Payout.id)))
