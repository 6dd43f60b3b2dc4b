"""The bills that were opened on a day, of one procedure: for whoever watches a day."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists
from sqlmodel import col, select

from core import clock
from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Bill, BillLine
from payments.catalogue.models import Fee, Procedure


@dataclass(frozen=True, slots=True)
class OpenedBill:
    """A bill as a list shows it; `amount` in đồng."""

    id: str
    reference: str
    status: str
    amount: int
    created_at: datetime


async def page_of_opened(
    session: ReadSession,
    agency_ids: Collection[str],
    on: date,
    procedure: str,
    *,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[OpenedBill]:
    """Bills of a day with a line of a procedure ("": of none), without those that owe nothing.

    What `list_bill_totals` counts, one by one, by id.
    """
    begin, end = clock.day_bounds(on, on)
    lines = (
        select(BillLine.bill_id)
        .outerjoin(Fee, col(Fee.id) == col(BillLine.fee_id))
        .outerjoin(Procedure, col(Procedure.id) == col(Fee.procedure_id))
        .where(col(BillLine.bill_id) == col(Bill.id))
    )
    named = col(Procedure.code) == procedure if procedure else col(Procedure.code).is_(None)
    wanted = values_of(OpenedBill, Bill).where(
        col(Bill.agency_id).in_(agency_ids),
        col(Bill.created_at) >= begin,
        col(Bill.created_at) < end,
        col(Bill.status).not_in(("cancelled", "exempt")),
        exists(lines.where(named)),
    )
    if cursor is not None:
        wanted = wanted.where(col(Bill.id) > cursor)
    found = await session.all(wanted.order_by(col(Bill.id)).limit(limit + 1))
    return page_of(found, limit, lambda one: one.id)
