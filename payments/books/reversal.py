"""Money that turns out to be none, or that was taken back: it leaves its place and stays reversed.

Nothing is deleted. What was credited stays credited; the part is a suspense item in the place
`reversed`, and a ledger transaction of its own says when and why.
"""

from core import audit, clock
from core.sessions import WriteSession
from payments.books import ledger, suspense
from payments.books.allocation import Distribution, Reason
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.suspense import LockedItem


async def reverse_item(session: WriteSession, actor: str, item: LockedItem, reason: Reason) -> None:
    """Take a locked item's money out of suspense, or out of what is refundable, for good."""
    now = clock.now()
    await suspense.close_item(session, item.id, now)
    reversed_ = Distribution(reversed=item.amount, reason=reason)
    await suspense.hold(session, item.payment_id, item.bill_id, reversed_, now)
    if item.amount == item.credited:
        await note_decided(session, actor, item, reason)
    source = MoneySource(item.payment_id, item.collection_account_id, clock.business_date(now))
    amounts = {item.place: item.amount, "reversed": -item.amount}
    await ledger.post(session, "reversal", source, item.bill_id, amounts)
    await audit.record(
        session,
        actor=actor,
        action="payment.reversed",
        object_id=item.payment_id,
        details={"item": item.id, "amount": item.amount, "reason": reason},
    )
