"""Money of an attempt that came by bank transfer, straight to the body's account.

A feed or a statement may tell of it as well, before the gateway or after. It is one credit, found
by the bank's reference (`payments.books.identity`): what came first keeps the money. Where that was
not the gateway, the money leaves suspense for the attempt's bill, and the attempt ends without any.
"""

from dataclasses import replace

from core import clock
from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.queries import GatewayAccountValue, find_first_day, get_collection_account
from payments.bills.locks import LockedBill
from payments.books import suspense
from payments.books.allocation import AWAITING_ANOTHER, Reason
from payments.books.credits import record_credit
from payments.books.dates import money_date
from payments.books.identity import ToldNotice, identify, keep_notice, lock_notice
from payments.books.locks import LockedPayment, find_order_destination
from payments.books.moves import move_payment
from payments.books.recording import Recording, note_doubt
from payments.books.release import give
from payments.ports import CallbackResult, Credit, GatewayResult, Outcome
from payments.states import LIVE

#: Why a transfer waits of which nobody but its gateway can say what it is for.
_NAMELESS = AWAITING_ANOTHER | {Reason.NO_REFERENCE, Reason.UNKNOWN_REFERENCE}


async def lock_straight(
    session: WriteSession, account: GatewayAccountValue, result: GatewayResult
) -> ToldNotice | None:
    """The notice of a transfer, locked before every other lock; None for whatever is none.

    It comes to the account that its order was given for, wherever the gateway pays to by now.
    """
    if not result.straight or result.outcome is not Outcome.SUCCEEDED or not result.amount:
        return None
    now = clock.now()
    there = await find_order_destination(session, result.order_ref, account.id)
    destination = there or account.collection.id
    opened_on = await find_first_day(session, destination, account.collection)
    came = money_date(result.paid_at or now, now, opened_on)
    notice = ToldNotice(
        source=account.id,
        notice_ref=result.notice_ref,
        collection_account_id=destination,
        booked_on=clock.business_date(came.at),
        amount=result.amount,
        bank_ref=result.gateway_ref or "",
        reference="",
    )
    await lock_notice(session, notice)
    return notice


async def find_straight(
    session: WriteSession,
    notice: ToldNotice,
    payment: LockedPayment,
    bill: LockedBill,
    *,
    actor: str,
) -> Recording | Reason | None:
    """What became of a locked attempt's transfer that the books have already.

    None: it is new. A reason: it may or may not be money that they have, and waits for people.
    """
    named = replace(notice, reference=bill.reference)
    identity = await identify(session, named)
    same = identity.same
    if same is None:
        if identity.doubt is not None and identity.beside is not None:
            said = {"amount": notice.amount, "recorded_as": payment.id}
            await note_doubt(session, actor, identity.beside.payment_id, identity.doubt, said)
        return identity.doubt
    await keep_notice(session, named, same.payment_id)
    if same.payment_id == payment.id:
        return Recording(CallbackResult.ACCEPTED, payment.id, bill.id)
    if payment.status in LIVE:
        told = {"paid_as": same.payment_id}
        await move_payment(session, actor, payment, "failed", told, ask_at=None)
    given = False
    for item in await suspense.lock_items_of(session, same.payment_id):
        if item.reason in _NAMELESS and item.bill_id in (None, bill.id):
            await give(session, item, bill, actor)
            given = True
    return Recording(CallbackResult.ACCEPTED, same.payment_id, bill.id, new=given)


async def record_beside(
    session: WriteSession,
    account: GatewayAccountValue,
    result: GatewayResult,
    notice: ToldNotice,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """A transfer for no attempt of ours, or a second one for an attempt: a credit of its own."""
    where = await get_collection_account(session, notice.collection_account_id)
    credit = Credit(
        feed_ref=notice.notice_ref,
        bank_ref=notice.bank_ref,
        account_number=where.account_number,
        amount=notice.amount,
        narrative="",
        credited_at=result.paid_at or clock.now(),
    )
    recording = await record_credit(
        session, where, credit, source=account.id, actor=actor, cipher=cipher
    )
    return replace(recording, result=CallbackResult.UNKNOWN_ORDER)
