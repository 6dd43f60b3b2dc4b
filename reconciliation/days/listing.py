"""The days of accounts, each by the run that stands: which there are, and which is a day's."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.closing_models import DayMinutes
from reconciliation.models import Reconciliation


@dataclass(frozen=True, slots=True)
class StandingRun:
    """The newest run of a day, with its `summary` by class; `closed_at` where its day is closed."""

    id: str
    collection_account_id: str
    business_on: date
    summary: dict[str, Any]
    created_at: datetime
    closed_at: datetime | None


_STANDING = (
    values_of(StandingRun, Reconciliation, closed_at=col(DayMinutes.created_at))
    .join_from(
        Reconciliation,
        DayMinutes,
        col(DayMinutes.reconciliation_id) == col(Reconciliation.id),
        isouter=True,
    )
    .where(col(Reconciliation.superseded_by).is_(None))
)


async def find_standing(session: ReadSession, account_id: str, on: date) -> StandingRun | None:
    """The run of a day of an account that stands; None where it was not reconciled yet."""
    of_day = (Reconciliation.collection_account_id == account_id, Reconciliation.business_on == on)
    return await session.first(_STANDING.where(*of_day))


async def list_standing(
    session: ReadSession, account_ids: Collection[str], first: date, last: date
) -> list[StandingRun]:
    """The runs that stand of some accounts' days, the newest day first."""
    within = col(Reconciliation.business_on).between(first, last)
    mine = col(Reconciliation.collection_account_id).in_(account_ids)
    return await session.all(
        _STANDING.where(mine, within).order_by(
            col(Reconciliation.business_on).desc(), col(Reconciliation.collection_account_id)
        )
    )
