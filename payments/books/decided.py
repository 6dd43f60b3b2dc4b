"""What people have decided about money ends the doubt about its payment."""

from sqlalchemy import update
from sqlmodel import col

from core.sessions import WriteSession
from payments.bills.models import Payment
from payments.books.allocation import Reason
from payments.books.locks import lock_attempt
from payments.books.moves import move_payment
from payments.books.suspense import LockedItem


async def note_decided(
    session: WriteSession, actor: str, item: LockedItem, doubt: Reason | None
) -> None:
    """Keep why a payment counts for no bill, None where it does; an attempt is held no longer.

    A held attempt would otherwise keep every other way to pay its bill shut. The item and its bill
    are locked by the caller.
    """
    told = update(Payment).where(col(Payment.id) == item.payment_id)
    await session.write(told.values(doubt=doubt))
    if item.kind == "attempt":
        payment = (await lock_attempt(session, item.payment_id)).payment
        if payment.status == "held":
            await move_payment(session, actor, payment, "succeeded", {"item": item.id})
