"""Money that arrived by itself: a bank transfer told by a feed or a statement, or an unapplied charge.

The same money seen twice is one credit: its settlement key is the account and the bank's own
reference of it, whichever feed or statement told of it first. Told of under one reference with
two amounts, it may be a correction or another credit, and nobody here can know: the first amount
stays where it is, the other becomes a credit in suspense that pays nothing by itself.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from core import audit, clock
from core.crypto import Cipher
from core.ids import new_id
from core.json import canonical
from core.references import find_references
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue, GatewayAccountValue
from payments.agencies.tree import reaches
from payments.bills import create
from payments.bills.static_references import price_static_reference
from payments.books.allocation import Reason, distribute_static, suspend
from payments.books.posting import (
    Recorded,
    conflicting_key,
    distribute_on,
    lock_bill,
    lock_money,
    note_conflict,
    post_credit,
    settlement_key,
)
from payments.ports import CallbackResult, Credit, GatewayResult
from payments.states import PAYMENT

#: The `gateway` of money that arrived by bank transfer, whichever feed or statement told of it.
BANK = "bank"


async def record_credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> Recorded:
    """Record money that arrived on an account by bank transfer, from a feed or a statement.

    The references in the narrative decide: one bill's, one static fee's, none or several.
    """
    candidates = find_references(credit.narrative)
    rows = (
        await session.execute(
            text(
                "SELECT r.reference, r.kind, r.agency_id, r.fee_code, b.id AS bill_id"
                " FROM reference r LEFT JOIN bill b ON b.reference = r.reference"
                " WHERE r.reference = ANY(CAST(:found AS text[]))"
            ),
            {"found": candidates},
        )
    ).all()
    bill_id: str | None = None
    reference: str | None = None
    reason = Reason.UNKNOWN_REFERENCE if candidates else Reason.NO_REFERENCE
    static: Any = None
    if len(rows) > 1:
        reason = Reason.SEVERAL_REFERENCES
    elif rows:
        reference = rows[0].reference
        if not await reaches(session, account.agency_id, rows[0].agency_id):
            reason = Reason.OTHER_AGENCY
        elif rows[0].kind == "bill":
            bill_id = rows[0].bill_id
        else:
            static = rows[0]
    return await _credit(
        session,
        account,
        credit,
        key=settlement_key(f"{BANK}:{account.id}", credit.bank_ref),
        gateway=BANK,
        bill_id=bill_id,
        reference=reference,
        reason=reason,
        actor=actor,
        cipher=cipher,
        static=static,
    )


async def _credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    key: str,
    gateway: str,
    bill_id: str | None,
    reference: str | None,
    reason: Reason,
    actor: str,
    cipher: Cipher,
    static: Any = None,
) -> Recorded:
    # The bill's lock comes first; the insert then decides who records this money.
    bill = None if bill_id is None else await lock_bill(session, bill_id)
    payment_id = new_id("pay")
    accounting_on = clock.business_date(credit.credited_at)
    now = clock.now()

    values = {
        "id": payment_id,
        "agency_id": account.agency_id if bill is None else bill.agency_id,
        "bill_id": bill_id,
        "gateway": gateway,
        "account": account.id,
        "amount": credit.amount,
        "gateway_ref": credit.bank_ref,
        "reference": reference,
        "now": now,
        "paid_at": credit.credited_at,
        "accounting_on": accounting_on,
    }
    first: Any = None
    if not await _enter(session, key, values):
        first = await _recorded_as(session, key)
        if first.credited == credit.amount:
            return Recorded(CallbackResult.ACCEPTED, first.id, first.bill_id)
        key = conflicting_key(key, credit.amount)
        if not await _enter(session, key, values):
            again = await _recorded_as(session, key)
            return Recorded(CallbackResult.MISMATCH, again.id, again.bill_id)
    if credit.narrative:
        await session.execute(
            text("INSERT INTO payer_data (subject_id, data, created_at) VALUES (:id, :data, :now)"),
            {
                "id": payment_id,
                "data": cipher.encrypt(
                    canonical({"narrative": credit.narrative}), f"payer:{payment_id}"
                ),
                "now": now,
            },
        )
    event = PAYMENT.move(None, "succeeded").event
    details = {"amount": credit.amount, "gateway": gateway}
    await audit.record(session, actor=actor, action=event, object_id=payment_id, details=details)
    if first is not None:
        said = {"amount": credit.amount, "credited": first.credited, "recorded_as": payment_id}
        await note_conflict(session, actor, first.id, said)
        distribution = suspend(credit.amount, Reason.CONFLICTING_NOTICE)
    elif bill is not None:
        distribution = await distribute_on(session, bill, credit.amount)
    elif static is not None:
        new_bill = await price_static_reference(
            session, static.agency_id, static.fee_code, credit.credited_at
        )
        distribution = distribute_static(
            None if new_bill is None else new_bill.amount, credit.amount
        )
        if new_bill is not None and distribution.allocated:
            await create.insert(session, new_bill, actor=actor, cipher=cipher)
            bill = await lock_bill(session, new_bill.id)
            await session.execute(
                text("UPDATE payment SET bill_id = :bill_id, agency_id = :agency WHERE id = :id"),
                {"bill_id": bill.id, "agency": bill.agency_id, "id": payment_id},
            )
    else:
        distribution = suspend(credit.amount, reason)
    await post_credit(session, actor, bill, payment_id, account.id, distribution, accounting_on)
    found_bill = None if bill is None else bill.id
    result = CallbackResult.ACCEPTED if first is None else CallbackResult.MISMATCH
    return Recorded(result, payment_id, found_bill, distribution, new=True)


async def _enter(session: WriteSession, key: str, values: Mapping[str, Any]) -> bool:
    """Write the credit down under its name; False if the books have money of that name."""
    inserted = await session.execute(
        text(
            "INSERT INTO payment (id, kind, agency_id, bill_id, gateway, collection_account_id,"
            " status, amount, credited, gateway_ref, settlement_key, reference, created_at,"
            " paid_at, accounting_on, asked)"
            " VALUES (:id, 'credit', :agency_id, :bill_id, :gateway, :account, 'succeeded',"
            " :amount, :amount, :gateway_ref, :key, :reference, :now, :paid_at,"
            " :accounting_on, 0) ON CONFLICT (settlement_key) DO NOTHING RETURNING id"
        ),
        {**values, "key": key},
    )
    return inserted.first() is not None


async def _recorded_as(session: WriteSession, key: str) -> Any:
    """The payment that money of this name is in the books as."""
    return (
        await session.execute(
            text("SELECT id, bill_id, credited FROM payment WHERE settlement_key = :key"),
            {"key": key},
        )
    ).one()


async def record_unapplied(
    session: WriteSession,
    account: GatewayAccountValue,
    report: GatewayResult,
    bill_id: str | None,
    *,
    actor: str,
    cipher: Cipher,
) -> Recorded:
    """Gateway money that belongs to no open attempt: a credit of its own, never dropped.

    Also money told of under a reference that the books have with another amount.
    """
    credit = Credit(
        feed_ref=report.order_ref,
        bank_ref=report.gateway_ref or "",
        account_number=account.collection.account_number,
        amount=report.amount or 0,
        narrative="",
        credited_at=report.paid_at or clock.now(),
    )
    key = settlement_key(account.id, credit.bank_ref)
    await lock_money(session, key)
    recorded = await _credit(
        session,
        account.collection,
        credit,
        key=key,
        gateway=account.gateway,
        bill_id=bill_id,
        reference=None,
        reason=Reason.UNKNOWN_REFERENCE,
        actor=actor,
        cipher=cipher,
    )
    result = recorded.result if bill_id else CallbackResult.UNKNOWN_ORDER
    return Recorded(
        result, recorded.payment_id, recorded.bill_id, recorded.distribution, recorded.new
    )
