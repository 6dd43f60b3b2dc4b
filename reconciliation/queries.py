"""What the rest of the house may know of reconciliations: frozen values, never rows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from core.errors import NotFound
from core.sessions import WriteSession


@dataclass(frozen=True, slots=True)
class RunValue:
    """A run: one account, one business day; `summary` maps a class to its count and sum (đồng)."""

    id: str
    agency: str
    account: str
    business_on: date
    summary: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DiscrepancyValue:
    """What did not simply agree, and why; amounts in đồng."""

    id: str
    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str


async def get_run(session: WriteSession, run_id: str, agency_ids: Collection[str]) -> RunValue:
    """The run of that id. Raises `NotFound` if absent or another agency's."""
    row = (
        await session.execute(
            text(
                "SELECT r.id, a.code, c.code, r.business_on, r.summary, r.created_at, r.agency_id"
                " FROM reconciliation r JOIN agency a ON a.id = r.agency_id"
                " JOIN collection_account c ON c.id = r.collection_account_id WHERE r.id = :id"
            ),
            {"id": run_id},
        )
    ).first()
    if row is None or row.agency_id not in agency_ids:
        raise NotFound("Không có lần đối soát này.")
    return RunValue(*row[:6])


async def list_discrepancies(session: WriteSession, run_id: str) -> list[DiscrepancyValue]:
    """The discrepancies of a run, by side and object."""
    rows = await session.execute(
        text(
            "SELECT id, side, object_id, kind, reference, amount, other_amount, reason"
            " FROM discrepancy WHERE reconciliation_id = :id ORDER BY side, object_id, kind"
        ),
        {"id": run_id},
    )
    return [DiscrepancyValue(*row) for row in rows]
