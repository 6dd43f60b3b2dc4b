"""Money that arrived by itself: a bank transfer that is told of, or an unapplied charge.

The same money seen twice is one credit, and two moneys are never one: `identity` says which money
a bank's notice tells of; a gateway's charge is known by its account and the gateway's own number.
What may or may not be money that the books have becomes a credit in suspense that pays nothing by
itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import insert

from core import audit, clock
from core.crypto import Cipher
from core.ids import new_id
from core.json import canonical
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue, GatewayAccountValue
from payments.bills.locks import LockedBill, lock_bill
from payments.bills.models import PayerData, Payment
from payments.books.allocation import Reason, suspend
from payments.books.dates import money_date
from payments.books.destination import Destination, destination_of
from payments.books.identity import (
    STATEMENT,
    ToldNotice,
    identify,
    keep_notice,
    lock_notice,
)
from payments.books.ledger import MoneySource
from payments.books.posting import distribute_on, post_credit
from payments.books.recording import (
    RecordedMoney,
    Recording,
    conflicting_key,
    find_recorded,
    lock_money,
    note_doubt,
    settlement_key,
)
from payments.books.release import create_and_distribute, release_stated
from payments.books.transit import is_settlement
from payments.ports import CallbackResult, Credit, GatewayResult
from payments.states import PAYMENT

#: The `gateway` of money that arrived by bank transfer, whichever feed or statement told of it.
BANK = "bank"

# Made once: building a statement costs as much as a tenth of carrying it out.
_ENTER = insert(Payment)
_KEEP = insert(PayerData)


@dataclass(frozen=True, slots=True)
class ToldCredit:
    """A credit as it was told of: on which account, through what, and under which name.

    With `doubt` it waits whole in suspense, beside the money that it may be. `said` is when it is
    told to have come, where that is far ahead; `credit` then bears the day that it was told of.
    """

    account: CollectionAccountValue
    credit: Credit
    gateway: str
    key: str
    doubt: Reason | None = None
    beside: RecordedMoney | None = None
    #: the bank's notice that it was first told by
    notice: ToldNotice | None = None
    said: datetime | None = None


async def record_credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    source: str,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Record money that arrived on an account by bank transfer, told by `source` (see `identity`).

    The references in the narrative decide what it is for: one bill, one static fee, none or
    several. What only a statement tells of, and what a gateway seems to pay over, waits whole in
    suspense until people decide.
    """
    destination = await destination_of(session, account, credit.narrative)
    came = money_date(credit.credited_at, clock.now())
    credit = replace(credit, credited_at=came.at)
    notice = ToldNotice(
        source=source,
        notice_ref=credit.feed_ref,
        collection_account_id=account.id,
        booked_on=clock.business_date(credit.credited_at),
        amount=credit.amount,
        bank_ref=credit.bank_ref,
        reference=destination.reference or "",
    )
    await lock_notice(session, notice)
    identity = await identify(session, notice)
    if (same := identity.same) is not None:
        await keep_notice(session, notice, same.payment_id)
        waited = same.doubt == Reason.STATEMENT_ONLY
        if waited and source != STATEMENT and came.said is None:
            # Two sources tell of it now: it waits for nobody any more.
            await release_stated(session, cipher, same.payment_id, same.bill_id, actor=actor)
        return Recording(CallbackResult.ACCEPTED, same.payment_id, same.bill_id)
    beside = None
    if (other := identity.beside) is not None:
        beside = RecordedMoney(other.payment_id, other.bill_id, other.credited)
    doubt = identity.doubt or (Reason.STATEMENT_ONLY if source == STATEMENT else None)
    if is_settlement(account, credit.narrative):
        doubt = identity.doubt or Reason.GATEWAY_SETTLEMENT
    if came.said is not None:
        doubt = identity.doubt or Reason.DATED_AHEAD
    told = ToldCredit(account, credit, BANK, notice.key, doubt, beside, notice, came.said)
    return await _credit(session, told, destination, actor=actor, cipher=cipher)


async def record_unapplied(
    session: WriteSession,
    account: GatewayAccountValue,
    gateway_result: GatewayResult,
    bill_id: str | None,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Gateway money that belongs to no open attempt: a credit of its own, never dropped.

    Also money told of under a reference that the books have with another amount.
    """
    now = clock.now()
    came = money_date(gateway_result.paid_at or now, now)
    credit = Credit(
        feed_ref=gateway_result.order_ref,
        bank_ref=gateway_result.gateway_ref or "",
        account_number=account.collection.account_number,
        amount=gateway_result.amount or 0,
        narrative="",
        credited_at=came.at,
    )
    key = settlement_key(account.id, credit.bank_ref)
    await lock_money(session, key)
    doubt = Reason.DATED_AHEAD if came.said else None
    told = ToldCredit(account.collection, credit, account.gateway, key, doubt, said=came.said)
    if (first := await find_recorded(session, key)) is not None:
        if first.credited == credit.amount:
            return Recording(CallbackResult.ACCEPTED, first.payment_id, first.bill_id)
        key = conflicting_key(key, credit.amount)
        if (again := await find_recorded(session, key)) is not None:
            return Recording(CallbackResult.MISMATCH, again.payment_id, again.bill_id)
        told = replace(told, key=key, doubt=Reason.CONFLICTING_NOTICE, beside=first)
    destination = Destination(Reason.UNKNOWN_REFERENCE, bill_id)
    recording = await _credit(session, told, destination, actor=actor, cipher=cipher)
    return recording if bill_id else replace(recording, result=CallbackResult.UNKNOWN_ORDER)


async def _credit(
    session: WriteSession,
    told: ToldCredit,
    destination: Destination,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Enter new money under its name, and post it; the caller holds the name's lock."""
    credit, bill_id = told.credit, destination.bill_id
    bill = None if bill_id is None else await lock_bill(session, bill_id)
    payment_id = new_id("pay")
    source = MoneySource(payment_id, told.account.id, clock.business_date(credit.credited_at))
    await session.write(_ENTER, _entry(told, destination, bill, source))
    if credit.narrative:
        await _keep_narrative(session, payment_id, credit.narrative, cipher)
    event = PAYMENT.move(None, "succeeded").event
    details = {
        "amount": credit.amount,
        "gateway": told.gateway,
        "accounting_on": source.accounting_on.isoformat(),
    }
    await audit.record(session, actor=actor, action=event, object_id=payment_id, details=details)
    if told.said is not None:
        dated = {"amount": credit.amount, "dated": told.said.isoformat()}
        await note_doubt(session, actor, payment_id, Reason.DATED_AHEAD, dated)
    if told.doubt is not None:
        if told.beside is not None:
            beside = told.beside
            said = {"amount": credit.amount, "credited": beside.credited, "recorded_as": payment_id}
            await note_doubt(session, actor, beside.payment_id, told.doubt, said)
        distribution = suspend(credit.amount, told.doubt)
    elif bill is not None:
        distribution = await distribute_on(session, bill, credit.amount)
    elif destination.static is not None:
        bill, distribution = await create_and_distribute(
            session,
            payment_id,
            credit.amount,
            credit.credited_at,
            destination.static,
            actor=actor,
            cipher=cipher,
        )
    else:
        distribution = suspend(credit.amount, destination.reason)
    at_gateway = told.gateway != BANK
    await post_credit(session, actor, bill, source, distribution, at_gateway=at_gateway)
    if told.notice is not None:
        await keep_notice(session, told.notice, payment_id)
    result = CallbackResult.ACCEPTED if told.doubt is None else CallbackResult.MISMATCH
    return Recording(result, payment_id, None if bill is None else bill.id, distribution, new=True)


def _entry(
    told: ToldCredit, destination: Destination, bill: LockedBill | None, source: MoneySource
) -> dict[str, object]:
    """The row of a credit's payment; the books take one of each name (`settlement_key`)."""
    credit = told.credit
    return {
        "id": source.payment_id,
        "kind": "credit",
        "agency_id": told.account.agency_id if bill is None else bill.agency_id,
        "bill_id": destination.bill_id,
        "gateway": told.gateway,
        "collection_account_id": source.collection_account_id,
        "status": "succeeded",
        "amount": credit.amount,
        "credited": credit.amount,
        "gateway_ref": credit.bank_ref,
        "settlement_key": told.key,
        "doubt": told.doubt,
        "reference": destination.reference,
        "created_at": clock.now(),
        "paid_at": credit.credited_at,
        "accounting_on": source.accounting_on,
        "asked": 0,
    }


async def _keep_narrative(
    session: WriteSession, payment_id: str, narrative: str, cipher: Cipher
) -> None:
    data = cipher.encrypt(canonical({"narrative": narrative}), f"payer:{payment_id}")
    kept = {"subject_id": payment_id, "data": data, "created_at": clock.now()}
    await session.write(_KEEP, kept)
