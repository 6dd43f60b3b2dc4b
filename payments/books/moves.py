"""Moving bills and payments along their tables: the new state and its audit row, never one alone.

The rows are locked by the caller. What may move where is in `payments.states`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import bindparam, update
from sqlmodel import col

from core import audit
from core.sessions import WriteSession
from payments.bills.locks import LockedBill
from payments.bills.models import Bill, Payment
from payments.books.locks import LockedPayment
from payments.states import BILL, PAYMENT

# Made once: building a statement costs as much as a tenth of carrying it out.
_MOVE_PAYMENT = update(Payment).where(col(Payment.id) == bindparam("moved"))
_MOVE_BILL = update(Bill).where(col(Bill.id) == bindparam("moved"))


class PaymentChanges(TypedDict, total=False):
    """What else may change of a payment that moves; amounts in đồng."""

    credited: int
    gateway: str
    gateway_ref: str
    gateway_code: str
    settlement_key: str
    paid_at: datetime
    accounting_on: date
    ask_at: datetime | None
    #: how the citizen goes on: `type`, `url`, `payload`
    checkout: Mapping[str, str | None]


class BillChanges(TypedDict, total=False):
    """What else may change of a bill that moves."""

    #: None where a bill is to be paid again
    paid_at: datetime | None


async def move_payment(
    session: WriteSession,
    actor: str,
    payment: LockedPayment,
    after: str,
    details: Mapping[str, Any],
    **changes: Unpack[PaymentChanges],
) -> None:
    """Move a locked payment. Raises `IllegalMove` where its table has no such move."""
    move = PAYMENT.move(payment.status, after)
    if "accounting_on" in changes:
        details = {**details, "accounting_on": changes["accounting_on"].isoformat()}
    await session.write(_MOVE_PAYMENT, {"moved": payment.id, "status": after, **changes})
    await audit.record(
        session,
        actor=actor,
        action=move.event,
        object_id=payment.id,
        details={"before": payment.status, **details},
    )


async def move_bill(
    session: WriteSession,
    actor: str,
    bill: LockedBill,
    after: str,
    details: Mapping[str, Any],
    **changes: Unpack[BillChanges],
) -> None:
    """Move a locked bill. Raises `IllegalMove` where its table has no such move."""
    move = BILL.move(bill.status, after)
    await session.write(_MOVE_BILL, {"moved": bill.id, "status": after, **changes})
    await audit.record(
        session,
        actor=actor,
        action=move.event,
        object_id=bill.id,
        details={"before": bill.status, **details},
    )
