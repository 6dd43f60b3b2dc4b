"""Working days in Vietnam, and the day the treasury books a credit on. Pure.

The public holidays, Tết, substituted days off and working Saturdays are those of the `holidays`
library. For a year whose substitutions the government has not announced yet they are a forecast;
a body adds its own days off as `extra`.
"""

from collections.abc import Set
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

from core.clock import VIETNAM, business_date
from core.errors import FieldError, Invalid

if TYPE_CHECKING:
    from holidays import HolidayBase

#: Circular 81/2025/TT-BTC art. 2(2): cut-off is 16:00 of a working day unless treasury and bank
#: agree on another.
CUT_OFF = time(16, 0)

#: The years the lunar calendar of the library covers, as far as money can be dated.
FIRST_YEAR, LAST_YEAR = 2000, 2099


def is_working_day(day: date, extra: Set[date] = frozenset()) -> bool:
    """Whether `day` is a working day in Vietnam; `extra` are a body's own days off.

    Raises `Invalid` for a year the calendar does not cover.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        detail = f"The calendar covers the years {FIRST_YEAR} to {LAST_YEAR}, not {day.year}."
        raise Invalid(
            detail,
            code="date_outside_calendar",
            errors=[FieldError("date", "date_outside_calendar", detail)],
        )
    holidays, working_saturdays = _calendar()
    if day in extra or day in holidays:
        return False
    return day.weekday() < 5 or day in working_saturdays


def next_working_day(day: date, extra: Set[date] = frozenset()) -> date:
    """The first working day strictly after `day`.

    Raises `Invalid` where the calendar ends.
    """
    day += timedelta(days=1)
    while not is_working_day(day, extra):
        day += timedelta(days=1)
    return day


def treasury_day(at: datetime, cut_off: time = CUT_OFF, extra: Set[date] = frozenset()) -> date:
    """The working day on which the treasury books money credited at `at` (aware).

    The same day if it is a working day and `at` is strictly before `cut_off` in Vietnam, else the
    next working day: what comes after cut-off, at a weekend or over Tết is the opening balance of
    the next working day (Circular 81/2025/TT-BTC art. 5(3)b and 6(3)b).

    Raises `Invalid` for a year the calendar does not cover, ValueError for a naive time.
    """
    day = business_date(at)
    if is_working_day(day, extra) and at.astimezone(VIETNAM).time() < cut_off:
        return day
    return next_working_day(day, extra)


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
