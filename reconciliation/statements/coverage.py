"""Which days of accounts no statement tells of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import col

from core.calendar import Calendar
from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.models import Statement


@dataclass(frozen=True, slots=True)
class _ToldDays:
    collection_account_id: str
    first_on: date
    last_on: date


async def list_untold_days(
    session: ReadSession, calendar: Calendar, account_ids: Collection[str], first: date, last: date
) -> list[tuple[str, date]]:
    """The working days from `first` to `last` that no standing statement of an account tells of.

    As pairs of the account's id and the day, by day.
    """
    of_days = values_of(_ToldDays, Statement).where(
        col(Statement.collection_account_id).in_(account_ids),
        col(Statement.withdrawn_at).is_(None),
        col(Statement.first_on) <= last,
        col(Statement.last_on) >= first,
    )
    told = await session.all(of_days)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        (account_id, day)
        for day in days
        if calendar.is_working_day(day)
        for account_id in sorted(account_ids)
        if not any(
            one.collection_account_id == account_id and one.first_on <= day <= one.last_on
            for one in told
        )
    ]
