"""Posting: allocations, suspense, what is refundable, ledger, and the state of bill and payment.

Shared by `reports` (what a gateway says of an attempt) and `credits` (money that arrived by
itself). Everything runs in the caller's transaction, so that all that one credit causes stands or
falls together. Locks are taken in one order: bill, then payment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from core import audit, clock
from core.ids import new_id
from core.outbox import emit
from core.sessions import WriteSession
from payments.books import ledger
from payments.books.allocation import Distribution, distribute
from payments.events import BillPaid
from payments.ports import CallbackResult
from payments.states import BILL, PAYMENT


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a report or a credit."""

    result: CallbackResult
    payment_id: str | None = None
    bill_id: str | None = None
    distribution: Distribution | None = None
    #: whether this call changed anything
    new: bool = False


def settlement_key(account_id: str, money_ref: str) -> str:
    """The name of money, for ever: the account it came to and what the payer's side calls it."""
    return f"{account_id}:{money_ref}"


def conflicting_key(key: str, amount: int) -> str:
    """The name of money told of once more under `key`, but with another amount.

    The amount stands in front: behind, it could be the end of some bank's reference.
    """
    return f"{amount}:{key}"


async def lock_money(session: WriteSession, key: str) -> None:
    """Let nobody else record the money of this name before our transaction ends.

    Taken after the bill's lock. A gateway that tells two orders of one charge at one instant then
    meets the first as recorded, and not a broken constraint.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key}
    )


async def lock_bill(session: WriteSession, bill_id: str) -> Any:
    """Lock a bill for the rest of the transaction and read it."""
    return (
        await session.execute(
            text(
                "SELECT id, agency_id, reference, status, amount, expires_at FROM bill"
                " WHERE id = :id FOR UPDATE"
            ),
            {"id": bill_id},
        )
    ).one()


async def _list_waiting(session: WriteSession, bill_id: str) -> list[Any]:
    """Money of this bill that waits in suspense for the rest, oldest first."""
    rows = await session.execute(
        text(
            "SELECT s.id, s.amount, s.payment_id, p.collection_account_id FROM suspense_item s"
            " JOIN payment p ON p.id = s.payment_id WHERE s.bill_id = :bill_id"
            " AND s.place = 'suspense' AND s.reason = 'short' AND s.closed_at IS NULL"
            " ORDER BY s.created_at, s.id FOR UPDATE OF s"
        ),
        {"bill_id": bill_id},
    )
    return list(rows.all())


async def distribute_on(session: WriteSession, bill: Any, credit: int) -> Distribution:
    """Where `credit` đồng go on a locked bill, counting what waits in suspense for it."""
    waiting = await _list_waiting(session, bill.id)
    return distribute(bill.status, bill.amount, sum(item.amount for item in waiting), credit)


async def post_credit(
    session: WriteSession,
    actor: str,
    bill: Any,
    payment_id: str,
    account_id: str,
    distribution: Distribution,
    accounting_on: date,
) -> None:
    """Write where a credit goes: allocation, suspense, refundable, postings; settle the bill."""
    now = clock.now()
    bill_id = None if bill is None else bill.id
    if distribution.allocated:
        await _allocate(session, payment_id, bill.id, distribution.allocated, now)
    for held_in, amount in (
        ("suspense", distribution.suspense),
        ("refundable", distribution.refundable),
    ):
        if amount:
            await session.execute(
                text(
                    "INSERT INTO suspense_item"
                    " (id, payment_id, bill_id, place, amount, reason, created_at)"
                    " VALUES (:id, :payment_id, :bill_id, :place, :amount, :reason, :now)"
                ),
                {
                    "id": new_id("susp"),
                    "payment_id": payment_id,
                    "bill_id": bill_id,
                    "place": held_in,
                    "amount": amount,
                    "reason": distribution.reason,
                    "now": now,
                },
            )
    await ledger.post(
        session,
        kind="credit",
        payment_id=payment_id,
        collection_account_id=account_id,
        accounting_on=accounting_on,
        bill_id=bill_id,
        amounts={
            "receivable": distribution.total,
            "revenue": -distribution.allocated,
            "suspense": -distribution.suspense,
            "refundable": -distribution.refundable,
        },
    )
    if distribution.takes_waiting:
        await _take_waiting(session, bill.id, accounting_on, now)
    if distribution.allocated:
        move = BILL.move(bill.status, "paid")
        await session.execute(
            text("UPDATE bill SET status = 'paid', paid_at = :now WHERE id = :id"),
            {"now": now, "id": bill.id},
        )
        details = {"amount": bill.amount, "before": bill.status}
        await audit.record(
            session, actor=actor, action=move.event, object_id=bill.id, details=details
        )
        await emit(session, BillPaid(bill.id, bill.agency_id, bill.amount))


async def _allocate(
    session: WriteSession, payment_id: str, bill_id: str, amount: int, now: datetime
) -> None:
    await session.execute(
        text(
            "INSERT INTO allocation (id, payment_id, bill_id, amount, created_at)"
            " VALUES (:id, :payment_id, :bill_id, :amount, :now)"
        ),
        {
            "id": new_id("alloc"),
            "payment_id": payment_id,
            "bill_id": bill_id,
            "amount": amount,
            "now": now,
        },
    )


async def _take_waiting(
    session: WriteSession, bill_id: str, accounting_on: date, now: datetime
) -> None:
    """Give the bill the money that waited in suspense for it."""
    for item in await _list_waiting(session, bill_id):
        await session.execute(
            text("UPDATE suspense_item SET closed_at = :now WHERE id = :id"),
            {"now": now, "id": item.id},
        )
        await _allocate(session, item.payment_id, bill_id, item.amount, now)
        await ledger.post(
            session,
            kind="from_suspense",
            payment_id=item.payment_id,
            collection_account_id=item.collection_account_id,
            accounting_on=accounting_on,
            bill_id=bill_id,
            amounts={"suspense": item.amount, "revenue": -item.amount},
        )


async def move_payment(
    session: WriteSession,
    actor: str,
    payment: Any,
    after: str,
    details: Mapping[str, Any],
    **values: Any,
) -> None:
    """Move a locked payment along its table, with its audit row."""
    move = PAYMENT.move(payment.status, after)
    values["status"] = after
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    await session.execute(
        text(f"UPDATE payment SET {assignments} WHERE id = :id"),  # noqa: S608  names are ours
        {**values, "id": payment.id},
    )
    await audit.record(
        session,
        actor=actor,
        action=move.event,
        object_id=payment.id,
        details={"before": payment.status, **details},
    )


async def note_conflict(
    session: WriteSession, actor: str, payment_id: str, details: Mapping[str, Any]
) -> None:
    """Note that a gateway or bank contradicts itself or us; an alert counts these rows."""
    await audit.record(
        session,
        actor=actor,
        action="payment.conflicting_notice",
        object_id=payment_id,
        details=details,
    )
