"""What hangs together with payments, by id: for whoever tells the history of one."""

from collections.abc import Collection

from sqlmodel import col, select

from core.sessions import ReadSession
from payments.bills.models import SuspenseItem
from payments.books.models import Approval, Refund


async def list_parts_of(session: ReadSession, payment_ids: Collection[str]) -> list[str]:
    """The ids of what of these payments waits or has waited, and of their refunds."""
    items = select(SuspenseItem.id).where(col(SuspenseItem.payment_id).in_(payment_ids))
    refunds = select(Refund.id).where(col(Refund.payment_id).in_(payment_ids))
    return [*await session.all(items), *await session.all(refunds)]


async def list_decisions_about(session: ReadSession, object_ids: Collection[str]) -> list[str]:
    """The ids of what was asked for of two people about these objects, the oldest first."""
    about = select(Approval.id).where(col(Approval.object_id).in_(object_ids))
    return await session.all(about.order_by(col(Approval.id)))
