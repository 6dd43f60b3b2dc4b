"""Money in transit: what gateways have taken for an account and have not paid over yet.

A gateway's charge is money of the books from the moment it is told of (`in_transit`); what the
gateway pays over arrives on the account as a credit of the bank, and is no new money. Such a credit
waits whole in suspense until two people say what it is, and then clears what was in transit.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col, select

from core import audit, clock
from core.errors import Conflict
from core.folding import without_marks
from core.money import format_vnd
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.bills.models import Payment
from payments.books import ledger, suspense
from payments.books.allocation import Distribution, Reason
from payments.books.cash import CASH
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.models import Posting
from payments.books.suspense import LockedItem


class MoreThanInTransit(Conflict):
    """No gateway can have paid over more than all of them have taken and not paid over yet."""

    code = "more_than_in_transit"


def is_settlement(account: CollectionAccountValue, narrative: str) -> bool:
    """Whether the narrative holds the words by which gateways pay over to the account.

    Case, marks, spaces and punctuation do not count: banks change all of them.
    """
    told = _plain(narrative)
    return any(_plain(words) in told for words in account.settlement_words)


def _plain(text: str) -> str:
    return "".join(char for char in without_marks(text.casefold()) if char.isalnum())


async def sum_in_transit(session: ReadSession, collection_account_id: str) -> int:
    """How many đồng gateways have taken for the account and not paid over, as the books know.

    What they gave back to payers is among it: they take it from a batch, and nobody knows which.
    """
    total = cast(func.coalesce(func.sum(Posting.amount), 0), BigInteger)
    return await session.one(
        select(total).where(
            col(Posting.collection_account_id) == collection_account_id,
            col(Posting.ledger).in_(("in_transit", "gateway_back")),
        )
    )


async def check_in_transit(session: WriteSession, item: LockedItem) -> None:
    """Let nobody else clear money in transit to a locked item's account before we are done.

    Raises `MoreThanInTransit` where the item is more than there is.
    """
    await lock_names(session, f"in_transit:{item.collection_account_id}")
    there = await sum_in_transit(session, item.collection_account_id)
    if item.amount > there:
        raise MoreThanInTransit(
            f"Các cổng còn {format_vnd(there)} chưa chuyển về tài khoản này,"
            f" ít hơn khoản {format_vnd(item.amount)}."
        )


async def clear_transit(session: WriteSession, actor: str, item: LockedItem) -> None:
    """Take a locked and checked item for what a gateway paid over: it clears what was in transit.

    A ledger transaction of its own says when; the item's money stays `in_transit` for good.
    """
    now = clock.now()
    reason = Reason.SETTLED_BY_GATEWAY
    await suspense.close_item(session, item.id, now)
    cleared = Distribution(in_transit=item.amount, reason=reason)
    await suspense.hold(session, item.payment_id, item.bill_id, cleared, now)
    if item.amount == item.credited:
        await note_decided(session, actor, item, reason)
    source = MoneySource(item.payment_id, item.collection_account_id, clock.business_date(now))
    amounts = {item.place: item.amount, "in_transit": -item.amount}
    await ledger.post(session, "settlement", source, item.bill_id, amounts)
    await audit.record(
        session,
        actor=actor,
        action="payment.settled_by_gateway",
        object_id=item.payment_id,
        details={"item": item.id, "amount": item.amount},
    )


@dataclass(frozen=True, slots=True)
class GatewayMoney:
    """Money that a gateway has taken for an account; `credited` is what it said, in đồng."""

    payment_id: str
    gateway: str
    gateway_ref: str
    order_ref: str
    credited: int
    accounting_on: date


async def list_gateway_money(
    session: ReadSession, collection_account_id: str, first: date, last: date
) -> list[GatewayMoney]:
    """What gateways have taken for an account, of these accounting days, by payment."""
    wanted = values_of(
        GatewayMoney,
        Payment,
        payment_id=col(Payment.id),
        gateway_ref=func.coalesce(Payment.gateway_ref, ""),
        order_ref=func.coalesce(Payment.order_ref, ""),
    ).where(
        Payment.collection_account_id == collection_account_id,
        col(Payment.gateway).not_in(("bank", CASH)),
        # What is no money has no such day.
        col(Payment.accounting_on).between(first, last),
    )
    return await session.all(wanted.order_by(col(Payment.id)))
