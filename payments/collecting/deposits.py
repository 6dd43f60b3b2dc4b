"""What comes to the account under a hand-over's reference clears the cash that was handed over.

It clears no more than was counted, and no more than its collector has taken for that account: what
is over waits in suspense for people, and what is lacking stays with the hand-over.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, cast, func, insert
from sqlmodel import col, select

from core import audit, clock
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import WriteSession
from payments.bills.models import Payment
from payments.books.cash import clear_cash, lock_collector_cash, lock_deposit
from payments.books.commands import share_notices_of
from payments.collecting.cash_book import sum_owed_to
from payments.collecting.handovers import HANDOVER
from payments.collecting.models import CashDeposit, CashHandover
from payments.events import CollectorDepositWaits

ACTOR: Final = "system:collecting"


async def take_deposits(session: WriteSession, events: Sequence[CollectorDepositWaits]) -> None:
    """Let each deposit clear its hand-over as far as it goes. Done again it changes nothing."""
    for payment_id in sorted({event.payment_id for event in events}):
        await take_deposit(session, payment_id)


async def take_deposit(session: WriteSession, payment_id: str) -> int:
    """Let a payment clear the hand-over whose reference it bears; how many đồng it cleared."""
    account = select(Payment.collection_account_id).where(col(Payment.id) == payment_id)
    # One order everywhere: who tells of money, then the collector, the hand-over, the money.
    await share_notices_of(session, await session.one(account))
    named = HANDOVER.join(Payment, col(Payment.reference) == col(CashHandover.reference))
    of_payment = named.where(col(Payment.id) == payment_id)
    known = await session.first(of_payment)
    if known is None:
        return 0
    await lock_names(session, f"cash:{known.collector_id}")
    handover = await session.lock_one(of_payment, of=CashHandover)
    cleared = 0
    for item in await lock_deposit(session, payment_id):
        account_id = item.collection_account_id
        owed = await sum_owed_to(session, handover.collector_id, account_id)
        of_it = cast(func.coalesce(func.sum(CashDeposit.amount), 0), BigInteger)
        before = await session.one(select(of_it).where(col(CashDeposit.handover_id) == handover.id))
        there = await lock_collector_cash(session, account_id)
        amount = min(item.amount, (handover.counted or 0) - before, owed, there)
        if amount <= 0:
            continue
        row = {
            "id": new_id("deposit"),
            "handover_id": handover.id,
            "payment_id": payment_id,
            "amount": amount,
            "transaction_id": await clear_cash(session, ACTOR, item, amount),
            "created_at": clock.now(),
        }
        await session.write(insert(CashDeposit), row)
        told = {"payment": payment_id, "amount": amount}
        await audit.record(
            session, actor=ACTOR, action="handover.deposited", object_id=handover.id, details=told
        )
        cleared += amount
    return cleared
