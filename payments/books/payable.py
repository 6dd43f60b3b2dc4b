"""The bills that take money still, with how much: what money that names none plainly may be for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.tree import reach
from payments.bills.models import Bill
from payments.books.suspense import waiting_at


@dataclass(frozen=True, slots=True)
class PayableBill:
    """A bill that still takes money; `amount` is what it takes beside what waits, in đồng."""

    id: str
    reference: str
    amount: int
    created_at: datetime


async def list_payable_bills(
    session: ReadSession, agency_id: str, since: datetime, until: datetime
) -> list[PayableBill]:
    """The bills of an agency and its units, created from `since` to `until`, that take money still.

    An expired one does: its fee is still owed.
    """
    waiting = waiting_at()
    taken = func.coalesce(waiting.c.amount, 0)
    payable = (
        values_of(PayableBill, Bill, amount=cast(col(Bill.amount) - taken, BigInteger))
        .join_from(Bill, waiting, waiting.c.bill_id == col(Bill.id), isouter=True)
        .where(
            col(Bill.agency_id).in_(await reach(session, agency_id)),
            col(Bill.status).in_(("open", "expired")),
            col(Bill.created_at).between(since, until),
        )
    )
    return await session.all(payable)
