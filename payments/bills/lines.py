"""The lines of bills, as they were priced when the bills were opened."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import BillLine


@dataclass(frozen=True, slots=True)
class LineValue:
    """A line of a bill, amounts in đồng; `amount` is what `relief` leaves of `full_amount`."""

    bill_id: str
    fee: str | None
    description: str
    description_en: str | None
    quantity: int
    unit: str
    copies: int
    value: int | None
    full_amount: int
    amount: int
    sub_item: str | None
    explanation: str | None
    explanation_en: str | None
    basis: str | None
    certainty: str | None
    relief: dict[str, Any] | None
    notice: dict[str, Any] | None
    nature: str | None


async def lines_of(session: ReadSession, ids: list[str]) -> dict[str, list[LineValue]]:
    """The lines of each of the bills, in order."""
    lines: dict[str, list[LineValue]] = {bill_id: [] for bill_id in ids}
    full_amount = func.coalesce(BillLine.full_amount, BillLine.amount)
    found = await session.all(
        values_of(LineValue, BillLine, full_amount=full_amount)
        .where(col(BillLine.bill_id).in_(ids))
        .order_by(col(BillLine.bill_id), col(BillLine.position))
    )
    for line in found:
        lines[line.bill_id].append(line)
    return lines
