"""The periods that a market bills for: a day, a week from Monday, or a month. Pure.

A period is called 2026-11-05, 2026-W45 or 2026-11. A month's bills are opened on the market's
opening day and due on its due day, of that month; a day's on the day itself, a week's on its last.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, get_args

from core.errors import FieldError, Invalid

PeriodKind = Literal["day", "week", "month"]
PERIOD_KINDS: Final[tuple[PeriodKind, ...]] = get_args(PeriodKind)

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: The days of a month on which whoever owes for it is reminded, unless a market has others.
REMINDER_DAYS: Final = (5, 10)
#: Earlier or later years are slips of the keyboard.
_YEARS: Final = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both included."""

    kind: PeriodKind
    name: str
    first: date
    last: date

    def words(self, language: str = "vi") -> str:
        """How a bill's line calls it."""
        vietnamese = language == "vi"
        if self.kind == "month":
            return f"{'tháng ' if vietnamese else ''}{self.first:%m/%Y}"
        days = f"{self.first:%d/%m/%Y}"
        if self.kind == "day":
            return f"{'ngày ' if vietnamese else ''}{days}"
        return f"{'tuần' if vietnamese else 'week of'} {self.first:%d/%m}–{self.last:%d/%m/%Y}"

    def due_on(self, due_day: int, opened_on: date) -> date:
        """By when its bills are to be paid; never before they were opened."""
        due = self.first.replace(day=due_day) if self.kind == "month" else self.last
        return max(due, opened_on)


def period_of(kind: PeriodKind, name: str) -> Period:
    """The period of that name. Raises `Invalid` for a name that is none of the kind."""
    found = _found(kind, name)
    if found is None or found.first.year not in _YEARS:
        detail = "Kỳ ghi dạng 2026-11 (tháng), 2026-W45 (tuần) hoặc 2026-11-05 (ngày)."
        raise Invalid(detail, errors=[FieldError("period", "malformed", detail)])
    return found


def _found(kind: PeriodKind, name: str) -> Period | None:
    try:
        if kind == "month" and (match := _MONTH.fullmatch(name)):
            return month_of(date(int(match[1]), int(match[2]), 1))
        if kind == "week" and (match := _WEEK.fullmatch(name)):
            first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return Period("week", name, first, first + timedelta(days=6))
        if kind == "day" and _DAY.fullmatch(name):
            day = date.fromisoformat(name)
            return Period("day", name, day, day)
    except ValueError:
        pass
    return None


def month_of(day: date) -> Period:
    """The month that a day is in."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period("month", f"{first:%Y-%m}", first, following - timedelta(days=1))


def month_opened_by(day: date, opening_day: int, due_day: int) -> tuple[Period, date]:
    """The month whose bills were to be opened last, up to `day`, and the day of its opening.

    A month is opened on the opening day of itself, or of the month before where that day comes
    after the one by which it is due.
    """
    opening = day.replace(day=opening_day)
    if opening > day:
        opening = (opening.replace(day=1) - timedelta(days=1)).replace(day=opening_day)
    month = month_of(opening)
    if opening_day > due_day:
        month = month_of(month.last + timedelta(days=1))
    return month, opening


def months_between(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from `first` to `last`, cut where a month ends."""
    while first <= last:
        end = min(month_of(first).last, last)
        yield first, end
        first = end + timedelta(days=1)
