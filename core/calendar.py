"""Working days in Vietnam, and the day the treasury books a credit on. Pure.

The public holidays, Tết, substituted days off and working Saturdays are those of the `holidays`
library, with the days that the government has decided otherwise (`calendar.toml`) and those that an
operator's file adds (`core.calendar_files`). Everything that asks about days asks one `Calendar`.

The library computes a Tết that nobody has announced: until its year is confirmed, that Tết is a
forecast, and `lephi doctor` says so.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from core.calendar_files import FIRST_YEAR, LAST_YEAR, DayChanges, read_changes
from core.clock import VIETNAM, business_date
from core.errors import FieldError, Invalid

if TYPE_CHECKING:
    from holidays import HolidayBase

#: Circular 81/2025/TT-BTC art. 2(2): cut-off is 16:00 of a working day unless treasury and bank
#: agree on another.
CUT_OFF = time(16, 0)

#: Between these days of a year (month, day) every day off is one of Tết.
_TET_FROM, _TET_TO = (1, 10), (3, 5)


@dataclass(frozen=True, slots=True)
class TetForecast:
    """A Tết whose days off nobody has announced: first and last of them, by computation."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of Vietnam with `changes` to them."""

    changes: DayChanges

    def with_changes(self, more: DayChanges) -> "Calendar":
        """The same with further changes, which win over those of before."""
        return Calendar(
            DayChanges(
                (self.changes.off - more.worked) | more.off,
                (self.changes.worked - more.off) | more.worked,
                self.changes.tet | more.tet,
            )
        )

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is a working day. Raises `Invalid` for a year that is not covered."""
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            detail = f"The calendar covers the years {FIRST_YEAR} to {LAST_YEAR}, not {day.year}."
            raise Invalid(
                detail,
                code="date_outside_calendar",
                errors=[FieldError("date", "date_outside_calendar", detail)],
            )
        if day in self.changes.off or day in self.changes.worked:
            return day in self.changes.worked
        holidays, working_saturdays = _calendar()
        if day in holidays:
            return False
        return day.weekday() < 5 or day in working_saturdays

    def next_working_day(self, day: date) -> date:
        """The first working day strictly after `day`. Raises `Invalid` where the calendar ends."""
        day += timedelta(days=1)
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day

    def treasury_day(self, at: datetime, cut_off: time = CUT_OFF) -> date:
        """The working day on which the treasury books money credited at `at` (aware).

        The same day if it is a working day and `at` is strictly before `cut_off` in Vietnam, else
        the next working day: what comes after cut-off, at a weekend or over Tết is the opening
        balance of the next working day (Circular 81/2025/TT-BTC art. 5(3)b and 6(3)b).

        Raises `Invalid` for a year the calendar does not cover, ValueError for a naive time.
        """
        day = business_date(at)
        if self.is_working_day(day) and at.astimezone(VIETNAM).time() < cut_off:
            return day
        return self.next_working_day(day)

    def find_forecast(self, today: date) -> TetForecast | None:
        """The coming or present Tết, if it is a forecast; None once its year is confirmed."""
        for year in (today.year, today.year + 1):
            days = self._tet(year)
            if days and days[-1] >= today:
                return None if year in self.changes.tet else TetForecast(days[0], days[-1])
        return None

    def _tet(self, year: int) -> list[date]:
        holidays, _ = _calendar()
        first, last = date(year, *_TET_FROM), date(year, *_TET_TO)
        off = (holidays | self.changes.off) - self.changes.worked
        return sorted(day for day in off if first <= day <= last)


def national() -> Calendar:
    """The calendar with what the government has decided, as far as we know."""
    return _national()


def calendar_with(file: Path) -> Calendar:
    """The national calendar with the days of a file. Raises `Invalid`, which says what is wrong."""
    try:
        text = file.read_text("utf-8")
    except (OSError, ValueError) as error:
        detail = f"Không đọc được tệp lịch làm việc {file}: {error}"
        raise Invalid(detail, errors=[FieldError("calendar_file", "unreadable", detail)]) from None
    return national().with_changes(read_changes(text))


@cache
def _national() -> Calendar:
    text = files("core").joinpath("calendar.toml").read_text("utf-8")
    return Calendar(read_changes(text))


@cache
def _calendar() -> tuple[frozenset[date], frozenset[date]]:
    """The public holidays, and the weekend days worked in exchange for a day off."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    calendar = _vietnam()(years=years, expand=False)
    return frozenset(calendar), frozenset(calendar.weekend_workdays)


def _vietnam() -> type["HolidayBase"]:
    """The library's class of Vietnam, and no other country's.

    Its package of countries imports all two hundred of them as soon as one is asked for, and none
    of that is needed; so Vietnam's module is loaded from its file. Nor is any of it loaded before
    a command needs the calendar.
    """
    import holidays

    place = Path(holidays.__file__).parent / "countries" / "vietnam.py"
    spec = spec_from_file_location("holidays_in_vietnam", place)
    if spec is None or spec.loader is None:
        raise ImportError(f"no calendar of Vietnam at {place}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    vietnam: type[HolidayBase] = module.Vietnam
    return vietnam
