"""Moving refunds along their table: the new state and its audit row, never one alone."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import update
from sqlmodel import col

from core import audit
from core.sessions import WriteSession
from payments.books.models import Refund
from payments.refunds.locks import LockedRefund
from payments.states import REFUND


class RefundChanges(TypedDict, total=False):
    """What else may change of a refund that moves."""

    bank_ref: str | None
    sent_at: datetime
    line_id: str | None
    accounting_on: date | None
    gateway_ref: str | None
    gateway_code: str | None
    gateway_paid_at: datetime | None
    settlement_line_id: str | None
    ask_at: datetime | None


async def move_refund(
    session: WriteSession,
    actor: str,
    refund: LockedRefund,
    after: str,
    details: Mapping[str, Any],
    **changes: Unpack[RefundChanges],
) -> None:
    """Move a locked refund. Raises `IllegalMove` where its table has no such move."""
    move = REFUND.move(refund.status, after)
    moved = update(Refund).where(col(Refund.id) == refund.id)
    await session.write(moved.values(status=after, **changes))
    await audit.record(
        session,
        actor=actor,
        action=move.event,
        object_id=refund.id,
        details={"before": refund.status, "amount": refund.amount, **details},
    )
