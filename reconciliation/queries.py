"""Runs as frozen values, for whoever asks about one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import select

from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import get_account_codes
from payments.books.closed_days import find_closed_at
from reconciliation.closing_models import DayMinutes
from reconciliation.models import Reconciliation


@dataclass(frozen=True, slots=True)
class RunValue:
    """A run: one account, one business day; `summary` maps a class to its count and sum (đồng).

    `superseded_by` is the newer run of the same day, None for the one that stands; `closed_at` is
    when its day was closed by it, None for an open day.
    """

    id: str
    agency: str
    account: str
    business_on: date
    summary: dict[str, Any]
    created_at: datetime
    superseded_by: str | None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _StoredRun:
    """A run as it is stored, which knows ids only."""

    id: str
    agency_id: str
    collection_account_id: str
    business_on: date
    summary: dict[str, Any]
    created_at: datetime
    superseded_by: str | None


async def get_run(session: ReadSession, run_id: str, agency_ids: Collection[str]) -> RunValue:
    """The run of that id. Raises `NotFound` if absent or another agency's."""
    run = await session.first(
        values_of(_StoredRun, Reconciliation).where(Reconciliation.id == run_id)
    )
    if run is None or run.agency_id not in agency_ids:
        raise NotFound("Không có lần đối chiếu này.")
    codes = await get_account_codes(session, run.collection_account_id)
    return RunValue(
        id=run.id,
        agency=codes.agency,
        account=codes.account,
        business_on=run.business_on,
        summary=run.summary,
        created_at=run.created_at,
        superseded_by=run.superseded_by,
        closed_at=await find_closed_at(session, run.id),
    )


async def find_closed_run(session: ReadSession, account_id: str, on: date) -> str | None:
    """The run that a closed day shows; None where the day is open."""
    closed = select(DayMinutes.reconciliation_id)
    return await session.first(
        closed.where(DayMinutes.collection_account_id == account_id, DayMinutes.business_on == on)
    )
