"""Money that arrived by itself: a bank transfer that is told of, or an unapplied charge.

The same money seen twice is one credit, and two moneys are never one: `identity` says which money
a bank's notice tells of; a gateway's charge is known by its account and the gateway's own number.
What may or may not be money that the books have becomes a credit in suspense that pays nothing by
itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import insert

from core import audit, clock
from core.crypto import Cipher
from core.ids import new_id
from core.json import canonical
from core.outbox import emit
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue, GatewayAccountValue
from payments.bills.locks import lock_bill, lock_together
from payments.bills.models import PayerData, Payment
from payments.books.allocation import AWAITING_ANOTHER, Reason, suspend
from payments.books.closed_days import accounting_day
from payments.books.dates import MoneyDate, money_date
from payments.books.destination import Destination, destination_of
from payments.books.identity import (
    STATEMENT,
    KnownNotice,
    ToldNotice,
    identify,
    keep_notice,
    lock_notice,
)
from payments.books.ledger import MoneySource
from payments.books.posting import BillMoney, apportion_exactly, distribute_on, post_credit
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
from payments.books.several import unless_for_others
from payments.books.transit import is_settlement
from payments.events import CollectorDepositWaits, StallCreditWaits
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

    `came` says when it is told to have come, where that cannot be; `credit` then bears the day that
    it was told of. With `doubt` it waits whole in suspense, beside the money that it may be.
    """

    account: CollectionAccountValue
    credit: Credit
    gateway: str
    key: str
    came: MoneyDate
    doubt: Reason | None = None
    beside: RecordedMoney | None = None
    #: the bank's notice that it was first told by
    notice: ToldNotice | None = None


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

    The references in the narrative and in the virtual account decide what it is for: one bill,
    several of one body that it pays to the đồng, one static fee, or none. What only a statement
    tells of, what is told without a signature, and what a gateway seems to pay over, waits whole in
    suspense until another source tells of it, or people decide.
    """
    destination = await destination_of(session, account, credit.narrative, credit.virtual_account)
    if source != STATEMENT:  # whose lines are looked at together, see `reconciliation.days`
        destination = await unless_for_others(session, destination, credit.narrative, credit.amount)
    came = money_date(credit.credited_at, clock.now(), account.opened_on)
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
        vouches = not destination.astray and _vouches(notice, credit, same)
        if same.doubt in AWAITING_ANOTHER and vouches and came.said is None:
            # Two sources tell of it now: it waits for nobody any more.
            await release_stated(
                session,
                cipher,
                same.payment_id,
                same.bill_id,
                actor=actor,
                words=credit.narrative,
            )
        return Recording(CallbackResult.ACCEPTED, same.payment_id, same.bill_id)
    beside = None
    if (other := identity.beside) is not None:
        beside = RecordedMoney(other.payment_id, other.bill_id, other.credited)
    alone = Reason.STATEMENT_ONLY if source == STATEMENT else None
    doubt = identity.doubt or (alone if credit.signed else Reason.UNSIGNED_NOTICE)
    if is_settlement(account, credit.narrative):
        doubt = identity.doubt or Reason.GATEWAY_SETTLEMENT
    if came.doubt is not None:
        doubt = identity.doubt or came.doubt
    told = ToldCredit(account, credit, BANK, notice.key, came, doubt, beside, notice)
    return await _credit(session, told, destination, actor=actor, cipher=cipher)


def _vouches(notice: ToldNotice, credit: Credit, same: KnownNotice) -> bool:
    """Whether what is told now lets money go that one source alone had told of.

    An unsigned notice vouches for nothing. What it told first is vouched for by a statement too,
    and by words that name what it named: else whoever knows a transfer's number would say whose
    bill it pays.
    """
    if not credit.signed:
        return False
    if same.doubt == Reason.UNSIGNED_NOTICE:
        return set(same.reference.split()) <= set(notice.reference.split())
    return notice.source != STATEMENT


async def record_unapplied(
    session: WriteSession,
    account: GatewayAccountValue,
    gateway_result: GatewayResult,
    bill_id: str | None,
    *,
    actor: str,
    cipher: Cipher,
    reference: str | None = None,
    held: Reason | None = None,
) -> Recording:
    """Gateway money that belongs to no open attempt: a credit of its own, never dropped.

    Also money told of under a reference that the books have with another amount. What is `held`,
    for that reason, names its bill by `reference` alone, and waits for a person.
    """
    now = clock.now()
    came = money_date(gateway_result.paid_at or now, now, account.collection.opened_on)
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
    told = ToldCredit(account.collection, credit, account.gateway, key, came, came.doubt)
    if (first := await find_recorded(session, key)) is not None:
        if first.credited == credit.amount:
            return Recording(CallbackResult.ACCEPTED, first.payment_id, first.bill_id)
        key = conflicting_key(key, credit.amount)
        if (again := await find_recorded(session, key)) is not None:
            return Recording(CallbackResult.MISMATCH, again.payment_id, again.bill_id)
        told = replace(told, key=key, doubt=Reason.CONFLICTING_NOTICE, beside=first)
    destination = Destination(Reason.UNKNOWN_REFERENCE, bill_id, reference)
    if held is not None:
        destination = Destination(held, None, reference)
    recording = await _credit(session, told, destination, actor=actor, cipher=cipher)
    if held is not None:
        return replace(recording, result=CallbackResult.MISMATCH)
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
    several = await lock_together(session, destination.several)
    payment_id = new_id("pay")
    on = await accounting_day(session, told.account.id, credit.credited_at)
    source = MoneySource(payment_id, told.account.id, on)
    agency_id = next((one.agency_id for one in (bill, *several) if one), None)
    agency_id = agency_id or destination.agency_id or told.account.agency_id
    await session.write(_ENTER, _entry(told, destination, agency_id, source))
    # People see the number that it was sent to beside the payer's words.
    if words := f"{credit.narrative} {credit.virtual_account}".strip():
        astray = {"astray": credit.virtual_account} if destination.astray else {}
        await _keep_words(session, payment_id, {"narrative": words, **astray}, cipher)
    event = PAYMENT.move(None, "succeeded").event
    details = {
        "amount": credit.amount,
        "gateway": told.gateway,
        "accounting_on": source.accounting_on.isoformat(),
    }
    await audit.record(session, actor=actor, action=event, object_id=payment_id, details=details)
    if told.came.said is not None and told.came.doubt is not None:
        dated = {"amount": credit.amount, "dated": told.came.said.isoformat()}
        await note_doubt(session, actor, payment_id, told.came.doubt, dated)
    if told.doubt is not None:
        if told.beside is not None:
            beside = told.beside
            said = {"amount": credit.amount, "credited": beside.credited, "recorded_as": payment_id}
            await note_doubt(session, actor, beside.payment_id, told.doubt, said)
        shares = [BillMoney(bill, suspend(credit.amount, told.doubt))]
    elif bill is not None:
        shares = [BillMoney(bill, await distribute_on(session, bill, credit.amount))]
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
        shares = [BillMoney(bill, distribution)]
    else:
        shares = await apportion_exactly(session, several, credit.amount)
        shares = shares or [BillMoney(None, suspend(credit.amount, destination.reason))]
    at_gateway = told.gateway != BANK
    for one in shares:
        await post_credit(session, actor, one.bill, source, one.distribution, at_gateway=at_gateway)
    if told.doubt is None and destination.reason is Reason.STALL_CREDIT:
        await emit(session, StallCreditWaits(payment_id, agency_id, credit.amount))
    if told.doubt is None and destination.reason is Reason.COLLECTOR_DEPOSIT:
        await emit(session, CollectorDepositWaits(payment_id, agency_id, credit.amount))
    if told.notice is not None:
        await keep_notice(session, told.notice, payment_id)
    result = CallbackResult.ACCEPTED if told.doubt is None else CallbackResult.MISMATCH
    where = shares[0].distribution if len(shares) == 1 else None
    return Recording(result, payment_id, None if bill is None else bill.id, where, new=True)


def _entry(
    told: ToldCredit, destination: Destination, agency_id: str, source: MoneySource
) -> dict[str, object]:
    """The row of a credit's payment; the books take one of each name (`settlement_key`)."""
    credit = told.credit
    return {
        "id": source.payment_id,
        "kind": "credit",
        "agency_id": agency_id,
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


async def _keep_words(
    session: WriteSession, payment_id: str, words: Mapping[str, str], cipher: Cipher
) -> None:
    data = cipher.encrypt(canonical(words), f"payer:{payment_id}")
    kept = {"subject_id": payment_id, "data": data, "created_at": clock.now()}
    await session.write(_KEEP, kept)
