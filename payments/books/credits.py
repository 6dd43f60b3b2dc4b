"""Money that arrived by itself: a bank transfer that is told of, or an unapplied charge.

The same money seen twice is one credit: its settlement key is the account and the bank's own
reference of it, whichever feed or statement told of it first. Told of under one reference with
two amounts, it may be a correction or another credit, and nobody here can know: the first amount
stays where it is, the other becomes a credit in suspense that pays nothing by itself.
"""

from dataclasses import dataclass, replace

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import audit, clock
from core.crypto import Cipher
from core.ids import new_id
from core.json import canonical
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue, GatewayAccountValue
from payments.bills.create import create_bill_within
from payments.bills.locks import LockedBill, lock_bill
from payments.bills.models import PayerData, Payment
from payments.bills.queries import StaticReferenceValue
from payments.bills.static_references import price_static_reference
from payments.books.allocation import Distribution, Reason, distribute_static, suspend
from payments.books.destination import Destination, destination_of
from payments.books.ledger import MoneySource
from payments.books.posting import distribute_on, post_credit
from payments.books.recording import (
    RecordedMoney,
    Recording,
    conflicting_key,
    get_recorded,
    lock_money,
    note_conflict,
    settlement_key,
)
from payments.ports import CallbackResult, Credit, GatewayResult
from payments.states import PAYMENT

#: The `gateway` of money that arrived by bank transfer, whichever feed or statement told of it.
BANK = "bank"

# Made once: building a statement costs as much as a tenth of carrying it out.
_ENTER = (
    insert(Payment)
    .on_conflict_do_nothing(index_elements=[col(Payment.settlement_key)])
    .returning(col(Payment.id))
)
_KEEP = insert(PayerData)


@dataclass(frozen=True, slots=True)
class ToldCredit:
    """A credit as it was told of: on which account, through what, and under which name."""

    account: CollectionAccountValue
    credit: Credit
    gateway: str
    key: str


async def record_credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> Recording:
    """Record money that arrived on an account by bank transfer, from a feed or a statement.

    The references in the narrative decide: one bill's, one static fee's, none or several.
    """
    destination = await destination_of(session, account, credit.narrative)
    key = settlement_key(f"{BANK}:{account.id}", credit.bank_ref)
    told = ToldCredit(account, credit, BANK, key)
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
    credit = Credit(
        feed_ref=gateway_result.order_ref,
        bank_ref=gateway_result.gateway_ref or "",
        account_number=account.collection.account_number,
        amount=gateway_result.amount or 0,
        narrative="",
        credited_at=gateway_result.paid_at or clock.now(),
    )
    key = settlement_key(account.id, credit.bank_ref)
    await lock_money(session, key)
    told = ToldCredit(account.collection, credit, account.gateway, key)
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
    """Record a credit once, under its name, and post it."""
    credit, bill_id = told.credit, destination.bill_id
    # The bill's lock comes first; the insert then decides who records this money.
    bill = None if bill_id is None else await lock_bill(session, bill_id)
    payment_id = new_id("pay")
    source = MoneySource(payment_id, told.account.id, clock.business_date(credit.credited_at))
    entry = _entry(told, destination, bill, source)
    first: RecordedMoney | None = None
    if not await session.write_first(_ENTER, entry):
        first = await get_recorded(session, told.key)
        if first.credited == credit.amount:
            return Recording(CallbackResult.ACCEPTED, first.payment_id, first.bill_id)
        key = conflicting_key(told.key, credit.amount)
        if not await session.write_first(_ENTER, entry | {"settlement_key": key}):
            again = await get_recorded(session, key)
            return Recording(CallbackResult.MISMATCH, again.payment_id, again.bill_id)
    if credit.narrative:
        await _keep_narrative(session, payment_id, credit.narrative, cipher)
    event = PAYMENT.move(None, "succeeded").event
    details = {"amount": credit.amount, "gateway": told.gateway}
    await audit.record(session, actor=actor, action=event, object_id=payment_id, details=details)
    if first is not None:
        said = {"amount": credit.amount, "credited": first.credited, "recorded_as": payment_id}
        await note_conflict(session, actor, first.payment_id, said)
        distribution = suspend(credit.amount, Reason.CONFLICTING_NOTICE)
    elif bill is not None:
        distribution = await distribute_on(session, bill, credit.amount)
    elif destination.static is not None:
        bill, distribution = await _create_and_distribute(
            session, payment_id, credit, destination.static, actor=actor, cipher=cipher
        )
    else:
        distribution = suspend(credit.amount, destination.reason)
    await post_credit(session, actor, bill, source, distribution)
    result = CallbackResult.ACCEPTED if first is None else CallbackResult.MISMATCH
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


async def _create_and_distribute(
    session: WriteSession,
    payment_id: str,
    credit: Credit,
    static: StaticReferenceValue,
    *,
    actor: str,
    cipher: Cipher,
) -> tuple[LockedBill | None, Distribution]:
    """Create the bill that a static reference's credit pays exactly; None where it does not."""
    wanted = await price_static_reference(
        session, static.agency_id, static.fee_code, credit.credited_at
    )
    distribution = distribute_static(None if wanted is None else wanted.amount, credit.amount)
    if wanted is None or not distribution.allocated:
        return None, distribution
    created = await create_bill_within(session, wanted, actor=actor, cipher=cipher)
    bill = await lock_bill(session, created.id)
    assigned = update(Payment).where(col(Payment.id) == payment_id)
    await session.write(assigned.values(bill_id=bill.id, agency_id=bill.agency_id))
    return bill, distribution
