"""The lines of bills, as they were priced when the bills were opened."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from core.sessions import WriteSession


@dataclass(frozen=True, slots=True)
class LineValue:
    """A line of a bill, amounts in đồng; `amount` is what `relief` leaves of `full_amount`."""

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


async def lines_of(session: WriteSession, ids: list[str]) -> dict[str, list[LineValue]]:
    """The lines of each of the bills, in order."""
    lines: dict[str, list[LineValue]] = {bill_id: [] for bill_id in ids}
    found = await session.execute(
        text(
            "SELECT bill_id, fee, description, description_en, quantity, unit, copies, value,"
            " coalesce(full_amount, amount), amount, sub_item, explanation, explanation_en,"
            " basis, certainty, relief, notice FROM bill_line"
            " WHERE bill_id = ANY(CAST(:ids AS text[]))"
            " ORDER BY bill_id, position"
        ),
        {"ids": ids},
    )
    for line in found:
        lines[line.bill_id].append(LineValue(*line[1:]))
    return lines
