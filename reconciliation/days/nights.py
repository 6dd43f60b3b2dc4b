"""Which days of an account are due to be reconciled by themselves, and since when. Pure.

A business day is due on the first working day after it, at the time its schedule says and not
before the account's cut-off: by then the treasury has to have booked all its money, what came after
cut-off too (TT 81/2025/TT-BTC art. 5(3)b). So Friday, Saturday and Sunday are due on Monday.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from core.calendar import Calendar
from core.clock import VIETNAM, business_date

_DAY: Final = timedelta(days=1)
#: How far back missed nights are made up for.
LOOK_BACK: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class ScheduledTime:
    """From which day on an account is reconciled at what time (Vietnam); None not at all."""

    valid_from: date
    at: time | None


@dataclass(frozen=True, slots=True)
class NightlyDay:
    """A business day of an account and when (aware) it is due."""

    collection_account_id: str
    business_on: date
    due_at: datetime


def due_days(
    account_id: str,
    cut_off: time,
    times: Sequence[ScheduledTime],
    calendar: Calendar,
    now: datetime,
) -> Iterator[NightlyDay]:
    """The days of an account that are due by `now`, the oldest first.

    `times` are in order of their first days; a day goes by the one that holds when it is due.
    Raises `Invalid` for a year that the calendar does not cover.
    """
    if not times:
        return
    today = business_date(now)
    on = max(times[0].valid_from, today - LOOK_BACK)
    while on < today:
        worked_on = calendar.next_working_day(on)
        at = _time_on(times, worked_on)
        if at is not None:
            due_at = datetime.combine(worked_on, max(at, cut_off), VIETNAM)
            if due_at <= now:
                yield NightlyDay(account_id, on, due_at)
        on += _DAY


def _time_on(times: Sequence[ScheduledTime], day: date) -> time | None:
    held = [one for one in times if one.valid_from <= day]
    return held[-1].at if held else None
