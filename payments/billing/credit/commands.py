"""A stall's money is given to what its holder owes there. Commands take a session, never commit.

Money on a stall's reference first waits in suspense (`Reason.STALL_CREDIT`), whichever app, feed or
statement told of it, and in the same commit the outbox tells `handlers`. The same deed gives it
away when it has come, when a run has opened bills, and when a bill is owed again: so the order in
which all that happens decides nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import BigInteger, String, any_, cast, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core import clock
from core.outbox import emit
from core.sessions import WriteSession
from core.statements import values_of
from payments.billing.credit.queries import (
    StallDebt,
    Tenancy,
    holder_on,
    list_debts,
    list_holdings,
    list_markets_of,
)
from payments.billing.markets import lock_market
from payments.billing.models import Stall
from payments.bills.locks import LockedBill, lock_bills
from payments.bills.models import Payment, SuspenseItem
from payments.books.allocation import Reason, fill_oldest, suspend
from payments.books.commands import share_notices_of
from payments.books.posting import BillMoney, owing_of
from payments.books.release import move_shares
from payments.books.suspense import (
    LockedItem,
    is_stall_credit,
    list_stall_credit,
    lock_stall_credit,
)
from payments.events import StallCreditWaits

ACTOR: Final = "system:billing"


async def take_credit(session: WriteSession, references: Collection[str]) -> int:
    """Give what waits on these stalls' references to what their holders owe; how many đồng.

    By kind of charge, then the oldest first. What fills no bill whole waits for the rest of it;
    what is left when nothing is owed stays, for the next bill. Done again it changes nothing.
    """
    waiting = await list_stall_credit(session, references)
    if not waiting:
        return 0
    # One order everywhere: who tells of money, then the market, bills, payments, their parts.
    for account in sorted({item.collection_account_id for item in waiting}):
        await share_notices_of(session, account)
    stalls = sorted({item.reference for item in waiting if item.reference is not None})
    # A run that is opening bills holds the market: either it sees this money, or we its bills.
    for market_id in await list_markets_of(session, stalls):
        await lock_market(session, market_id)
    holdings = defaultdict(list)
    for holding in await list_holdings(session, stalls):
        holdings[holding.reference].append(holding)
    ids = {one.stall_id for some in holdings.values() for one in some}
    debts = await list_debts(session, ids)
    await lock_bills(session, {debt.bill_id for debt in debts})
    taken = 0
    money = {item.payment_id for item in await list_stall_credit(session, stalls)}
    payments = select(Payment.id).where(col(Payment.id).in_(money))
    await session.lock_all(payments.order_by(col(Payment.id)))
    for item in await lock_stall_credit(session, stalls):
        holder = holder_on(holdings[item.reference or ""], clock.business_date(item.paid_at))
        if holder is not None:
            taken += await _pay(session, item, _of(debts, holder))
    return taken


def _of(debts: Sequence[StallDebt], holder: Tenancy) -> list[StallDebt]:
    whose = (holder.stall_id, holder.vendor_id)
    return [debt for debt in debts if (debt.stall_id, debt.vendor_id) == whose]


async def _pay(session: WriteSession, item: LockedItem, debts: Sequence[StallDebt]) -> int:
    """Give a locked item to debts of its holder, as far as they take it; how many đồng."""
    known = {debt.bill_id: debt for debt in debts}
    bills = await lock_bills(session, known)  # as those before it have left them
    owing = [
        replace(one, due_at=known[one.bill_id].due_at, priority=known[one.bill_id].priority)
        for one in await owing_of(session, bills)
    ]
    filled = fill_oldest(owing, item.amount)
    if not filled.shares:
        return 0
    locked: dict[str, LockedBill] = {bill.id: bill for bill in bills}
    shares = [BillMoney(locked[one.bill_id], one.distribution) for one in filled.shares]
    if filled.left:
        shares.append(BillMoney(None, suspend(filled.left, Reason.STALL_CREDIT)))
    await move_shares(session, item, shares, ACTOR)
    return item.amount - filled.left


async def tell_of_credit(session: WriteSession, stall_ids: Collection[str]) -> int:
    """Have what waits at these stalls given to bills that were just opened; how many credits.

    Called in the transaction that opens them, so that the credit is taken once they are there, and
    never before. The outbox's handler takes it in a transaction of its own.
    """
    wanted = (
        values_of(
            StallCreditWaits,
            payment_id=col(Payment.id),
            agency_id=col(Payment.agency_id),
            amount=cast(func.sum(col(SuspenseItem.amount)), BigInteger),
        )
        .join_from(SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id))
        .join(Stall, col(Stall.reference) == col(Payment.reference))
        .where(is_stall_credit(), col(Stall.id) == any_(literal(list(stall_ids), ARRAY(String))))
        .group_by(col(Payment.id), col(Payment.agency_id))
        .order_by(col(Payment.id))
    )
    told = await session.all(wanted)
    for event in told:
        await emit(session, event)
    return len(told)
